//! Conversations over requests: which request continues which, and what a cache would have saved.
//!
//! A conversation is known by its first two messages. It is a set of lines, because two tasks, or a task
//! that was started again, may well say the same two things first: a request must continue one of them.

use crate::request::{ChatMessage, OfferedTool, Request};
use crate::well_formed::{Violation, ViolationKind};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

/// Lines that are remembered. More than the tasks that any test runs at once; the oldest are forgotten,
/// and from then on an unknown opening is not held against a request.
const MAX_LINES: usize = 1_024;

/// Bytes per token, for usage figures. Real tokenizers come to three to four on English and code.
const BYTES_PER_TOKEN: usize = 4;

/// How much of a prompt a server could have taken from its cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptStats {
    /// Bytes of the prompt: tools and messages, as a chat template would lay them out.
    pub total_bytes: usize,
    /// Bytes at its start that are those of the previous request of the same conversation.
    pub shared_bytes: usize,
    /// Whether there was a previous request of the same conversation.
    pub continued: bool,
    /// Tokens of the prompt, at four bytes each.
    pub prompt_tokens: usize,
    /// Those at its start that some earlier request began with, whatever its conversation.
    pub cached_tokens: usize,
}

impl PromptStats {
    /// The part of the previous request's prompt that begins this one, from 0 to 1.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "prompts are far below 2^52 bytes"
    )]
    pub fn shared_ratio(&self) -> f64 {
        if self.total_bytes == 0 {
            return 0.0;
        }
        self.shared_bytes as f64 / self.total_bytes as f64
    }
}

/// Everything that is known about earlier requests.
#[derive(Debug, Default)]
pub(crate) struct Conversations {
    lines: VecDeque<Line>,
    forgot: bool,
}

/// The latest request of one line of a conversation.
#[derive(Debug)]
struct Line {
    messages: Vec<Arc<ChatMessage>>,
    tools: Vec<OfferedTool>,
    prompt: String,
}

impl Conversations {
    /// Takes a request into account: says what it shares with earlier ones and what it broke, and lets
    /// it share their messages in memory.
    pub(crate) fn take(&mut self, request: &mut Request) -> (PromptStats, Vec<Violation>) {
        let prompt = layout(request);
        let continued = self.continued_by(request);
        let mut violations = Vec::new();
        let mut stats = self.stats(&prompt);
        if let Some(index) = continued {
            let line = &self.lines[index];
            violations.extend(line.broken_by(request));
            stats.continued = true;
            stats.shared_bytes = shared(&line.prompt, &prompt);
            line.lend_to(request);
            self.lines.remove(index);
        } else if request.turn() > 0 && !self.lines.is_empty() && !self.forgot {
            violations.push(Violation::new(
                ViolationKind::PrefixChanged,
                "the conversation goes on from an opening that was never seen".to_owned(),
            ));
        }
        self.remember(Line {
            messages: request.messages.clone(),
            tools: request.tools.clone(),
            prompt,
        });
        (stats, violations)
    }

    /// The line that a request continues: the longest that it begins with. Without one it starts a line
    /// of its own, unless it has answers already: then a line of its conversation must have been changed,
    /// most likely the one that it shares most with.
    fn continued_by(&self, request: &Request) -> Option<usize> {
        let same_opening = |line: &&Line| {
            let opening = request.messages.len().min(2);
            line.messages.len() >= opening
                && line.messages[..opening] == request.messages[..opening]
        };
        let (index, common) = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| same_opening(line))
            .map(|(index, line)| (index, line.common_with(request)))
            .max_by_key(|(index, common)| {
                (*common == self.lines[*index].messages.len(), *common)
            })?;
        let unbroken = common == self.lines[index].messages.len();
        (unbroken || request.turn() > 0).then_some(index)
    }

    fn stats(&self, prompt: &str) -> PromptStats {
        let cached = self
            .lines
            .iter()
            .map(|line| shared(&line.prompt, prompt))
            .max()
            .unwrap_or(0);
        PromptStats {
            total_bytes: prompt.len(),
            prompt_tokens: tokens(prompt.len()),
            cached_tokens: cached / BYTES_PER_TOKEN,
            ..PromptStats::default()
        }
    }

    fn remember(&mut self, line: Line) {
        self.lines.push_back(line);
        if self.lines.len() > MAX_LINES {
            self.lines.pop_front();
            self.forgot = true;
        }
    }
}

impl Line {
    /// The number of our messages that a request begins with. The last one may have grown: what the
    /// harness said before and after an answer that was dropped becomes one message, whose beginning is
    /// still what it was.
    fn common_with(&self, request: &Request) -> usize {
        let pairs = self.messages.iter().zip(&request.messages);
        let common = pairs.take_while(|(ours, theirs)| ours == theirs).count();
        let last = self.messages.get(common).zip(request.messages.get(common));
        let grown = common + 1 == self.messages.len()
            && last.is_some_and(|(ours, theirs)| theirs.continues(ours));
        common + usize::from(grown)
    }

    fn broken_by(&self, request: &Request) -> Option<Violation> {
        let common = self.common_with(request);
        if common < self.messages.len() && self.only_elided(request) {
            return Some(Violation::new(
                ViolationKind::ResultsElided,
                format!("tool results from message {common} on became shorter"),
            ));
        }
        if common < self.messages.len() {
            let what = match request.messages.get(common) {
                Some(message) => {
                    format!("message {common} ({}) was changed", message.speaker.name())
                }
                None => format!("{} messages became {common}", self.messages.len()),
            };
            return Some(Violation::new(ViolationKind::PrefixChanged, what));
        }
        (self.tools != request.tools).then(|| {
            let names = |tools: &[OfferedTool]| {
                tools
                    .iter()
                    .map(|t| t.name.clone())
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let what = format!(
                "from [{}] to [{}]",
                names(&self.tools),
                names(&request.tools)
            );
            Violation::new(ViolationKind::ToolsChanged, what)
        })
    }

    /// Whether all of our messages are there, some tool results among them with less text.
    fn only_elided(&self, request: &Request) -> bool {
        let kept = |(ours, theirs): (&Arc<ChatMessage>, &Arc<ChatMessage>)| {
            ours == theirs || theirs.abridges(ours)
        };
        let mut pairs = self.messages.iter().zip(&request.messages);
        request.messages.len() >= self.messages.len() && pairs.all(kept)
    }

    /// Replaces equal messages of the request by ours, so that they are in memory once.
    fn lend_to(&self, request: &mut Request) {
        for (ours, theirs) in self.messages.iter().zip(&mut request.messages) {
            if ours == theirs {
                theirs.clone_from(ours);
            }
        }
    }
}

/// Tokens that so many bytes come to.
pub(crate) const fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// The prompt as one text: tools, then messages, each with marks around it.
fn layout(request: &Request) -> String {
    let mut prompt = String::new();
    for tool in &request.tools {
        push(&mut prompt, format_args!("<tool>{}\n", tool.definition));
    }
    for message in &request.messages {
        let text = message.text.as_deref().unwrap_or_default();
        push(
            &mut prompt,
            format_args!("<{}>\n{text}\n", message.speaker.name()),
        );
        if let Some(thought) = &message.thought {
            push(&mut prompt, format_args!("<think>{thought}\n"));
        }
        for call in &message.calls {
            push(
                &mut prompt,
                format_args!("<call>{} {}\n", call.name, call.arguments),
            );
        }
    }
    prompt
}

fn push(prompt: &mut String, what: std::fmt::Arguments<'_>) {
    prompt
        .write_fmt(what)
        .expect("BUG: writing to a String cannot fail");
}

/// The number of bytes that two texts begin with alike. By blocks first, since prompts are long and this
/// is done for every request.
fn shared(a: &str, b: &str) -> usize {
    const BLOCK: usize = 4_096;
    let blocks = a.as_bytes().chunks(BLOCK).zip(b.as_bytes().chunks(BLOCK));
    let whole = blocks
        .take_while(|(a, b)| a == b && a.len() == BLOCK)
        .count()
        * BLOCK;
    let rest = a.as_bytes()[whole..].iter().zip(&b.as_bytes()[whole..]);
    whole + rest.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(system: &str, rest: &[(&str, &str)]) -> Request {
        let mut messages = vec![json!({"role": "system", "content": system})];
        messages.extend(
            rest.iter()
                .map(|(role, text)| json!({"role": role, "content": text})),
        );
        Request::read(&json!({ "messages": messages }))
    }

    fn kinds(conversations: &mut Conversations, mut request: Request) -> Vec<ViolationKind> {
        let (_, violations) = conversations.take(&mut request);
        violations
            .into_iter()
            .map(|violation| violation.kind)
            .collect()
    }

    const OPENING: [(&str, &str); 1] = [("user", "go")];
    const LATER: [(&str, &str); 3] = [("user", "go"), ("assistant", "a"), ("user", "on")];
    const CHANGED: [(&str, &str); 3] = [("user", "go"), ("assistant", "A"), ("user", "on")];

    #[test]
    fn a_conversation_may_grow_be_repeated_and_start_again() {
        let mut seen = Conversations::default();
        for messages in [&OPENING[..], &LATER, &LATER, &OPENING, &CHANGED] {
            assert_eq!(kinds(&mut seen, request("s", messages)), []);
        }
    }

    #[test]
    fn a_changed_message_a_lost_message_and_a_new_opening_are_violations() {
        let mut seen = Conversations::default();
        assert_eq!(kinds(&mut seen, request("s", &LATER)), []);
        let changed = [ViolationKind::PrefixChanged];
        assert_eq!(kinds(&mut seen, request("s", &CHANGED)), changed);
        assert_eq!(kinds(&mut seen, request("s", &CHANGED[..2])), changed);
        assert_eq!(kinds(&mut seen, request("it is 12:01", &CHANGED)), changed);
    }

    #[test]
    fn the_last_word_of_the_harness_may_grow_and_nothing_else() {
        let grown = |at: usize, text: &'static str| {
            let mut seen = Conversations::default();
            assert_eq!(kinds(&mut seen, request("s", &LATER)), []);
            let mut messages = LATER;
            messages[at].1 = text;
            kinds(&mut seen, request("s", &messages))
        };
        assert_eq!(grown(2, "on\n\nand on"), []);
        assert_eq!(grown(2, "off"), [ViolationKind::PrefixChanged]);
        assert_eq!(grown(1, "a and more"), [ViolationKind::PrefixChanged]);
    }

    #[test]
    fn tool_results_that_became_shorter_are_told_from_other_changes() {
        let with_result = |text: &str| {
            Request::read(&json!({"messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": "", "tool_calls": [
                    {"id": "a", "function": {"name": "t", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": text},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "on"}]}))
        };
        let mut seen = Conversations::default();
        assert_eq!(kinds(&mut seen, with_result("a long result")), []);
        let elided = [ViolationKind::ResultsElided];
        assert_eq!(kinds(&mut seen, with_result("elided")), elided);
        let changed = [ViolationKind::PrefixChanged];
        assert_eq!(
            kinds(&mut seen, with_result("another long result")),
            changed
        );
    }

    #[test]
    fn other_tools_in_the_same_conversation_are_a_violation() {
        let mut seen = Conversations::default();
        let with_tool = |name: &str| {
            let mut request = request("s", &OPENING);
            request.tools = vec![OfferedTool {
                name: name.to_owned(),
                definition: Value::Null,
            }];
            request
        };
        assert_eq!(kinds(&mut seen, with_tool("a")), []);
        assert_eq!(
            kinds(&mut seen, with_tool("b")),
            [ViolationKind::ToolsChanged]
        );
    }

    #[test]
    fn what_is_shared_is_measured_against_the_conversation_and_against_all() {
        let mut seen = Conversations::default();
        let (first, _) = seen.take(&mut request("rules", &OPENING));
        assert!(!first.continued && first.cached_tokens == 0);
        let (grown, _) = seen.take(&mut request("rules", &LATER));
        assert_eq!(grown.shared_bytes, first.total_bytes);
        let (other, _) = seen.take(&mut request("rules", &[("user", "something else")]));
        assert_eq!((other.continued, other.shared_bytes), (false, 0));
        assert_eq!(other.cached_tokens, "<system>\nrules\n<user>\n".len() / 4);
    }

    #[test]
    fn long_texts_are_compared_to_the_byte() {
        let long = "x".repeat(10_000);
        assert_eq!(shared(&long, &long), 10_000);
        assert_eq!(shared(&long, &format!("{}y", &long[..9_000])), 9_000);
        assert_eq!(shared("", &long), 0);
    }
}
