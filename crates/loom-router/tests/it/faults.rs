//! The fault suite for model servers: what a server or the way to it may do, each by its number, as
//! far as other files do not show it already (`failures`, `streaming`, `health`, `context`).

use crate::server::{
    Answer, Server, Step, answer, delta, done, events, finish, hello, refuses, says, text, usage,
};
use futures_util::{StreamExt, stream};
use loom_events::{FailureClass, ToolCall, ToolSpec};
use loom_router::{
    CallError, ChatReply, ChatRequest, Deadline, Deadlines, Delta, Discard, ModelEntry, Router,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

fn entry(url: &str) -> ModelEntry {
    ModelEntry {
        retries: 0,
        ..ModelEntry::new("m", url)
    }
}

async fn ask(entry: ModelEntry, request: &ChatRequest) -> Result<ChatReply, CallError> {
    let router = Router::new(vec![entry]).unwrap();
    let cancel = CancellationToken::new();
    router.chat("m", request, &mut Discard, &cancel).await
}

fn with_tools() -> ChatRequest {
    let schema =
        json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    ChatRequest {
        tools: vec![
            ToolSpec::new("read_file", "Reads.", schema.clone()).read_only(),
            ToolSpec::new("write_file", "Writes.", schema),
        ],
        ..hello()
    }
}

fn call(index: usize, id: &str, name: &str, arguments: &str) -> Value {
    delta(&json!({"tool_calls": [{
        "index": index, "id": id, "type": "function",
        "function": {"name": name, "arguments": arguments},
    }]}))
}

/// A server that speaks TCP, once: it reads the request and goes on as told.
async fn raw<F: Future + Send>(then: impl FnOnce(TcpStream) -> F + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 1 << 16];
        let _read = stream.read(&mut head).await.unwrap();
        then(stream).await;
    }));
    url
}

/// A server that answers with this endless body and counts how many pieces were wanted.
async fn endless(
    piece: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let (counter, piece) = (Arc::clone(&sent), Arc::new(piece));
    let handler = move || {
        let (counter, piece) = (Arc::clone(&counter), Arc::clone(&piece));
        async move {
            let pieces = stream::iter(0..).map(move |at| {
                counter.fetch_add(1, Ordering::SeqCst);
                Ok::<_, std::io::Error>(piece(at))
            });
            axum::response::Response::builder()
                .header("content-type", "text/event-stream")
                .body(axum::body::Body::from_stream(pieces))
                .unwrap()
        }
    };
    let app = axum::Router::new().route("/v1/chat/completions", axum::routing::post(handler));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(tokio::spawn(
        async move { axum::serve(listener, app).await },
    ));
    (url, sent)
}

/// N01: a name that nobody knows is said, with the setting to correct.
#[tokio::test]
async fn a_server_without_an_address_is_unreachable() {
    // Too long for a name, so that no resolver has to be asked.
    let name = "n".repeat(70);
    let error = ask(entry(&format!("http://{name}:8080/v1")), &hello())
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
    assert_eq!(error.class(), FailureClass::Transient);
    assert!(error.to_string().contains("base_url"), "{error}");
}

/// N02: accepts and never answers; headers and then silence; one chunk and then silence.
#[tokio::test]
async fn each_silence_ends_within_a_tenth_of_its_limit() {
    let limit = Duration::from_secs(100);
    let chunk = [HEAD, &events(&[text("a")])].concat();
    for (said, expected) in [
        (Vec::new(), Deadline::FirstToken),
        (HEAD.to_vec(), Deadline::FirstToken),
        (chunk, Deadline::Stall),
    ] {
        let begun = Arc::new(tokio::sync::Notify::new());
        let told = Arc::clone(&begun);
        let url = raw(move |mut stream| async move {
            stream.write_all(&said).await.unwrap();
            told.notify_one();
            // Open until the other side has had enough.
            let _closed = stream.read(&mut [0; 1]).await;
        })
        .await;
        let impatient = ModelEntry {
            deadlines: Deadlines {
                first_token: limit,
                stall: limit,
                ..Deadlines::default()
            },
            ..entry(&url)
        };
        let request = hello();
        // The clock stands still once all was said that ever is.
        let still = async {
            begun.notified().await;
            tokio::time::pause();
            Instant::now()
        };
        let (error, begun) = tokio::join!(ask(impatient, &request), still);
        let took = begun.elapsed();
        tokio::time::resume();
        let error = error.unwrap_err();
        assert!(
            matches!(error, CallError::TimedOut { deadline, .. } if deadline == expected),
            "{error}"
        );
        assert!(
            took >= limit.mul_f64(0.9) && took <= limit.mul_f64(1.1),
            "{expected} {took:?}"
        );
    }
}

/// N03: reset or closed after every chunk: a typed error, and never a part of a call.
#[tokio::test]
async fn a_stream_that_is_torn_anywhere_gives_no_half_call() {
    let chunks = [
        text("I write. "),
        call(0, "c", "write_file", "{\"path\""),
        delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": ":\"a\""}}]})),
        delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]})),
    ];
    for reset in [false, true] {
        for kept in 0..=chunks.len() {
            let bytes = [HEAD, &events(&chunks[..kept])].concat();
            let url = raw(move |mut stream| async move {
                stream.write_all(&bytes).await.unwrap();
                if reset {
                    stream.set_zero_linger().unwrap();
                }
            })
            .await;
            let error = ask(entry(&url), &with_tools()).await.unwrap_err();
            assert!(
                matches!(error, CallError::Broken { .. }),
                "{reset} {kept}: {error}"
            );
            assert_eq!(error.class(), FailureClass::Transient);
        }
    }
}

/// N05: one byte a second shows no life that counts; the limits hold all the same.
#[tokio::test]
async fn a_drip_of_bytes_outlives_no_limit() {
    let second = Duration::from_secs(1);
    let limits = |first_token, total| Deadlines {
        first_token: Duration::from_secs(first_token),
        total: Duration::from_secs(total),
        ..Deadlines::default()
    };
    for (deadlines, first, expected) in [
        (limits(120, 1800), Vec::new(), (Deadline::FirstToken, 120)),
        (
            limits(120, 100),
            events(&[text("a")]),
            (Deadline::Total, 100),
        ),
    ] {
        let url = raw(move |mut stream| async move {
            stream.write_all(&[HEAD, &first].concat()).await.unwrap();
            tokio::time::pause();
            while stream.write_all(b":").await.is_ok() && stream.flush().await.is_ok() {
                tokio::time::sleep(second).await;
            }
        })
        .await;
        let begun = Instant::now();
        let dripping = ModelEntry {
            deadlines,
            ..entry(&url)
        };
        let error = ask(dripping, &hello()).await.unwrap_err();
        let took = begun.elapsed().as_secs_f64();
        tokio::time::resume();
        assert!(
            matches!(error, CallError::TimedOut { deadline, .. } if deadline == expected.0),
            "{error}"
        );
        let limit = f64::from(expected.1);
        assert!(
            (limit * 0.9..=limit * 1.1).contains(&took),
            "{took} of {limit}"
        );
    }
}

/// N05: of a line of 200 MiB no more is taken than a line may have.
#[tokio::test]
async fn a_line_of_200_mib_is_given_up_early() {
    let (url, sent) = endless(|at| {
        if at < 200 {
            vec![b'x'; 1 << 20]
        } else {
            b"\n".to_vec()
        }
    })
    .await;
    let error = ask(entry(&url), &hello()).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { .. }), "{error}");
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 40, "{sent} MiB were taken");
}

/// N05: an answer that does not end is given up at a bound, though it says new things all the time.
#[tokio::test]
async fn an_answer_without_end_is_given_up_at_its_bound() {
    let piece = |at: usize| {
        let words: String = (0..4000)
            .map(|word| format!("{:x} ", at * 4000 + word))
            .collect();
        events(&[text(&words)])
    };
    let (url, sent) = endless(piece).await;
    let error = ask(entry(&url), &hello()).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { .. }), "{error}");
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 1000, "{sent} pieces were taken");
}

/// N05: a million chunks with nothing in them are no answer, and do no harm to the one after them.
#[tokio::test]
async fn a_million_empty_chunks_are_read_over() {
    let many: Vec<u8> = b"data: {}\n\n".repeat(200);
    let mut steps: Vec<_> = (0..5000).map(|_| Step::Send(many.clone())).collect();
    steps.push(Step::Send(done(&[text("yes"), finish("stop")])));
    let server = Server::start([Answer::Stream(steps)]).await;
    let mut pieces = 0;
    let mut sink = |_: Delta<'_>| pieces += 1;
    let router = Router::new(vec![server.entry()]).unwrap();
    let cancel = CancellationToken::new();
    let reply = router
        .chat("m", &hello(), &mut sink, &cancel)
        .await
        .unwrap();
    assert_eq!((reply.answer.text.as_str(), pieces), ("yes", 1));
}

/// N06: pieces that come twice or in another order give the call as it was meant, or none. The last
/// brace stays the last piece of the call: without it a call looks like one whose server dropped it,
/// which is put right.
#[tokio::test]
async fn pieces_out_of_order_never_make_another_call() {
    let piece = |arguments: &str| {
        delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}))
    };
    let chunks = [
        call(0, "c", "write_file", "{\"path\":"),
        piece("\"src"),
        piece("/a.rs\""),
        piece("}"),
        finish("tool_calls"),
        usage(100, 0, 9),
    ];
    let meant = ToolCall {
        id: "c".into(),
        name: "write_file".into(),
        arguments: json!({"path": "src/a.rs"}),
    };
    let mut orders: Vec<Vec<Value>> = Vec::new();
    for at in 0..chunks.len() {
        let mut twice = chunks.to_vec();
        twice.insert(at, chunks[at].clone());
        orders.push(twice);
        for other in at + 1..chunks.len() {
            let mut swapped = chunks.to_vec();
            swapped.swap(at, other);
            let place = |piece: &Value| swapped.iter().position(|chunk| chunk == piece);
            let brace_is_last = chunks[..3]
                .iter()
                .all(|piece| place(piece) < place(&chunks[3]));
            if brace_is_last {
                orders.push(swapped);
            }
        }
    }
    for order in &orders {
        // An answer that lost its end is asked for once more.
        let server = Server::start([answer(order), answer(order)]).await;
        let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
        if let Ok(reply) = reply {
            // What does not fit its tool stays in the answer to be refused.
            let mut calls = reply.answer.calls;
            calls.retain(|call| call.arguments["path"].is_string());
            assert!(
                calls.is_empty() || calls == std::slice::from_ref(&meant),
                "{calls:?} from {order:?}"
            );
        }
    }
}

/// An answer that lost its end is asked for once more: both answers were written, but there is one
/// prompt, whose size the next turn is held against.
#[tokio::test]
async fn a_prompt_that_is_sent_twice_counts_once() {
    let broken = || {
        answer(&[
            call(0, "c", "write_file", "{\"path\":\"a"),
            finish("tool_calls"),
            usage(100, 0, 9),
        ])
    };
    let server = Server::start([broken(), broken()]).await;
    let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
    let usage = reply.unwrap().usage;
    assert_eq!((usage.prompt, usage.completion), (100, 18));
}

/// N07: what cannot be run is refused with a reason for the model, and the rest is bounded.
#[tokio::test]
async fn calls_that_cannot_be_run_are_refused_and_bounded() {
    let long = format!("{{\"path\":\"{}\"}}", "x".repeat(2 << 20));
    let many: Vec<_> = (0..500)
        .map(|at| call(at, &format!("c{at}"), "read_file", "{\"path\":\"a\"}"))
        .chain([finish("tool_calls")])
        .collect();
    let one = |name: &str, arguments: &str| {
        answer(&[call(0, "c", name, arguments), finish("tool_calls")])
    };
    let server = Server::start([
        one("write_file", "{\"path\": \"a\", }}{"),
        one("write_file", &long),
        answer(&many),
    ])
    .await;
    let ask = async || {
        let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
        reply.unwrap().answer
    };
    for _ in 0..2 {
        let answer = ask().await;
        assert_eq!(answer.calls, []);
        let refused = &answer.unreadable[0];
        assert!(!refused.refusal.message.is_empty(), "{refused:?}");
        assert!(refused.raw.len() <= 2 << 20, "{}", refused.raw.len());
    }
    let answer = ask().await;
    assert!(
        (1..=64).contains(&answer.calls.len()),
        "{}",
        answer.calls.len()
    );
    assert!(
        !answer.unreadable.is_empty(),
        "the model is told of the others"
    );
}

/// N07: a tool that is not on offer stays a call of that name, so that the registry can say which
/// there are; it is not turned into another tool.
#[tokio::test]
async fn an_unknown_tool_does_not_become_a_known_one() {
    let stream = answer(&[
        call(0, "c", "delete_everything", "{\"path\":\"a\"}"),
        finish("tool_calls"),
    ]);
    let server = Server::start([stream]).await;
    let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
    let answer = reply.unwrap().answer;
    let names: Vec<_> = answer.calls.iter().map(|call| call.name.as_str()).collect();
    let refused: Vec<_> = answer
        .unreadable
        .iter()
        .map(|call| call.name.as_deref())
        .collect();
    assert!(
        names == ["delete_everything"] || refused == [Some("delete_everything")],
        "{answer:?}"
    );
}

/// N07: one id is one call, or two calls can be told apart.
#[tokio::test]
async fn two_calls_with_one_id_are_not_mixed() {
    let stream = answer(&[
        call(0, "c", "read_file", "{\"path\":\"a\"}"),
        call(1, "c", "read_file", "{\"path\":\"b\"}"),
        finish("tool_calls"),
    ]);
    let server = Server::start([stream]).await;
    let (reply, _) = server.ask_for(server.entry(), &with_tools()).await;
    let answer = reply.unwrap().answer;
    let mut ids: Vec<_> = answer.calls.iter().map(|call| call.id.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), answer.calls.len(), "{answer:?}");
    let paths: Vec<_> = answer
        .calls
        .iter()
        .map(|call| &call.arguments["path"])
        .collect();
    assert!(paths == ["a", "b"] || paths == ["a"], "{answer:?}");
}

/// N08: a prompt that is too long is not sent again as it is.
#[tokio::test]
async fn an_overflow_is_not_looped() {
    let overflow = json!({"error": {"type": "exceed_context_size_error", "message": "too long", "n_prompt_tokens": 6315, "n_ctx": 4096}});
    let server = Server::start((0..3).map(|_| refuses(400, &overflow))).await;
    let retrying = ModelEntry {
        retries: 2,
        ..server.entry()
    };
    let error = server.ask(retrying).await.unwrap_err();
    assert!(matches!(error, CallError::Overflow { .. }), "{error}");
    assert_eq!(server.requests().len(), 1);
}

/// N09: a model that is gone between two turns is said to be gone, and which there are instead.
#[tokio::test]
async fn a_model_that_vanishes_is_named_with_what_there_is() {
    let gone = json!({"error": {"message": "model 'qwen3:8b' not found"}});
    let server = Server::start([says("yes"), refuses(404, &gone)]).await;
    let server = server.has_models(&["gemma3:4b"]);
    let named = ModelEntry {
        model: Some("qwen3:8b".into()),
        ..server.entry()
    };
    let router = Router::new(vec![named]).unwrap();
    let cancel = CancellationToken::new();
    let first = router.chat("m", &hello(), &mut Discard, &cancel).await;
    assert_eq!(
        first.unwrap().reported.as_deref(),
        Some("served"),
        "recorded with every turn"
    );
    let error = router
        .chat("m", &hello(), &mut Discard, &cancel)
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Environment);
    assert!(error.to_string().contains("gemma3:4b"), "{error}");
}

/// N11: a model that makes the same call without end is cut off long before its limit of tokens.
#[tokio::test]
async fn the_same_call_for_ever_is_cut_off() {
    let hundred = |piece: usize| {
        let calls = (0..100).map(|at| call(piece * 100 + at, "", "read_file", "{\"path\":\"a\"}"));
        events(&calls.collect::<Vec<_>>())
    };
    let (url, sent) = endless(hundred).await;
    let error = ask(entry(&url), &with_tools()).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Repeating { sample, .. } if sample == "read_file"),
        "{error}"
    );
    let sent = sent.load(Ordering::SeqCst);
    // A thousand calls and what lies in buffers, of a stream that could have had 128 MiB.
    assert!(sent < 1500, "{sent}00 calls were taken");
}

/// A lying server: nothing that it says about its answer changes what the answer is.
#[tokio::test]
async fn a_server_that_lies_about_its_answer_is_read_by_what_it_sent() {
    let read = || call(0, "c", "read_file", "{\"path\":\"a\"}");
    let server = Server::start([
        answer(&[read(), finish("stop"), usage(10, 0, 1)]),
        answer(&[read(), finish("content_filter"), usage(10, 0, 1)]),
        answer(&[text("I am done."), finish("tool_calls"), usage(10, 0, 1)]),
    ])
    .await;
    let mut request = with_tools();
    let long: String = (0..4000).map(|word| format!("{word} ")).collect();
    request
        .messages
        .push(loom_events::Message::User { text: long });
    for called in [true, true, false] {
        let (reply, _) = server.ask_for(server.entry(), &request).await;
        let reply = reply.unwrap();
        assert_eq!(reply.answer.calls.len(), usize::from(called), "{reply:?}");
        assert!(
            reply.usage.estimated && reply.usage.prompt > 4000,
            "{:?}",
            reply.usage
        );
        assert_eq!(
            reply.reported.as_deref(),
            Some("served"),
            "whatever it calls itself"
        );
    }
}
