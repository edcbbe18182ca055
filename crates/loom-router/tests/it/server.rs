//! A model server that says what it is told to say, over real HTTP on the loopback.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use futures_util::{Stream, stream};
use loom_router::{
    CallError, ChatReply, ChatRequest, Delta, DeltaSink, ModelEntry, ProviderKind, Router,
};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

/// One answer of the server.
pub(crate) enum Answer {
    /// A stream of events.
    Stream(Vec<Step>),
    /// A status with headers and a body.
    Plain(u16, Vec<(&'static str, String)>, String),
    /// Not even headers.
    Silence,
}

/// One step of a stream.
pub(crate) enum Step {
    /// These bytes.
    Send(Vec<u8>),
    /// Nothing until the test says so.
    Wait(Arc<Notify>),
    /// Nothing for ever.
    Hang,
    /// The connection is torn down.
    Cut,
}

/// A server that was started for one test.
pub(crate) struct Server {
    pub(crate) url: String,
    script: Arc<Script>,
}

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Value>>,
    models: Mutex<String>,
    pages: Mutex<HashMap<String, Value>>,
    keys: Mutex<Vec<String>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
    begun: Counter,
    ended: Counter,
}

/// Counts events that a test can wait for.
struct Counter(Semaphore);

impl Default for Counter {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Counter {
    async fn next(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

impl Server {
    /// Starts a server with these answers, one for each request of a chat or of vectors; then it says 599.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Arc::new(Script::default());
        script.answers.lock().unwrap().extend(answers);
        let app = axum::Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/api/chat", post(chat))
            .route("/v1/messages", post(chat))
            .route("/v1/embeddings", post(embed))
            .route("/v1/models", get(models))
            .fallback(page)
            .with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        // Ends with the runtime of the test.
        drop(tokio::spawn(
            async move { axum::serve(listener, app).await },
        ));
        Self { url, script }
    }

    /// What `GET /v1/models` says.
    pub(crate) fn has_models(self, ids: &[&str]) -> Self {
        let data: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        self.has_list(json!({"object": "list", "data": data}))
    }

    /// The same, to the letter.
    pub(crate) fn has_list(self, list: Value) -> Self {
        *self.script.models.lock().unwrap() = list.to_string();
        self
    }

    /// What any other path says, its query included.
    pub(crate) fn has(self, path: &str, body: Value) -> Self {
        self.script.pages.lock().unwrap().insert(path.into(), body);
        self
    }

    /// The same entry for another kind of server.
    pub(crate) fn entry_of(&self, provider: ProviderKind) -> ModelEntry {
        ModelEntry {
            provider,
            ..self.entry()
        }
    }

    /// An entry for it that does not try again.
    pub(crate) fn entry(&self) -> ModelEntry {
        ModelEntry {
            retries: 0,
            ..ModelEntry::new("m", &self.url)
        }
    }

    /// Asks it through a router, with an entry for it.
    pub(crate) async fn ask(&self, entry: ModelEntry) -> Result<ChatReply, CallError> {
        self.ask_for(entry, &hello()).await.0
    }

    /// Asks it this; also gives what was delivered.
    pub(crate) async fn ask_for(
        &self,
        entry: ModelEntry,
        request: &ChatRequest,
    ) -> (Result<ChatReply, CallError>, Delivered) {
        let router = Router::new(vec![entry]).unwrap();
        let mut delivered = Delivered::default();
        let cancel = CancellationToken::new();
        let reply = router.chat("m", request, &mut delivered, &cancel).await;
        (reply, delivered)
    }

    /// The bodies of the chat requests so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.script.requests.lock().unwrap().clone()
    }

    /// The `Authorization` headers so far.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.script.keys.lock().unwrap().clone()
    }

    /// Waits until the next chat request has come.
    pub(crate) async fn begun(&self) {
        self.script.begun.next().await;
    }

    /// Waits until the next chat request is over on this side: sent, or its connection closed.
    pub(crate) async fn ended(&self) {
        self.script.ended.next().await;
    }

    /// The most chat requests that ran at one time.
    pub(crate) fn most_running(&self) -> usize {
        self.script.most_running.load(Ordering::SeqCst)
    }
}

/// Pieces as they were delivered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) text: String,
    pub(crate) thought: String,
    pub(crate) calls: Vec<String>,
    pub(crate) progress: Vec<(u64, u64)>,
}

impl DeltaSink for Delivered {
    fn delta(&mut self, delta: Delta<'_>) {
        self.add(delta);
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.progress.push((done, total));
    }
}

impl Delivered {
    pub(crate) fn add(&mut self, delta: Delta<'_>) {
        match delta {
            Delta::Text(text) => self.text.push_str(text),
            Delta::Thought(text) => self.thought.push_str(text),
            Delta::Call(name) => self.calls.push(name.into()),
        }
    }
}

/// A request with one message.
pub(crate) fn hello() -> ChatRequest {
    ChatRequest::new(vec![loom_events::Message::User {
        text: "hello".into(),
    }])
}

/// A chunk with this delta.
pub(crate) fn delta(delta: &Value) -> Value {
    json!({"object": "chat.completion.chunk", "model": "served", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

/// A chunk with text.
pub(crate) fn text(text: &str) -> Value {
    delta(&json!({ "content": text }))
}

/// The finish chunk.
pub(crate) fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

/// The usage chunk.
pub(crate) fn usage(prompt: u64, cached: u64, completion: u64) -> Value {
    json!({"choices": [], "usage": {
        "prompt_tokens": prompt, "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }})
}

/// Events, without an end mark.
pub(crate) fn events(chunks: &[Value]) -> Vec<u8> {
    let events = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    events.collect::<String>().into_bytes()
}

/// Events and the end mark.
pub(crate) fn done(chunks: &[Value]) -> Vec<u8> {
    let mut bytes = events(chunks);
    bytes.extend_from_slice(b"data: [DONE]\n\n");
    bytes
}

/// A complete stream.
pub(crate) fn answer(chunks: &[Value]) -> Answer {
    Answer::Stream(vec![Step::Send(done(chunks))])
}

/// A complete answer with this text.
pub(crate) fn says(words: &str) -> Answer {
    answer(&[text(words), finish("stop"), usage(10, 4, 2)])
}

/// A refusal.
pub(crate) fn refuses(status: u16, body: &Value) -> Answer {
    Answer::Plain(status, Vec::new(), body.to_string())
}

async fn models(State(script): State<Arc<Script>>) -> Response<Body> {
    let body = script.models.lock().unwrap().clone();
    let status = if body.is_empty() {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::OK
    };
    response(status, "application/json", Body::from(body))
}

async fn page(State(script): State<Arc<Script>>, uri: axum::http::Uri) -> Response<Body> {
    let path = uri.path_and_query().unwrap().as_str();
    let (status, body) = match script.pages.lock().unwrap().get(path) {
        Some(body) => (StatusCode::OK, body.to_string()),
        None => (
            StatusCode::NOT_FOUND,
            json!({"error": {"message": "File Not Found"}}).to_string(),
        ),
    };
    response(status, "application/json", Body::from(body))
}

async fn chat(
    State(script): State<Arc<Script>>,
    headers: axum::http::HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let request = serde_json::from_slice(&body).expect("a request must be JSON");
    assert_well_formed(&request);
    next(script, headers, request).await
}

async fn embed(
    State(script): State<Arc<Script>>,
    headers: axum::http::HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let request = serde_json::from_slice(&body).expect("a request must be JSON");
    next(script, headers, request).await
}

/// The next answer of the script.
async fn next(
    script: Arc<Script>,
    headers: axum::http::HeaderMap,
    request: Value,
) -> Response<Body> {
    let running = Running::begin(&script);
    script.requests.lock().unwrap().push(request);
    let key = headers
        .get("authorization")
        .or_else(|| headers.get("x-api-key"));
    let key = key.map(|key| key.to_str().unwrap().to_owned());
    script.keys.lock().unwrap().extend(key);
    script.begun.0.add_permits(1);
    let answer = script.answers.lock().unwrap().pop_front();
    match answer {
        Some(Answer::Stream(steps)) => {
            let body = Body::from_stream(play(steps, running));
            response(StatusCode::OK, "text/event-stream", body)
        }
        Some(Answer::Plain(status, headers, body)) => {
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = response(status, "application/json", Body::from(body));
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Some(Answer::Silence) => {
            std::future::pending::<()>().await;
            drop(running);
            unreachable!()
        }
        None => response(
            StatusCode::from_u16(599).unwrap(),
            "text/plain",
            Body::from("the script is over"),
        ),
    }
}

fn response(status: StatusCode, kind: &str, body: Body) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(body)
        .unwrap()
}

/// What every request must keep, whatever the test is about.
fn assert_well_formed(request: &Value) {
    assert!(request["stream"].is_boolean());
    let messages = request["messages"].as_array().unwrap();
    assert!(!messages.is_empty());
    for (place, message) in messages.iter().enumerate() {
        let content = &message["content"];
        assert!(content.is_string() || content.is_array(), "{message}");
        assert!(message["role"] != "system" || place == 0, "{request}");
    }
}

fn play(steps: Vec<Step>, running: Running) -> impl Stream<Item = Result<Vec<u8>, std::io::Error>> {
    let steps = steps.into_iter();
    stream::unfold((steps, running), |(mut steps, running)| async move {
        loop {
            match steps.next()? {
                Step::Send(bytes) => return Some((Ok(bytes), (steps, running))),
                Step::Wait(gate) => gate.notified().await,
                Step::Hang => std::future::pending().await,
                Step::Cut => {
                    let error = std::io::Error::other("cut by the script");
                    return Some((Err(error), (steps, running)));
                }
            }
        }
    })
}

/// A chat request in work; dropped when its answer is complete or its connection is closed.
struct Running(Arc<Script>);

impl Running {
    fn begin(script: &Arc<Script>) -> Self {
        let running = script.running.fetch_add(1, Ordering::SeqCst) + 1;
        script.most_running.fetch_max(running, Ordering::SeqCst);
        Self(Arc::clone(script))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.0.add_permits(1);
    }
}
