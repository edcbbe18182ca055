//! A real `mlx_lm.server`: it holds a model to nothing, so what must hold is held by Loom.

use crate::llama_server::file_tool;
use crate::real_server::RealServer;
use crate::server::{Delivered, hello};
use loom_dialect::Arguments;
use loom_events::{Finish, Message, ToolCall, Usage};
use loom_router::{
    CallError, ChatRequest, Delta, Discard, JsonError, JsonSchema, ModelEntry, ProviderKind,
    Router, ToolChoice, discover,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// The window of its model, which it neither tells nor heeds.
const WINDOW: u32 = 8192;

#[tokio::test]
async fn a_real_mlx_server_lists_streams_caches_and_survives_being_left() {
    let Some(server) = RealServer::mlx() else {
        return;
    };
    is_recognised(&server).await;
    let id = lists(&server).await;
    answers_to_its_listed_name(&server, &id).await;
    a_name_that_it_lacks_is_said_with_those_that_it_has(&server, &id).await;
    sends_comments_and_thoughts_of_its_own_name(&server).await;
    streams_thoughts_and_usage(&server).await;
    appended_conversations_stay_cached(&server).await;
    answers_after_it_was_left(&server).await;
}

#[tokio::test]
async fn what_a_real_mlx_server_does_not_enforce_is_checked_here() {
    let Some(server) = RealServer::mlx() else {
        return;
    };
    calls_fit_or_do_not_run(&server).await;
    an_answer_by_schema_fits_or_is_called_invalid(&server).await;
    what_is_too_long_is_refused_by_the_configured_window_alone(&server).await;
}

/// Its own temperature is 0, which would give the same noise every time.
fn entry(server: &RealServer) -> ModelEntry {
    ModelEntry {
        temperature: Some(1.0),
        ..server.entry()
    }
}

fn router(server: &RealServer) -> Router {
    Router::new(vec![entry(server)]).unwrap()
}

/// Its list has nothing but names, so it is known by the server under it.
async fn is_recognised(server: &RealServer) {
    let place = loom_router::Candidate::new("here", &server.url);
    let found = discover(&[place]).await.remove(0);
    assert_eq!(found.kind, ProviderKind::Mlx);
}

async fn lists(server: &RealServer) -> String {
    let mut listed = router(server).list("tiny").await.unwrap();
    assert_eq!(listed.len(), 1);
    let model = listed.remove(0);
    assert!(model.id.ends_with("models/tiny/hf"), "{}", model.id);
    assert_eq!((model.context_length, model.parameters), (None, None));
    model.id
}

async fn answers_to_its_listed_name(server: &RealServer, id: &str) {
    let entry = ModelEntry {
        model: Some(id.into()),
        max_tokens: 4,
        ..entry(server)
    };
    let reply = ask(entry, &hello()).await.unwrap();
    assert_eq!(reply.reported.as_deref(), Some(id));
}

/// It takes the name for one to load, and says that it found no folder: nothing that a user could
/// act on.
async fn a_name_that_it_lacks_is_said_with_those_that_it_has(server: &RealServer, id: &str) {
    let entry = ModelEntry {
        model: Some("qwen3-coder".into()),
        ..entry(server)
    };
    let error = ask(entry, &hello()).await.unwrap_err();
    assert!(
        matches!(
            &error,
            CallError::NoSuchModel { asked: Some(asked), available, .. }
                if asked == "qwen3-coder" && *available == [id]
        ),
        "{error}"
    );
    // It still has the one that it had.
    ask(self::entry(server), &hello()).await.unwrap();
}

async fn ask(
    entry: ModelEntry,
    request: &ChatRequest,
) -> Result<loom_router::ChatReply, CallError> {
    let cancel = CancellationToken::new();
    let router = Router::new(vec![entry]).unwrap();
    router.chat("tiny", request, &mut Discard, &cancel).await
}

/// What the following tests read past and read: that it is there at all is not theirs to see.
async fn sends_comments_and_thoughts_of_its_own_name(server: &RealServer) {
    let question = json!({
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 8,
        "stream": true,
    });
    let url = format!("{}/chat/completions", server.url);
    let asked = reqwest::Client::new().post(url).body(question.to_string());
    let stream = asked.send().await.unwrap().text().await.unwrap();
    assert!(stream.starts_with(": keepalive "), "{stream}");
    assert!(stream.contains(r#""reasoning": ""#), "{stream}");
    assert!(!stream.contains("reasoning_content"), "{stream}");
}

async fn streams_thoughts_and_usage(server: &RealServer) {
    let router = router(server);
    let cancel = CancellationToken::new();
    // Long enough for several comments while it is read.
    let request = ChatRequest {
        think: true,
        ..ChatRequest::new(vec![Message::User {
            text: "word after word ".repeat(800),
        }])
    };
    // A model of noise may end before it has said anything; ten times in a row it does not.
    for _ in 0..10 {
        let mut delivered = Delivered::default();
        let reply = router
            .chat("tiny", &request, &mut delivered, &cancel)
            .await
            .unwrap();
        let Usage {
            prompt, completion, ..
        } = reply.usage;
        assert!(!reply.usage.estimated && prompt > 2000 && completion > 0);
        assert!(matches!(reply.finish, Finish::Stop | Finish::Length));
        assert!(reply.latency.first_token_ms <= reply.latency.total_ms);
        assert!(!delivered.text.contains("keepalive"), "{delivered:?}");
        let thought = reply.answer.thought.unwrap_or_default();
        if !thought.is_empty() {
            assert_eq!(delivered.thought.trim(), thought);
            return;
        }
    }
    unreachable!("the model never thought");
}

/// Turn by turn only what was appended is read: all but the last answer and the new question.
async fn appended_conversations_stay_cached(server: &RealServer) {
    let router = router(server);
    let cancel = CancellationToken::new();
    let mut request = ChatRequest {
        tools: vec![file_tool()],
        max_tokens: Some(8),
        ..ChatRequest::new(vec![Message::System {
            text: "Follow the rules. ".repeat(300),
        }])
    };
    let mut before = 0;
    for turn in 0..6 {
        request.messages.push(Message::User {
            text: format!("step {turn}"),
        });
        let reply = router
            .chat("tiny", &request, &mut Discard, &cancel)
            .await
            .unwrap();
        let Usage { prompt, cached, .. } = reply.usage;
        assert!(!reply.usage.estimated && cached < prompt && prompt > before);
        assert!(
            turn == 0 || cached * 100 >= prompt * 95,
            "turn {turn}: {cached} of {prompt}"
        );
        before = prompt;
        request.messages.push(Message::Assistant {
            text: reply.answer.text,
            thought: reply.answer.thought,
            calls: Vec::new(),
        });
    }
    repeated_conversations_are_read_from_the_cache(&router, &request).await;
}

/// The same again: at least one token is always read.
async fn repeated_conversations_are_read_from_the_cache(router: &Router, request: &ChatRequest) {
    let cancel = CancellationToken::new();
    let mut usages = Vec::new();
    for _ in 0..2 {
        let reply = router
            .chat("tiny", request, &mut Discard, &cancel)
            .await
            .unwrap();
        usages.push(reply.usage);
    }
    assert_eq!(usages[0].prompt, usages[1].prompt);
    assert_eq!(usages[1].cached, usages[1].prompt - 1);
}

/// A model of noise may end by itself before it is left; in ten tries it does not.
async fn answers_after_it_was_left(server: &RealServer) {
    let long = Router::new(vec![ModelEntry {
        max_tokens: 3000,
        ..entry(server)
    }])
    .unwrap();
    for _ in 0..10 {
        let cancel = CancellationToken::new();
        let mut leave = |_: Delta<'_>| cancel.cancel();
        let left = long.chat("tiny", &hello(), &mut leave, &cancel).await;
        if matches!(left, Err(CallError::Cancelled { .. })) {
            let reply = ask(entry(server), &hello()).await.unwrap();
            assert!(reply.usage.completion > 0);
            return;
        }
    }
    unreachable!("the model never spoke twice");
}

/// Nothing forces a call or its form here. Noise calls rarely and badly; whatever it does is no
/// failure of the call, and only what fits would run.
async fn calls_fit_or_do_not_run(server: &RealServer) {
    let router = router(server);
    let cancel = CancellationToken::new();
    let tool = Arguments::new(&file_tool());
    for _ in 0..12 {
        let mut request = ChatRequest {
            tools: vec![file_tool()],
            tool_choice: ToolChoice::Required,
            ..hello()
        };
        let reply = router
            .chat("tiny", &request, &mut Discard, &cancel)
            .await
            .unwrap();
        let answer = reply.answer;
        for call in &answer.unreadable {
            assert!(!call.refusal.message.is_empty(), "{call:?}");
        }
        for ToolCall {
            name, arguments, ..
        } in &answer.calls
        {
            assert!(!name.is_empty() && arguments.is_object());
            let fitted = tool.fit(arguments.clone());
            assert!(
                fitted.is_err() || fitted.is_ok_and(|fitted| fitted["path"].is_string()),
                "{arguments}"
            );
        }
        // Whatever it was, it is accepted as history, with a result for every call.
        request.tool_choice = ToolChoice::Auto;
        request.max_tokens = Some(4);
        let results = answer.calls.iter().map(|call| Message::Tool {
            call_id: call.id.clone(),
            name: call.name.clone(),
            text: "done".into(),
        });
        let results: Vec<_> = results.collect();
        request.messages.push(Message::Assistant {
            text: answer.text,
            thought: answer.thought,
            calls: answer.calls,
        });
        request.messages.extend(results);
        router
            .chat("tiny", &request, &mut Discard, &cancel)
            .await
            .unwrap();
    }
}

async fn an_answer_by_schema_fits_or_is_called_invalid(server: &RealServer) {
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
    let asked = router(server)
        .json("tiny", &schema, &hello(), &cancel)
        .await;
    match asked {
        Ok(reply) => assert!(reply.value["pass"].is_boolean(), "{reply:?}"),
        Err(JsonError::Invalid { errors, reply, .. }) => {
            assert!(errors.iter().all(|error| !error.is_empty()) && !errors.is_empty());
            // Both questions were asked, and both are paid for: the schema is in their words.
            assert!(reply.usage.prompt > 100, "{:?}", reply.usage);
        }
        Err(error) => unreachable!("neither fits nor is invalid: {error}"),
    }
}

async fn what_is_too_long_is_refused_by_the_configured_window_alone(server: &RealServer) {
    let words = "word after word ".repeat(4500);
    begins_to_read_what_is_too_long(server, &words).await;
    let request = ChatRequest {
        max_tokens: Some(4),
        ..ChatRequest::new(vec![Message::User { text: words }])
    };
    let entry = ModelEntry {
        context_length: Some(WINDOW),
        ..entry(server)
    };
    let error = ask(entry, &request).await.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Overflow {
                prompt: Some(8193..),
                window: Some(8192),
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("not sent"), "{error}");
}

/// The server's own comment tells how much it means to read. Reading it all would take a minute.
async fn begins_to_read_what_is_too_long(server: &RealServer, words: &str) {
    let question = json!({"messages": [{"role": "user", "content": words}], "stream": true});
    let url = format!("{}/chat/completions", server.url);
    let asked = reqwest::Client::new().post(url).body(question.to_string());
    let mut stream = asked.send().await.unwrap().error_for_status().unwrap();
    let first = stream.chunk().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first).into_owned();
    let total = first.lines().next().unwrap().rsplit('/').next().unwrap();
    assert!(total.parse::<u32>().unwrap() > WINDOW, "{first}");
}
