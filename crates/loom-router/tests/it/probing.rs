//! The probe against a scripted server: what is asked, and what is made of the answers.

use crate::server::{Answer, Server, Step, answer, delta, finish, refuses, says, text, usage};
use loom_router::{
    BuiltinProviders, CallError, Calls, Canary, Probe, Provider, ProviderFactory as _, Stage,
    Subject, Thinking, Verdict, probe,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

async fn probed(
    server: &Server,
    cancel: &CancellationToken,
) -> (Result<Probe, CallError>, Vec<Stage>) {
    let entry = server.entry();
    let provider: Arc<dyn Provider> = BuiltinProviders.provider(&entry).unwrap();
    let subject = Subject {
        provider: provider.as_ref(),
        entry: &entry,
        salt: 5,
    };
    let mut stages = Vec::new();
    let probe = probe(&subject, &mut |stage| stages.push(stage), cancel).await;
    (probe, stages)
}

fn calls(name: &str, arguments: &Value, times: usize) -> Answer {
    let call = |index| {
        let function = json!({"name": name, "arguments": arguments.to_string()});
        json!({"index": index, "id": format!("c{index}"), "type": "function", "function": function})
    };
    let calls: Vec<_> = (0..times).map(call).collect();
    answer(&[
        delta(&json!({ "tool_calls": calls })),
        finish("tool_calls"),
        usage(300, 0, 40),
    ])
}

fn thinks() -> Answer {
    answer(&[
        delta(&json!({"reasoning_content": "hm"})),
        text("yes"),
        finish("stop"),
        usage(700, 0, 30),
    ])
}

#[tokio::test]
async fn each_stage_is_asked_once_and_its_answer_counts() {
    let content = "    if a < b and c > d:\n        say(\"it's fine\", '&amp;')\n\n    done()\n";
    let server = Server::start([
        says("something else"),
        thinks(),
        calls(
            "write_file",
            &json!({"path": "hello.py", "content": content}),
            1,
        ),
        calls("read_file", &json!({"path": "a.txt"}), 2),
        says("Hello!"),
        says(r#"{"answer": "yes"}"#),
    ])
    .await;
    let (probe, stages) = probed(&server, &CancellationToken::new()).await;
    let probe = probe.unwrap();
    assert_eq!(stages, Stage::ALL);
    assert_eq!(probe.canary, Canary::Unclear);
    let known = &probe.capabilities;
    assert_eq!(
        (known.calls, known.thinking),
        (Calls::Structured, Thinking::Switchable)
    );
    assert_eq!(
        (known.forced_calls, known.schema),
        (Some(false), Some(true))
    );
    let copied = probe
        .seen
        .iter()
        .find(|one| one.text.contains("byte for byte"));
    assert_eq!(copied.map(|one| one.verdict), Some(Verdict::Good));

    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|one| one["max_tokens"].as_u64().unwrap() <= 256)
    );
    assert_eq!(requests[4]["tool_choice"], "required");
    assert_eq!(requests[5]["response_format"]["type"], "json_schema");
}

#[tokio::test]
async fn a_server_without_tools_is_told_apart_from_a_model_without() {
    let no_tools = json!({"error": "registry.ollama.ai/library/gemma:2b does not support tools"});
    let server = Server::start([
        says("x"),
        says("x"),
        refuses(400, &no_tools),
        says(r#"{"answer": "no"}"#),
    ])
    .await;
    let (probe, stages) = probed(&server, &CancellationToken::new()).await;
    let probe = probe.unwrap();
    assert_eq!(
        stages,
        [Stage::Plain, Stage::Thinking, Stage::Call, Stage::Schema]
    );
    assert_eq!(probe.capabilities.calls, Calls::None);
}

#[tokio::test]
async fn what_fails_at_first_is_an_error_and_what_fails_later_a_finding() {
    let broken = || refuses(400, &json!({"error": "no"}));
    let server = Server::start([broken()]).await;
    let (probe, _) = probed(&server, &CancellationToken::new()).await;
    assert!(matches!(probe, Err(CallError::Refused { .. })), "{probe:?}");

    let server = Server::start([says("x"), broken(), broken(), broken(), broken(), broken()]).await;
    let (probe, _) = probed(&server, &CancellationToken::new()).await;
    let probe = probe.unwrap();
    let failed = probe.seen.iter().filter(|one| one.text.contains("failed"));
    assert_eq!(failed.count(), 5);
    assert_eq!(probe.capabilities.calls, Calls::Unknown);
}

#[tokio::test]
async fn cancelling_ends_the_call_at_the_server() {
    let server = Server::start([Answer::Stream(vec![Step::Hang])]).await;
    let cancel = CancellationToken::new();
    let (probe, ()) = tokio::join!(probed(&server, &cancel), async {
        server.begun().await;
        cancel.cancel();
    });
    assert!(matches!(probe.0, Err(CallError::Cancelled { .. })));
    server.ended().await;
}
