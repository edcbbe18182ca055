//! Reading an answer: every form that servers were seen to give it.

use crate::server::{
    Answer, Delivered, Server, Step, answer, delta, done, events, finish, hello, says, text, usage,
};
use loom_events::{Finish, ToolCall, ToolSpec, Usage};
use loom_router::{ApiKey, ChatRequest, Delta, ModelEntry, Router, ToolChoice};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn with_tools() -> ChatRequest {
    let tool = |name: &str| {
        ToolSpec::new(
            name,
            format!("does {name}"),
            json!({"type": "object", "required": ["path"]}),
        )
    };
    ChatRequest {
        tools: vec![tool("write_file"), tool("read_file")],
        tool_choice: ToolChoice::Required,
        ..hello()
    }
}

fn call_piece(piece: &Value) -> Value {
    delta(&json!({ "tool_calls": [piece] }))
}

fn read_call(id: &str, path: &str) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: "read_file".into(),
        arguments: json!({ "path": path }),
    }
}

/// An answer as llama-server streams it: thought, text, a call in pieces, finish, usage.
fn full_stream() -> Vec<u8> {
    let mut bytes = b": keepalive 1/2\n\n".to_vec();
    bytes.extend(done(&[
        delta(&json!({"role": "assistant", "content": null})),
        delta(&json!({"reasoning_content": "häm"})),
        text("Ich lese "),
        text("日本.\n"),
        call_piece(&json!({"index": 0, "id": "c1", "type": "function", "function": {"name": "read_file", "arguments": "{"}})),
        call_piece(&json!({"index": 0, "function": {"arguments": "\"path\":\"ä"}})),
        call_piece(&json!({"index": 0, "function": {"arguments": ".rs\"}"}})),
        finish("tool_calls"),
        usage(295, 290, 31),
    ]));
    bytes
}

#[tokio::test]
async fn an_answer_is_the_same_wherever_its_bytes_are_split() {
    let bytes = full_stream();
    let split_at = |at: usize| {
        let (a, b) = bytes.split_at(at);
        Answer::Stream(vec![Step::Send(a.to_vec()), Step::Send(b.to_vec())])
    };
    let server = Server::start((1..bytes.len()).map(split_at)).await;
    let router = Router::new(vec![server.entry()]).unwrap();
    let cancel = CancellationToken::new();
    for at in 1..bytes.len() {
        let mut delivered = Delivered::default();
        let mut sink = |delta: Delta<'_>| delivered.add(delta);
        let reply = router.chat("m", &with_tools(), &mut sink, &cancel).await;
        let reply = reply.unwrap_or_else(|error| panic!("split at {at}: {error}"));
        assert_eq!(reply.answer.text, "Ich lese 日本.", "split at {at}");
        assert_eq!(reply.answer.thought.as_deref(), Some("häm"));
        assert_eq!(reply.answer.calls, [read_call("c1", "ä.rs")]);
        assert_eq!(reply.finish, Finish::ToolCalls);
        assert_eq!(
            reply.usage,
            Usage {
                prompt: 295,
                cached: 290,
                completion: 31,
                estimated: false
            }
        );
        let expected = Delivered {
            text: "Ich lese 日本.\n".into(),
            thought: "häm".into(),
            calls: vec!["read_file".into()],
            ..Delivered::default()
        };
        assert_eq!(delivered, expected, "split at {at}");
    }
}

#[tokio::test]
async fn each_other_sampling_is_warmer_and_has_a_seed_of_its_own() {
    let server = Server::start([says("a"), says("b"), says("c"), says("d"), says("e")]).await;
    let entry = |temperature| ModelEntry {
        temperature,
        ..server.entry()
    };
    for (temperature, vary) in [
        (Some(0.25), 0),
        (Some(0.25), 1),
        (None, 1),
        (Some(0.25), 9),
        (Some(1.5), 2),
    ] {
        let request = ChatRequest {
            vary,
            ..with_tools()
        };
        server
            .ask_for(entry(temperature), &request)
            .await
            .0
            .unwrap();
    }
    let sent = server.requests();
    let of = |request: &Value| {
        let temperature = request["temperature"].as_f64();
        let percent = temperature.map(|temperature| (temperature * 100.0).round());
        (percent, request["seed"].as_u64())
    };
    let sent: Vec<_> = sent.iter().map(of).collect();
    assert_eq!(
        sent,
        [
            (Some(25.0), None),
            (Some(55.0), Some(1)),
            (Some(100.0), Some(1)),
            (Some(100.0), Some(9)),
            // Never colder than the user wants it.
            (Some(150.0), Some(2)),
        ]
    );
}

#[tokio::test]
async fn the_request_carries_tools_in_order_the_key_and_nothing_of_its_own() {
    let server = Server::start([says("hi")]).await;
    let entry = ModelEntry {
        model: Some("qwen3".into()),
        api_key: Some(ApiKey::new("secret")),
        temperature: Some(0.25),
        max_tokens: 77,
        ..server.entry()
    };
    let (reply, _) = server.ask_for(entry, &with_tools()).await;
    let reply = reply.unwrap();
    assert_eq!(
        (reply.model.as_str(), reply.reported.as_deref()),
        ("m", Some("served"))
    );
    assert_eq!(server.keys(), ["Bearer secret"]);
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "description": format!("does {name}"), "parameters": {"type": "object", "required": ["path"]}}});
    assert_eq!(
        server.requests(),
        [json!({
            "model": "qwen3",
            "messages": [{"role": "user", "content": "hello"}],
            "tools": [tool("read_file"), tool("write_file")],
            "tool_choice": "required",
            "max_tokens": 77,
            "temperature": 0.25,
            "stream": true,
            "stream_options": {"include_usage": true},
            "chat_template_kwargs": {"enable_thinking": false},
        })]
    );
}

#[tokio::test]
async fn a_finish_chunk_and_a_closed_connection_are_an_end_too() {
    let stream = events(&[text("yes"), finish("stop")]);
    let server = Server::start([Answer::Stream(vec![Step::Send(stream)])]).await;
    let reply = server.ask(server.entry()).await.unwrap();
    assert_eq!(
        (reply.answer.text.as_str(), reply.finish),
        ("yes", Finish::Stop)
    );
    assert!(reply.usage.estimated && reply.usage.prompt > 0 && reply.usage.completion == 1);
}

#[tokio::test]
async fn an_end_mark_without_a_finish_chunk_is_an_end() {
    let server = Server::start([answer(&[text("yes")])]).await;
    let reply = server.ask(server.entry()).await.unwrap();
    assert_eq!(
        (reply.answer.text.as_str(), reply.finish),
        ("yes", Finish::Other)
    );
}

#[tokio::test]
async fn a_server_that_neither_ends_nor_closes_after_the_finish_chunk_is_not_waited_for() {
    let stream = events(&[text("yes"), finish("stop")]);
    let server = Server::start([Answer::Stream(vec![Step::Send(stream), Step::Hang])]).await;
    let router = Router::new(vec![server.entry()]).unwrap();
    // Both events come in one piece: from the first on only the clock is waited for.
    let mut sink = |_: Delta<'_>| tokio::time::pause();
    let cancel = CancellationToken::new();
    let reply = router
        .chat("m", &hello(), &mut sink, &cancel)
        .await
        .unwrap();
    assert_eq!(reply.answer.text, "yes");
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let body = json!({
        "model": "whole",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant",
            "content": null,
            "tool_calls": [{"type": "function", "function": {"name": "read_file", "arguments": {"path": "a"}}}],
        }}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3},
    });
    let server = Server::start([Answer::Plain(200, Vec::new(), body.to_string())]).await;
    let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
    assert_eq!(reply.unwrap().answer.calls, [read_call("call_1", "a")]);
}

#[tokio::test]
async fn thoughts_in_the_text_are_delivered_and_kept_apart() {
    let pieces = ["<thi", "nk>hm", "</think>\n", "\nyes"];
    let mut chunks: Vec<_> = pieces.iter().map(|piece| text(piece)).collect();
    chunks.push(finish("stop"));
    let server = Server::start([answer(&chunks)]).await;
    let (reply, delivered) = server.ask_for(server.entry(), &hello()).await;
    let answer = reply.unwrap().answer;
    assert_eq!(
        (answer.thought.as_deref(), answer.text.as_str()),
        (Some("hm"), "yes")
    );
    assert_eq!(
        (delivered.thought.as_str(), delivered.text.trim()),
        ("hm", "yes")
    );
}

#[tokio::test]
async fn a_call_that_the_server_left_in_the_text_is_read() {
    let call = r#"{"name": "read_file", "arguments": {"path": "a"}}"#;
    let server = Server::start([
        says(&format!("I look.\n<tool_call>\n{call}\n</tool_call>")),
        says(&format!("```json\n{call}\n```")),
    ])
    .await;
    for said in ["I look.", ""] {
        let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
        let answer = reply.unwrap().answer;
        assert_eq!(answer.calls, [read_call("call_1", "a")]);
        assert_eq!(answer.text, said);
    }
}

#[tokio::test]
async fn a_call_cut_by_the_limit_is_refused_and_the_one_before_it_kept() {
    let server = Server::start([answer(&[
        call_piece(&json!({"index": 0, "id": "a", "function": {"name": "read_file", "arguments": "{\"path\":\"a\"}"}})),
        call_piece(&json!({"index": 1, "id": "b", "function": {"name": "write_file", "arguments": "{\"path\":\"a\",\"content\":\"x"}})),
        finish("length"),
    ])])
    .await;
    let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
    let answer = reply.unwrap().answer;
    assert_eq!(answer.calls, [read_call("a", "a")]);
    let refused = &answer.unreadable[0];
    assert_eq!(refused.name.as_deref(), Some("write_file"));
    assert_eq!(refused.refusal.code, "truncated_arguments");
    assert_eq!(refused.raw, r#"{"path":"a","content":"x"#);
}
