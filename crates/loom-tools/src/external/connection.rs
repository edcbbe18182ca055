//! One connection to a server: opened, asked, closed. What dies with it is not brought back here.

use super::bounded::Bounded;
use super::handler::{Handler, Heard};
use super::http::Http;
use super::settings::{ServerPlace, ServerSettings};
use super::trouble::Trouble;
use super::words::one_line;
use super::{NotThere, Surroundings};
use crate::Recorder;
use loom_workspace::Service;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, JsonObject,
    ListToolsRequest, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerResult,
    SubscriptionFilter, Tool as Listed,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, Peer, PeerRequestOptions,
    RequestHandle, RoleClient, RunningService, ServiceError,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Pages of a list that are asked for.
const MAX_PAGES: usize = 50;

/// Tools that are read from a list; more are no list that somebody wrote.
const MAX_LISTED: usize = 2_000;

/// How long telling a server that a call is cancelled may take. One that does not take it is stuck.
const CANCEL_TIME: Duration = Duration::from_secs(1);

/// How long a server has to take note that nothing more is wanted, and then to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Between two lines of progress: each of them is kept, and a call may take an hour.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Characters of a complaint.
const MAX_COMPLAINT: usize = 300;

type Running = RunningService<RoleClient, Handler>;

/// A server that answered.
pub(super) struct Connection {
    peer: Peer<RoleClient>,
    running: Mutex<Option<Running>>,
    service: Mutex<Option<Service>>,
    /// Ends what is under way over HTTP.
    stop: Option<CancellationToken>,
    heard: Arc<Heard>,
    trouble: Arc<Trouble>,
    lost: AtomicBool,
    _news: Option<AbortOnDropHandle<()>>,
}

/// A call of a tool, by the server's own name of it.
pub(super) struct Request<'a> {
    pub(super) tool: &'a str,
    pub(super) arguments: &'a JsonObject,
    pub(super) timeout: Duration,
    pub(super) cancel: &'a CancellationToken,
    pub(super) recorder: &'a dyn Recorder,
}

/// How a call ended without a result.
#[derive(Debug)]
pub(super) enum CallError {
    /// It was cancelled here.
    Cancelled,
    /// It took too long.
    TimedOut,
    /// The server answered something else than a result.
    Refused(String),
    /// The server was lost, and nobody knows whether the call ran.
    Lost(String),
}

impl Connection {
    /// Connects. A server that does not know the newest form of the handshake, and says so in no way
    /// that the protocol knows, is asked again in the older one.
    pub(super) async fn open(
        settings: &ServerSettings,
        around: &Surroundings,
    ) -> Result<Self, NotThere> {
        let place = settings.place.as_ref().map_err(NotThere::because)?;
        let deadline = Instant::now() + settings.start_timeout;
        let auto = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::LATEST],
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        };
        match Attempt::new(place, settings, around)?
            .run(auto, deadline)
            .await
        {
            Err(failed) if failed.may_be_older => {
                let older = Attempt::new(place, settings, around)?;
                let older = older.run(ClientLifecycleMode::Initialize, deadline).await;
                older.map_err(|failed| failed.why)
            }
            other => other.map_err(|failed| failed.why),
        }
    }

    /// The tools that the server lists.
    pub(super) async fn list(&self, at_most: Duration) -> Result<Vec<Listed>, NotThere> {
        if self
            .info()
            .is_some_and(|info| info.capabilities.tools.is_none())
        {
            return Ok(Vec::new());
        }
        match timeout(at_most, self.pages()).await {
            Ok(Ok(listed)) => Ok(listed),
            Ok(Err(error)) => {
                let why = self.complaint(&error.to_string());
                Err(self.not_there(&format!("it does not list its tools: {why}")))
            }
            Err(_) => Err(self.not_there("it does not list its tools in time")),
        }
    }

    async fn pages(&self) -> Result<Vec<Listed>, ServiceError> {
        let mut all = Vec::new();
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let request = ClientRequest::ListToolsRequest(ListToolsRequest::with_param(page));
            let page = page_of(self.peer.send_request(request).await?)?;
            all.extend(page.tools);
            cursor = page.next_cursor;
            if cursor.is_none() || all.len() >= MAX_LISTED {
                break;
            }
        }
        all.truncate(MAX_LISTED);
        Ok(all)
    }

    /// Calls a tool, once.
    pub(super) async fn call(&self, request: &Request<'_>) -> Result<CallToolResult, CallError> {
        self.trouble.clear();
        let params = CallToolRequestParams::new(request.tool.to_owned())
            .with_arguments(request.arguments.clone());
        let call = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let sent = self
            .peer
            .send_cancellable_request(call, PeerRequestOptions::no_options());
        let handle = sent.await.map_err(|error| self.failed(&error))?;
        self.answer(handle, request).await
    }

    async fn answer(
        &self,
        mut handle: RequestHandle<RoleClient>,
        request: &Request<'_>,
    ) -> Result<CallToolResult, CallError> {
        let mut progress = self.heard.listen(handle.progress_token.clone());
        let mut shown: Option<Instant> = None;
        let deadline = Instant::now() + request.timeout;
        let ended = loop {
            tokio::select! {
                biased;
                () = request.cancel.cancelled() => break CallError::Cancelled,
                answer = &mut handle.rx => {
                    let answer = answer.unwrap_or(Err(ServiceError::TransportClosed));
                    return result_of(answer.map_err(|error| self.failed(&error))?);
                }
                () = tokio::time::sleep_until(deadline) => break CallError::TimedOut,
                line = progress.next() => {
                    if shown.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY) {
                        request.recorder.progress(line).await;
                        shown = Some(Instant::now());
                    }
                }
            }
        };
        let told = timeout(
            CANCEL_TIME,
            handle.cancel(Some("it is not wanted any more".into())),
        );
        if !matches!(told.await, Ok(Ok(()))) {
            self.lost.store(true, Ordering::Release);
        }
        Err(ended)
    }

    fn failed(&self, error: &ServiceError) -> CallError {
        match error {
            ServiceError::McpError(error) => {
                CallError::Refused(one_line(&error.message, MAX_COMPLAINT))
            }
            other => {
                self.lost.store(true, Ordering::Release);
                CallError::Lost(self.complaint(&other.to_string()))
            }
        }
    }

    /// Why nothing can be asked any more, if so.
    pub(super) async fn lost(&self) -> Option<NotThere> {
        let ended = || {
            lock(&self.service)
                .as_mut()
                .is_some_and(|one| one.ended().is_some())
        };
        if !self.lost.load(Ordering::Acquire) && !self.peer.is_transport_closed() && !ended() {
            return None;
        }
        let why = self.complaint("the connection was lost");
        let service = lock(&self.service).take();
        let Some(mut service) = service else {
            return Some(NotThere::because(why));
        };
        let how = service.wait(GRACE).await;
        let lost = NotThere {
            why: how.map_or(why, |how| format!("it ended with {how}")),
            last_words: service.last_words(),
        };
        service.stop(Duration::ZERO).await;
        Some(lost)
    }

    /// Whether the server says that its tools have changed; asked once for each change.
    pub(super) fn take_change(&self) -> bool {
        self.heard.take_change()
    }

    /// The revision of the protocol that is spoken.
    pub(super) fn revision(&self) -> Option<String> {
        Some(self.info()?.protocol_version.to_string())
    }

    /// What the server calls itself.
    pub(super) fn calls_itself(&self) -> Option<String> {
        let info = self.info()?;
        let server = info.server_info.as_ref()?;
        Some(one_line(
            &format!("{} {}", server.name, server.version),
            MAX_COMPLAINT,
        ))
    }

    fn info(&self) -> Option<Arc<rmcp::model::ServerPeerInfo>> {
        self.peer.peer_info()
    }

    /// Ends it: the server is told that nothing more is wanted, and has a moment to go. Nothing of
    /// it is left afterwards.
    pub(super) async fn close(&self) {
        let running = lock(&self.running).take();
        if let Some(mut running) = running {
            // However it ends, the process is ended below.
            running.close_with_timeout(GRACE).await.ok();
        }
        if let Some(stop) = &self.stop {
            stop.cancel();
        }
        let service = lock(&self.service).take();
        if let Some(service) = service {
            service.stop(GRACE).await;
        }
    }

    fn complaint(&self, otherwise: &str) -> String {
        self.trouble
            .told()
            .unwrap_or_else(|| one_line(otherwise, MAX_COMPLAINT))
    }

    fn not_there(&self, why: &str) -> NotThere {
        let service = lock(&self.service);
        NotThere {
            why: why.to_owned(),
            last_words: service
                .as_ref()
                .map(Service::last_words)
                .unwrap_or_default(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(stop) = &self.stop {
            stop.cancel();
        }
    }
}

/// One try to connect.
struct Attempt<'a> {
    place: &'a ServerPlace,
    service: Option<(Service, loom_workspace::ServicePipes)>,
    http: Option<Http>,
    heard: Arc<Heard>,
    trouble: Arc<Trouble>,
}

struct Failed {
    why: NotThere,
    /// It may be that the server only knows the older handshake.
    may_be_older: bool,
}

impl<'a> Attempt<'a> {
    fn new(
        place: &'a ServerPlace,
        settings: &ServerSettings,
        around: &Surroundings,
    ) -> Result<Self, NotThere> {
        let trouble = Arc::<Trouble>::default();
        let (service, http) = match place {
            ServerPlace::Program(program) => {
                let spec = around.spec(&settings.name, program);
                let started = Service::start(&spec).map_err(NotThere::because)?;
                (Some(started), None)
            }
            ServerPlace::Http {
                url,
                token,
                headers,
            } => {
                let http = Http::new(url, token.as_ref(), headers, Arc::clone(&trouble));
                (None, Some(http.map_err(NotThere::because)?))
            }
        };
        Ok(Self {
            place,
            service,
            http,
            heard: Arc::default(),
            trouble,
        })
    }

    async fn run(
        self,
        lifecycle: ClientLifecycleMode,
        deadline: Instant,
    ) -> Result<Connection, Failed> {
        let handler = Handler {
            heard: Arc::clone(&self.heard),
        };
        let stop = self.http.as_ref().map(Http::stop);
        let (service, opened) = match (self.service, self.http, self.place) {
            (Some((service, pipes)), _, _) => {
                let output = Bounded::new(pipes.output, Arc::clone(&self.trouble));
                let opening = handler.serve_with_lifecycle((output, pipes.input), lifecycle);
                (Some(service), timeout_at(deadline, opening).await)
            }
            (None, Some(http), ServerPlace::Http { url, .. }) => {
                let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
                // What was lost is found again by our own rules, once, and never in mid-call.
                config.reinit_on_expired_session = false;
                let transport = StreamableHttpClientTransport::with_client(http, config);
                let opening = handler.serve_with_lifecycle(transport, lifecycle);
                (None, timeout_at(deadline, opening).await)
            }
            (None, ..) => unreachable!("BUG: a server is a program or an address"),
        };
        match opened {
            Ok(Ok(running)) => Ok(Connection {
                peer: running.peer().clone(),
                _news: news(running.peer(), &self.heard),
                running: Mutex::new(Some(running)),
                service: Mutex::new(service),
                stop,
                heard: self.heard,
                trouble: self.trouble,
                lost: AtomicBool::new(false),
            }),
            Ok(Err(error)) => Err(failed(&error, service, &self.trouble).await),
            Err(_) => Err(Failed {
                why: NotThere {
                    why: "it does not answer in time (see its `startup_timeout`)".to_owned(),
                    last_words: service
                        .map(|service| service.last_words())
                        .unwrap_or_default(),
                },
                may_be_older: false,
            }),
        }
    }
}

/// Listens for news of the list of tools, where they have to be asked for.
fn news(peer: &Peer<RoleClient>, heard: &Arc<Heard>) -> Option<AbortOnDropHandle<()>> {
    let info = peer.peer_info()?;
    let tells = info.capabilities.tools.as_ref()?.list_changed == Some(true);
    if !tells || info.protocol_version < ProtocolVersion::V_2026_07_28 {
        return None;
    }
    let (peer, heard) = (peer.clone(), Arc::clone(heard));
    let listening = async move {
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        let Ok(mut news) = peer.listen(filter).await else {
            return;
        };
        while let Ok(Some(_)) = news.next().await {
            heard.tools_changed();
        }
    };
    Some(AbortOnDropHandle::new(tokio::spawn(listening)))
}

async fn failed(
    error: &ClientInitializeError,
    service: Option<Service>,
    trouble: &Trouble,
) -> Failed {
    let may_be_older = match error {
        ClientInitializeError::JsonRpcError(_)
        | ClientInitializeError::LegacyFallbackFailed { .. }
        | ClientInitializeError::NoCompatibleProtocolVersion { .. } => false,
        _ => !trouble.is_denied(),
    };
    let mut why = trouble
        .told()
        .unwrap_or_else(|| one_line(&error.to_string(), MAX_COMPLAINT));
    let mut last_words = String::new();
    if let Some(mut service) = service {
        // It has closed its output, so its end and what it says of it are near.
        if let Some(how) = service.wait(GRACE).await {
            why = format!("it ended with {how} before it answered");
        }
        last_words = service.last_words();
    }
    Failed {
        why: NotThere { why, last_words },
        may_be_older,
    }
}

/// A page of the list. Tools that are no tools are left out, the others stay.
fn page_of(result: ServerResult) -> Result<ListToolsResult, ServiceError> {
    let value = match result {
        ServerResult::ListToolsResult(page) => return Ok(page),
        other => serde_json::to_value(other).unwrap_or_default(),
    };
    let Some(Value::Array(tools)) = value.get("tools") else {
        return Err(ServiceError::UnexpectedResponse);
    };
    let tools = tools
        .iter()
        .filter_map(|tool| serde_json::from_value(tool.clone()).ok());
    let mut page = ListToolsResult::with_all_items(tools.collect());
    let cursor = value.get("nextCursor").and_then(Value::as_str);
    page.next_cursor = cursor.map(str::to_owned);
    Ok(page)
}

fn result_of(answer: ServerResult) -> Result<CallToolResult, CallError> {
    let refused = |what: &str| Err(CallError::Refused(what.to_owned()));
    match answer {
        ServerResult::CallToolResult(result) => Ok(result),
        ServerResult::InputRequiredResult(_) => {
            refused("it asks for more input in the middle of a call, and Loom gives none")
        }
        ServerResult::CreateTaskResult(_) => {
            refused("it made a task of the call instead of answering it, and Loom waits for none")
        }
        _ => refused("its answer is not the result of a tool"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
