//! What is put right without asking anybody, each thing once.

use crate::server::{
    Answer, Server, Step, answer, delta, events, finish, hello, refuses, says, text, usage,
};
use loom_events::{FailureClass, Message, ToolCall, ToolSpec};
use loom_router::{ChatRequest, Discard, ModelEntry, ProviderKind, Router};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn with_tools() -> ChatRequest {
    ChatRequest {
        tools: vec![ToolSpec::new("read_file", "d", json!({"type": "object"}))],
        ..hello()
    }
}

fn with_history() -> ChatRequest {
    let mut request = hello();
    request.messages.extend([
        Message::Assistant {
            text: String::new(),
            thought: None,
            calls: vec![ToolCall {
                id: "a".into(),
                name: "read_file".into(),
                arguments: json!({"path": "x"}),
            }],
        },
        Message::Tool {
            call_id: "a".into(),
            name: "read_file".into(),
            text: "1".into(),
        },
    ]);
    request
}

fn roles(request: &Value) -> Vec<&str> {
    let messages = request["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_history_that_the_template_refuses_is_said_in_plain_words_from_then_on() {
    let no = json!({"error": {"message": "Conversation roles must alternate user/assistant"}});
    let server = Server::start([refuses(400, &no), says("yes"), says("yes")]).await;
    let router = Router::new(vec![server.entry()]).unwrap();
    let cancel = CancellationToken::new();
    for _ in 0..2 {
        let reply = router
            .chat("m", &with_history(), &mut Discard, &cancel)
            .await;
        assert_eq!(reply.unwrap().answer.text, "yes");
    }
    let requests = server.requests();
    assert_eq!(roles(&requests[0]), ["user", "assistant", "tool"]);
    assert_eq!(roles(&requests[1]), ["user", "assistant", "user"]);
    assert_eq!(requests[1], requests[2]);
    assert_eq!(
        requests[1]["messages"][1]["content"],
        "I used read_file with {\"path\":\"x\"}."
    );
}

#[tokio::test]
async fn a_history_that_is_refused_in_plain_words_too_is_an_error() {
    let no = json!({"error": {"message": "Conversation roles must alternate user/assistant"}});
    let server = Server::start([refuses(400, &no), refuses(400, &no), says("yes")]).await;
    let router = Router::new(vec![server.entry()]).unwrap();
    let cancel = CancellationToken::new();
    for expected in [false, true] {
        let reply = router
            .chat("m", &with_history(), &mut Discard, &cancel)
            .await;
        assert_eq!(reply.is_ok(), expected);
    }
    // It was not at fault, so it is said properly again.
    let requests = server.requests();
    assert_eq!(roles(&requests[1]), ["user", "assistant", "user"]);
    assert_eq!(roles(&requests[2]), ["user", "assistant", "tool"]);
}

#[tokio::test]
async fn an_answer_that_the_server_could_not_parse_is_read_out_of_its_error() {
    let call =
        "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>";
    let said = format!("Failed to parse input at pos 0: {call}");
    let no = json!({"error": {"code": 500, "message": said}});
    let server = Server::start([
        refuses(500, &no),
        answer(&[text("I look.\n"), no.clone()]),
        refuses(500, &json!({"error": "error parsing tool call: raw='{\"path\": \"a', err=unexpected end of JSON input"})),
    ])
    .await;
    for said in ["", "I look."] {
        let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
        let answer = reply.unwrap().answer;
        assert_eq!(answer.calls[0].arguments, json!({"path": "a"}));
        assert_eq!(answer.text, said);
    }
    // Half a call is no answer: the model is told.
    let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
    let unreadable = reply.unwrap().answer.unreadable;
    assert_eq!(unreadable[0].raw, "{\"path\": \"a");
    assert_eq!(unreadable[0].refusal.code, "malformed_arguments");
}

#[tokio::test]
async fn an_answer_that_the_server_could_not_encode_is_asked_for_again_with_another_seed() {
    let no = json!({"error": {"code": 400, "message": "[json.exception.type_error.316] invalid UTF-8 byte at index 62: 0xF7"}});
    let server = Server::start([refuses(400, &no), says("yes")]).await;
    assert_eq!(server.ask(server.entry()).await.unwrap().answer.text, "yes");
    let seeds: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request["seed"].clone())
        .collect();
    assert_eq!(seeds, [Value::Null, json!(1)]);
}

#[tokio::test]
async fn a_call_whose_end_the_stream_lost_is_fetched_whole_and_its_prompt_counts_once() {
    let call = |arguments: &str| json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "read_file", "arguments": arguments}}]});
    let cut = || {
        answer(&[
            delta(&call("{\"path\":\"a")),
            finish("tool_calls"),
            usage(10, 0, 5),
        ])
    };
    let whole = json!({
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": call("{\"path\":\"a\"}")}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 6},
    });
    let whole = Answer::Plain(200, Vec::new(), whole.to_string());
    let server = Server::start([cut(), whole, cut()]).await;
    let (reply, delivered) = server.ask_for(server.entry(), &with_tools()).await;
    let reply = reply.unwrap();
    assert_eq!(reply.answer.calls[0].arguments, json!({"path": "a"}));
    assert_eq!((reply.usage.prompt, reply.usage.completion), (10, 11));
    assert_eq!(delivered.calls, ["read_file"]);
    let streamed: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request["stream"].clone())
        .collect();
    assert_eq!(streamed, [true, false]);

    // Where the second question fails, the first answer is what there is.
    let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
    let unreadable = reply.unwrap().answer.unreadable;
    assert_eq!(unreadable[0].refusal.code, "truncated_arguments");
}

#[tokio::test]
async fn a_model_that_thinks_for_too_long_is_stopped_and_the_setting_named() {
    let thought = || delta(&json!({"reasoning_content": "and then again "}));
    let server =
        Server::start([answer(&[thought(), thought(), text("yes"), finish("stop")])]).await;
    let entry = ModelEntry {
        reasoning_budget: Some(5),
        ..server.entry()
    };
    let error = server.ask(entry).await.unwrap_err();
    let failure = error.to_failure();
    assert_eq!(failure.class, FailureClass::Model);
    assert!(
        failure.message.contains("`reasoning_budget`"),
        "{failure:?}"
    );
    assert_eq!(error.partial(), Some("and then again and then again "));
}

#[tokio::test]
async fn what_came_before_a_cut_is_kept_thoughts_and_calls_included() {
    let call =
        json!({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{\"x"}}]});
    let stream = events(&[
        delta(&json!({"reasoning_content": "hm"})),
        text("half"),
        delta(&call),
    ]);
    let server = Server::start([Answer::Stream(vec![Step::Send(stream)])]).await;
    let error = server.ask(server.entry()).await.unwrap_err();
    assert_eq!(error.partial(), Some("hm\n\nhalf\n\nf {\"x"));
}

#[tokio::test]
async fn the_reading_of_the_prompt_is_reported_and_is_no_token() {
    let progress = |processed: u64| {
        json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": null}}],
               "prompt_progress": {"total": 100, "cache": 0, "processed": processed, "time_ms": 1}})
    };
    let server = Server::start([answer(&[
        progress(50),
        progress(100),
        text("yes"),
        finish("stop"),
    ])])
    .await;
    let entry = server.entry_of(ProviderKind::LlamaCpp);
    let (reply, delivered) = server.ask_for(entry, &hello()).await;
    assert_eq!(reply.unwrap().answer.text, "yes");
    assert_eq!(delivered.progress, [(50, 100), (100, 100)]);
}

#[tokio::test]
async fn thoughts_go_back_under_the_name_that_the_server_gave_them() {
    let server = Server::start([
        answer(&[
            delta(&json!({"reasoning": "hm"})),
            text("a"),
            finish("stop"),
        ]),
        says("b"),
    ])
    .await;
    let entry = ModelEntry {
        model: Some("qwen3:8b".into()),
        ..server.entry()
    };
    let router = Router::new(vec![entry]).unwrap();
    let cancel = CancellationToken::new();
    let mut request = hello();
    for _ in 0..2 {
        let reply = router
            .chat("m", &request, &mut Discard, &cancel)
            .await
            .unwrap();
        request.messages.push(Message::Assistant {
            text: reply.answer.text,
            thought: reply.answer.thought,
            calls: Vec::new(),
        });
        request.messages.push(Message::User { text: "on".into() });
    }
    let sent = &server.requests()[1]["messages"][1];
    assert_eq!(
        sent,
        &json!({"role": "assistant", "content": "a", "reasoning": "hm"})
    );
}

#[tokio::test]
async fn a_schema_that_was_said_with_the_errors_is_not_said_twice() {
    let schema = loom_router::JsonSchema {
        name: "verdict".into(),
        schema: json!({"type": "object", "required": ["pass"]}),
    };
    let server = Server::start([says("no"), says("{\"pass\": true}")]).await;
    let router = Router::new(vec![server.entry_of(ProviderKind::Mlx)]).unwrap();
    let cancel = CancellationToken::new();
    let reply = router.json("m", &schema, &hello(), &cancel).await.unwrap();
    assert!(reply.asked_again);
    for request in server.requests() {
        let last = request["messages"].as_array().unwrap().last().unwrap();
        let text = last["content"].as_str().unwrap();
        assert_eq!(text.matches("JSON Schema").count(), 1, "{text}");
    }
}
