//! Everything that can go wrong between a request and its reply.

use crate::server::{Answer, Server, Step, answer, delta, events, hello, refuses, says, text};
use loom_events::{FailureClass, Message};
use loom_router::{CallError, Deadline, Deadlines, Delta, ModelEntry, Router, RouterError};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Short enough for a test, long enough for a busy machine to get through where it must.
const SHORT: Duration = Duration::from_millis(60);

/// A stream that ends after this chunk, once the chunk has been delivered; then a whole answer.
/// Gives what was asked, the reply and how many pieces were delivered.
async fn ask_and_lose(chunk: Value, last: Option<Step>) -> (Server, CallError, usize) {
    let gate = Arc::new(Notify::new());
    let mut steps = vec![Step::Send(events(&[chunk])), Step::Wait(Arc::clone(&gate))];
    steps.extend(last);
    let server = Server::start([Answer::Stream(steps), says("again")]).await;
    let router = Router::new(vec![retrying(&server)]).unwrap();
    let (mut pieces, cancel) = (0, CancellationToken::new());
    let mut sink = |_: Delta<'_>| {
        pieces += 1;
        gate.notify_one();
    };
    let reply = router.chat("m", &hello(), &mut sink, &cancel).await;
    (server, reply.unwrap_err(), pieces)
}

fn retrying(server: &Server) -> ModelEntry {
    ModelEntry {
        retries: 2,
        ..server.entry()
    }
}

#[tokio::test]
async fn a_stream_that_ends_without_an_end_mark_is_a_transient_failure_and_never_said_twice() {
    let thought = || delta(&json!({"reasoning_content": "hm"}));
    for (chunk, last) in [
        (text("half"), None),
        (text("half"), Some(Step::Cut)),
        (thought(), Some(Step::Cut)),
    ] {
        let (server, error, pieces) = ask_and_lose(chunk, last).await;
        assert!(matches!(error, CallError::Broken { .. }), "{error}");
        assert_eq!(error.to_failure().class, FailureClass::Transient);
        assert_eq!((pieces, server.requests().len()), (1, 1));
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_first_token_is_tried_again() {
    let server = Server::start([Answer::Stream(vec![Step::Cut]), says("yes")]).await;
    let reply = server.ask(retrying(&server)).await.unwrap();
    assert_eq!(reply.answer.text, "yes");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_with_the_same_bytes() {
    let loading =
        json!({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}});
    for status in [408, 429, 500, 503] {
        let server = Server::start([refuses(status, &loading), says("yes")]).await;
        let reply = server.ask(retrying(&server)).await.unwrap();
        assert_eq!(reply.answer.text, "yes", "{status}");
        let requests = server.requests();
        assert_eq!(requests[0], requests[1]);
    }
}

#[tokio::test]
async fn retries_end_and_the_last_words_are_kept() {
    let no = json!({"error": "out of memory"});
    let server = Server::start([refuses(500, &no), refuses(500, &no), refuses(500, &no)]).await;
    let error = server.ask(retrying(&server)).await.unwrap_err();
    assert_eq!(server.requests().len(), 3);
    assert_eq!(
        error.to_failure().message,
        format!(
            "failed to get an answer of model m: {} said 500: out of memory",
            server.url
        )
    );
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let wait = |seconds: &str| {
        Answer::Plain(
            429,
            vec![("retry-after", seconds.into())],
            "slow down".into(),
        )
    };
    let server = Server::start([wait("1"), says("yes")]).await;
    let begun = Instant::now();
    assert!(server.ask(retrying(&server)).await.is_ok());
    assert!(begun.elapsed() >= Duration::from_secs(1));

    let server = Server::start([wait("600"), says("yes")]).await;
    let failure = server
        .ask(retrying(&server))
        .await
        .unwrap_err()
        .to_failure();
    assert_eq!(failure.retry_after_ms, Some(600_000));
    assert_eq!(
        server.requests().len(),
        1,
        "ten minutes are the caller's to wait"
    );

    // A date is read by the clock of the server that says it, which is its own.
    let until = |time: &str| {
        Answer::Plain(
            429,
            vec![
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT".into()),
                ("retry-after", time.into()),
            ],
            "slow down".into(),
        )
    };
    for (time, rest) in [
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60_000),
        ("Sunday, 06-Nov-94 08:51:37 GMT", 120_000),
        ("Sun Nov  6 09:04:37 1994", 900_000),
    ] {
        let server = Server::start([until(time), says("yes")]).await;
        let error = server.ask(retrying(&server)).await.unwrap_err();
        assert_eq!(error.to_failure().retry_after_ms, Some(rest), "{time}");
        assert_eq!(server.requests().len(), 1, "{time}");
    }
    for nothing in [
        "Sun, 06 Nov 1994 08:49:00 GMT",
        "Sun, 06 Nov 1994 09:04:38 GMT",
        "Sun, 06 Nov 2094 08:49:37 GMT",
        "Mon, 06 Nov 1994 08:50:37 GMT",
        "in a minute",
    ] {
        let server = Server::start([until(nothing), says("yes")]).await;
        assert!(server.ask(retrying(&server)).await.is_ok(), "{nothing}");
    }

    // What no rate limit asks for is not waited for, nor is the server out of use for that long.
    let server = Server::start([wait("18446744073709551615"), says("yes")]).await;
    assert!(server.ask(retrying(&server)).await.is_ok());
}

#[tokio::test]
async fn a_refused_request_is_never_sent_again() {
    for (status, body, class) in [
        (
            400,
            json!({"error": {"message": "'messages' is required"}}),
            FailureClass::Environment,
        ),
        (
            400,
            json!({"error": {"message": "request (6315 tokens) exceeds the available context size (4096 tokens)", "type": "exceed_context_size_error", "n_prompt_tokens": 6315, "n_ctx": 4096}}),
            FailureClass::Model,
        ),
        (
            401,
            json!({"error": {"message": "Invalid API Key"}}),
            FailureClass::Environment,
        ),
        (
            422,
            json!({"detail": [{"loc": ["body"], "msg": "bad"}]}),
            FailureClass::Environment,
        ),
    ] {
        let server = Server::start([refuses(status, &body)]).await;
        let error = server.ask(retrying(&server)).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_overflow_names_both_numbers_and_the_settings() {
    let body = json!({"error": {"message": "request (6315 tokens) exceeds the available context size (4096 tokens), try increasing it", "n_prompt_tokens": 6315, "n_ctx": 4096}});
    let server = Server::start([refuses(400, &body)]).await;
    let message = server.ask(server.entry()).await.unwrap_err().to_string();
    for part in ["model m", "6315", "4096", "num_ctx", "context_length", "-c"] {
        assert!(message.contains(part), "{part} is missing: {message}");
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_not_an_answer() {
    let broken = json!({"error": {"message": "slot died", "code": 500}});
    let overflow = json!({"error": "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= n_ctx: 4096)."});
    let server = Server::start([answer(&[text("half"), broken]), answer(&[overflow])]).await;
    let error = server.ask(server.entry()).await.unwrap_err();
    assert!(error.to_string().ends_with("slot died"), "{error}");
    assert_eq!(error.class(), FailureClass::Transient);
    let error = server.ask(server.entry()).await.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Overflow {
                prompt: Some(13055),
                window: Some(4096),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_model_is_answered_with_those_that_there_are() {
    let unknown = json!({"error": {"message": "model 'qwen9' not found"}});
    let plain = Answer::Plain(404, Vec::new(), "Not Found".into());
    let server = Server::start([refuses(404, &unknown), plain]).await;
    let server = server.has_models(&["qwen3:8b", "qwen3:32b"]);
    for _ in 0..2 {
        let entry = ModelEntry {
            model: Some("qwen9".into()),
            ..server.entry()
        };
        let error = server.ask(entry).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "use model m: {} has no model `qwen9`; set `model` to one that it has: qwen3:8b, qwen3:32b",
                server.url
            )
        );
    }
}

#[tokio::test]
async fn an_address_where_nothing_is_says_so() {
    let server = Server::start([]).await;
    let entry = ModelEntry {
        base_url: server.url.replace("/v1", "/v2"),
        ..server.entry()
    };
    let error = server.ask(entry).await.unwrap_err();
    assert!(matches!(error, CallError::Protocol { .. }), "{error}");
    assert!(
        error.to_string().contains("/v2/chat/completions"),
        "{error}"
    );
}

#[tokio::test]
async fn a_web_page_is_no_answer() {
    let page = Answer::Plain(200, Vec::new(), "<html>router login</html>".into());
    let server = Server::start([page]).await;
    let error = server.ask(retrying(&server)).await.unwrap_err();
    assert!(matches!(error, CallError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn an_empty_answer_is_asked_for_again() {
    let nothing = Answer::Plain(200, Vec::new(), String::new());
    let server = Server::start([nothing, says("yes")]).await;
    assert!(server.ask(retrying(&server)).await.is_ok());
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let server = Server::start([]).await;
    let entry = ModelEntry {
        base_url: url.clone(),
        retries: 1,
        ..server.entry()
    };
    let failure = server.ask(entry).await.unwrap_err().to_failure();
    assert_eq!(failure.class, FailureClass::Transient);
    assert!(
        failure
            .message
            .starts_with(&format!("failed to reach the model server at {url}: ")),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn each_clock_ends_the_call_and_closes_the_connection() {
    let hanging = |chunks: &[_]| Answer::Stream(vec![Step::Send(events(chunks)), Step::Hang]);
    let long = Deadlines::default();
    let table = [
        (
            Answer::Silence,
            Deadlines {
                first_token: SHORT,
                ..long
            },
            Deadline::FirstToken,
        ),
        (
            hanging(&[]),
            Deadlines {
                first_token: SHORT,
                ..long
            },
            Deadline::FirstToken,
        ),
        (
            hanging(&[text("")]),
            Deadlines {
                first_token: SHORT,
                ..long
            },
            Deadline::FirstToken,
        ),
        (
            hanging(&[text("a")]),
            Deadlines {
                stall: SHORT,
                ..long
            },
            Deadline::Stall,
        ),
        (
            hanging(&[text("a")]),
            Deadlines {
                total: SHORT,
                ..long
            },
            Deadline::Total,
        ),
    ];
    for (answer, deadlines, expected) in table {
        let server = Server::start([answer]).await;
        let entry = ModelEntry {
            deadlines,
            ..retrying(&server)
        };
        let error = server.ask(entry).await.unwrap_err();
        let CallError::TimedOut {
            deadline, limit, ..
        } = &error
        else {
            panic!("must time out: {error}");
        };
        assert_eq!((*deadline, *limit), (expected, SHORT));
        server.ended().await;
        assert_eq!(
            server.requests().len(),
            1,
            "a slow answer is not asked for again"
        );
    }
}

#[tokio::test]
async fn cancelling_closes_the_connection() {
    let hanging = || Answer::Stream(vec![Step::Send(events(&[text("a")])), Step::Hang]);
    let server = Server::start([hanging(), Answer::Silence, hanging()]).await;
    let router = Router::new(vec![server.entry()]).unwrap();

    for _ in 0..2 {
        let cancel = CancellationToken::new();
        let cancel_when_begun = async {
            server.begun().await;
            cancel.cancel();
        };
        let mut sink = |_: Delta<'_>| {};
        let request = hello();
        let chat = router.chat("m", &request, &mut sink, &cancel);
        let (reply, ()) = tokio::join!(chat, cancel_when_begun);
        assert_eq!(reply, Err(CallError::Cancelled { model: "m".into() }));
        server.ended().await;
    }

    // Dropping the future does the same.
    let (cancel, mut sink, request) = (CancellationToken::new(), |_: Delta<'_>| {}, hello());
    tokio::select! {
        _ = router.chat("m", &request, &mut sink, &cancel) => panic!("it hangs"),
        () = server.begun() => {}
    }
    server.ended().await;
    let status = &router.models()[0];
    assert_eq!(
        (status.in_flight, status.succeeded, status.failed),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn a_line_without_end_is_given_up_with_little_memory() {
    let mut steps: Vec<_> = (0..6).map(|_| Step::Send(vec![b'x'; 1 << 20])).collect();
    steps.push(Step::Hang);
    let server = Server::start([Answer::Stream(steps)]).await;
    let error = server.ask(server.entry()).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { .. }), "{error}");
    server.ended().await;
}

#[tokio::test]
async fn bytes_that_are_no_text_and_events_that_are_no_json_are_typed_errors() {
    let stream = |bytes: &[u8]| Answer::Stream(vec![Step::Send(bytes.to_vec())]);
    let server = Server::start([
        stream(b"data: {\"choices\"\n\n"),
        stream(b"data: \xff\xfe\n\n"),
        stream(b"data: \xe6\x97"),
        stream(b"hello\n\n"),
        stream(b""),
    ])
    .await;
    for _ in 0..5 {
        let error = server.ask(server.entry()).await.unwrap_err();
        assert!(matches!(error, CallError::Broken { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_model_that_repeats_itself_is_cut_off_and_the_connection_closed() {
    let chunks: Vec<_> = (0..400).map(|_| text("I will now fix it. ")).collect();
    let stream = vec![Step::Send(events(&chunks)), Step::Hang];
    let server = Server::start([Answer::Stream(stream)]).await;
    let error = server.ask(server.entry()).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Repeating { sample, .. } if sample.len() == 19),
        "{error}"
    );
    server.ended().await;
}

#[tokio::test]
async fn a_field_that_the_server_refuses_is_left_out_from_then_on() {
    let unexpected = json!({"detail": "Unexpected fields in the request: {'stream_options'}"});
    let template = json!({"error": {"message": "Unrecognized request argument supplied: chat_template_kwargs"}});
    let server = Server::start([
        refuses(422, &unexpected),
        refuses(400, &template),
        says("yes"),
        says("yes"),
    ])
    .await;
    let router = Router::new(vec![server.entry()]).unwrap();
    let cancel = CancellationToken::new();
    for _ in 0..2 {
        let mut sink = |_: Delta<'_>| {};
        let reply = router.chat("m", &hello(), &mut sink, &cancel).await;
        assert_eq!(reply.unwrap().answer.text, "yes");
    }
    let requests = server.requests();
    let has = |name: &str| {
        requests
            .iter()
            .map(|request| request.get(name).is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(has("stream_options"), [true, false, false, false]);
    assert_eq!(has("chat_template_kwargs"), [true, true, false, false]);
}

#[tokio::test]
async fn a_conversation_that_was_cut_off_is_sent_in_valid_form() {
    let server = Server::start([says("yes")]).await;
    let call = |id: &str| loom_events::ToolCall {
        id: id.into(),
        name: "read_file".into(),
        arguments: json!({"path": "a"}),
    };
    let request = loom_router::ChatRequest::new(vec![
        Message::User { text: "do".into() },
        Message::Assistant {
            text: String::new(),
            thought: None,
            calls: vec![call("a"), call("b")],
        },
        Message::Tool {
            call_id: "a".into(),
            name: "read_file".into(),
            text: "1".into(),
        },
    ]);
    let (reply, _) = server.ask_for(server.entry(), &request).await;
    reply.unwrap();
    let messages = &server.requests()[0]["messages"];
    assert_eq!(messages[3]["tool_call_id"], "b");
    assert!(
        messages[3]["content"]
            .as_str()
            .unwrap()
            .starts_with("interrupted")
    );
}

#[tokio::test]
async fn the_key_is_in_no_message() {
    let body = json!({"error": {"message": "Invalid API Key"}});
    let server = Server::start([refuses(401, &body)]).await;
    let entry = ModelEntry {
        api_key: Some(loom_router::ApiKey::new("sk-secret")),
        ..server.entry()
    };
    assert!(!format!("{entry:?}").contains("sk-secret"));
    let error = server.ask(entry).await.unwrap_err();
    assert!(matches!(error, CallError::Unauthorized { status: 401, .. }));
    assert!(!format!("{error} {error:?}").contains("sk-secret"));
    assert!(error.to_string().contains("api_key_env"), "{error}");
}

/// A machine without certificates says so before anything is asked; any other gets as far as the port.
#[tokio::test]
async fn an_https_address_is_called_with_tls() {
    let entry = ModelEntry {
        retries: 0,
        ..ModelEntry::new("m", "https://127.0.0.1:1/v1")
    };
    match Router::new(vec![entry]) {
        Ok(router) => {
            let error = router.list("m").await.unwrap_err();
            assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
        }
        Err(error) => assert!(matches!(error, RouterError::Client { .. }), "{error}"),
    }
}
