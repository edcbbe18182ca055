//! One method for each route. Every answer that is not the one asked for is a [`ClientError`].

use crate::endpoint::Endpoint;
use crate::error::ClientError;
use crate::wire::{
    AnswerRequest, ApproveRequest, CancelRequest, Changes, ConfigShown, DiffList, EventPage,
    FeedbackRequest, Forgotten, ForkRequest, Health, IDEMPOTENCY_KEY, LearningExport,
    LearningShown, MemoryPage, ModelList, NEXT_CURSOR, NewTaskRequest, PlanRequest, RateRequest,
    Ready, RejectRequest, RetryRequest, SteerRequest, SubtaskTrace, Taken, Task, TaskCreated,
    TaskImported, TaskPage, ToolList,
};
use loom_events::{FileDiff, RevertReport, RevertRequest, Seq, SubtaskId, TaskId};
use loom_view::{TaskStatus, TaskView};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, Once, PoisonError, RwLock};
use std::time::Duration;

/// A service on this machine answers at once or not at all.
const CONNECT: Duration = Duration::from_secs(5);

/// For an answer that is no stream: a revert of a large directory takes minutes.
const TOTAL: Duration = Duration::from_secs(600);

/// A typed client of one service. Cheap to clone, and all clones talk to the same one.
#[derive(Clone)]
pub struct Client {
    target: Arc<RwLock<Arc<Target>>>,
}

/// Where a service is, and what carries the requests there.
struct Target {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.target().base.as_str())
            .finish_non_exhaustive()
    }
}

/// Which tasks to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Only those with this status.
    pub status: Option<TaskStatus>,
    /// Only those of this directory.
    pub workspace: Option<String>,
    /// At most so many; the service has a bound of its own.
    pub limit: Option<u32>,
    /// Where the previous page ended.
    pub cursor: Option<String>,
}

impl Client {
    /// A client of the service at an address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Address`].
    pub fn new(endpoint: &Endpoint) -> Result<Self, ClientError> {
        let target = Target::new(endpoint)?;
        Ok(Self {
            target: Arc::new(RwLock::new(Arc::new(target))),
        })
    }

    /// From now on this client, and every clone of it, talks to the service of another one: the one
    /// that came after the one that was there. Streams that are followed go on there.
    pub fn retarget(&self, other: &Self) {
        let target = other.target();
        *self.target.write().unwrap_or_else(PoisonError::into_inner) = target;
    }

    fn target(&self) -> Arc<Target> {
        let target = self.target.read();
        Arc::clone(&target.unwrap_or_else(PoisonError::into_inner))
    }

    /// The address of the service.
    #[must_use]
    pub fn url(&self) -> String {
        self.target().url().to_owned()
    }

    /// Whether the service answers.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get(&["health"], &[]).await
    }

    /// Whether the service takes tasks. One that does not says why.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ready(&self) -> Result<Ready, ClientError> {
        let response = self.send(self.request(Method::GET, &["ready"])).await?;
        match response.status() {
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => self.read(response).await,
            _ => Err(self.refusal(response).await),
        }
    }

    /// Begins a task. With a `key` of its own a request may be sent again: the same task answers.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn submit(
        &self,
        task: &NewTaskRequest,
        key: Option<&str>,
    ) -> Result<TaskCreated, ClientError> {
        let mut request = self.request(Method::POST, &["tasks"]).json(task);
        if let Some(key) = key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        self.json(request).await
    }

    /// Lists tasks, newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, ClientError> {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        let mut add = |name, value: Option<String>| {
            if let Some(value) = value {
                pairs.push((name, value));
            }
        };
        add(
            "status",
            query.status.map(|status| status.name().to_owned()),
        );
        add("workspace", query.workspace.clone());
        add("limit", query.limit.map(|limit| limit.to_string()));
        add("cursor", query.cursor.clone());
        let asked = self.open_with(Method::GET, &["tasks"], &pairs);
        let response = self.send(asked.timeout(TOTAL)).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let next = response.headers().get(NEXT_CURSOR);
        let next_cursor = next.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        Ok(TaskPage {
            tasks: self.read(response).await?,
            next_cursor,
        })
    }

    /// Everything that is known of a task. `task` is its id, or at least four of its last digits.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn task(&self, task: &str) -> Result<Task, ClientError> {
        self.get(&["tasks", task], &[]).await
    }

    /// Gives an instruction.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn steer(&self, task: TaskId, request: &SteerRequest) -> Result<Taken, ClientError> {
        let id = task.to_string();
        let sent = self.request(Method::PATCH, &["tasks", &id]).json(request);
        self.json(sent).await
    }

    /// Ends a task; what is half done is put back.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cancel(
        &self,
        task: TaskId,
        request: &CancelRequest,
    ) -> Result<Taken, ClientError> {
        let id = task.to_string();
        let sent = self.request(Method::DELETE, &["tasks", &id]).json(request);
        self.json(sent).await
    }

    /// Says yes to a question.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn approve(
        &self,
        task: TaskId,
        request: &ApproveRequest,
    ) -> Result<Taken, ClientError> {
        self.act(task, "approve", request).await
    }

    /// Says no to a question.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reject(
        &self,
        task: TaskId,
        request: &RejectRequest,
    ) -> Result<Taken, ClientError> {
        self.act(task, "reject", request).await
    }

    /// Answers a question.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn answer(
        &self,
        task: TaskId,
        request: &AnswerRequest,
    ) -> Result<Taken, ClientError> {
        self.act(task, "answer", request).await
    }

    /// Gives words to a task, for whatever waits for some.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn feedback(
        &self,
        task: TaskId,
        request: &FeedbackRequest,
    ) -> Result<Taken, ClientError> {
        self.act(task, "feedback", request).await
    }

    /// Says of a task that has ended whether it is right.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rate(&self, task: TaskId, request: &RateRequest) -> Result<Taken, ClientError> {
        self.act(task, "rate", request).await
    }

    /// Lets nothing new begin.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pause(&self, task: TaskId) -> Result<Taken, ClientError> {
        self.act(task, "pause", &serde_json::json!({})).await
    }

    /// Goes on with a paused task, or takes up one that a process has left.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn resume(&self, task: TaskId) -> Result<Taken, ClientError> {
        self.act(task, "resume", &serde_json::json!({})).await
    }

    /// Replaces what is still to be done.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn edit_plan(
        &self,
        task: TaskId,
        request: &PlanRequest,
    ) -> Result<Taken, ClientError> {
        let id = task.to_string();
        let sent = self.request(Method::PUT, &["tasks", &id, "plan"]);
        self.json(sent.json(request)).await
    }

    /// Tries again what a task did not bring about. Of one that has ended, in a new task: then the
    /// answer names that one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn retry(
        &self,
        task: TaskId,
        request: &RetryRequest,
    ) -> Result<TaskCreated, ClientError> {
        self.act(task, "retry", request).await
    }

    /// Begins a new task at an event of another one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fork(
        &self,
        task: TaskId,
        request: &ForkRequest,
    ) -> Result<TaskCreated, ClientError> {
        self.act(task, "fork", request).await
    }

    /// A page of the journal of a task.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn events(&self, task: TaskId, after: Seq) -> Result<EventPage, ClientError> {
        self.events_page(task, after, None).await
    }

    /// The same, with at most so many events; the service has a bound of its own.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn events_page(
        &self,
        task: TaskId,
        after: Seq,
        limit: Option<u32>,
    ) -> Result<EventPage, ClientError> {
        let mut pairs = vec![("after", after.to_string())];
        pairs.extend(limit.map(|limit| ("limit", limit.to_string())));
        self.get(&["tasks", &task.to_string(), "events"], &pairs)
            .await
    }

    /// A task as its journal says, to go on from: unlike the one in [`Task`], which only shows, this
    /// view takes further records.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fold(&self, task: TaskId) -> Result<TaskView, ClientError> {
        let mut view = TaskView::new(task);
        loop {
            let page = self.events(task, view.last_seq).await?;
            for record in &page.events {
                view.apply(&record.envelope);
            }
            if page.next_after.is_none() {
                return Ok(view);
            }
        }
    }

    /// Everything that was said and done in a subtask.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn trace(
        &self,
        task: TaskId,
        subtask: &SubtaskId,
    ) -> Result<SubtaskTrace, ClientError> {
        let id = task.to_string();
        let path = ["tasks", &id, "subtasks", subtask.as_str(), "trace"];
        self.get(&path, &[]).await
    }

    /// What a task noted.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn memory(&self, task: TaskId) -> Result<MemoryPage, ClientError> {
        self.get(&["tasks", &task.to_string(), "memory"], &[]).await
    }

    /// Searches what all tasks noted; any text is taken as words.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn search_memory(&self, text: &str) -> Result<MemoryPage, ClientError> {
        self.get(&["memory", "search"], &[("q", text.to_owned())])
            .await
    }

    /// What is different from before a task.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn diff(&self, task: TaskId) -> Result<DiffList, ClientError> {
        self.get(&["tasks", &task.to_string(), "diff"], &[]).await
    }

    /// What is different in one file.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn file_diff(&self, task: TaskId, path: &str) -> Result<FileDiff, ClientError> {
        self.get(&["tasks", &task.to_string(), "files", path, "diff"], &[])
            .await
    }

    /// Every change of a task's files, in order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn changes(&self, task: TaskId) -> Result<Changes, ClientError> {
        self.get(&["tasks", &task.to_string(), "changes"], &[])
            .await
    }

    /// What one change did to its file.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn change_diff(&self, task: TaskId, change: Seq) -> Result<FileDiff, ClientError> {
        let (id, seq) = (task.to_string(), change.to_string());
        self.get(&["tasks", &id, "changes", &seq, "diff"], &[])
            .await
    }

    /// Takes changes of a finished task back.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revert(
        &self,
        task: TaskId,
        request: &RevertRequest,
    ) -> Result<RevertReport, ClientError> {
        self.act(task, "revert", request).await
    }

    /// A task as one file; see `docs/http.md`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn export(&self, task: TaskId) -> Result<Vec<u8>, ClientError> {
        let id = task.to_string();
        let asked = self.request(Method::GET, &["tasks", &id, "export"]);
        let response = self.send(asked).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let body = response.bytes().await.map_err(|error| self.lost(error))?;
        Ok(body.to_vec())
    }

    /// Takes a task from an export, as history.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn import(&self, file: Vec<u8>) -> Result<TaskImported, ClientError> {
        let request = self.request(Method::POST, &["import"]);
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/x-ndjson");
        self.json(request.body(file)).await
    }

    /// The models.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn models(&self) -> Result<ModelList, ClientError> {
        self.get(&["models"], &[]).await
    }

    /// The tools.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tools(&self) -> Result<ToolList, ClientError> {
        self.get(&["tools"], &[]).await
    }

    /// What finished tasks have taught, and what is done otherwise because of it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn learning(&self) -> Result<LearningShown, ClientError> {
        self.get(&["learning"], &[]).await
    }

    /// Everything that was learned, as it is stored.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn export_learning(&self) -> Result<LearningExport, ClientError> {
        self.get(&["learning", "export"], &[]).await
    }

    /// Forgets everything that was learned.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn forget_learning(&self) -> Result<Forgotten, ClientError> {
        self.json(self.request(Method::DELETE, &["learning"])).await
    }

    /// The effective configuration.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn config(&self) -> Result<ConfigShown, ClientError> {
        self.get(&["config"], &[]).await
    }

    async fn act<T: DeserializeOwned>(
        &self,
        task: TaskId,
        verb: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        let id = task.to_string();
        let request = self.request(Method::POST, &["tasks", &id, verb]).json(body);
        self.json(request).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, ClientError> {
        let request = self.open_with(Method::GET, path, query);
        self.json(request.timeout(TOTAL)).await
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.open(method, path).timeout(TOTAL)
    }

    /// A request for a path, with the token of the service that it goes to and without a deadline.
    pub(crate) fn open(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.open_with(method, path, &[])
    }

    fn open_with(&self, method: Method, path: &[&str], query: &[(&str, String)]) -> RequestBuilder {
        // One target for both: a token never goes to another service than its own.
        let target = self.target();
        let mut url = target.at(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = target.http.request(method, url);
        match &target.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        request.send().await.map_err(|error| self.lost(error))
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        match response.status().is_success() {
            true => self.read(response).await,
            false => Err(self.refusal(response).await),
        }
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let body = response.bytes().await.map_err(|error| self.lost(error))?;
        serde_json::from_slice(&body).map_err(|error| ClientError::Strange {
            url: self.url(),
            what: error.to_string(),
        })
    }

    /// What an answer says that is not the one asked for.
    pub(crate) async fn refusal(&self, response: Response) -> ClientError {
        let status = response.status().as_u16();
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return self.lost(error),
        };
        match serde_json::from_slice(&body) {
            Ok(problem) => ClientError::Refused { status, problem },
            Err(_) => ClientError::Strange {
                url: self.url(),
                what: format!("status {status} without a problem in the form of this API"),
            },
        }
    }

    pub(crate) fn lost(&self, source: reqwest::Error) -> ClientError {
        ClientError::Unreachable {
            url: self.url(),
            // The address is said already, and a query may hold what was searched for.
            source: source.without_url(),
        }
    }
}

impl Target {
    fn new(endpoint: &Endpoint) -> Result<Self, ClientError> {
        let bad = |what: String| ClientError::Address {
            url: endpoint.url.clone(),
            what,
        };
        let base = Url::parse(&endpoint.url).map_err(|error| bad(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(bad("it is not an http address".to_owned()));
        }
        let http = http(&base).map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            http,
            base,
            token: endpoint.token.clone(),
        })
    }

    fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The address of a path; each segment is encoded, slashes in it too.
    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("BUG: `new` takes only addresses that can be a base")
            .pop_if_empty()
            .extend(path);
        url
    }
}

/// What carries the requests: straight to the service, never through a proxy or somewhere else.
fn http(base: &Url) -> Result<reqwest::Client, reqwest::Error> {
    static TLS: Once = Once::new();
    // Fails when the program has chosen another one, which is as good.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT);
    match base.scheme() {
        // A machine without certificates can still talk to a service on it.
        "http" => builder.tls_certs_only([]).build(),
        _ => builder.build(),
    }
}
