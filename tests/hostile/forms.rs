//! Servers that send what they mean in a form of their own, every time.

use super::say::*;
use super::wild::Part;
use super::{Row, form};
use serde_json::{Value, json};

const TYPE: &str = "content-type: text/event-stream\r\n";

fn body(chunks: &[Value]) -> String {
    events(chunks) + "data: [DONE]\n\n"
}

fn as_type(kind: &str, body: impl AsRef<[u8]>) -> Vec<Part> {
    http_without("200 OK", kind, body)
}

/// The chunks with every piece of a call changed.
fn with_calls(all: &[Value], change: impl Fn(usize, &mut Value)) -> Vec<Part> {
    let mut all = all.to_vec();
    for (number, chunk) in all.iter_mut().enumerate() {
        if let Some(call) = chunk.pointer_mut("/choices/0/delta/tool_calls/0") {
            change(number, call);
        }
    }
    chunks(&all)
}

/// The answer as one document.
fn joined(all: &[Value], message: impl Fn(&str, Option<(&str, &str)>) -> Value) -> Value {
    let (mut text, mut name, mut arguments) = (String::new(), String::new(), String::new());
    let mut reason = Value::Null;
    for chunk in all {
        let choice = &chunk["choices"][0];
        text += choice["delta"]["content"].as_str().unwrap_or_default();
        let function = &choice["delta"]["tool_calls"][0]["function"];
        name += function["name"].as_str().unwrap_or_default();
        arguments += function["arguments"].as_str().unwrap_or_default();
        if choice["finish_reason"].is_string() {
            reason = choice["finish_reason"].clone();
        }
    }
    let call = (!name.is_empty()).then_some((name.as_str(), arguments.as_str()));
    json!({"choices": [{"index": 0, "message": message(&text, call), "finish_reason": reason}]})
}

fn usual(text: &str, call: Option<(&str, &str)>) -> Value {
    let calls: Vec<_> = call
        .into_iter()
        .map(|(name, arguments)| json!({"id": "a", "type": "function", "function": {"name": name, "arguments": arguments}}))
        .collect();
    json!({"role": "assistant", "content": text, "tool_calls": calls})
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        form("stream as JSON", |c| {
            as_type("content-type: application/json\r\n", body(c))
        }),
        form("stream as text", |c| {
            as_type("content-type: text/plain\r\n", body(c))
        }),
        form("stream without a type", |c| as_type("", body(c))),
        form("stream in capitals", |c| {
            as_type("Content-Type: Text/Event-Stream\r\n", body(c))
        }),
        form("document as stream", |c| {
            stream(joined(c, usual).to_string())
        }),
        form("document in lines", |c| {
            refusal("200 OK", &Value::Null)
                .into_iter()
                .take(0)
                .chain(http(
                    "200 OK",
                    "content-type: application/json\r\n",
                    format!("{:#}", joined(c, usual)),
                ))
                .collect()
        }),
        form("document after blanks", |c| {
            as_type(
                "content-type: application/json\r\n",
                format!("\n\n \n{}", joined(c, usual)),
            )
        }),
        form("document without an end", |c| {
            let mut whole = joined(c, usual);
            whole["choices"][0]["finish_reason"] = Value::Null;
            refusal("200 OK", &whole)
        }),
        form("chunks in lines", |c| {
            as_type(
                "content-type: application/x-ndjson\r\n",
                c.iter().map(|c| format!("{c}\n")).collect::<String>(),
            )
        }),
        form("byte order mark", |c| {
            stream(format!("\u{feff}{}", body(c)))
        }),
        form("no blank lines", |c| stream(body(c).replace("\n\n", "\n"))),
        form("CR alone", |c| stream(body(c).replace('\n', "\r"))),
        form("comments and empty events", |c| {
            stream(format!(
                ": ping\n\ndata:\n\ndata: null\n\nid: 1\nretry: 5\n{}",
                body(c).replace("data: ", "data:")
            ))
        }),
        form("done twice and more", |c| {
            stream(body(c) + "data: [DONE]\n\n<html>")
        }),
        form("cut after done", |c| {
            let body = body(c);
            http_without(
                "200 OK",
                &format!("{TYPE}transfer-encoding: chunked\r\n"),
                format!("{:x}\r\n{body}\r\n", body.len()),
            )
        }),
        form("too great a length", |c| {
            http_without(
                "200 OK",
                &format!("{TYPE}content-length: 999999\r\n"),
                body(c),
            )
        }),
        form("old HTTP after a hint", |c| {
            vec![
                Part::Send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".to_vec()),
                Part::Send(format!("HTTP/1.0 200 OK\r\n{TYPE}\r\n{}", body(c)).into_bytes()),
            ]
        }),
        form("a number as id, a text as index", |c| {
            with_calls(c, |_, call| {
                call["id"] = json!(7);
                call["index"] = json!("0");
            })
        }),
        form("index -1", |c| {
            with_calls(c, |_, call| call["index"] = json!(-1))
        }),
        form("index 0.0", |c| {
            with_calls(c, |_, call| call["index"] = json!(0.0))
        }),
        form("an id for each piece", |c| {
            with_calls(c, |n, call| call["id"] = json!(format!("id{n}")))
        }),
        form("the name in each piece", |c| {
            with_calls(c, |_, call| call["function"]["name"] = json!("write_file"))
        }),
        form("no function around it", |c| {
            with_calls(c, |_, call| {
                *call = json!({"index": 0, "name": call["function"]["name"], "arguments": call["function"]["arguments"]});
            })
        }),
        form("the old form of a call", |c| {
            refusal(
                "200 OK",
                &joined(
                    c,
                    |text, call| json!({"content": text, "function_call": call.map(|(name, arguments)| json!({"name": name, "arguments": arguments}))}),
                ),
            )
        }),
        form("arguments as an object", |c| {
            refusal(
                "200 OK",
                &joined(c, |text, call| {
                    let calls: Vec<_> = call.into_iter().map(|(name, arguments)| json!({"function": {"name": name, "arguments": serde_json::from_str::<Value>(arguments).unwrap()}})).collect();
                    json!({"content": text, "tool_calls": calls})
                }),
            )
        }),
        form("all of it once more at the end", |c| {
            let mut whole = joined(c, usual);
            whole["choices"][0]["delta"] = json!({});
            chunks(&[c, &[whole]].concat())
        }),
        form("figures that are none", |c| {
            chunks(&[c, &[json!({"choices": [], "usage": {"prompt_tokens": u64::MAX, "completion_tokens": -1, "prompt_tokens_details": {"cached_tokens": "many"}}})]].concat())
        }),
        form("figures as texts", |c| {
            chunks(&[c, &[json!({"choices": {}, "usage": {"prompt_tokens": "12", "completion_tokens": 3.5}})]].concat())
        }),
        form("usage in another form", |c| {
            chunks(&[c, &[json!({"choices": [null], "usage": ""})]].concat())
        }),
        form("fields in other forms", |c| {
            chunks(&[&[json!({"model": 7, "prompt_progress": 0.5, "choices": [{"index": null, "delta": {"content": 5}, "finish_reason": false}]})], c].concat())
        }),
        form("another model each time", |c| {
            chunks(
                &[
                    &[json!({"model": format!("m{}", c.len()), "choices": []})],
                    c,
                ]
                .concat(),
            )
        }),
        form("text in parts", |c| {
            refusal(
                "200 OK",
                &joined(c, |text, call| {
                    let mut m = usual(text, call);
                    m["content"] = json!([{"type": "text", "text": text}]);
                    m
                }),
            )
        }),
    ]
}
