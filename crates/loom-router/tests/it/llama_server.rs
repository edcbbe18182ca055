//! A real `llama-server`: its list, streams, calls, schemas, counts and refusals.

use crate::real_server::RealServer;
use crate::server::hello;
use loom_events::{Finish, Message, ToolSpec};
use loom_router::{
    BuiltinProviders, CallError, Canary, Candidate, ChatRequest, Delta, DeltaSink, Discard,
    Finding, JsonSchema, ProviderFactory as _, ProviderKind, Router, Subject, ToolChoice, Verdict,
    discover, entries, probe,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

pub(crate) fn file_tool() -> ToolSpec {
    ToolSpec::new(
        "read_file",
        "Reads a file.",
        json!({
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "required": ["path"],
            "additionalProperties": false,
        }),
    )
    .read_only()
}

/// Counts the pieces that were delivered.
#[derive(Default)]
struct Count(usize);

impl DeltaSink for Count {
    fn delta(&mut self, _: Delta<'_>) {
        self.0 += 1;
    }
}

#[tokio::test]
async fn a_real_llama_server_lists_streams_calls_answers_by_schema_and_refuses_what_is_too_long() {
    let Some(server) = RealServer::llama() else {
        return;
    };
    let router = Router::new(vec![server.entry()]).unwrap();
    lists(&router).await;
    streams(&router).await;
    calls(&router).await;
    answers_by_schema(&router).await;
    counts_as_estimated(&router).await;
    refuses_what_is_too_long(&router).await;
    assert_eq!(router.models()[0].failed, 1);
    is_probed(&server).await;
}

/// It is recognised, and its model of noise is judged without guessing.
async fn is_probed(server: &RealServer) {
    let place = Candidate::new("here", &server.url);
    let found = discover(&[place]).await.remove(0);
    assert_eq!(found.kind, ProviderKind::LlamaCpp);
    let known = &found.model(Some("loom-tiny")).unwrap().capabilities;
    assert_eq!((known.window, known.slots), (Some(4096), Some(2)));
    assert_eq!(known.parameters, Some(1_041_472));

    let entry = entries(&[found]).remove(0);
    let provider = BuiltinProviders.provider(&entry).unwrap();
    let subject = Subject {
        provider: provider.as_ref(),
        entry: &entry,
        salt: 11,
    };
    let probe = probe(&subject, &mut |_| {}, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(probe.canary, Canary::Unclear);
    let problem = |finding: &&Finding| finding.verdict == Verdict::Problem;
    assert_eq!(probe.seen.iter().find(problem), None, "{:?}", probe.seen);
    assert_eq!(probe.capabilities.schema, Some(true));
    assert!(
        probe
            .capabilities
            .prefill_per_s
            .is_some_and(|rate| rate > 0.0)
    );
}

async fn lists(router: &Router) {
    let listed = router.list("tiny").await.unwrap();
    assert_eq!(listed[0].id, "loom-tiny");
    assert_eq!(
        listed[0].context_length,
        Some(4096),
        "per slot, not as started"
    );
    assert!(listed[0].parameters.unwrap() > 1_000_000);
}

async fn streams(router: &Router) {
    let (mut count, cancel) = (Count::default(), CancellationToken::new());
    let mut request = hello();
    request.think = true;
    let mut reply = router
        .chat("tiny", &request, &mut count, &cancel)
        .await
        .unwrap();
    // A model of noise may end after one token; ten times in a row it does not.
    for _ in 0..10 {
        if count.0 > 1 {
            break;
        }
        count = Count::default();
        reply = router
            .chat("tiny", &request, &mut count, &cancel)
            .await
            .unwrap();
    }
    assert!(count.0 > 1, "{reply:?}");
    assert!(!reply.usage.estimated && reply.usage.prompt > 0 && reply.usage.completion > 0);
    assert!(matches!(reply.finish, Finish::Stop | Finish::Length));
    assert!(reply.latency.first_token_ms <= reply.latency.total_ms);
    assert_eq!(reply.reported.as_deref(), Some("loom-tiny"));
}

async fn calls(router: &Router) {
    let request = ChatRequest {
        tools: vec![file_tool()],
        tool_choice: ToolChoice::Required,
        ..hello()
    };
    let cancel = CancellationToken::new();
    let reply = router
        .chat("tiny", &request, &mut Discard, &cancel)
        .await
        .unwrap();
    let answer = &reply.answer;
    // Noise may run into its limit inside of a call; then the call must have been refused.
    if reply.finish == Finish::Length {
        assert!(
            answer
                .unreadable
                .iter()
                .all(|call| call.refusal.code == "truncated_arguments")
        );
    } else {
        assert!(
            !answer.calls.is_empty() && answer.unreadable.is_empty(),
            "{reply:?}"
        );
    }
    for call in &answer.calls {
        assert_eq!(call.name, "read_file");
        assert!(call.arguments["path"].is_string(), "{call:?}");
    }

    // The call and its result, as history, are accepted again.
    let mut request = request;
    request.tool_choice = ToolChoice::Auto;
    request.messages.push(Message::Assistant {
        text: answer.text.clone(),
        thought: None,
        calls: answer.calls.clone(),
    });
    let reply = router
        .chat("tiny", &request, &mut Discard, &cancel)
        .await
        .unwrap();
    assert!(
        reply.usage.cached > 0,
        "the prefix must be reused: {:?}",
        reply.usage
    );
}

async fn answers_by_schema(router: &Router) {
    let schema = JsonSchema {
        name: "verdict".into(),
        schema: json!({
            "type": "object",
            "properties": {"pass": {"type": "boolean"}},
            "required": ["pass"],
            "additionalProperties": false,
        }),
    };
    let cancel = CancellationToken::new();
    let reply = router
        .json("tiny", &schema, &hello(), &cancel)
        .await
        .unwrap();
    assert!(reply.value["pass"].is_boolean(), "{reply:?}");
}

/// Estimates come near what the server counts, for code and prose, once it has reported; and a
/// conversation that grows is never taken for one that was cut.
async fn counts_as_estimated(router: &Router) {
    let prose = "The quick brown fox jumps over the lazy dog, and nobody knows why. ".repeat(6);
    let code =
        "    fn next(&mut self) -> Option<u8> {\n        self.bytes.pop_front()\n    }\n".repeat(5);
    let cancel = CancellationToken::new();
    let mut request = ChatRequest {
        tools: vec![file_tool()],
        max_tokens: Some(4),
        ..hello()
    };
    for turn in 0..6 {
        let text = if turn % 2 == 0 { &prose } else { &code };
        request.messages.push(Message::User {
            text: format!("{turn} {text}"),
        });
        let budget = router.budget("tiny", &request).unwrap();
        let reply = router
            .chat("tiny", &request, &mut Discard, &cancel)
            .await
            .unwrap();
        let reported = reply.usage.prompt;
        assert!(!reply.usage.estimated);
        let off = budget.prompt.abs_diff(reported) * 100 / reported;
        assert!(turn < 3 || off < 25, "{} for {reported}", budget.prompt);
    }
}

async fn refuses_what_is_too_long(router: &Router) {
    let request = ChatRequest::new(vec![Message::User {
        text: "word after word ".repeat(4000),
    }]);
    let cancel = CancellationToken::new();
    let error = router
        .chat("tiny", &request, &mut Discard, &cancel)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Overflow {
                prompt: Some(4097..),
                window: Some(4096),
                ..
            }
        ),
        "{error}"
    );
}
