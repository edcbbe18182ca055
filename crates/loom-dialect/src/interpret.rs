//! Where an answer is interpreted: what of it is thought, what is text, what is a call.
//!
//! A provider collects a [`RawAnswer`] without judging it; [`read`] judges it without knowing the
//! server. The order is fixed: thoughts are split off, then marks are looked for, then calls in the
//! open, then descriptions of calls; what is left is text. Whatever the form, a call passes through
//! `judge`: either it is exactly what the model meant, or it is refused with a reason.

use crate::bare::Bare;
use crate::draft::{Found, Item, Refused};
use crate::harmony::{self, Harmony};
use crate::ids::Ids;
use crate::judge::judge;
use crate::offer::Offer;
use crate::scan::{Piece, cut_off, scan};
use crate::thought::{self, Split, Stray};
use crate::{RawAnswer, bare, cursor, refuse, renderings, structured};
use loom_events::{Answer, Message, ToolCall, ToolSpec};

/// Calls found in the text of one answer; a model that sends more has lost the thread.
const MAX_CALLS: usize = 64;

/// What is known of the question when its answer is read. The family is not among it: the marks tell
/// which form a call has, also where a model uses another's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading<'a> {
    /// The tools that were offered.
    pub tools: &'a [ToolSpec],
    /// Whether the prompt ended inside of a thought that the template had opened.
    pub in_thought: bool,
    /// Whether the answer may hold calls at all. JSON that was asked for is an answer, not a call.
    pub may_call: bool,
}

/// What an answer is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interpretation {
    /// The calls in their order, each to be run or refused.
    pub items: Vec<Item>,
    /// Visible text.
    pub text: String,
    /// Thoughts; never an answer.
    pub thought: Option<String>,
    /// Whether calls stood in the text, where the server had left them.
    pub calls_in_text: bool,
}

impl Interpretation {
    /// The answer for its conversation: calls with ids, refused ones apart. `dropped` more calls had
    /// come than were kept.
    ///
    /// A call whose arguments could be read stays a call even when it must not run: the conversation
    /// shows it with its refusal as the result. What could not be read is never sent back as a call.
    #[must_use]
    pub fn into_answer(self, history: &[Message], dropped: usize) -> Answer {
        let mut ids = Ids::of(history);
        let mut answer = Answer {
            text: self.text,
            thought: self.thought,
            ..Answer::default()
        };
        for item in self.items {
            match item {
                Ok(call) => answer.calls.push(ToolCall {
                    id: ids.next(call.id.as_deref()),
                    name: call.name,
                    arguments: call.arguments,
                }),
                Err(refused) => match *refused {
                    Refused {
                        id,
                        call,
                        arguments: Some(arguments),
                    } if call.name.is_some() => answer.calls.push(ToolCall {
                        id: ids.next(id.as_deref()),
                        name: call.name.unwrap_or_default(),
                        arguments,
                    }),
                    refused => answer.unreadable.push(refused.call),
                },
            }
        }
        if dropped > 0 {
            let refusal = refuse::too_many(dropped);
            answer
                .unreadable
                .push(refuse::unreadable(None, "", refusal));
        }
        answer
    }
}

/// Reads an answer.
#[must_use]
pub fn read(raw: &RawAnswer, reading: &Reading<'_>) -> Interpretation {
    let offer = Offer::new(reading.tools, raw.finish);
    if !raw.calls.is_empty() {
        return structured::read(raw, &offer);
    }
    let mut read = in_text(raw, reading, &offer);
    collapse(&mut read.items);
    if read.items.len() > MAX_CALLS {
        let dropped = read.items.len() - MAX_CALLS;
        read.items.truncate(MAX_CALLS);
        read.items.push(Err(Box::new(Refused {
            id: None,
            call: refuse::unreadable(None, "", refuse::too_many(dropped)),
            arguments: None,
        })));
    }
    read
}

/// The answer of a server that left everything in the text.
fn in_text(raw: &RawAnswer, reading: &Reading<'_>, offer: &Offer<'_>) -> Interpretation {
    let text = without_own_head(&raw.text);
    if !raw.thought.trim().is_empty() {
        let read = spoken(text, reading, offer).read;
        if read.items.is_empty() && read.text.is_empty() {
            return only_thought(&raw.thought, reading, offer);
        }
        return Interpretation {
            thought: Some(trimmed(&raw.thought)),
            ..read
        };
    }
    if let Some(harmony) = harmony::read(text) {
        return from_harmony(harmony, reading, offer);
    }
    let stray = match reading.may_call {
        true => Stray::Left,
        false => Stray::Ends,
    };
    let split = thought::split(text, reading.in_thought, stray);
    if split.open {
        let last = split.thoughts.last().copied().unwrap_or_default();
        let mut read = only_thought(last, reading, offer);
        let earlier = &split.thoughts[..split.thoughts.len().saturating_sub(1)];
        read.thought = joined(earlier.iter().copied().chain(read.thought.as_deref()));
        return read;
    }
    let Spoken { mut read, drafts } = spoken(split.body, reading, offer);
    let nothing = read.items.is_empty() && read.text.is_empty();
    if nothing && reading.may_call && (drafts || drafts_in(&split, offer)) {
        let last = read.thought.as_deref().or(split.thoughts.last().copied());
        read.items.push(in_reasoning(last.unwrap_or_default()));
    }
    read.thought = joined(
        split
            .thoughts
            .iter()
            .copied()
            .chain(read.thought.as_deref()),
    );
    read
}

/// Heads of the model's own turn, which a server should have kept to itself.
const OWN_HEADS: &[&str] = &[
    "<|im_start|>assistant",
    "<|start_header_id|>assistant<|end_header_id|>",
    "<|header_start|>assistant<|header_end|>",
    "<｜Assistant｜>",
    "<start_of_turn>model",
    "<|turn>model",
    "]~b]ai",
    "<|assistant|>",
    "<|im_assistant|>assistant<|im_middle|>",
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
    "<|start_of_role|>assistant<|end_of_role|>",
    "<seed:bos>assistant",
    "[/INST]",
];

fn without_own_head(text: &str) -> &str {
    let body = text.trim_start_matches(cursor::is_space);
    let rest = OWN_HEADS.iter().find_map(|head| body.strip_prefix(head));
    rest.unwrap_or(text)
}

/// Whether calls stand in closed thoughts. They are drafts.
fn drafts_in(split: &Split<'_>, offer: &Offer<'_>) -> bool {
    let holds = |thought: &&str| {
        scan(thought, offer)
            .pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Call(_)))
    };
    split.thoughts.iter().any(holds)
}

fn in_reasoning(raw: &str) -> Item {
    Err(Box::new(Refused {
        id: None,
        call: refuse::unreadable(None, raw, refuse::in_reasoning()),
        arguments: None,
    }))
}

/// An answer that is nothing but an open thought. A complete call as its last words was meant as the
/// answer; one in its middle is a draft, and so is one behind which the answer was cut off: the model
/// may have been in the middle of its thought.
fn only_thought(thought: &str, reading: &Reading<'_>, offer: &Offer<'_>) -> Interpretation {
    let mut read = Interpretation::default();
    if !reading.may_call {
        read.thought = joined(std::iter::once(thought));
        return read;
    }
    let scanned = scan(thought, offer);
    let mut pieces = scanned.pieces;
    let is_blank =
        |piece: &Piece<'_>| matches!(piece, Piece::Text(text) if cursor::trim(text).is_empty());
    let any = scanned.drafts || pieces.iter().any(|piece| matches!(piece, Piece::Call(_)));
    while pieces.last().is_some_and(is_blank) {
        pieces.pop();
    }
    let mut first = pieces.len();
    while first > 0 && (matches!(pieces[first - 1], Piece::Call(_)) || is_blank(&pieces[first - 1]))
    {
        first -= 1;
    }
    let calls = pieces.split_off(first);
    let thoughts: Vec<&str> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(*text),
            Piece::Call(_) => None,
        })
        .collect();
    let ends_in_calls = calls.iter().any(|piece| matches!(piece, Piece::Call(_)));
    if ends_in_calls && !offer.is_cut() {
        read.thought = joined(thoughts.into_iter());
        read.calls_in_text = true;
        for piece in calls {
            if let Piece::Call(found) = piece {
                read.items.extend(judge(*found, offer));
            }
        }
        return read;
    }
    read.thought = joined(std::iter::once(thought));
    if any {
        read.items.push(in_reasoning(thought));
    }
    read
}

/// The part of an answer that is not thought, as far as that is known.
struct Spoken {
    read: Interpretation,
    /// Whether calls stood in a thought that was only known by its end.
    drafts: bool,
}

fn spoken(body: &str, reading: &Reading<'_>, offer: &Offer<'_>) -> Spoken {
    if !reading.may_call {
        let read = Interpretation {
            text: trimmed(body),
            ..Interpretation::default()
        };
        return Spoken {
            read,
            drafts: false,
        };
    }
    let scanned = scan(body, offer);
    let (thought, drafts) = (scanned.thought, scanned.drafts);
    let mut read = said(body, scanned.pieces, offer);
    read.thought = joined(thought.into_iter());
    Spoken { read, drafts }
}

fn said(body: &str, pieces: Vec<Piece<'_>>, offer: &Offer<'_>) -> Interpretation {
    if pieces.iter().any(|piece| matches!(piece, Piece::Call(_))) {
        return marked(body, pieces, offer);
    }
    let said: String = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(*text),
            Piece::Call(_) => None,
        })
        .collect();
    // Functionary's head of what is for everybody.
    let text = said.trim_start().strip_prefix(">>>all").unwrap_or(&said);
    match bare::find(text, offer).or_else(|| renderings::find(text, offer)) {
        Some(mut bare) => {
            if offer.is_cut() && !bare.example {
                // No mark says that it is over, and words behind it would make it an example.
                cut_off(&mut bare.found);
            }
            in_the_open(bare, text, offer)
        }
        None => Interpretation {
            text: trimmed(text),
            ..Interpretation::default()
        },
    }
}

/// Calls between marks. They count with text on both sides, unless they stand in a fence that the
/// text goes on behind.
fn marked(body: &str, pieces: Vec<Piece<'_>>, offer: &Offer<'_>) -> Interpretation {
    let mut read = Interpretation {
        calls_in_text: true,
        ..Interpretation::default()
    };
    if is_example(&pieces) {
        let name = pieces.iter().find_map(|piece| match piece {
            Piece::Call(found) => found.name(),
            Piece::Text(_) => None,
        });
        read.text = trimmed(body);
        read.items.push(Err(example(name, body, offer)));
        return read;
    }
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(said) => text.push_str(said),
            Piece::Call(found) => read.items.extend(judge(*found, offer)),
        }
    }
    let text = text.trim_start().strip_prefix(">>>all").unwrap_or(&text);
    read.text = trimmed(&without_empty_fences(text));
    read
}

/// Whether the calls stand in a code fence with words behind it.
fn is_example(pieces: &[Piece<'_>]) -> bool {
    let mut fenced = false;
    let (mut all_fenced, mut words_after) = (true, false);
    for piece in pieces {
        match piece {
            Piece::Call(_) => {
                all_fenced &= fenced;
                words_after = false;
            }
            Piece::Text(text) => {
                let fences = text.matches("```").count();
                fenced ^= fences % 2 == 1;
                let behind = text.rsplit("```").next().unwrap_or(text);
                words_after = !fenced && fences > 0 && !cursor::trim(behind).is_empty();
            }
        }
    }
    all_fenced && words_after
}

fn example(name: Option<&str>, raw: &str, offer: &Offer<'_>) -> Box<Refused> {
    let refusal = refuse::example_only(offer.spec(name));
    Box::new(Refused {
        id: None,
        call: refuse::unreadable(name, raw, refusal),
        arguments: None,
    })
}

/// Calls without marks.
fn in_the_open(bare: Bare<'_>, whole: &str, offer: &Offer<'_>) -> Interpretation {
    if bare.example {
        let name = bare.found.iter().find_map(Found::name);
        return Interpretation {
            text: trimmed(whole),
            items: vec![Err(example(name, whole, offer))],
            ..Interpretation::default()
        };
    }
    Interpretation {
        text: trimmed(bare.said),
        items: bare
            .found
            .into_iter()
            .flat_map(|found| judge(found, offer))
            .collect(),
        thought: None,
        calls_in_text: true,
    }
}

fn from_harmony(harmony: Harmony<'_>, reading: &Reading<'_>, offer: &Offer<'_>) -> Interpretation {
    let Harmony {
        thought: thoughts,
        mut pieces,
        last_words,
        open,
    } = harmony;
    let blank = |piece: &Piece<'_>| matches!(piece, Piece::Text(said) if said.trim().is_empty());
    let last = pieces.iter_mut().rfind(|piece| !blank(piece));
    if let (true, Some(Piece::Call(found))) = (open && offer.is_cut(), last) {
        cut_off(std::slice::from_mut(found.as_mut()));
    }
    let mut read = Interpretation::default();
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(said) => text.push_str(said),
            Piece::Call(found) if reading.may_call => {
                read.calls_in_text = true;
                read.items.extend(judge(*found, offer));
            }
            Piece::Call(_) => {}
        }
    }
    let words = last_words.concat();
    // The final channel speaks to the user: a call in it is an example, however it looks.
    if reading.may_call
        && read.items.is_empty()
        && let Some(bare) = bare::find(&words, offer)
    {
        let name = bare.found.iter().find_map(Found::name);
        read.items.push(Err(example(name, &words, offer)));
    }
    text.push_str(&words);
    read.text = trimmed(&text);
    read.thought = joined(thoughts.iter().copied());
    read
}

/// The same call several times in a row is one.
fn collapse(items: &mut Vec<Item>) {
    items.dedup_by(|later, earlier| match (later, earlier) {
        (Ok(later), Ok(earlier)) => {
            later.name == earlier.name && later.arguments == earlier.arguments
        }
        _ => false,
    });
}

/// The text without fences that hold nothing any more.
fn without_empty_fences(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("```") {
        let (before, fence) = rest.split_at(at);
        out.push_str(before);
        let inner = &fence[3..];
        let line = inner.find('\n').map_or(inner, |end| &inner[..end]);
        let after_line = &inner[line.len()..];
        let closes = after_line.trim_start().strip_prefix("```");
        rest = match closes {
            Some(after) if line.trim().chars().all(char::is_alphanumeric) => after,
            // An opening fence whose end was eaten together with the call in it.
            None if after_line.trim().is_empty()
                && line.trim().chars().all(char::is_alphanumeric) =>
            {
                ""
            }
            _ => {
                out.push_str("```");
                inner
            }
        };
    }
    out.push_str(rest);
    out
}

pub(crate) fn trimmed(text: &str) -> String {
    cursor::trim(text).to_owned()
}

pub(crate) fn joined<'t>(thoughts: impl Iterator<Item = &'t str>) -> Option<String> {
    let thoughts: Vec<&str> = thoughts
        .map(cursor::trim)
        .filter(|text| !text.is_empty())
        .collect();
    (!thoughts.is_empty()).then(|| thoughts.join("\n\n"))
}
