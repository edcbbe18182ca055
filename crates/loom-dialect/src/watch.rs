//! Sorts the pieces of a streamed text for people who watch: thoughts, words, and that a call has
//! begun. It never changes what the reader of the complete answer says.

use crate::thought::MARKS;
use crate::{Delta, DeltaSink};

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
        while self.step(sink) {}
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

    /// One step; whether there may be another.
    fn step(&mut self, sink: &mut dyn DeltaSink) -> bool {
        match self.place {
            Place::Start => self.start(),
            Place::Thinking(close) => self.think(close, sink),
            Place::Speaking => self.speak(sink),
            Place::Calling(close, told) => self.call(close, told, sink),
        }
    }

    fn start(&mut self) -> bool {
        let body = self.held.trim_start();
        for (open, close) in MARKS {
            if let Some(inner) = body.strip_prefix(open) {
                self.held = inner.to_owned();
                self.place = Place::Thinking(close);
                return true;
            }
        }
        if MARKS.iter().any(|(open, _)| open.starts_with(body)) {
            return false;
        }
        self.place = Place::Speaking;
        true
    }

    fn think(&mut self, close: &'static str, sink: &mut dyn DeltaSink) -> bool {
        if let Some((thought, rest)) = self.held.split_once(close) {
            think(thought, sink);
            self.held = rest.to_owned();
            self.place = Place::Start;
            return true;
        }
        let certain = self.held.len() - partial(&self.held, std::iter::once(close));
        think(&self.held[..certain], sink);
        self.held.drain(..certain);
        false
    }

    fn speak(&mut self, sink: &mut dyn DeltaSink) -> bool {
        let opens = CALLS
            .iter()
            .filter_map(|(open, close)| Some((self.held.find(open)?, open, close)));
        if let Some((at, open, close)) = opens.min_by_key(|(at, ..)| *at) {
            say(&self.held[..at], sink);
            // A tag that is itself the call has the name behind it.
            let keep = if open.ends_with('=') {
                at
            } else {
                at + open.len()
            };
            self.held.drain(..keep);
            self.place = Place::Calling(close, false);
            return true;
        }
        let certain = self.held.len() - partial(&self.held, CALLS.iter().map(|(open, _)| *open));
        say(&self.held[..certain], sink);
        self.held.drain(..certain);
        false
    }

    fn call(&mut self, close: &'static str, told: bool, sink: &mut dyn DeltaSink) -> bool {
        if let Some(at) = self.held.find(close) {
            if !told {
                sink.delta(Delta::Call(name(&self.held[..at]).unwrap_or(NAMELESS)));
            }
            self.held.drain(..at + close.len());
            self.place = Place::Speaking;
            return true;
        }
        if told {
            let certain = self.held.len() - partial(&self.held, std::iter::once(close));
            self.held.drain(..certain);
            return false;
        }
        // Looked for once, where its end can no longer be, so that it does not depend on the pieces.
        let is_due = self.held.len() > NAME_WITHIN + close.len();
        if is_due {
            sink.delta(Delta::Call(name(&self.held).unwrap_or(NAMELESS)));
            self.place = Place::Calling(close, true);
        }
        is_due
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
