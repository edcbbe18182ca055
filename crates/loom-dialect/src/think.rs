//! Thoughts that a server leaves in the text, between `<think>` and `</think>`.
//!
//! Two readers of the same marks: [`split`] judges the complete text and is what counts;
//! [`Watcher`] sorts the pieces of a stream for people who watch, and never changes the reply.

use crate::{Delta, DeltaSink};

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// The thoughts, if there are any, and what is left.
///
/// A closing mark alone counts too: the templates of some models open the thoughts themselves. An
/// opening mark counts only at the start, and without its end everything is thought.
pub(crate) fn split(text: &str) -> (Option<String>, &str) {
    let body = text.trim_start();
    let (thought, rest) = match (body.strip_prefix(OPEN), text.split_once(CLOSE)) {
        (Some(inner), None) => return unclosed(inner),
        (Some(inner), Some(_)) => inner.split_once(CLOSE).unwrap_or((inner, "")),
        (None, Some((thought, rest))) if !is_data(thought) => (thought, rest),
        (None, _) => return (None, text),
    };
    (some_thought(thought), rest.trim_start())
}

/// Whether a closing mark behind this text would stand inside of a call or of JSON.
fn is_data(text: &str) -> bool {
    let in_call = text
        .rfind(crate::text_call::OPEN)
        .is_some_and(|at| !text[at..].contains(crate::text_call::CLOSE));
    in_call || text.trim_start().starts_with(['{', '`'])
}

/// Thoughts that never end: only a complete call as their last words is more than a thought.
fn unclosed(inner: &str) -> (Option<String>, &str) {
    let ends_in_call = inner.trim_end().ends_with(crate::text_call::CLOSE);
    match inner.rfind(crate::text_call::OPEN) {
        Some(at) if ends_in_call => (some_thought(&inner[..at]), &inner[at..]),
        _ => (some_thought(inner), ""),
    }
}

fn some_thought(thought: &str) -> Option<String> {
    let thought = thought.trim();
    (!thought.is_empty()).then(|| thought.to_owned())
}

/// Sorts the pieces of a streamed text into thoughts and words.
#[derive(Default)]
pub struct Watcher {
    place: Place,
    /// Text that may turn out to be the start of a mark; shorter than a mark, but for white space.
    held: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Thinking,
    Speaking,
}

impl Watcher {
    /// Hands on a piece, or as much of it as is certain.
    pub fn piece(&mut self, piece: &str, sink: &mut dyn DeltaSink) {
        if self.place == Place::Speaking {
            say(piece, sink);
            return;
        }
        self.held.push_str(piece);
        if self.place == Place::Start {
            self.start();
        }
        if self.place == Place::Thinking {
            self.think(sink);
        }
        if self.place == Place::Speaking {
            say(&std::mem::take(&mut self.held), sink);
        }
    }

    fn start(&mut self) {
        let body = self.held.trim_start();
        if let Some(inner) = body.strip_prefix(OPEN) {
            self.held = inner.to_owned();
            self.place = Place::Thinking;
        } else if !OPEN.starts_with(body) {
            self.place = Place::Speaking;
        }
    }

    fn think(&mut self, sink: &mut dyn DeltaSink) {
        if let Some((thought, rest)) = self.held.split_once(CLOSE) {
            if !thought.is_empty() {
                sink.delta(Delta::Thought(thought));
            }
            self.held = rest.trim_start().to_owned();
            self.place = Place::Speaking;
            return;
        }
        let certain = self.held.len() - partial_mark(&self.held);
        if certain > 0 {
            sink.delta(Delta::Thought(&self.held[..certain]));
            self.held.drain(..certain);
        }
    }
}

fn say(text: &str, sink: &mut dyn DeltaSink) {
    if !text.is_empty() {
        sink.delta(Delta::Text(text));
    }
}

/// How many bytes at the end of `text` may be the start of the closing mark.
fn partial_mark(text: &str) -> usize {
    (1..CLOSE.len())
        .rev()
        .find(|length| text.ends_with(&CLOSE[..*length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<String>, String) {
        let (thought, rest) = split(text);
        (thought, rest.to_owned())
    }

    fn owned(thought: &str, rest: &str) -> (Option<String>, String) {
        (
            (!thought.is_empty()).then(|| thought.into()),
            rest.to_owned(),
        )
    }

    #[test]
    fn thoughts_are_split_from_the_answer() {
        let table = [
            ("plain", owned("", "plain")),
            ("<think>\nhm\n</think>\n\nyes", owned("hm", "yes")),
            ("<think></think>yes", owned("", "yes")),
            ("hm\n</think>\nyes", owned("hm", "yes")),
            ("</think>\n\nyes", owned("", "yes")),
            ("<think>never ends", owned("never ends", "")),
            ("say <think> to think", owned("", "say <think> to think")),
            (r#"{"a":"</think>"}"#, owned("", r#"{"a":"</think>"}"#)),
            ("<tool_call>{</think>", owned("", "<tool_call>{</think>")),
        ];
        for (text, expected) in table {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn a_complete_call_at_the_end_of_unclosed_thoughts_is_an_answer() {
        assert_eq!(
            parts("<think>open it\n<tool_call>{}</tool_call>"),
            owned("open it", "<tool_call>{}</tool_call>")
        );
    }

    #[test]
    fn watching_does_not_depend_on_where_the_pieces_end() {
        let text = " <think>a</b></thin k</think>\nyes </think>";
        for cut in 0..=text.len() {
            let (mut thought, mut said) = (String::new(), String::new());
            let mut sink = |delta: Delta<'_>| match delta {
                Delta::Thought(piece) => thought.push_str(piece),
                Delta::Text(piece) => said.push_str(piece),
                Delta::Call(_) => {}
            };
            let mut watcher = Watcher::default();
            watcher.piece(&text[..cut], &mut sink);
            watcher.piece(&text[cut..], &mut sink);
            assert_eq!(thought, "a</b></thin k", "cut at {cut}");
            assert_eq!(said.trim_start(), "yes </think>", "cut at {cut}");
        }
    }
}
