//! Anthropic's messages, as they are documented.

use crate::server::{Answer, Server, Step, hello};
use loom_events::{Finish, ToolCall, ToolSpec, Usage};
use loom_router::{ApiKey, CallError, ChatRequest, ModelEntry, ProviderKind};
use serde_json::{Value, json};

fn events(events: &[Value]) -> Answer {
    let events = events.iter().map(|event| {
        let kind = event["type"].as_str().unwrap();
        format!("event: {kind}\ndata: {event}\n\n")
    });
    Answer::Stream(vec![Step::Send(events.collect::<String>().into_bytes())])
}

fn start() -> Value {
    let usage = json!({"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 1});
    json!({"type": "message_start", "message": {"model": "claude-x", "content": [], "usage": usage}})
}

fn begin(index: u64, block: &Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: &Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn end(reason: &str) -> [Value; 2] {
    [
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 31}}),
        json!({"type": "message_stop"}),
    ]
}

fn entry(server: &Server) -> ModelEntry {
    ModelEntry {
        api_key: Some(ApiKey::new("secret")),
        ..server.entry_of(ProviderKind::Anthropic)
    }
}

#[tokio::test]
async fn blocks_become_thought_text_and_call() {
    let mut stream = vec![
        start(),
        begin(0, &json!({"type": "thinking", "thinking": ""})),
        delta(0, &json!({"type": "thinking_delta", "thinking": "hm"})),
        delta(0, &json!({"type": "signature_delta", "signature": "x"})),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "ping"}),
        begin(1, &json!({"type": "text", "text": ""})),
        delta(1, &json!({"type": "text_delta", "text": "I look."})),
        begin(
            2,
            &json!({"type": "tool_use", "id": "t1", "name": "read_file", "input": {}}),
        ),
        delta(
            2,
            &json!({"type": "input_json_delta", "partial_json": "{\"pa"}),
        ),
        delta(
            2,
            &json!({"type": "input_json_delta", "partial_json": "th\":\"a\"}"}),
        ),
    ];
    stream.extend(end("tool_use"));
    let server = Server::start([events(&stream)]).await;
    let request = ChatRequest {
        tools: vec![ToolSpec::new("read_file", "d", json!({"type": "object"}))],
        ..hello()
    };
    let (reply, _) = server.ask_for(entry(&server), &request).await;
    let reply = reply.unwrap();
    assert_eq!(
        reply.answer.calls,
        [ToolCall {
            id: "t1".into(),
            name: "read_file".into(),
            arguments: json!({"path": "a"})
        }]
    );
    assert_eq!(reply.answer.text, "I look.");
    assert_eq!(reply.answer.thought.as_deref(), Some("hm"));
    assert_eq!(reply.finish, Finish::ToolCalls);
    assert_eq!(reply.reported.as_deref(), Some("claude-x"));
    assert_eq!(
        reply.usage,
        Usage {
            prompt: 100,
            cached: 90,
            completion: 31,
            estimated: false
        }
    );
    assert_eq!(server.keys(), ["secret"]);
}

#[tokio::test]
async fn an_error_among_the_events_ends_the_answer_and_keeps_what_came() {
    let error =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let text = delta(0, &json!({"type": "text_delta", "text": "half"}));
    let server = Server::start([events(&[start(), text, error])]).await;
    let error = server.ask(entry(&server)).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Broken { reason, .. } if reason.ends_with("Overloaded")),
        "{error}"
    );
    assert_eq!(error.partial(), Some("half"));
}

#[tokio::test]
async fn an_answer_in_one_piece_is_understood() {
    let body = json!({
        "type": "message", "model": "claude-x", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "yes"}],
        "usage": {"input_tokens": 3, "output_tokens": 1},
    });
    let server = Server::start([Answer::Plain(200, Vec::new(), body.to_string())]).await;
    let reply = server.ask(entry(&server)).await.unwrap();
    assert_eq!((reply.answer.text.as_str(), reply.usage.prompt), ("yes", 3));
}
