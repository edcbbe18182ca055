//! Answers as bytes.

use super::wild::Part;
use serde_json::{Value, json};

/// The arguments of the call that does the work.
pub(super) const WRITE: &str = r#"{"path":"out.txt","content":"hello\n"}"#;

/// An answer of HTTP with a length.
pub(super) fn http(status: &str, head: &str, body: impl AsRef<[u8]>) -> Vec<Part> {
    let body = body.as_ref();
    let length = format!("content-length: {}\r\n{head}", body.len());
    http_without(status, &length, body)
}

/// The same without one: it ends where the connection does.
pub(super) fn http_without(status: &str, head: &str, body: impl AsRef<[u8]>) -> Vec<Part> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{head}\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body.as_ref());
    vec![Part::Send(bytes)]
}

/// A refusal with a document.
pub(super) fn refusal(status: &str, body: &Value) -> Vec<Part> {
    http(
        status,
        "content-type: application/json\r\n",
        body.to_string(),
    )
}

/// A refusal with a message.
pub(super) fn says(status: &str, message: &str) -> Vec<Part> {
    refusal(status, &json!({"error": {"message": message}}))
}

/// A stream with this body.
pub(super) fn stream(body: impl AsRef<[u8]>) -> Vec<Part> {
    http_without("200 OK", "content-type: text/event-stream\r\n", body)
}

/// Events, each a document.
pub(super) fn events(chunks: &[Value]) -> String {
    chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect()
}

/// A whole stream of these chunks.
pub(super) fn chunks(chunks: &[Value]) -> Vec<Part> {
    stream(events(chunks) + "data: [DONE]\n\n")
}

pub(super) fn delta(delta: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

pub(super) fn text(text: &str) -> Value {
    delta(json!({ "content": text }))
}

pub(super) fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

/// A piece of a call.
pub(super) fn piece(piece: Value) -> Value {
    delta(json!({ "tool_calls": [piece] }))
}

/// A call in one piece.
pub(super) fn call(name: &str, arguments: &str) -> Value {
    piece(json!({"index": 0, "id": "c1", "type": "function",
                 "function": {"name": name, "arguments": arguments}}))
}

/// An answer that is this text.
pub(super) fn words(words: &str) -> Vec<Part> {
    chunks(&[text(words), finish("stop")])
}

/// An answer that is this call.
pub(super) fn calls(name: &str, arguments: &str) -> Vec<Part> {
    chunks(&[call(name, arguments), finish("tool_calls")])
}

/// A whole answer that is no stream.
pub(super) fn whole(message: Value, reason: &str) -> Value {
    json!({"choices": [{"index": 0, "message": message, "finish_reason": reason}]})
}
