//! Whether a server has silently cut a prompt, told from the number of prompt tokens that it reports.
//!
//! Main type: [`Trail`], the prompts that a model was sent lately. The difficulty is not to see that
//! a number is too small, but to know why: some servers report only the tokens that were not in
//! their cache, some report nonsense. So a number is held against the least that the text can be,
//! against what the window can hold, and against the prompt that this one continues; and what may
//! be a count of uncached tokens is never called a cut.

use crate::outline::{Outline, Step};
use loom_events::Usage;
use std::collections::VecDeque;

/// Conversations that are remembered for each model.
const REMEMBERED: usize = 64;

/// No text has more bytes for a token, once runs of one character are counted once: English prose
/// has between four and five, with the largest vocabularies.
const MOST_BYTES_PER_TOKEN: u64 = 9;

/// No cut leaves less: system prompt and last message stay. A smaller number counts something else.
const LEAST_OF_A_CUT: u64 = 256;

/// No window is so small that it would cut a prompt of fewer tokens.
const LEAST_THAT_IS_CUT: u64 = 1024;

/// By so much the count of a longer conversation may be smaller, since templates add or drop a
/// frame here and there.
const SLACK: u64 = 32;

/// What the number that a server reports is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// The whole prompt.
    Whole,
    /// Not the whole prompt, but not a sign of a cut either: only what was not cached, or nonsense.
    Part,
    /// All that was left of the prompt.
    Cut,
}

/// What there is to know about a prompt beside the report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// The estimate of its tokens.
    pub(crate) tokens: u64,
    /// Whether the estimate rests on reports.
    pub(crate) calibrated: bool,
    /// The window, when known.
    pub(crate) window: Option<u64>,
}

/// The prompts that one model was sent lately, as hashes.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    sent: VecDeque<Sent>,
    /// Whether the server is known to count cached tokens too.
    counts_cached: bool,
}

#[derive(Debug)]
struct Sent {
    outline: Outline,
    /// The number that counted all of it.
    whole: Option<u64>,
}

impl Trail {
    /// Whether nothing of it was sent before, so that nothing of it can be cached.
    pub(crate) fn is_new(&self, outline: &Outline) -> bool {
        self.known_beginning(outline).is_none()
    }

    /// Says what the reported number is and remembers the prompt.
    pub(crate) fn judge(&mut self, outline: Outline, expected: Expected, usage: &Usage) -> Count {
        if usage.estimated || usage.prompt == 0 {
            return Count::Part;
        }
        let count = self.count(&outline, expected, usage);
        if count != Count::Cut {
            let whole = (count == Count::Whole).then_some(usage.prompt);
            self.remember(Sent { outline, whole });
        }
        count
    }

    fn count(&mut self, outline: &Outline, expected: Expected, usage: &Usage) -> Count {
        let reported = usage.prompt;
        let all = outline.whole();
        let is_much = reported >= LEAST_OF_A_CUT && reported >= expected.tokens / 2;
        // Only its own word is proof: a server that counts only what is new counts everything again
        // when its cache was used for something else meanwhile.
        if is_much && usage.cached > 0 && usage.cached < reported {
            self.counts_cached = true;
        }
        if let Some(known) = self
            .known_beginning(outline)
            .filter(|_| !self.counts_cached)
        {
            let new = share(expected.tokens, all.bytes - known.bytes, all.bytes);
            if reported <= new + new / 2 + 2 * SLACK {
                let least = (all.dense - known.dense) / MOST_BYTES_PER_TOKEN;
                let is_cut = reported < least && reported >= LEAST_OF_A_CUT;
                return if is_cut { Count::Cut } else { Count::Part };
            }
        }
        let mut least = all.dense / MOST_BYTES_PER_TOKEN;
        if expected.calibrated {
            least = least.max(expected.tokens / 2);
        }
        let mut expected = expected;
        if let Some((earlier, whole)) = self.earlier(outline) {
            let new = (all.dense - earlier.dense) / MOST_BYTES_PER_TOKEN;
            // A thought of one byte is one token at most.
            least = least.max((whole + new).saturating_sub(SLACK + all.thoughts));
            // A better estimate: only what is new has to be guessed.
            let new = share(expected.tokens, all.bytes - earlier.bytes, all.bytes);
            expected.tokens = expected.tokens.min(whole + new);
        }
        if reported >= least && !fills_the_window(reported, expected) {
            return Count::Whole;
        }
        let may_be_cut = expected.tokens >= LEAST_THAT_IS_CUT
            && (reported >= LEAST_OF_A_CUT || self.counts_cached);
        if may_be_cut { Count::Cut } else { Count::Part }
    }

    /// The longest beginning that it shares with another prompt, and that may so be cached.
    fn known_beginning(&self, outline: &Outline) -> Option<Step> {
        let common = self
            .sent
            .iter()
            .map(|sent| outline.in_common(&sent.outline));
        let most = common.max().filter(|most| *most > 0)?;
        outline.up_to(most)
    }

    /// The longest prompt that this one continues and whose number is known, with that number.
    fn earlier(&self, outline: &Outline) -> Option<(Step, u64)> {
        let earlier = |sent: &Sent| {
            let continued = outline.in_common(&sent.outline) == sent.outline.len();
            let whole = sent.whole.filter(|_| continued)?;
            Some((sent.outline.whole(), whole))
        };
        self.sent
            .iter()
            .filter_map(earlier)
            .max_by_key(|(step, _)| step.bytes)
    }

    fn remember(&mut self, sent: Sent) {
        // What it continues needs no place of its own any more.
        self.sent
            .retain(|earlier| sent.outline.in_common(&earlier.outline) < earlier.outline.len());
        self.sent.push_back(sent);
        if self.sent.len() > REMEMBERED {
            self.sent.pop_front();
        }
    }
}

/// Whether exactly what a window holds was read, of a prompt that is clearly longer.
fn fills_the_window(reported: u64, expected: Expected) -> bool {
    let percent = if expected.calibrated { 120 } else { 160 };
    let is_longer = expected.tokens > share(reported, percent, 100);
    let fills = |window: u64| reported <= window && reported >= share(window, 97, 100);
    // A window that nobody has told is a power of two in practice.
    let usual = || (11..=18).any(|power| fills(1 << power));
    is_longer && expected.window.map_or_else(usual, |w| fills(w) || usual())
}

/// `number · part / of`.
fn share(number: u64, part: u64, of: u64) -> u64 {
    number.saturating_mul(part) / of.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChatRequest;
    use crate::tokens::bytes_of;
    use loom_events::Message;

    /// Text of this many tokens at four bytes each.
    fn text(tokens: usize) -> String {
        "abc ".repeat(tokens)
    }

    fn user(tokens: usize) -> Message {
        Message::User { text: text(tokens) }
    }

    fn system(tokens: usize) -> Message {
        Message::System { text: text(tokens) }
    }

    fn said(prompt: u64, cached: u64) -> Usage {
        Usage {
            prompt,
            cached,
            completion: 1,
            estimated: false,
        }
    }

    /// The server's account of a conversation, one number for each of its turns. Every turn adds
    /// one message; estimates are exact, or `off` percent of the truth.
    struct Story {
        turns: &'static [usize],
        reports: &'static [(u64, u64)],
        off: u64,
        window: Option<u64>,
        calibrated: bool,
    }

    impl Story {
        fn counts(&self) -> Vec<Count> {
            let mut trail = Trail::default();
            let mut messages = Vec::new();
            let turn = |(tokens, report): (&usize, &(u64, u64))| {
                messages.push(match messages.len() {
                    0 => system(*tokens),
                    _ => user(*tokens),
                });
                let request = ChatRequest::new(messages.clone());
                let truth: u64 = messages.iter().map(bytes_of).sum::<u64>() / 4;
                let expected = Expected {
                    tokens: truth * self.off / 100,
                    calibrated: self.calibrated,
                    window: self.window,
                };
                trail.judge(Outline::of(&request), expected, &said(report.0, report.1))
            };
            self.turns.iter().zip(self.reports).map(turn).collect()
        }
    }

    const PLAIN: Story = Story {
        turns: &[3000, 300, 300],
        reports: &[],
        off: 100,
        window: None,
        calibrated: false,
    };

    use Count::{Cut, Part, Whole};

    #[test]
    fn a_report_is_read_as_what_it_is() {
        let table: &[(&str, Story, &[Count])] = &[
            (
                "honest",
                Story {
                    reports: &[(3004, 0), (3310, 3000), (3620, 3300)],
                    ..PLAIN
                },
                &[Whole, Whole, Whole],
            ),
            (
                "honest, and the text has far fewer tokens than guessed",
                Story {
                    reports: &[(2100, 0), (2300, 0), (2500, 0)],
                    off: 140,
                    ..PLAIN
                },
                &[Whole, Whole, Whole],
            ),
            (
                "only what is not cached",
                Story {
                    reports: &[(3004, 0), (310, 0), (306, 0)],
                    ..PLAIN
                },
                &[Whole, Part, Part],
            ),
            (
                "only what is not cached, and the cache is older than this process",
                Story {
                    reports: &[(12, 0), (310, 0), (306, 0)],
                    ..PLAIN
                },
                &[Part, Part, Part],
            ),
            (
                "nothing",
                Story {
                    reports: &[(0, 0), (0, 0), (0, 0)],
                    ..PLAIN
                },
                &[Part, Part, Part],
            ),
            (
                "nonsense",
                Story {
                    reports: &[(10, 4), (10, 4), (10, 4)],
                    ..PLAIN
                },
                &[Part, Part, Part],
            ),
            (
                "all cached, but for the last token",
                Story {
                    reports: &[(3004, 3003), (3310, 3309), (3620, 3619)],
                    ..PLAIN
                },
                &[Whole, Whole, Whole],
            ),
            (
                "short prompts, of which nothing can be cut",
                Story {
                    turns: &[280, 90, 90],
                    reports: &[(284, 3), (284, 0), (10, 0)],
                    ..PLAIN
                },
                &[Whole, Part, Part],
            ),
            (
                "only what is not cached, and the cache was used for something else meanwhile",
                Story {
                    reports: &[(3004, 0), (3310, 0), (306, 0)],
                    ..PLAIN
                },
                &[Whole, Whole, Part],
            ),
            (
                "a conversation that passes a usual window, of text that is longer than guessed",
                Story {
                    turns: &[3700, 300, 300],
                    reports: &[(3704, 0), (4040, 0), (4380, 0)],
                    off: 125,
                    calibrated: true,
                    ..PLAIN
                },
                &[Whole, Whole, Whole],
            ),
            (
                "a long prompt cut to a small window at once",
                Story {
                    turns: &[9000],
                    reports: &[(2048, 0)],
                    ..PLAIN
                },
                &[Cut],
            ),
            (
                "the first prompt far below anything it can be",
                Story {
                    turns: &[9000],
                    reports: &[(1300, 0)],
                    ..PLAIN
                },
                &[Cut],
            ),
            (
                "a conversation that grows out of its window",
                Story {
                    reports: &[(3004, 0), (3310, 0), (2100, 0)],
                    ..PLAIN
                },
                &[Whole, Whole, Cut],
            ),
            (
                "the same where cached tokens are reported",
                Story {
                    reports: &[(3004, 0), (3310, 3004), (2100, 20)],
                    ..PLAIN
                },
                &[Whole, Whole, Cut],
            ),
            (
                "a count that stands still while the conversation grows",
                Story {
                    turns: &[3500, 300, 900],
                    reports: &[(3504, 0), (3810, 0), (3810, 0)],
                    ..PLAIN
                },
                &[Whole, Whole, Cut],
            ),
            (
                "the window is known and full",
                Story {
                    turns: &[4400],
                    reports: &[(4090, 0)],
                    off: 130,
                    window: Some(4096),
                    calibrated: true,
                },
                &[Cut],
            ),
        ];
        for (name, story, expected) in table {
            assert_eq!(story.counts(), *expected, "{name}");
        }
    }
}
