//! Queues and records.

use crate::server::{Answer, Server, Step, done, finish, hello, refuses, says, text};
use futures_util::future::join_all;
use loom_router::{CallError, Discard, ModelEntry, Router, RouterError};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_server_never_gets_more_calls_than_it_has_slots_and_waiting_ones_get_their_turn() {
    const CALLS: usize = 6;
    let gates: Vec<_> = (0..CALLS).map(|_| Arc::new(Notify::new())).collect();
    let gated = |gate: &Arc<Notify>| {
        let end = done(&[text("yes"), finish("stop")]);
        Answer::Stream(vec![Step::Wait(Arc::clone(gate)), Step::Send(end)])
    };
    let server = Server::start(gates.iter().map(gated)).await;
    // Two models at one server share its slots.
    let entry = |name: &str, max_concurrency| ModelEntry {
        name: name.into(),
        max_concurrency,
        ..server.entry()
    };
    let router = Router::new(vec![entry("a", 2), entry("b", 1)]).unwrap();
    let cancel = CancellationToken::new();
    let request = hello();
    let call = |number: usize| {
        let model = if number.is_multiple_of(2) { "a" } else { "b" };
        let (router, request, cancel) = (&router, &request, &cancel);
        async move { router.chat(model, request, &mut Discard, cancel).await }
    };
    let open_gates = async {
        server.begun().await;
        server.begun().await;
        let waiting: u32 = router.models().iter().map(|model| model.in_flight).sum();
        assert_eq!(waiting, 6);
        for gate in &gates {
            gate.notify_one();
        }
    };
    let (replies, ()) = tokio::join!(join_all((0..CALLS).map(call)), open_gates);
    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    assert_eq!(server.most_running(), 2);
    assert_eq!(server.requests().len(), CALLS);
}

#[tokio::test]
async fn a_call_that_is_cancelled_while_it_waits_gives_its_place_away() {
    let stream = vec![Step::Hang];
    let server = Server::start([Answer::Stream(stream), says("yes")]).await;
    let router = Router::new(vec![server.entry()]).unwrap();
    let (first, second) = (CancellationToken::new(), CancellationToken::new());
    let request = hello();
    let ask = |cancel| {
        let (router, request) = (&router, &request);
        async move { router.chat("m", request, &mut Discard, cancel).await }
    };
    let never = CancellationToken::new();
    let cancel_both = async {
        server.begun().await;
        second.cancel();
        first.cancel();
    };
    let (a, b, c, ()) = tokio::join!(ask(&first), ask(&second), ask(&never), cancel_both);
    let cancelled = || Err(CallError::Cancelled { model: "m".into() });
    assert_eq!((a, b), (cancelled(), cancelled()));
    assert_eq!(c.unwrap().answer.text, "yes");
}

#[tokio::test]
async fn the_record_of_a_model_counts_and_keeps_the_last_error() {
    let no = json!({"error": "no"});
    let server = Server::start([says("yes"), refuses(400, &no), says("yes")]).await;
    let router = Router::new(vec![server.entry()]).unwrap();
    let cancel = CancellationToken::new();
    let status = || router.models().remove(0);
    assert_eq!(status().last_latency, None);
    for expected in [(1, 0, false), (1, 1, true), (2, 1, false)] {
        let _reply = router.chat("m", &hello(), &mut Discard, &cancel).await;
        let status = status();
        let figures = (status.succeeded, status.failed, status.last_error.is_some());
        assert_eq!(figures, expected);
        assert!(status.last_latency.is_some());
    }
}

#[tokio::test]
async fn a_model_that_is_not_configured_is_said_to_be_so() {
    let router = Router::new(Vec::new()).unwrap();
    let cancel = CancellationToken::new();
    let error = router.chat("x", &hello(), &mut Discard, &cancel).await;
    assert_eq!(error, Err(CallError::UnknownEntry { model: "x".into() }));
}

#[test]
fn entries_that_make_no_sense_are_refused() {
    let entry = || ModelEntry::new("m", "http://127.0.0.1:1");
    let twice = Router::new(vec![entry(), entry()]).err();
    assert_eq!(twice, Some(RouterError::DuplicateName { name: "m".into() }));
    let nowhere = Router::new(vec![ModelEntry::new("m", "127.0.0.1:8080")]).err();
    assert!(matches!(nowhere, Some(RouterError::BadUrl { .. })));
}
