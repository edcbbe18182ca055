//! Refusals: a code that stays the same, and a message that says what was wrong, where, and what to
//! send instead.

use loom_events::{Finish, Refusal, ToolSpec, UnreadableCall};
use serde_json::Value;

/// The codes of refusals, as programs see them.
pub(crate) mod code {
    pub(crate) const TRUNCATED: &str = "truncated_arguments";
    pub(crate) const MALFORMED: &str = "malformed_arguments";
    pub(crate) const AMBIGUOUS: &str = "ambiguous_arguments";
    pub(crate) const SCHEMA: &str = "schema_violation";
    pub(crate) const UNKNOWN_PARAMETER: &str = "unknown_parameter";
    pub(crate) const UNKNOWN_TOOL: &str = "unknown_tool";
    pub(crate) const NO_NAME: &str = "missing_tool_name";
    pub(crate) const AMBIGUOUS_NAME: &str = "ambiguous_tool_name";
    pub(crate) const CONFLICTING: &str = "conflicting_objects";
    pub(crate) const COLLISION: &str = "delimiter_collision";
    pub(crate) const MARKUP: &str = "leaked_markup";
    pub(crate) const ESCAPING: &str = "suspected_escaping";
    pub(crate) const IN_REASONING: &str = "call_in_reasoning";
    pub(crate) const EXAMPLE: &str = "example_not_call";
    pub(crate) const TOO_MANY: &str = "too_many_calls";
}

/// How much of an unreadable call is kept: enough for a person to see what went wrong.
const MAX_RAW_BYTES: usize = 4096;

/// How much of the end of a cut-off text the model is shown, to find the place again.
const SHOWN_TAIL: usize = 40;

/// A refusal with a stable code.
pub(crate) fn refusal(code: &str, message: impl Into<String>) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message: message.into(),
    }
}

/// A call that was refused, with as much of it as is worth keeping.
pub(crate) fn unreadable(name: Option<&str>, raw: &str, refusal: Refusal) -> UnreadableCall {
    let kept = raw.floor_char_boundary(MAX_RAW_BYTES);
    let cut = if kept < raw.len() { "…" } else { "" };
    UnreadableCall {
        name: name.map(Into::into),
        raw: format!("{}{cut}", &raw[..kept]),
        refusal,
    }
}

pub(crate) fn malformed(tool: Option<&ToolSpec>, what: &str) -> Refusal {
    let message = format!(
        "the arguments of {} could not be read and were not run: {what}. Inside of JSON strings write \\\" for a quote, \\n for a new line and \\\\ for a backslash. Send the call again with arguments like {}",
        called(tool),
        example(tool)
    );
    refusal(code::MALFORMED, message)
}

pub(crate) fn truncated(tool: Option<&ToolSpec>, raw: &str, finish: Finish) -> Refusal {
    let tail = &raw[raw.ceil_char_boundary(raw.len().saturating_sub(SHOWN_TAIL))..];
    let limit = match finish {
        Finish::Length => " by the limit of tokens for one answer",
        Finish::Stop | Finish::ToolCalls | Finish::Other => "",
    };
    let message = format!(
        "the arguments of {} were cut off{limit} after {} bytes, at {tail:?}, and were not run. Send the call again, complete; when it is long do it in parts, for a file a first part of at most 150 lines and then one edit for each further part.",
        called(tool),
        raw.len()
    );
    refusal(code::TRUNCATED, message)
}

pub(crate) fn ambiguous(tool: Option<&ToolSpec>, what: &str) -> Refusal {
    let message = format!(
        "the arguments of {} have two meanings and were not run: {what}. Send the call again so that it has one: every key once, and \\\\ for each backslash in a JSON string.",
        called(tool)
    );
    refusal(code::AMBIGUOUS, message)
}

pub(crate) fn nameless(tools: &[ToolSpec]) -> Refusal {
    let message = format!(
        "a call has no tool name and was not run. Send it again with one of these names: {}.",
        names(tools)
    );
    refusal(code::NO_NAME, message)
}

pub(crate) fn collision(tool: Option<&ToolSpec>) -> Refusal {
    let message = format!(
        "an argument of {} contains the marks of a call itself, so where it ends is not certain, and it was not run. Write that text in another way, for example in parts, or send the arguments as JSON like {}",
        called(tool),
        example(tool)
    );
    refusal(code::COLLISION, message)
}

pub(crate) fn markup(tool: Option<&ToolSpec>, what: &str) -> Refusal {
    let message = format!(
        "a call of {} is not in the form of a call ({what}) and was not run, since it changes something. Send it as a proper tool call with arguments like {}",
        called(tool),
        example(tool)
    );
    refusal(code::MARKUP, message)
}

pub(crate) fn example_only(tool: Option<&ToolSpec>) -> Refusal {
    let message = format!(
        "a call of {} stood in the text with words after it, as an example would, and was not run. If it was meant, send it alone.",
        called(tool)
    );
    refusal(code::EXAMPLE, message)
}

pub(crate) fn in_reasoning() -> Refusal {
    refusal(
        code::IN_REASONING,
        "a call stood inside your thoughts and was not run. Send it again after your thoughts, as the answer itself.",
    )
}

pub(crate) fn too_many(dropped: usize) -> Refusal {
    let message = format!(
        "{dropped} more calls came in one answer and were not run. Send a few calls, look at their results, then go on."
    );
    refusal(code::TOO_MANY, message)
}

/// All names, for a model that used none of them.
pub(crate) fn names(tools: &[ToolSpec]) -> String {
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    names.join(", ")
}

fn called(tool: Option<&ToolSpec>) -> String {
    tool.map_or_else(|| "a call".to_owned(), |tool| format!("`{}`", tool.name))
}

/// Arguments of the right shape, from the tool's schema.
fn example(tool: Option<&ToolSpec>) -> String {
    let required = tool.and_then(|tool| tool.parameters.get("required")?.as_array());
    let keys = required.into_iter().flatten().filter_map(Value::as_str);
    let example: Vec<_> = keys.map(|key| format!("{key:?}: …")).collect();
    format!("{{{}}}", example.join(", "))
}
