//! Vectors over HTTP: what is asked, what is taken, and that a model that makes none stops no chat.

use crate::real_server::RealServer;
use crate::server::{Answer, Server, hello, refuses, says};
use loom_router::{CallError, Discard, Haste, ModelEntry, ProviderKind, Router};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

type Vectors = Result<Vec<Vec<f32>>, CallError>;

async fn embed(router: &Router, haste: Haste) -> Vectors {
    let texts = ["one".to_owned(), "two".to_owned()];
    let never = CancellationToken::new();
    router.embed("m", &texts, haste, &never).await
}

fn plain(body: &Value) -> Answer {
    Answer::Plain(200, Vec::new(), body.to_string())
}

fn vectors() -> Answer {
    plain(&json!({"data": [
        {"index": 1, "embedding": [0.5, -2]}, {"index": 0, "embedding": [1, 0]}]}))
}

fn router(entry: ModelEntry) -> Router {
    Router::new(vec![entry]).unwrap()
}

#[tokio::test]
async fn texts_are_asked_for_by_the_id_of_the_model_and_their_vectors_come_in_their_order() {
    for provider in [ProviderKind::OpenaiCompatible, ProviderKind::LlamaCpp] {
        let server = Server::start([vectors()]).await;
        let entry = ModelEntry {
            model: Some("nomic".to_owned()),
            ..server.entry_of(provider)
        };
        let got = embed(&router(entry), Haste::Now).await.unwrap();
        assert_eq!(got, [[1.0, 0.0], [0.5, -2.0]]);
        let asked = json!({"model": "nomic", "input": ["one", "two"], "encoding_format": "float"});
        assert_eq!(server.requests(), [asked]);
    }
}

#[tokio::test]
async fn ollama_is_asked_in_the_same_words() {
    let server = Server::start([vectors()]).await;
    let mut entry = server.entry_of(ProviderKind::Ollama);
    entry.base_url = entry.base_url.trim_end_matches("/v1").to_owned();
    entry.model = Some("nomic".to_owned());
    let got = embed(&router(entry), Haste::Now).await.unwrap();
    assert_eq!(got.len(), 2);
}

#[tokio::test]
async fn what_is_no_vector_for_each_text_is_an_error() {
    for body in [
        json!({"data": [{"embedding": [1]}]}),
        json!({"data": [{"embedding": [1]}, {"embedding": [1, 2]}]}),
        json!({"error": "no"}),
        json!("text"),
    ] {
        let server = Server::start([plain(&body)]).await;
        let got = embed(&router(server.entry()), Haste::Now).await;
        let protocol = matches!(&got, Err(CallError::Protocol { .. }));
        assert!(protocol, "{body}: {got:?}");
    }
    let server = Server::start([]).await;
    let entry = server.entry_of(ProviderKind::Anthropic);
    let none = embed(&router(entry), Haste::Now).await.unwrap_err();
    assert!(none.to_string().contains("make no vectors"), "{none}");
    assert_eq!(server.requests(), Vec::<Value>::new());
}

#[tokio::test]
async fn who_waits_is_answered_after_one_try_and_who_does_not_after_all_of_them() {
    let busy = || refuses(503, &json!({"error": "loading"}));
    let answers = || [busy(), vectors()];
    let entry = |server: &Server| ModelEntry {
        retries: 3,
        ..server.entry()
    };
    let server = Server::start(answers()).await;
    let got = embed(&router(entry(&server)), Haste::Now).await;
    assert!(matches!(got, Err(CallError::Busy { .. })), "{got:?}");
    assert_eq!(server.requests().len(), 1);
    let server = Server::start(answers()).await;
    assert!(
        embed(&router(entry(&server)), Haste::Sometime)
            .await
            .is_ok()
    );
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_model_that_makes_no_vectors_stops_no_chat_of_its_server() {
    let unsupported = || refuses(501, &json!({"error": "start it with --embeddings"}));
    let answers = (0..20).map(|_| unsupported()).chain([says("yes")]);
    let server = Server::start(answers).await;
    let router = router(server.entry());
    for _ in 0..20 {
        assert!(embed(&router, Haste::Now).await.is_err());
    }
    let never = CancellationToken::new();
    let reply = router.chat("m", &hello(), &mut Discard, &never).await;
    assert_eq!(reply.unwrap().answer.text, "yes");
}

#[tokio::test]
async fn one_that_does_not_answer_is_given_up_and_one_that_is_cancelled_at_once() {
    let server = Server::start([Answer::Silence, Answer::Silence]).await;
    let mut entry = server.entry();
    entry.deadlines.total = Duration::from_millis(20);
    let got = embed(&router(entry), Haste::Now).await;
    assert!(matches!(got, Err(CallError::TimedOut { .. })), "{got:?}");
    let cancel = CancellationToken::new();
    let router = router(server.entry());
    let texts = ["one".to_owned()];
    let ask = router.embed("m", &texts, Haste::Now, &cancel);
    let stop = async {
        server.begun().await;
        server.begun().await;
        cancel.cancel();
    };
    let (got, ()) = tokio::join!(ask, stop);
    assert_eq!(got, Err(CallError::Cancelled { model: "m".into() }));
}

#[tokio::test]
async fn a_real_llama_server_makes_vectors_and_says_when_it_makes_none() {
    let Some(server) = RealServer::llama_vectors() else {
        return;
    };
    let entry = ModelEntry {
        name: "m".to_owned(),
        ..server.entry()
    };
    let got = embed(&router(entry), Haste::Sometime).await.unwrap();
    assert!(got[0].len() > 8, "{}", got[0].len());
    assert_eq!(got[0].len(), got[1].len());
    assert_ne!(got[0], got[1]);
    drop(server);
    let Some(server) = RealServer::llama() else {
        return;
    };
    let entry = ModelEntry {
        name: "m".to_owned(),
        ..server.entry()
    };
    let none = embed(&router(entry), Haste::Now).await.unwrap_err();
    assert!(none.to_string().contains("embeddings"), "{none}");
}
