//! Ollama's own protocol, as it is documented: lines, whole calls, counts at the end.

use crate::server::{Answer, Server, Step, hello};
use loom_events::{Finish, ToolCall, ToolSpec, Usage};
use loom_router::{
    BuiltinProviders, CallError, Calls, Capabilities, ChatRequest, Family, ModelEntry,
    ProviderFactory, ProviderKind, Thinking,
};
use serde_json::{Value, json};

fn lines(lines: &[Value]) -> Answer {
    let lines = lines.iter().map(|line| format!("{line}\n"));
    Answer::Stream(vec![Step::Send(lines.collect::<String>().into_bytes())])
}

fn said(message: &Value) -> Value {
    json!({"model": "qwen3:8b", "message": message, "done": false})
}

fn done(reason: &str) -> Value {
    json!({
        "model": "qwen3:8b", "message": {"role": "assistant", "content": ""},
        "done": true, "done_reason": reason,
        "total_duration": 5_000_000_000_u64, "prompt_eval_count": 26, "eval_count": 9,
    })
}

fn shown() -> Value {
    json!({
        "model_info": {"general.parameter_count": 8_190_735_360_u64, "qwen3.context_length": 40960},
        "capabilities": ["completion", "tools", "thinking"],
    })
}

fn entry(server: &Server) -> ModelEntry {
    ModelEntry {
        model: Some("qwen3:8b".into()),
        ..server.entry_of(ProviderKind::Ollama)
    }
}

fn with_tools() -> ChatRequest {
    ChatRequest {
        tools: vec![ToolSpec::new("read_file", "d", json!({"type": "object"}))],
        ..hello()
    }
}

#[tokio::test]
async fn thoughts_text_and_calls_of_several_chunks_become_one_answer() {
    let call = |path: &str| {
        let function = json!({"index": 0, "name": "read_file", "arguments": {"path": path}});
        said(&json!({"role": "assistant", "content": "", "tool_calls": [{ "function": function }]}))
    };
    let server = Server::start([lines(&[
        said(&json!({"role": "assistant", "content": "", "thinking": "hm"})),
        said(&json!({"role": "assistant", "content": "I look."})),
        call("a"),
        call("b"),
        done("stop"),
    ])])
    .await
    .has("/api/show", shown());
    let (reply, delivered) = server.ask_for(entry(&server), &with_tools()).await;
    let reply = reply.unwrap();
    let expected = |id: &str, path: &str| ToolCall {
        id: id.into(),
        name: "read_file".into(),
        arguments: json!({ "path": path }),
    };
    assert_eq!(
        reply.answer.calls,
        [expected("call_1", "a"), expected("call_2", "b")]
    );
    assert_eq!(reply.answer.text, "I look.");
    assert_eq!(reply.answer.thought.as_deref(), Some("hm"));
    assert_eq!(reply.finish, Finish::Stop);
    assert_eq!(
        reply.usage,
        Usage {
            prompt: 26,
            cached: 0,
            completion: 9,
            estimated: false
        }
    );
    assert_eq!(delivered.calls, ["read_file", "read_file"]);
}

#[tokio::test]
async fn every_request_asks_for_the_same_window_and_forbids_cutting() {
    let yes = || lines(&[said(&json!({"content": "yes"})), done("stop")]);
    let ask = async |server: Server, context_length| {
        let entry = ModelEntry {
            context_length,
            ..entry(&server)
        };
        server.ask(entry).await.unwrap();
        let request = server.requests().remove(0);
        assert_eq!(
            [&request["truncate"], &request["shift"]],
            [&json!(false), &json!(false)]
        );
        request["options"]["num_ctx"].as_u64().unwrap()
    };
    let knowing = async || Server::start([yes()]).await.has("/api/show", shown());
    assert_eq!(ask(knowing().await, Some(65_536)).await, 65_536);
    assert_eq!(ask(knowing().await, None).await, 32_768);
    assert_eq!(ask(Server::start([yes()]).await, None).await, 8192);
}

#[tokio::test]
async fn an_error_among_the_lines_and_a_missing_end_are_no_answers() {
    let half = || said(&json!({"content": "half"}));
    let cut = Server::start([lines(&[half()])]).await;
    let failed = Server::start([lines(&[half(), json!({"error": "llama runner died"})])]).await;
    for (server, reason) in [(cut, "without an end mark"), (failed, "llama runner died")] {
        let error = server.ask(entry(&server)).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.partial(), Some("half"));
    }
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_and_a_missing_model_are_told_apart() {
    let refuses = |status, said: &str| {
        let body = json!({ "error": said }).to_string();
        Answer::Plain(status, Vec::new(), body)
    };
    let server = Server::start([
        refuses(
            400,
            "prompt too long; exceeded max context length by 12 tokens",
        ),
        refuses(404, "model 'qwen3:8b' not found"),
    ])
    .await
    .has(
        "/api/tags",
        json!({"models": [{"name": "llama3.2:latest"}]}),
    );
    let error = server.ask(entry(&server)).await.unwrap_err();
    assert!(matches!(error, CallError::Overflow { .. }), "{error}");
    let error = server.ask(entry(&server)).await.unwrap_err();
    assert!(
        matches!(&error, CallError::NoSuchModel { available, .. } if available == &["llama3.2:latest"]),
        "{error}"
    );
}

#[tokio::test]
async fn a_model_that_cannot_think_is_not_told_to() {
    let refusal = json!({"error": "\"qwen3:8b\" does not support thinking"});
    let server = Server::start([
        Answer::Plain(400, Vec::new(), refusal.to_string()),
        lines(&[said(&json!({"content": "yes"})), done("stop")]),
    ])
    .await;
    let request = ChatRequest {
        think: true,
        ..hello()
    };
    let (reply, _) = server.ask_for(entry(&server), &request).await;
    assert_eq!(reply.unwrap().answer.text, "yes");
    let think: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.get("think").cloned())
        .collect();
    assert_eq!(think, [Some(json!(true)), None]);
}

#[tokio::test]
async fn a_prompt_count_that_left_out_the_cache_is_replaced_by_an_estimate() {
    let end =
        json!({"message": {"content": ""}, "done": true, "prompt_eval_count": 1, "eval_count": 2});
    let server = Server::start([lines(&[said(&json!({"content": "yes"})), end])]).await;
    let request = ChatRequest::new(vec![loom_events::Message::User {
        text: "word ".repeat(400),
    }]);
    let (reply, _) = server.ask_for(entry(&server), &request).await;
    let usage = reply.unwrap().usage;
    assert_eq!((usage.prompt, usage.estimated), (500, true));
}

#[tokio::test]
async fn the_server_describes_and_lists_its_models() {
    let server = Server::start([])
        .await
        .has("/api/show", shown())
        .has("/api/version", json!({"version": "0.12.0"}))
        .has(
            "/api/ps",
            json!({"models": [{"name": "qwen3:8b", "context_length": 32768}]}),
        )
        .has(
            "/api/tags",
            json!({"models": [{"name": "qwen3:8b", "details": {"parameter_size": "8.2B"}}]}),
        );
    let provider = BuiltinProviders.provider(&entry(&server)).unwrap();
    let listed = provider.list().await.unwrap();
    assert_eq!(
        (listed[0].id.as_str(), listed[0].parameters),
        ("qwen3:8b", Some(8_200_000_000))
    );
    let expected = Capabilities {
        server: Some("Ollama 0.12.0".into()),
        window: Some(32_768),
        trained_window: Some(40_960),
        loaded: Some(true),
        parameters: Some(8_190_735_360),
        family: Some(Family::Hermes),
        calls: Calls::Structured,
        thinking: Thinking::Switchable,
        schema: Some(true),
        forced_calls: Some(false),
        swaps: true,
        ..Capabilities::default()
    };
    assert_eq!(provider.describe().await.unwrap(), expected);
}
