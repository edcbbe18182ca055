//! Sorts the pieces of a streamed text for people who watch: thoughts, words, and that a call has
//! begun. It never changes what the reader of the complete answer says.

use crate::thought::MARKS;
use crate::{Delta, DeltaSink};
use aho_corasick::{AhoCorasick, MatchKind};
use std::sync::LazyLock;

/// Marks behind which a call stands, with the mark of its end. Only what is common: here a call that
/// is missed is shown as words, and nothing else happens.
const CALLS: &[(&str, &str)] = &[
    ("<tool_call>", "</tool_call>"),
    ("<minimax:tool_call>", "</minimax:tool_call>"),
    ("<function=", "</function>"),
    ("<invoke name=", "</invoke>"),
    ("<seed:tool_call>", "</seed:tool_call>"),
    ("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
    ("<｜DSML｜function_calls>", "</｜DSML｜function_calls>"),
    ("<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>"),
    ("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
    ("<|tool_call>", "<tool_call|>"),
    ("<start_function_call>", "<end_function_call>"),
    ("<|tool_call_start|>", "<|tool_call_end|>"),
    ("<TOOLCALL>", "</TOOLCALL>"),
    ("[TOOL_REQUEST]", "[END_TOOL_REQUEST]"),
    ("<|START_ACTION|>", "<|END_ACTION|>"),
    ("<|action_start|>", "<|action_end|>"),
    ("[TOOL_CALLS]", "</s>"),
];

/// How much of a call is looked at for its name.
const NAME_WITHIN: usize = 300;

/// Said of a call whose name cannot be told while it is written.
const NAMELESS: &str = "a tool";

/// Openings of calls, looked for all at once.
static OPENS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(CALLS.iter().map(|(open, _)| open))
        .expect("BUG: the marks are few and short")
});

/// Sorts the pieces of one stream.
#[derive(Default)]
pub struct Watcher {
    place: Place,
    /// What may turn out to be the start of a mark; or the start of a call, for its name.
    held: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Nothing but white space has come.
    #[default]
    Start,
    /// In a thought, up to this mark.
    Thinking(&'static str),
    Speaking,
    /// In a call, up to this mark; whether its name was told.
    Calling(&'static str, bool),
}

/// What became of the text that is held.
enum Step {
    /// So many bytes are done with, and there may be more to do.
    Done(usize),
    /// So many bytes are done with; the rest must wait for the next piece.
    Waits(usize),
}

impl Watcher {
    /// A watcher of a stream whose first thought the prompt has opened.
    #[must_use]
    pub fn in_thought() -> Self {
        Self {
            place: Place::Thinking("</think>"),
            held: String::new(),
        }
    }

    /// Hands on a piece, or as much of it as is certain.
    pub fn piece(&mut self, piece: &str, sink: &mut dyn DeltaSink) {
        self.held.push_str(piece);
        let held = std::mem::take(&mut self.held);
        let mut at = 0;
        loop {
            match self.step(&held[at..], sink) {
                Step::Done(bytes) => at += bytes,
                Step::Waits(bytes) => {
                    held[at + bytes..].clone_into(&mut self.held);
                    return;
                }
            }
        }
    }

    /// Hands on what was held back, at the end of the stream.
    pub fn finish(&mut self, sink: &mut dyn DeltaSink) {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Place::Thinking(_) => think(&held, sink),
            Place::Start | Place::Speaking => say(&held, sink),
            Place::Calling(_, false) => sink.delta(Delta::Call(name(&held).unwrap_or(NAMELESS))),
            Place::Calling(_, true) => {}
        }
    }

    fn step(&mut self, text: &str, sink: &mut dyn DeltaSink) -> Step {
        match self.place {
            Place::Start => self.start(text),
            Place::Thinking(close) => self.think(text, close, sink),
            Place::Speaking => self.speak(text, sink),
            Place::Calling(close, told) => self.call(text, close, told, sink),
        }
    }

    fn start(&mut self, text: &str) -> Step {
        let body = text.trim_start();
        let space = text.len() - body.len();
        for (open, close) in MARKS {
            if body.starts_with(open) {
                self.place = Place::Thinking(close);
                return Step::Done(space + open.len());
            }
        }
        if MARKS.iter().any(|(open, _)| open.starts_with(body)) {
            return Step::Waits(0);
        }
        self.place = Place::Speaking;
        Step::Done(0)
    }

    fn think(&mut self, text: &str, close: &'static str, sink: &mut dyn DeltaSink) -> Step {
        if let Some((thought, _)) = text.split_once(close) {
            think(thought, sink);
            self.place = Place::Start;
            return Step::Done(thought.len() + close.len());
        }
        let certain = text.len() - partial(text, std::iter::once(close));
        think(&text[..certain], sink);
        Step::Waits(certain)
    }

    fn speak(&mut self, text: &str, sink: &mut dyn DeltaSink) -> Step {
        if let Some(found) = OPENS.find(text) {
            let (open, close) = CALLS[found.pattern().as_usize()];
            say(&text[..found.start()], sink);
            self.place = Place::Calling(close, false);
            // A tag that is itself the call has the name behind it.
            return Step::Done(match open.ends_with('=') {
                true => found.start(),
                false => found.end(),
            });
        }
        let certain = text.len() - partial(text, CALLS.iter().map(|(open, _)| *open));
        say(&text[..certain], sink);
        Step::Waits(certain)
    }

    fn call(
        &mut self,
        text: &str,
        close: &'static str,
        told: bool,
        sink: &mut dyn DeltaSink,
    ) -> Step {
        if let Some(at) = text.find(close) {
            if !told {
                sink.delta(Delta::Call(name(&text[..at]).unwrap_or(NAMELESS)));
            }
            self.place = Place::Speaking;
            return Step::Done(at + close.len());
        }
        if told {
            return Step::Waits(text.len() - partial(text, std::iter::once(close)));
        }
        // Looked for once, where its end can no longer be, so that it does not depend on the pieces.
        if text.len() > NAME_WITHIN + close.len() {
            sink.delta(Delta::Call(name(text).unwrap_or(NAMELESS)));
            self.place = Place::Calling(close, true);
            return Step::Done(0);
        }
        Step::Waits(0)
    }
}

/// The name near the start of a call, when it is complete.
fn name(call: &str) -> Option<&str> {
    let call = &call[..call.floor_char_boundary(NAME_WITHIN)];
    let body = call.trim_start();
    let ends = |c: char| {
        matches!(
            c,
            '"' | '\'' | '>' | '\n' | '<' | '[' | '{' | ':' | '｜' | '|' | '('
        )
    };
    let after = [
        ("\"name\"", true),
        ("<function=", false),
        ("name=\"", false),
        ("functions.", false),
        ("call:", false),
    ];
    for (mark, is_json) in after {
        let Some((_, rest)) = body.split_once(mark) else {
            continue;
        };
        let rest = match is_json {
            true => rest
                .trim_start()
                .strip_prefix(':')?
                .trim_start()
                .strip_prefix('"')?,
            false => rest,
        };
        let end = rest.find(ends)?;
        return Some(&rest[..end]).filter(|name| !name.is_empty());
    }
    if body.starts_with(['{', '[', '<', '`']) {
        return None;
    }
    let end = body.find(ends)?;
    let name = body[..end].trim();
    (!name.is_empty() && !name.contains(' ')).then_some(name)
}

fn say(text: &str, sink: &mut dyn DeltaSink) {
    if !text.is_empty() {
        sink.delta(Delta::Text(text));
    }
}

fn think(text: &str, sink: &mut dyn DeltaSink) {
    if !text.is_empty() {
        sink.delta(Delta::Thought(text));
    }
}

/// How many bytes at the end of `text` may be the start of one of these marks.
fn partial<'m>(text: &str, marks: impl Iterator<Item = &'m str>) -> usize {
    let longest = |mark: &str| {
        (1..mark.len())
            .rev()
            .filter(|length| mark.is_char_boundary(*length))
            .find(|length| text.ends_with(&mark[..*length]))
            .unwrap_or(0)
    };
    marks.map(longest).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thoughts, words and names of calls, from a text cut at one place.
    fn watched(text: &str, cut: usize) -> (String, String, Vec<String>) {
        let (mut thought, mut said, mut calls) = (String::new(), String::new(), Vec::new());
        let mut sink = |delta: Delta<'_>| match delta {
            Delta::Thought(piece) => thought.push_str(piece),
            Delta::Text(piece) => said.push_str(piece),
            Delta::Call(name) => calls.push(name.to_owned()),
        };
        let mut watcher = Watcher::default();
        watcher.piece(&text[..cut], &mut sink);
        watcher.piece(&text[cut..], &mut sink);
        watcher.finish(&mut sink);
        (thought, said, calls)
    }

    #[test]
    fn watching_does_not_depend_on_where_the_pieces_end() {
        let text = " <think>a</b></thin k</think>\nyes </think> <tool_call>\n{\"name\": \"read_file\", \"arguments\": {}}\n</tool_call> and <function=edit>\n<parameter=x>\n1\n</parameter></function>";
        let whole = watched(text, text.len());
        assert_eq!(whole.0, "a</b></thin k");
        assert_eq!(whole.1.trim(), "yes </think>  and");
        assert_eq!(whole.2, ["read_file", "edit"]);
        for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            assert_eq!(watched(text, cut), whole, "cut at {cut}");
        }
    }
}
