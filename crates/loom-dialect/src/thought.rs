//! Thoughts that a server leaves in the text, between marks of every family.

use crate::cursor::trim;
use aho_corasick::{AhoCorasick, MatchKind};
use std::sync::LazyLock;

/// The marks that open and close thoughts.
pub(crate) const MARKS: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
    ("<mm:think>", "</mm:think>"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
];

/// An answer whose thoughts are apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Split<'t> {
    /// The thoughts, in their order.
    pub(crate) thoughts: Vec<&'t str>,
    /// Whether the last thought has no end, so that nothing follows it.
    pub(crate) open: bool,
    /// What is left.
    pub(crate) body: &'t str,
}

/// What is done about a closing mark that nothing opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stray {
    /// What stands before it was thought.
    Ends,
    /// It is left for whoever knows where calls begin and end.
    Left,
}

/// Splits thoughts from an answer. `begun` says that the prompt had opened the first one.
///
/// An opening mark counts at the start, and again wherever an answer starts anew behind a thought. A
/// closing mark alone counts too, since the templates of some models open the thoughts themselves; but
/// not where it may be part of a call or of data.
pub(crate) fn split(text: &str, begun: bool, stray: Stray) -> Split<'_> {
    let mut split = Split::default();
    let mut rest = text;
    if begun && opening(rest).is_none() {
        match first_close(rest) {
            Some((thought, after)) => {
                split.add(thought);
                rest = after;
            }
            None => {
                split.add(rest);
                split.open = true;
                return split;
            }
        }
    }
    loop {
        if let Some((close, inner)) = opening(rest) {
            let Some((thought, after)) = inner.split_once(close) else {
                split.add(inner);
                split.open = true;
                return split;
            };
            split.add(thought);
            rest = after;
            continue;
        }
        if stray == Stray::Left {
            break;
        }
        match first_close(rest) {
            Some((thought, after)) if !may_be_data(thought) => {
                split.add(thought);
                rest = after;
            }
            _ => break,
        }
    }
    split.body = rest;
    split
}

impl<'t> Split<'t> {
    fn add(&mut self, thought: &'t str) {
        let thought = trim(thought);
        if !thought.is_empty() {
            self.thoughts.push(thought);
        }
    }
}

/// The closing mark and what follows the opening one, when the text begins with one.
fn opening(text: &str) -> Option<(&'static str, &str)> {
    let body = text.trim_start_matches(crate::cursor::is_space);
    MARKS
        .iter()
        .find_map(|(open, close)| Some((*close, body.strip_prefix(open)?)))
}

/// What is in front of the first closing mark, and behind it.
fn first_close(text: &str) -> Option<(&str, &str)> {
    let found = CLOSING.find(text)?;
    Some((&text[..found.start()], &text[found.end()..]))
}

/// All at once: looking for each in turn would read the rest of the text again for those that are
/// not in it.
static CLOSING: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(MARKS.iter().map(|(_, close)| close))
        .expect("BUG: the marks are few and short")
});

/// Whether a closing mark behind this text may stand inside of a call, of JSON or of code.
fn may_be_data(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or(text);
    let in_code = line.matches('`').count() % 2 == 1;
    let calls = [
        "<tool_call>",
        "<function=",
        "<invoke ",
        "<parameter",
        "<arg_value>",
        "[TOOL_CALLS]",
        "<minimax:tool_call>",
        "<|tool_call",
        "tool▁call▁begin",
    ];
    in_code
        || text.trim_start().starts_with(['{', '`', '['])
        || calls.iter().any(|mark| text.contains(mark))
        || text.matches("```").count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_split_from_the_answer() {
        let table = [
            ("plain", "", "plain"),
            ("<think>\nhm\n</think>\n\nyes", "hm", "yes"),
            ("<think></think>yes", "", "yes"),
            ("hm\n</think>\nyes", "hm", "yes"),
            ("</think>\n\nyes", "", "yes"),
            ("<think>never ends", "never ends", ""),
            ("say <think> to think", "", "say <think> to think"),
            (r#"{"a":"</think>"}"#, "", r#"{"a":"</think>"}"#),
            ("<tool_call>{</think>", "", "<tool_call>{</think>"),
            (
                "<tool_call><function=f><parameter=a>\nuse </think> to end",
                "",
                "<tool_call><function=f><parameter=a>\nuse </think> to end",
            ),
            ("write `</think>` to end", "", "write `</think>` to end"),
            ("<think>a</think><think>b</think>yes", "a|b", "yes"),
            ("[THINK]hm[/THINK]yes", "hm", "yes"),
        ];
        for (text, thought, body) in table {
            let split = split(text, false, Stray::Ends);
            assert_eq!(
                (split.thoughts.join("|").as_str(), split.body.trim()),
                (thought, body),
                "{text}"
            );
        }
    }

    #[test]
    fn a_thought_that_the_prompt_opened_ends_at_its_mark_or_never() {
        let ended = split("hm</think>yes", true, Stray::Ends);
        assert_eq!(
            (ended.thoughts, ended.body, ended.open),
            (vec!["hm"], "yes", false)
        );
        let never = split("hm", true, Stray::Ends);
        assert_eq!(
            (never.thoughts, never.body, never.open),
            (vec!["hm"], "", true)
        );
    }
}
