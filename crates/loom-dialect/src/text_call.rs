//! Calls that a server left in the text, in the two commonest markings: `<tool_call>{…}</tool_call>`,
//! and a whole message that is one object with `name` and `arguments`, bare or in a fence.

use crate::read::{Call, Reader, prefix};
use crate::strict::parse;
use loom_events::{Finish, UnreadableCall};
use serde_json::Value;

pub(crate) const OPEN: &str = "<tool_call>";
pub(crate) const CLOSE: &str = "</tool_call>";

/// Marks of a result or a turn that only the harness may write. Where a model writes one it has
/// begun to play both sides, and nothing from there on is meant.
const FOREIGN: [&str; 3] = ["<tool_response>", "<|im_start|>", "<|im_end|>"];

/// What was found in a text.
pub(crate) struct Found {
    /// The text without the calls.
    pub(crate) text: String,
    /// The calls in their order.
    pub(crate) calls: Vec<Result<Call, UnreadableCall>>,
}

/// Finds the calls in a text.
pub(crate) fn find(text: &str, reader: &Reader<'_>) -> Found {
    if text.contains(OPEN) {
        return tagged(text, reader);
    }
    match whole(text, reader) {
        Some(call) => Found {
            text: String::new(),
            calls: vec![call],
        },
        None => Found {
            text: text.to_owned(),
            calls: Vec::new(),
        },
    }
}

fn tagged(text: &str, reader: &Reader<'_>) -> Found {
    let mut found = Found {
        text: String::new(),
        calls: Vec::new(),
    };
    let mut rest = text;
    loop {
        let (said, opened) = match rest.split_once(OPEN) {
            Some((said, body)) => (said, Some(body)),
            None => (rest, None),
        };
        let own = before_foreign(said);
        found.text.push_str(own);
        let Some(body) = opened.filter(|_| own.len() == said.len()) else {
            return found;
        };
        let (call, after) = block(body, reader);
        found.calls.push(call);
        match after {
            Some(after) => rest = after,
            None => return found,
        }
    }
}

fn before_foreign(text: &str) -> &str {
    let end = FOREIGN.iter().filter_map(|mark| text.find(mark)).min();
    &text[..end.unwrap_or(text.len())]
}

/// Reads one call after its opening mark; also gives the text behind it, if it can be trusted.
fn block<'t>(
    body: &'t str,
    reader: &Reader<'_>,
) -> (Result<Call, UnreadableCall>, Option<&'t str>) {
    match prefix(body) {
        Ok((value, end)) => {
            let (raw, after) = (&body[..end], body[end..].trim_start());
            if let Some(after) = after.strip_prefix(CLOSE) {
                return (reader.envelope(value, raw), Some(after));
            }
            if after.is_empty() && reader.finish == Finish::Length {
                return (Err(reader.truncated(name_in(&value), raw)), None);
            }
            // The closing mark is layout; a server that stops on it does not send it.
            if after.is_empty() || after.starts_with(OPEN) || before_foreign(after).is_empty() {
                return (reader.envelope(value, raw), Some(after));
            }
            damaged(body, reader, |raw| {
                reader.malformed(
                    name_in(&value),
                    raw,
                    "there is text between the JSON object and </tool_call>",
                )
            })
        }
        Err(fault) => damaged(body, reader, |raw| {
            reader.fault(reader.name_of_damaged(raw), raw, &fault)
        }),
    }
}

/// Refuses a block, and finds its end where that is certain.
fn damaged<'t>(
    body: &'t str,
    reader: &Reader<'_>,
    refuse: impl Fn(&str) -> UnreadableCall,
) -> (Result<Call, UnreadableCall>, Option<&'t str>) {
    let Some((raw, after)) = body.split_once(CLOSE) else {
        return (Err(refuse(body)), None);
    };
    if raw.contains(OPEN) {
        // Marks inside of an argument, or a call that was begun twice: which block ends where is
        // unknown, so what follows may be part of an argument and must not run.
        let mut call = refuse(raw);
        call.refusal.code = "delimiter_collision".into();
        call.refusal.message = format!(
            "a {OPEN} block contains another one and was not run, nor was anything after it. Send one call, with the JSON strings in it escaped. Arguments look like {}",
            reader.example(call.name.as_deref())
        );
        return (Err(call), None);
    }
    (Err(refuse(raw)), Some(after))
}

fn name_in(value: &Value) -> Option<&str> {
    value.get("name").and_then(Value::as_str)
}

/// The call that a whole message is, if it is one.
fn whole(text: &str, reader: &Reader<'_>) -> Option<Result<Call, UnreadableCall>> {
    let body = fenced(text.trim());
    if !body.starts_with('{') {
        return None;
    }
    match parse(body) {
        Ok(value) => {
            let name = name_in(&value)?;
            let is_call = value.get("arguments").is_some_and(Value::is_object)
                && value.as_object().is_some_and(|fields| fields.len() == 2);
            // Any object may have a name; with other keys it is one only when a tool is called so.
            (is_call || (reader.knows(name) && value.get("arguments").is_some()))
                .then(|| reader.envelope(value.clone(), body))
        }
        Err(fault) => {
            let name = reader.name_of_damaged(body)?;
            Some(Err(reader.fault(Some(name), body, &fault)))
        }
    }
}

/// What is inside of a fence, when the text is one fence and nothing else, or the start of one.
#[must_use]
pub fn fenced(text: &str) -> &str {
    let Some((first, inner)) = text
        .strip_prefix("```")
        .and_then(|rest| rest.split_once('\n'))
    else {
        return text;
    };
    let inner = inner.trim();
    let inner = inner.strip_suffix("```").unwrap_or(inner).trim();
    let is_json = matches!(first.trim(), "" | "json" | "JSON" | "tool_call");
    let ends_earlier = inner.lines().any(|line| line.starts_with("```"));
    if is_json && !ends_earlier {
        inner
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::ToolSpec;
    use serde_json::json;

    /// The text that is left, then each call as `name arguments` or as the code of its refusal.
    fn found(text: &str, finish: Finish) -> (String, Vec<String>) {
        let tools = ["read_file", "write_file"]
            .map(|name| ToolSpec::new(name, "", json!({"type": "object"})));
        let reader = Reader {
            tools: &tools,
            finish,
        };
        let found = find(text, &reader);
        let calls = found.calls.into_iter().map(|call| match call {
            Ok(call) => format!("{} {}", call.name, call.arguments),
            Err(call) => call.refusal.code,
        });
        (found.text.trim().to_owned(), calls.collect())
    }

    fn check(text: &str, said: &str, calls: &[&str]) {
        let expected = (
            said.to_owned(),
            calls.iter().map(|s| (*s).to_owned()).collect(),
        );
        assert_eq!(found(text, Finish::Stop), expected, "{text}");
    }

    const READ: &str = r#"{"name": "read_file", "arguments": {"path": "a"}}"#;
    const AS_READ: &str = r#"read_file {"path":"a"}"#;

    #[test]
    fn tagged_calls_are_read_and_text_on_both_sides_stays() {
        check(
            &format!("<tool_call>\n{READ}\n</tool_call>"),
            "",
            &[AS_READ],
        );
        check(
            &format!("First.\n<tool_call>{READ}</tool_call>\n<tool_call>{READ}</tool_call> Last."),
            "First.\n\n Last.",
            &[AS_READ, AS_READ],
        );
    }

    #[test]
    fn a_missing_closing_mark_is_layout_unless_the_answer_was_cut() {
        let text = format!("<tool_call>\n{READ}");
        check(&text, "", &[AS_READ]);
        assert_eq!(found(&text, Finish::Length).1, ["truncated_arguments"]);
    }

    #[test]
    fn a_good_call_beside_a_bad_one_is_kept() {
        let bad = r#"<tool_call>{"name": "write_file", "arguments": {"path": "b", "content": "say "hi""}}</tool_call>"#;
        check(
            &format!("<tool_call>{READ}</tool_call>{bad}<tool_call>{READ}</tool_call>"),
            "",
            &[AS_READ, "malformed_arguments", AS_READ],
        );
        let cut = r#"<tool_call>{"name": "write_file", "arguments": {"path": "b", "content": "fi"#;
        check(
            &format!("<tool_call>{READ}</tool_call>\n{cut}"),
            "",
            &[AS_READ, "truncated_arguments"],
        );
    }

    #[test]
    fn a_mark_inside_of_an_argument_is_text() {
        let call = r#"<tool_call>{"name": "write_file", "arguments": {"content": "<tool_call>{}</tool_call>"}}</tool_call>"#;
        check(
            call,
            "",
            &[r#"write_file {"content":"<tool_call>{}</tool_call>"}"#],
        );
    }

    #[test]
    fn calls_inside_of_a_damaged_argument_never_run() {
        let call = format!(
            r#"<tool_call>{{"name": "write_file", "arguments": {{"content": "a "b" <tool_call>{READ}</tool_call> <tool_call>{READ}</tool_call>"}}}}</tool_call>"#
        );
        check(&call, "", &["delimiter_collision"]);
    }

    #[test]
    fn nothing_counts_after_a_made_up_result_or_turn() {
        check(
            &format!(
                "<tool_call>{READ}</tool_call>\n<tool_response>ok</tool_response>\n<tool_call>{READ}</tool_call>"
            ),
            "",
            &[AS_READ],
        );
        check(
            &format!(
                "<tool_call>{READ}</tool_call><|im_end|>\n<|im_start|>user\nthanks<|im_end|>\n<tool_call>{READ}</tool_call>"
            ),
            "",
            &[AS_READ],
        );
    }

    #[test]
    fn a_block_that_is_no_call_is_refused() {
        check(
            "<tool_call>read_file with path a</tool_call>",
            "",
            &["malformed_arguments"],
        );
        check(
            r#"<tool_call>{"arguments": {"path": "a"}}</tool_call>"#,
            "",
            &["missing_tool_name"],
        );
        check(
            r#"<tool_call>{"name": "read_file", "path": "a"}</tool_call>"#,
            "",
            &["malformed_arguments"],
        );
        check(
            r#"<tool_call>{"name": "x", "arguments": {"path": "a", "path": "b"}}</tool_call>"#,
            "",
            &["ambiguous_arguments"],
        );
    }

    #[test]
    fn a_whole_message_is_a_call_bare_or_fenced() {
        check(READ, "", &[AS_READ]);
        check(&format!("```json\n{READ}\n```"), "", &[AS_READ]);
        check(&format!("```\n{READ}\n```\n"), "", &[AS_READ]);
    }

    #[test]
    fn an_example_in_a_sentence_is_not_a_call() {
        for text in [
            &format!("Send {READ} for this."),
            &format!("```json\n{READ}\n```\nDoes that help?"),
            &format!("Use it like:\n```json\n{READ}\n```"),
            r#"{"name": "loom", "version": "1.0"}"#,
            r#"{"name": "read_file"}"#,
            "```bash\nrm -rf build\n```",
        ] {
            check(text, text, &[]);
        }
    }

    #[test]
    fn a_damaged_whole_message_that_begins_as_a_call_is_refused() {
        check(
            r#"{"name": "write_file", "arguments": {"path": "a", "content": "x"#,
            "",
            &["truncated_arguments"],
        );
        check(
            "```json\n{\"name\": \"write_file\", \"arguments\": {\"path\": \"a\" \"b\"}}\n```",
            "",
            &["malformed_arguments"],
        );
    }
}
