//! The server: takes a request, records and judges it, asks the responder, and delivers the answer.

use crate::conversations::{Conversations, PromptStats};
use crate::embeddings::{self, Embeddings};
use crate::fault::{Armed, Delivery, Fault, Faults, Refused};
use crate::playbook::{Playbook, Script};
use crate::recognize::Recognizer;
use crate::reply::{Reply, Responder};
use crate::request::Request;
use crate::stream::{self, Line};
use crate::well_formed::{self, Violation, ViolationKind};
use crate::wire::{self, Frame};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Bytes of a request body that are read: far more than any context window holds.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Requests that are kept for tests to look at; the oldest go first. Room for the longest simulated task.
const MAX_RECORDS: usize = 10_000;

/// Violations that are kept: the first ones are those that matter.
const MAX_VIOLATIONS: usize = 1_000;

/// How a server behaves, apart from what its models say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Faults on top of the playbook's own.
    pub faults: Faults,
    /// Time before each chunk, for people who watch; none by default.
    pub pace: Duration,
    /// Tells roles and subtasks for a [`Responder`]; a playbook has its own.
    pub recognize: Recognizer,
    /// The models on offer; those of the playbook, else `sim-small`, when empty.
    pub models: Vec<SimModel>,
    /// What is answered to whoever wants vectors.
    pub embeddings: Embeddings,
}

/// A model on offer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimModel {
    /// Its id.
    pub id: String,
    /// Tokens of its context window, which a longer prompt is refused for; without a bound, and not
    /// reported, when absent.
    #[serde(default)]
    pub context: Option<usize>,
}

/// One request with what became of it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The request.
    pub request: Request,
    /// The rule that answered it; none for a [`Responder`] that names none, or without a rule.
    pub rule: Option<String>,
    /// The fault that struck.
    pub fault: Option<Fault>,
    /// What it shares with earlier requests.
    pub stats: PromptStats,
}

/// A running server. It stops when it is dropped.
#[derive(Debug)]
pub struct SimServer {
    url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// The server could not be started.
#[derive(Debug, thiserror::Error)]
#[error("listen on a loopback port for the simulated model")]
pub struct StartError(#[from] std::io::Error);

struct Shared {
    responder: Box<dyn Responder>,
    recognizer: Recognizer,
    models: Vec<SimModel>,
    embeddings: Embeddings,
    line: Line,
    book: Mutex<Book>,
}

/// Everything that changes with a request.
#[derive(Debug)]
struct Book {
    count: u64,
    faults: Armed,
    conversations: Conversations,
    records: VecDeque<Record>,
    violations: Vec<Violation>,
    /// The texts of which vectors were wanted, a request each.
    embedded: Vec<Vec<String>>,
}

impl SimModel {
    /// A model without a bound on its prompt.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            context: None,
        }
    }
}

impl SimServer {
    /// Starts a server whose models answer by a playbook.
    ///
    /// # Errors
    /// When no loopback port can be listened on.
    pub async fn start(playbook: Playbook, mut options: Options) -> Result<Self, StartError> {
        options.recognize = playbook.recognize.clone();
        if options.models.is_empty() {
            options.models.clone_from(&playbook.models);
        }
        Self::with_responder(Script::new(playbook), options).await
    }

    /// Starts a server whose models are code.
    ///
    /// # Errors
    /// When no loopback port can be listened on.
    pub async fn with_responder(
        responder: impl Responder + 'static,
        options: Options,
    ) -> Result<Self, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        // A piece of an answer does not wait until the one before it was acknowledged: that takes 40 ms.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "pieces of answers may come late");
            }
        });
        let shared = Arc::new(Shared::new(Box::new(responder), options));
        let stop = shared.line.stop.clone();
        let app = routes(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            let serve = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = serve.await {
                tracing::warn!(%error, "the simulated model server ended");
            }
        });
        Ok(Self {
            url,
            shared,
            serving,
        })
    }

    /// Its address without a path: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its address as clients of the protocol want it: with `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.url)
    }

    /// The requests so far, in their order; at most the last 10,000.
    #[must_use]
    pub fn requests(&self) -> Vec<Record> {
        self.shared.book().records.iter().cloned().collect()
    }

    /// The number of requests so far.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.shared.book().count
    }

    /// The texts of which vectors were wanted so far, a list for each request.
    #[must_use]
    pub fn embedded(&self) -> Vec<Vec<String>> {
        self.shared.book().embedded.clone()
    }

    /// What was wrong with the requests so far. A test that uses the server should find this empty.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.book().violations.clone()
    }

    /// Answers whose client closed the connection before their end.
    #[must_use]
    pub fn abandoned(&self) -> u64 {
        self.shared.line.abandoned.load(Ordering::Relaxed)
    }

    /// Closes every connection and stops listening. What was recorded stays readable.
    pub async fn stop(&mut self) {
        self.shared.line.stop.cancel();
        if let Err(error) = (&mut self.serving).await {
            tracing::warn!(%error, "the simulated model server did not end well");
        }
    }
}

impl Drop for SimServer {
    fn drop(&mut self) {
        self.shared.line.stop.cancel();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    fn new(responder: Box<dyn Responder>, options: Options) -> Self {
        let mut models = options.models;
        if models.is_empty() {
            models.push(SimModel::new("sim-small"));
        }
        Self {
            responder,
            recognizer: options.recognize,
            models,
            embeddings: options.embeddings,
            line: Line {
                pace: options.pace,
                ..Line::default()
            },
            book: Mutex::new(Book {
                count: 0,
                faults: Armed::new(options.faults),
                conversations: Conversations::default(),
                records: VecDeque::new(),
                violations: Vec::new(),
                embedded: Vec::new(),
            }),
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Recognises a request, books it, and decides on the answer.
    fn take(&self, body: &Value) -> (Request, Reply, PromptStats) {
        let mut request = Request::read(body);
        request.role = self.recognizer.role(&request);
        request.subtask = self.recognizer.subtask(&request);
        let mut violations = well_formed::violations(body, &request);
        violations.extend(self.unknown_model(&request));

        let mut book = self.book();
        let (stats, broken) = book.conversations.take(&mut request);
        book.count += 1;
        request.number = book.count;
        book.file(violations.into_iter().chain(broken));
        let struck = book.faults.strike(&request);
        drop(book);

        // Without the lock: a responder is other people's code and may look at its server.
        let mut reply = self.responder.respond(&request);
        reply.fault = struck.or(reply.fault);
        self.book().keep(Record {
            request: request.clone(),
            rule: reply.rule.clone(),
            fault: reply.fault.clone(),
            stats,
        });
        (request, reply, stats)
    }

    /// Naming no model is fine: most local servers have just one.
    fn unknown_model(&self, request: &Request) -> Option<Violation> {
        let known = self.models.iter().any(|model| model.id == request.model);
        (!known && !request.model.is_empty()).then(|| {
            Violation::new(
                ViolationKind::UnknownModel,
                format!("model {:?} is not on offer", request.model),
            )
        })
    }

    /// The model that answers: as at `llama-server` the first one when the one asked for is unknown.
    fn answering(&self, request: &Request) -> Option<&SimModel> {
        let asked = self.models.iter().find(|model| model.id == request.model);
        asked.or(self.models.first())
    }
}

impl Book {
    fn file(&mut self, violations: impl Iterator<Item = Violation>) {
        let room = MAX_VIOLATIONS.saturating_sub(self.violations.len());
        let request = self.count;
        let filed = violations.map(|violation| Violation {
            request,
            ..violation
        });
        self.violations.extend(filed.take(room));
    }

    fn keep(&mut self, record: Record) {
        self.records.push_back(record);
        if self.records.len() > MAX_RECORDS {
            self.records.pop_front();
        }
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(
            "/health",
            get(|| async { json_response(200, &serde_json::json!({"status": "ok"})) }),
        )
        .route("/v1/models", get(models))
        .route("/models", get(models))
        .route("/v1/chat/completions", post(chat))
        .route("/chat/completions", post(chat))
        .route("/v1/embeddings", post(embed))
        .fallback(|| async { json_response(404, &wire::error(404, "File Not Found")) })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

async fn models(State(shared): State<Arc<Shared>>) -> Response {
    json_response(200, &wire::models(&shared.models))
}

async fn chat(State(shared): State<Arc<Shared>>, bytes: Bytes) -> Response {
    let body: Value = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(error) => {
            let violation = Violation::new(ViolationKind::NotJson, format!("the body: {error}"));
            let mut book = shared.book();
            book.count += 1;
            book.file(std::iter::once(violation));
            return json_response(400, &wire::error(400, &format!("parse error: {error}")));
        }
    };
    let (request, mut reply, stats) = shared.take(&body);
    let model = shared.answering(&request);
    let context = model.and_then(|model| model.context);
    if let Some(context) = context.filter(|context| stats.prompt_tokens > *context) {
        let error = wire::context_exceeded(stats.prompt_tokens, context);
        return json_response(400, &error);
    }
    let (reply, delivery) = match reply.fault.take() {
        Some(fault) => fault.strike(reply, &request),
        None => (reply, Delivery::Whole),
    };
    let frame = Frame {
        number: request.number,
        model: model.map(|model| model.id.clone()).unwrap_or_default(),
        turn: request.turn(),
        stats,
    };
    if let Delivery::Refused(refused) = &delivery {
        return refusal(refused);
    }
    let delivery = match delivery {
        Delivery::Stalled(0, length) => {
            stream::silence(length, &shared.line).await;
            Delivery::Whole
        }
        later => later,
    };
    if request.stream {
        let chunks = frame.chunks(&reply, request.include_usage);
        streamed(&chunks, &delivery, shared.line.clone())
    } else {
        whole(&frame.completion(&reply), &delivery, shared.line.clone())
    }
}

async fn embed(State(shared): State<Arc<Shared>>, bytes: Bytes) -> Response {
    let Some(texts) = embeddings::texts(&bytes) else {
        return json_response(400, &wire::error(400, "no `input` that is a text or texts"));
    };
    shared.book().embedded.push(texts.clone());
    let is_long = |most: usize| texts.iter().any(|text| text.chars().count() > most);
    match &shared.embeddings {
        Embeddings::UpTo(most) if is_long(*most) => {
            json_response(400, &wire::error(400, "input is too large to process"))
        }
        Embeddings::Letters | Embeddings::UpTo(_) => {
            json_response(200, &embeddings::answer(&texts))
        }
        Embeddings::Status(status) => json_response(*status, &wire::error(*status, "no vectors")),
        Embeddings::Bytes(bytes) => response(200, "application/json", Body::from(bytes.clone())),
        Embeddings::Silence => {
            shared.line.stop.cancelled().await;
            json_response(503, &wire::error(503, "the server stops"))
        }
    }
}

fn refusal(refused: &Refused) -> Response {
    let body = wire::error(refused.status, &refused.message());
    let mut response = json_response(refused.status, &body);
    if let Some(seconds) = refused.retry_after {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn streamed(chunks: &[Value], delivery: &Delivery, line: Line) -> Response {
    let mut parts: Vec<Bytes> = chunks
        .iter()
        .map(|chunk| Bytes::from(format!("data: {chunk}\n\n")))
        .collect();
    parts.push(Bytes::from_static(b"data: [DONE]\n\n"));
    response(
        200,
        "text/event-stream",
        stream::body(parts, delivery, line),
    )
}

/// In two halves, so that a dropped answer is half an answer.
fn whole(answer: &Value, delivery: &Delivery, line: Line) -> Response {
    let bytes = Bytes::from(answer.to_string());
    let halves = vec![
        bytes.slice(..bytes.len() / 2),
        bytes.slice(bytes.len() / 2..),
    ];
    let delivery = match delivery {
        Delivery::Dropped(_) => Delivery::Dropped(1),
        Delivery::Stalled(chunks, length) => Delivery::Stalled((*chunks).min(1), *length),
        Delivery::Whole | Delivery::Refused(_) => Delivery::Whole,
    };
    response(
        200,
        "application/json",
        stream::body(halves, &delivery, line),
    )
}

fn json_response(status: u16, body: &Value) -> Response {
    response(status, "application/json", Body::from(body.to_string()))
}

fn response(status: u16, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response
}
