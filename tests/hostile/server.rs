//! Faults of servers and of the way to them.

use super::say::*;
use super::wild::Part;
use super::{Row, once};
use serde_json::{Value, json};
use std::time::Duration;

const EVENTS: &str = "content-type: text/event-stream\r\n";
const JSON: &str = "content-type: application/json\r\n";
const PAGE: &str = "content-type: text/html\r\n";
const LIST: &str = r#"{"path":"."}"#;

/// A call of which a part is missing, to a file that no row may make.
const HALF: &str = r#"{"path":"half.txt","content":"hel"#;

/// The same as it is when what is missing cannot be seen from it.
const CLOSED: &str = r#"{"path":"half.txt","content":"hel"}"#;

pub(super) fn rows() -> Vec<Row> {
    [errors(), ends(), pieces(), frames(), refusals()].concat()
}

/// Errors in the place of an answer, or of its end.
fn errors() -> Vec<Row> {
    let error = json!({"error": {"message": "slot unavailable", "code": 500}});
    let after = |chunk: Value| stream(events(&[chunk, error.clone()]));
    let of_old = json!({"object": "error", "message": "queue full", "code": 50001});
    vec![
        once("200 with an error", refusal("200 OK", &error)),
        once("200 with an error", refusal("200 OK", &error)).always(),
        once("200 with an error of old", refusal("200 OK", &of_old)),
        once(
            "an error event",
            stream(format!("event: error\ndata: {error}\n\n")),
        ),
        once("an error as a stream", stream(error.to_string())),
        once("an error after a claim", after(text("out.txt says hello."))),
        once(
            "an error after a whole call",
            after(call("write_file", CLOSED)),
        ),
    ]
}

/// Answers that end otherwise than they should.
fn ends() -> Vec<Row> {
    let ended = |chunk: Value, reason: &str| chunks(&[chunk, finish(reason)]);
    let half = || call("write_file", HALF);
    let closed = || call("write_file", CLOSED);
    let claim = || text("out.txt says hello.");
    let rest = || piece(json!({"index": 0, "function": {"arguments": "lo\"}"}}));
    let over = || chunks(&[half(), finish("length")]);
    let in_vain = || chunks(&[finish("tool_calls")]);
    vec![
        once("a whole call without an end", stream(events(&[closed()]))),
        once("a claim without an end", stream(events(&[claim()]))),
        once("half a call at the limit", over()),
        once("half a call at the limit", over()).always(),
        once("half a call at a stop", ended(half(), "stop")).always(),
        once("half a call at a filter", ended(half(), "content_filter")),
        once("a whole call at an error", ended(closed(), "error")),
        once("a claim at an abort", ended(claim(), "abort")),
        once("calls announced, none made", in_vain()),
        once("calls announced, none made", in_vain()).always(),
        once("no choice", chunks(&[json!({"choices": []})])),
        once(
            "no choice in one piece",
            refusal("200 OK", &json!({"choices": []})),
        ),
        once("nothing but the end", stream("data: [DONE]\n\n")),
        once("nothing but the end", stream("data: [DONE]\n\n")).always(),
        once("an empty stream", stream("")),
        once("an empty body", http("200 OK", JSON, "")),
        once("no content", http("204 No Content", "", "")),
        once("the end in the middle of a call", {
            let behind = events(&[rest(), finish("tool_calls")]);
            stream(events(&[half()]) + "data: [DONE]\n\n" + &behind)
        }),
        once("only a second choice", {
            let choice = json!({"index": 1, "delta": {"content": "x"}, "finish_reason": "stop"});
            chunks(&[json!({ "choices": [choice] })])
        }),
        once("a refusal beside the text", {
            let said = json!({"content": null, "refusal": "I cannot do that."});
            chunks(&[delta(said), finish("stop")])
        }),
    ]
}

/// Calls that come in odd pieces.
fn pieces() -> Vec<Row> {
    let one = |index: u32, id: Value, name: &str, arguments: &str| json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}});
    let two = |first: Value, second: Value| {
        let both = delta(json!({"tool_calls": [first, second]}));
        chunks(&[both, finish("tool_calls")])
    };
    let bare = |function: Value| {
        let call = json!([{"index": 0, "id": "a", "function": function}]);
        chunks(&[delta(json!({ "tool_calls": call })), finish("tool_calls")])
    };
    let (list, write) = ("list_files", "write_file");
    vec![
        once(
            "two calls with one id",
            two(
                one(0, json!("a"), list, LIST),
                one(1, json!("a"), write, WRITE),
            ),
        ),
        once(
            "two calls with one id in one place",
            two(
                one(0, json!("a"), list, LIST),
                one(0, json!("a"), write, WRITE),
            ),
        ),
        once(
            "two calls without ids",
            two(
                one(0, Value::Null, list, LIST),
                one(1, Value::Null, write, WRITE),
            ),
        ),
        once(
            "two arguments for one call",
            calls(write, &format!("{WRITE}{CLOSED}")),
        ),
        once(
            "arguments once and a half",
            calls(write, &format!("{WRITE}{HALF}")),
        ),
        once(
            "arguments behind a mark",
            calls(write, &format!("\u{feff}{WRITE}")),
        ),
        once(
            "arguments in a text",
            calls(write, &json!(WRITE).to_string()),
        ),
        once(
            "half a character",
            calls(write, r#"{"path":"half.txt","content":"\ud83d"}"#),
        ),
        once(
            "no arguments",
            bare(json!({"name": write, "arguments": null})),
        ),
        once("no name", bare(json!({"name": null, "arguments": WRITE}))),
        once("a word for a function", bare(json!("write_file"))),
        once("a thousand pieces", {
            let begin = piece(one(0, json!("a"), write, ""));
            let long = format!("{}{WRITE}", " ".repeat(1000));
            let rest = long.chars().map(|letter| {
                piece(json!({"index": 0, "function": {"arguments": letter.to_string()}}))
            });
            let all: Vec<_> = [begin]
                .into_iter()
                .chain(rest)
                .chain([finish("tool_calls")])
                .collect();
            chunks(&all)
        }),
    ]
}

/// Bytes that are no answer of HTTP, or one that breaks off.
fn frames() -> Vec<Row> {
    let good = || [call("write_file", WRITE), finish("tool_calls")];
    let body = || events(&good()) + "data: [DONE]\n\n";
    let sized =
        |size: &str, body: String| http_without("200 OK", &format!("{EVENTS}{size}\r\n"), body);
    let chunked = "transfer-encoding: chunked";
    let begun = || Part::Send(format!("HTTP/1.1 200 OK\r\n{EVENTS}\r\n").into_bytes());
    let slowly = |what: &[u8]| {
        let pieces = std::iter::repeat_n(what.to_vec(), 8)
            .flat_map(|piece| [Part::Send(piece), Part::Wait(Duration::from_millis(300))]);
        [begun()].into_iter().chain(pieces).collect::<Vec<_>>()
    };
    let mut spoiled = events(&[text("XX")]).into_bytes();
    let at = spoiled.windows(2).position(|two| two == b"XX").unwrap();
    spoiled[at..at + 2].copy_from_slice(&[0xf0, 0x9f]);
    spoiled.extend_from_slice(body().as_bytes());
    let alone = events(&[text("XX")]).replace("XX", "\\ud83d") + &body();
    let zipped = [
        0x1f_u8, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 4, 0, 0x43, 0xbe, 0xb7, 0xe8, 1, 0, 0, 0,
    ];
    let called = json!({"content": "", "tool_calls": [
        {"id": "a", "function": {"name": "write_file", "arguments": WRITE}}]});
    let not_http = || vec![Part::Send(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec())];
    vec![
        once("an event that is none", {
            let [first, last] = good();
            stream(events(&[first]) + "data: {broken\n\n" + &events(&[last]))
        }),
        once("no UTF-8", stream(&spoiled)),
        once("half a character in the words", stream(alone)),
        once(
            "compressed unasked",
            http(
                "200 OK",
                &format!("{EVENTS}content-encoding: gzip\r\n"),
                zipped,
            ),
        ),
        once("a whole call in a chunk without an end", {
            let body = events(&[call("write_file", CLOSED)]);
            sized(chunked, format!("{:x}\r\n{body}\r\n", body.len()))
        }),
        once(
            "no size of a chunk",
            sized(chunked, format!("zz\r\n{}", body())),
        ),
        once("too small a length", sized("content-length: 40", body())),
        once(
            "too great a length of a document",
            http_without(
                "200 OK",
                "content-length: 9999\r\n",
                whole(called, "tool_calls").to_string(),
            ),
        ),
        once("no HTTP", not_http()),
        once("closed at once", Vec::new()),
        once("reset", vec![Part::Reset]),
        once(
            "half a head",
            vec![Part::Send(b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec())],
        ),
        once(
            "an endless head",
            http("200 OK", &format!("x: {}\r\n", "a".repeat(1_000_000)), ""),
        ),
        once("a head and silence", vec![begun(), Part::Hang]),
        once("a byte now and then", slowly(b"d")),
        once("signs of life for ever", slowly(b": ping\n\n")),
    ]
}

/// Statuses and words.
fn refusals() -> Vec<Row> {
    let page = |status: &str| http(status, PAGE, "<html><center>nginx</center></html>");
    let after = |time: &str| http("429 Too Many", &format!("retry-after: {time}\r\n"), "{}");
    let elsewhere = "location: http://127.0.0.1:1/v1/chat/completions\r\n";
    let refused = |words: &str| once(words, says("400 Bad Request", words));
    vec![
        once("a page", page("200 OK")),
        once(
            "accepted",
            http("202 Accepted", JSON, r#"{"status":"queued"}"#),
        ),
        once("elsewhere", http("301 Moved", elsewhere, "")),
        once("elsewhere", http("301 Moved", elsewhere, "")).always(),
        once("no key", page("401 Unauthorized")),
        once("no key", page("401 Unauthorized")).always(),
        once("forbidden", page("403 Forbidden")),
        once("not found", page("404 Not Found")),
        once("too large", page("413 Payload Too Large")),
        once("a bad gateway", page("502 Bad Gateway")),
        once("overloaded", page("529 Overloaded")),
        once("wait until a day", after("Wed, 21 Oct 2099 07:28:00 GMT")),
        once("wait for less than nothing", after("-5")),
        once("wait for half a second", after("0.5")),
        once("wait for a year", after("31536000")),
        once("wait to the end of time", after("18446744073709551615")),
        refused("Input is too long for requested model."),
        refused("request (40210 tokens) exceeds the available context size (32768 tokens)"),
        refused("Unsupported value: 'temperature' does not support 0.7 with this model."),
        refused("max_tokens must be at least 1, got -6393."),
        refused("model is still loading"),
        refused("The model has crashed without additional information. (Exit code: 11)"),
        refused("No models loaded. Please load a model in the developer page."),
    ]
}
