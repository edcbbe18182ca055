//! Words of servers, and what they are about.

use serde_json::Value;

/// How much of a server's words is passed on.
const MAX_SAID_BYTES: usize = 500;

/// Whether the words, in lower case, say that the prompt does not fit.
pub(super) fn is_overflow(words: &str) -> bool {
    let of_context = [
        "context length",
        "context size",
        "context window",
        "context the overflow",
        "maximum model length",
        "max context",
        "maximum context",
        "context limit",
        "maximum prompt length",
        "maximum input length",
        "max_num_tokens",
        "max_seq_len",
        "session_len",
        "token limit",
        "input token count",
        "prompt token count",
    ];
    let too_long = [
        "exceed",
        "overflow",
        "longer than",
        "greater than",
        "too long",
        "too large",
        "maximum context length is",
        "maximum prompt length is",
        "larger than",
    ];
    let both = of_context.iter().any(|part| words.contains(part))
        && too_long.iter().any(|part| words.contains(part));
    let alone = [
        "prompt is too long",
        "prompt too long",
        "prompt exceeds max length",
        "input is too long",
        "input too long",
        "request too large",
        "reduce the length of the messages",
        "max_tokens must be at least 1, got -",
    ];
    both || alone.iter().any(|part| words.contains(part))
        || (words.contains("`inputs` tokens") && words.contains("must be <="))
}

pub(super) fn is_overflow_code(codes: &str) -> bool {
    codes.contains("exceed_context_size") || codes.contains("context_length_exceeded")
}

/// Whether the words say that the model will be there in a while.
pub(super) fn is_loading(said: &str) -> bool {
    let words = said.to_lowercase();
    let in_vain = ["error", "fail"].iter().any(|part| words.contains(part));
    let loading = [
        "loading model",
        "still loading",
        "is loading",
        "currently loading",
    ];
    !in_vain && loading.iter().any(|part| words.contains(part))
}

/// Whether the words, in lower case, say that the model cannot have tools.
pub(super) fn is_without_tools(words: &str) -> bool {
    words.contains("does not support tools")
        || words.contains("tools param requires --jinja")
        || words.contains("tool choice requires --enable-auto-tool-choice")
}

/// The words of an error in any of its shapes.
pub(super) fn said(body: &Value) -> Option<String> {
    let error = body.get("error").filter(|error| !error.is_null());
    let candidates = [
        error.and_then(|error| error.get("message")),
        error,
        body.get("detail"),
        body.get("message"),
    ];
    candidates.into_iter().flatten().find_map(words)
}

/// A text, or the messages of a list of complaints, each with the place it is about.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let item = |item: &Value| {
                let message = item.get("msg").and_then(Value::as_str)?;
                let place = item.get("loc").map(Value::to_string).unwrap_or_default();
                Some(format!("{message} {place}").trim_end().to_owned())
            };
            let all: Vec<_> = items.iter().filter_map(item).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(_) => Some(value.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The words on one line, without what is too much.
pub(super) fn capped(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return "nothing".into();
    }
    let end = words.floor_char_boundary(MAX_SAID_BYTES);
    if end == words.len() {
        return words;
    }
    format!("{}…", &words[..end])
}

/// Whether the template cannot render the conversation, in the words of Jinja and of the templates.
pub(super) fn blames_history(said: &str) -> bool {
    const MARKS: [&str; 10] = [
        "roles must alternate",
        "conversation roles",
        "only user and assistant roles",
        "tool call id",
        "tool_call_id",
        "raise_exception",
        "system role not supported",
        "jinja",
        "chat template",
        "template error",
    ];
    let said = said.to_lowercase();
    let arguments = said.contains("arguments") && (said.contains("parse") || said.contains("json"));
    arguments || MARKS.iter().any(|mark| said.contains(mark))
}

/// What the model wrote, from the complaint of a parser: `raw='…', err=…` of Ollama, and llama.cpp's
/// quotation of everything from the place where it gave up.
pub(super) fn quoted_answer(words: &str) -> Option<String> {
    if let Some((_, raw)) = words.split_once("raw='") {
        let end = raw.rfind("', err=").or_else(|| raw.rfind('\''))?;
        return Some(raw[..end].to_owned());
    }
    let (_, rest) = words.split_once("Failed to parse input at pos ")?;
    let (_, raw) = rest.split_once(": ")?;
    Some(raw.to_owned())
}
