//! Tools of real servers: `mcp_peer.rs` is one, over standard input and output and over HTTP.

mod http;
mod stdio;
mod tasks;

use loom_events::{Digest, Fact, FileChange, ToolSpec};
use loom_tools::policy::Policy;
use loom_tools::{
    CallOutcome, Found, Free, Held, Offer, Past, PastError, RecordError, Recorder, Registry, Seen,
    ServerPlace, ServerProgram, ServerSettings, Servers, ShellSettings, Surroundings, ToolContext,
    ToolOutput,
};
use loom_workspace::{Bounds, Sandbox, Store, Workspace};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Longer than anything in a test takes.
const LONG: Duration = Duration::from_secs(60);

/// Room for whatever a test offers.
const ROOM: usize = 1 << 20;

/// A server with this name and these options of the peer; it writes its log into the directory.
pub(crate) fn peer(name: &str, dir: &Path, options: &[&str]) -> ServerSettings {
    let log = dir.join(format!("{name}.log"));
    let log = ["--log", log.to_str().unwrap()];
    let args = log.iter().chain(options);
    let program = ServerProgram {
        command: env!("CARGO_BIN_EXE_mcp-peer").to_owned(),
        args: args.map(|arg| (*arg).to_owned()).collect(),
        env: Vec::new(),
        cwd: None,
    };
    settings(name, ServerPlace::Program(program))
}

pub(crate) fn settings(name: &str, place: ServerPlace) -> ServerSettings {
    ServerSettings {
        name: name.to_owned(),
        place: Ok(place),
        tools: None,
        free: Free::All,
        call_timeout: LONG,
        start_timeout: LONG,
    }
}

/// What a peer has logged.
pub(crate) fn logged(dir: &Path, name: &str) -> Vec<String> {
    let log = std::fs::read_to_string(dir.join(format!("{name}.log"))).unwrap_or_default();
    log.lines().map(str::to_owned).collect()
}

/// Processes that carry a label with this prefix.
pub(crate) fn alive(label: &str) -> usize {
    let label = format!("LOOM_RUN={label}");
    let labelled = |pid: PathBuf| {
        let environment = std::fs::read(pid.join("environ")).unwrap_or_default();
        let mut variables = environment.split(|b| *b == 0);
        variables.any(|v| v.starts_with(label.as_bytes()))
    };
    let processes = std::fs::read_dir("/proc").unwrap();
    processes
        .filter(|process| labelled(process.as_ref().unwrap().path()))
        .count()
}

/// A killed process needs a moment to be gone.
pub(crate) async fn assert_nothing_is_left(label: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while alive(label) > 0 && Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    assert_eq!(alive(label), 0);
}

/// Servers, a workspace, and somebody who calls.
struct Stage {
    servers: Arc<Servers>,
    registry: Registry,
    workspace: Arc<Workspace>,
    notes: Notes,
    cancel: CancellationToken,
    shell: ShellSettings,
    seen: Seen,
    dir: tempfile::TempDir,
}

impl Stage {
    /// With one server `s` that is a peer with these options.
    fn new(options: &[&str]) -> Self {
        Self::with(|dir| vec![peer("s", dir, options)])
    }

    fn with(servers: impl FnOnce(&Path) -> Vec<ServerSettings>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["work", "home", "data"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let bounds = Bounds {
            data_dir: dir.path().join("data"),
            home: None,
            roots: Vec::new(),
        };
        let store = Arc::new(Store::open(&dir.path().join("data/objects")).unwrap());
        let workspace = Workspace::open(&dir.path().join("work"), &bounds, store).unwrap();
        let around = Surroundings {
            path_env: "/usr/local/bin:/usr/bin:/bin".into(),
            home: Some(dir.path().join("home")),
            label: dir.path().display().to_string(),
        };
        Self {
            servers: Arc::new(Servers::new(servers(dir.path()), around)),
            registry: Registry::builtin(),
            workspace: Arc::new(workspace),
            notes: Notes::default(),
            cancel: CancellationToken::new(),
            shell: ShellSettings {
                sandbox: Sandbox::None,
                path_env: "/usr/bin:/bin".into(),
                home: None,
                timeout: LONG,
                max_timeout: LONG,
                policy: Policy::default(),
                readable: Vec::new(),
                writable: Vec::new(),
                network: false,
            },
            seen: Seen::default(),
            dir,
        }
    }

    fn label(&self) -> String {
        self.dir.path().display().to_string()
    }

    fn logged(&self) -> Vec<String> {
        logged(self.dir.path(), "s")
    }

    /// An attempt begins: what is offered now is what can be called.
    async fn begin(&mut self) -> Offer {
        let offer = self.servers.offer(ROOM).await;
        self.registry = Registry::builtin().with_external(&offer.specs, &self.servers);
        offer
    }

    async fn call(&self, name: &str, arguments: Value) -> CallOutcome {
        self.granted(name, arguments, None).await
    }

    async fn granted(&self, name: &str, arguments: Value, grant: Option<&Digest>) -> CallOutcome {
        let checked = match self.registry.check(name, arguments) {
            Ok(checked) => checked,
            Err(refusal) => return refusal.into(),
        };
        let context = ToolContext {
            workspace: Some(&self.workspace),
            scratch: self.dir.path(),
            recorder: &self.notes,
            cancel: &self.cancel,
            seen: &self.seen,
            grant,
            output_bytes: 10_000,
            shell: &self.shell,
            label: "unused",
            call_id: "call_0_0",
            past: &Nothing,
            redactor: &Arc::default(),
        };
        self.registry.call(&checked, &context).await
    }

    /// A call that came to an output.
    async fn done(&self, name: &str, arguments: Value) -> ToolOutput {
        match self.call(name, arguments).await {
            CallOutcome::Done(output) => output,
            other => panic!("{other:?}"),
        }
    }

    async fn ok(&self, name: &str, arguments: Value) -> String {
        let output = self.done(name, arguments).await;
        assert!(output.ok, "{}", output.text);
        output.text
    }

    async fn negative(&self, name: &str, arguments: Value) -> String {
        match self.call(name, arguments).await {
            CallOutcome::Done(output) if !output.ok => output.text,
            CallOutcome::Refused(refusal) => format!("{}: {}", refusal.code, refusal.message),
            other => panic!("{other:?}"),
        }
    }

    async fn held(&self, name: &str, arguments: Value) -> Held {
        match self.call(name, arguments).await {
            CallOutcome::Held(held) => held,
            other => panic!("{other:?}"),
        }
    }
}

fn names(specs: &[ToolSpec]) -> Vec<&str> {
    specs.iter().map(|spec| spec.name.as_str()).collect()
}

/// What was recorded.
#[derive(Default)]
struct Notes {
    changes: Mutex<Vec<FileChange>>,
    progress: Mutex<Vec<String>>,
    told: Notify,
}

impl Notes {
    /// Waits for a line of progress; a test that misses it fails instead of hanging.
    async fn was_told(&self) {
        let told = tokio::time::timeout(LONG, self.told.notified()).await;
        told.expect("a line of progress is recorded");
    }
}

#[async_trait::async_trait]
impl Recorder for Notes {
    async fn changing(&self, change: FileChange) -> Result<(), RecordError> {
        self.changes.lock().unwrap().push(change);
        Ok(())
    }

    async fn progress(&self, text: String) {
        self.progress.lock().unwrap().push(text);
        self.told.notify_one();
    }
}

struct Nothing;

#[async_trait::async_trait]
impl Past for Nothing {
    async fn output(&self, _: &str) -> Result<Found, PastError> {
        Ok(Found::Nothing { known: Vec::new() })
    }

    async fn memory(&self, _: &str, _: usize) -> Result<Vec<Fact>, PastError> {
        Ok(Vec::new())
    }
}
