//! A service on a port of its own, with a data directory, a workspace and a simulated model.

use futures_util::StreamExt as _;
use loom_client::wire::{NewTaskRequest, TaskCreated};
use loom_client::{Client, Endpoint, Followed};
use loom_engine::{Clock, Config, Engine, OpenError, Setup, SystemClock, Webhooks};
use loom_events::TaskId;
use loom_redact::{Redactor, Secret};
use loom_router::ModelEntry;
use loom_sim::{Options, Playbook, SimServer};
use loom_view::{TaskStatus, TaskView};
use loomd::{Limits, Scope, Server, Tokens};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longest that anything here may take before the test says what it hangs in: far more than it needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A plan of one step that writes `out.txt`, and a model that does it properly.
pub(crate) const ONE_STEP: &str = r#"
name: one step
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: write-out
        title: Write out.txt
        description: Write the word hello into out.txt.
        criteria: ["out.txt says hello."]
        checks: [{kind: file_contains, path: out.txt, regex: hello}]
- when: {role: executor, subtask: write-out, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: out.txt, content: "hello\n"}}]}
- when: {role: executor}
  reply: {text: "out.txt says hello."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: out.txt says hello, verdict: met, quote: hello, why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: hello, why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: hello, why: only added}
- when: {role: extractor}
  reply: {json: {summary: wrote out.txt, entries: [{type: discovery, summary: the greeting is hello, detail: it is in out.txt, tags: [greeting], relevance_to: greetings}]}}
"#;

/// One service.
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) tokens: Tokens,
    pub(crate) engine: Arc<Engine>,
    pub(crate) stop: CancellationToken,
    served: JoinHandle<()>,
    ground: Ground,
}

/// What stays when a service goes.
pub(crate) struct Ground {
    home: tempfile::TempDir,
    sim: SimServer,
    redactor: Arc<Redactor>,
    clock: Arc<dyn Clock>,
    webhooks: Webhooks,
    user: Option<PathBuf>,
    config: Config,
}

impl Ground {
    async fn new(playbook: &str) -> Self {
        let playbook = Playbook::from_yaml(playbook).unwrap();
        let sim = SimServer::start(playbook, Options::default())
            .await
            .unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        let mut config = Config::default();
        config.telemetry.prometheus = true;
        Self {
            home,
            sim,
            redactor: Arc::default(),
            clock: Arc::new(SystemClock),
            webhooks: Webhooks::default(),
            user: None,
            config,
        }
    }
}

impl Service {
    pub(crate) async fn new(playbook: &str) -> Self {
        Self::with(playbook, Limits::default()).await
    }

    /// One at another time.
    pub(crate) async fn at(playbook: &str, clock: Arc<dyn Clock>) -> Self {
        let mut ground = Ground::new(playbook).await;
        ground.clock = clock;
        Self::on(ground, Limits::default()).await
    }

    /// One that is configured otherwise.
    pub(crate) async fn configured(playbook: &str, change: impl FnOnce(&mut Config)) -> Self {
        let mut ground = Ground::new(playbook).await;
        change(&mut ground.config);
        Self::on(ground, Limits::default()).await
    }

    /// One whose user has a home, beside the workspace.
    pub(crate) async fn at_home(playbook: &str) -> Self {
        let mut ground = Ground::new(playbook).await;
        let user = ground.home.path().join("user");
        std::fs::create_dir_all(user.join("project")).unwrap();
        ground.user = Some(user);
        Self::on(ground, Limits::default()).await
    }

    /// One that tells others; `tell` is given its directory.
    pub(crate) async fn telling(playbook: &str, tell: impl FnOnce(&Path) -> Webhooks) -> Self {
        let mut ground = Ground::new(playbook).await;
        ground.webhooks = tell(ground.home.path());
        Self::on(ground, Limits::default()).await
    }

    /// One that knows secrets.
    pub(crate) async fn knowing(playbook: &str, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut ground = Ground::new(playbook).await;
        ground.redactor = Arc::new(Redactor::new(secrets));
        Self::on(ground, Limits::default()).await
    }

    pub(crate) async fn with(playbook: &str, limits: Limits) -> Self {
        Self::on(Ground::new(playbook).await, limits).await
    }

    /// A service on a ground that another one has left.
    pub(crate) async fn on(ground: Ground, limits: Limits) -> Self {
        let data_dir = ground.home.path().join("data");
        let engine = Arc::new(open(&data_dir, &ground).await);
        let tokens = Tokens::of(&data_dir).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let server = Server {
            engine: Arc::clone(&engine),
            tokens: Some(tokens.clone()),
            names: Vec::new(),
            limits,
            config: Vec::new(),
            figures: ground.config.telemetry.prometheus,
            recover: true,
        };
        let served = server.serve(listener, stop.clone());
        let served = tokio::spawn(async move { served.await.unwrap() });
        Self {
            url,
            tokens,
            engine,
            stop,
            served,
            ground,
        }
    }

    /// Ends as on SIGTERM.
    pub(crate) async fn end(self) -> Ground {
        self.stop.cancel();
        soon(self.served).await.unwrap();
        soon(self.engine.stop()).await;
        drop(self.engine);
        self.ground
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.ground.home.path().join("data")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.ground.home.path().join("work")
    }

    pub(crate) fn client(&self) -> Client {
        let endpoint = Endpoint {
            url: self.url.clone(),
            token: Some(self.tokens.owner().to_owned()),
        };
        Client::new(&endpoint).unwrap()
    }

    /// A request without a token.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        http().request(method, format!("{}{path}", self.url))
    }

    /// A request with the token of a scope.
    pub(crate) fn as_scope(&self, scope: Scope, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path)
            .bearer_auth(self.tokens.scoped(scope))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.as_scope(Scope::Owner, method, path)
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        read(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) fn new_task(&self, goal: &str) -> NewTaskRequest {
        NewTaskRequest {
            goal: goal.to_owned(),
            workspace: Some(self.work().to_string_lossy().into_owned()),
            ..NewTaskRequest::default()
        }
    }

    pub(crate) async fn submit(&self, request: &NewTaskRequest) -> TaskCreated {
        self.client().submit(request, None).await.unwrap()
    }

    /// A task that has ended.
    pub(crate) async fn finished(&self) -> TaskId {
        // The one before may have left it there.
        std::fs::remove_file(self.work().join("out.txt")).ok();
        let created = self
            .submit(&self.new_task("write hello into out.txt"))
            .await;
        let view = self
            .until(created.task_id, |view| view.status.is_final())
            .await;
        assert_eq!(view.status, TaskStatus::Completed, "{:?}", view.reason);
        created.task_id
    }

    /// A task that waits for somebody to agree to its result.
    pub(crate) async fn waiting(&self) -> TaskId {
        let request = NewTaskRequest {
            approval_mode: Some(loom_client::wire::Approval::Manual),
            ..self.new_task("write hello into out.txt")
        };
        let task = self.submit(&request).await.task_id;
        self.until(task, |view| !view.questions.is_empty()).await;
        task
    }

    /// Follows a task from now on until something holds of it.
    pub(crate) async fn until(&self, task: TaskId, holds: impl Fn(&TaskView) -> bool) -> TaskView {
        let mut view = self.engine.reader().task(task).await.unwrap();
        let mut stream = self.client().follow(task, view.last_seq);
        let reached = async {
            while !holds(&view) {
                match stream.next().await.expect("the stream goes on") {
                    Ok(Followed::Record(record)) => view.apply(&record.envelope),
                    Ok(_) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        if tokio::time::timeout(PATIENCE, reached).await.is_err() {
            panic!("it hangs: {view:#?}");
        }
        view
    }
}

/// Waits, but not for ever.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it hangs")
}

/// Sends a request and reads its answer; an empty one is null.
pub(crate) async fn read(request: RequestBuilder) -> (StatusCode, Value) {
    let response = soon(request.send()).await.unwrap();
    let status = response.status();
    let body = response.bytes().await.unwrap();
    let value = match body.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())),
    };
    (status, value)
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap()
}

async fn open(data_dir: &Path, ground: &Ground) -> Engine {
    let mut entry = ModelEntry::new("sim", ground.sim.url());
    entry.context_length = Some(32_768);
    for _ in 0..100 {
        let setup = Setup {
            redactor: Arc::clone(&ground.redactor),
            webhooks: ground.webhooks.clone(),
            config: ground.config.clone(),
            data_dir: data_dir.to_owned(),
            home: ground.user.clone(),
            path_env: path_env(),
            helper: Some(env!("CARGO_BIN_EXE_loomd").into()),
            models: vec![entry.clone().into()],
            servers: Vec::new(),
            clock: Arc::clone(&ground.clock),
            build: "test".to_owned(),
        };
        match Engine::open(setup).await {
            // A connection of the service before may hold the engine for a moment.
            Err(OpenError::Locked(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            opened => return opened.unwrap(),
        }
    }
    panic!("the lock of a service that is gone is still held");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test runs the machine's own programs"
)]
pub(crate) fn path_env() -> std::ffi::OsString {
    std::env::var("PATH").unwrap_or_default().into()
}
