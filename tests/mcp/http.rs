//! A server at an address: what works, and what it may not do with us.

use super::{LONG, Stage, settings};
use loom_tools::{Secret, ServerPlace, ServerSettings};
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A peer that serves HTTP; it ends with the test.
struct HttpPeer {
    child: Child,
    url: String,
}

impl HttpPeer {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the one that runs the server"
    )]
    fn start(log: &std::path::Path) -> Self {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-peer"))
            .args(["--http", "--log", log.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        Self { child, url }
    }
}

impl Drop for HttpPeer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn at(url: &str) -> ServerSettings {
    let place = ServerPlace::Http {
        url: url.to_owned(),
        token: Some(Secret::new("hunter2")),
        headers: vec![("X-Key".to_owned(), Secret::new("swordfish"))],
    };
    settings("s", place)
}

/// A server that answers every request in the same words. The heads of the requests are kept.
async fn answers(answer: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let (answer, kept) = (answer.to_owned(), Arc::clone(&heads));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 16 << 10];
            let length = stream.read(&mut head).await.unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            kept.lock().unwrap().push(head);
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    (url, heads)
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_at_an_address_are_offered_and_can_be_called() {
    let dir = tempfile::tempdir().unwrap();
    let peer = HttpPeer::start(&dir.path().join("log"));
    let mut stage = Stage::with(|_| vec![at(&peer.url)]);
    let offer = stage.begin().await;
    assert_eq!(offer.notes, Vec::<String>::new());
    assert_eq!(offer.specs.len(), 9);
    let text = stage.ok("mcp__s__echo", json!({"text": "hello"})).await;
    assert!(text.ends_with("\nhello\n"), "{text}");
    let output = stage.done("mcp__s__large", json!({})).await;
    assert!(output.full.is_some_and(|full| full.len() > 10 << 20));
    let (output, ()) = tokio::join!(stage.done("mcp__s__slow", json!({})), async {
        stage.notes.told.notified().await;
        stage.cancel.cancel();
    });
    assert!(!output.ok);
    stage.servers.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_the_server_has_died_costs_the_call_and_is_found_again_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let peer = HttpPeer::start(&dir.path().join("log"));
    let mut stage = Stage::with(|_| vec![at(&peer.url)]);
    stage.begin().await;
    let text = stage.negative("mcp__s__die", json!({})).await;
    assert!(text.contains("nobody knows whether it was done"), "{text}");
    let text = stage.negative("mcp__s__echo", json!({"text": "x"})).await;
    assert!(text.contains("is not there"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_us_is_asked_once_and_no_secret_is_shown() {
    let (url, heads) = answers(
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 7\r\nconnection: close\r\n\r\ngo away",
    )
    .await;
    let stage = Stage::with(|_| vec![at(&url)]);
    let offer = stage.servers.offer(1 << 20).await;
    assert_eq!(offer.notes.len(), 1);
    let note = &offer.notes[0];
    assert!(note.contains("401") && note.contains("token_env"), "{note}");
    assert!(
        !note.contains("hunter2") && !note.contains("swordfish"),
        "{note}"
    );
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 1, "{heads:#?}");
    let head = heads[0].to_lowercase();
    assert!(head.contains("authorization: bearer hunter2") && head.contains("x-key: swordfish"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_a_broken_server_is_named() {
    let (elsewhere, heads) = answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let broken =
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    for (answer, said) in [
        (redirect.as_str(), "redirects"),
        (broken, "500"),
        (page, "text/html"),
    ] {
        let (url, _) = answers(answer).await;
        let stage = Stage::with(|_| vec![at(&url)]);
        let offer = stage.servers.offer(1 << 20).await;
        assert!(offer.notes[0].contains(said), "{:?}", offer.notes);
    }
    assert!(
        heads.lock().unwrap().is_empty(),
        "the secret went elsewhere"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_is_given_up_within_its_bounds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = vec![0; 16 << 10];
                // The head of the request, which comes in one piece.
                let _length = stream.read(&mut head).await;
                let start = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
                stream.write_all(start.as_bytes()).await.ok();
                let piece = vec![b' '; 1 << 20];
                while stream.write_all(&piece).await.is_ok() {}
            });
        }
    });
    let stage = Stage::with(|_| vec![at(&url)]);
    let offer = tokio::time::timeout(LONG, stage.servers.offer(1 << 20))
        .await
        .unwrap();
    assert!(
        offer.notes[0].contains("more than 16 MiB"),
        "{:?}",
        offer.notes
    );
}
