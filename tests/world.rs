//! A world for tests of whole tasks: the real engine with real files, SQLite, subprocesses and HTTP;
//! only the model behind the HTTP is simulated.

use futures_util::StreamExt as _;
use loom_engine::{Clock, Config, Engine, Feed, OpenError, Setup, SystemClock, TaskView, Webhooks};
use loom_events::{Event, NewTask, Record, Seq, TaskId, TaskSettings, Time};
use loom_redact::{Redactor, Secret};
use loom_router::{Capabilities, Deadlines, ModelEntry, Usable};
use loom_sim::{Options, Playbook, Responder, SimServer};
use loom_tools::ServerSettings;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Longest a task of a test may take before the test says what it hangs in: far more than any needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Tokens of a model's window, where a test does not say: what people run on a laptop.
const WINDOW: u32 = 32_768;

/// The value of a secret variable, which every world knows.
pub(crate) const HOUSE_KEY: &str = "lumen-Orchid/91+quartz_77";

/// One data directory, one workspace, one simulated server.
pub(crate) struct World {
    pub(crate) server: SimServer,
    pub(crate) engine: Engine,
    pub(crate) home: tempfile::TempDir,
    entry: ModelEntry,
    servers: Vec<ServerSettings>,
    webhooks: Webhooks,
}

impl World {
    /// A world whose models answer by a playbook.
    pub(crate) async fn new(playbook: &str) -> Self {
        Self::with(Playbook::from_yaml(playbook).unwrap(), Options::default()).await
    }

    pub(crate) async fn with(playbook: Playbook, options: Options) -> Self {
        Self::over(
            SimServer::start(playbook, options).await.unwrap(),
            Some(WINDOW),
        )
        .await
    }

    pub(crate) async fn code(responder: impl Responder + 'static) -> Self {
        Self::code_in(responder, Options::default(), Some(WINDOW)).await
    }

    /// A world whose models are code and have a window of so many tokens, as Loom is told.
    pub(crate) async fn code_in(
        responder: impl Responder + 'static,
        options: Options,
        window: Option<u32>,
    ) -> Self {
        let server = SimServer::with_responder(responder, options);
        Self::over(server.await.unwrap(), window).await
    }

    /// A world over another server than the simulated one, which then answers nothing.
    pub(crate) async fn at(entry: ModelEntry) -> Self {
        let server = SimServer::start(Playbook::always("unused"), Options::default());
        Self::with_entry(server.await.unwrap(), entry).await
    }

    /// A world of whose server something is known.
    pub(crate) async fn knowing(playbook: &str, capabilities: Capabilities) -> Self {
        let world = Self::new(playbook).await;
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        let usable = Usable {
            entry: world.entry.clone(),
            capabilities,
        };
        let engine = open(
            home.path(),
            vec![usable],
            Vec::new(),
            Webhooks::default(),
            0,
        );
        let engine = engine.await.unwrap();
        world.engine.shutdown().await;
        Self {
            engine,
            home,
            ..world
        }
    }

    /// A world with servers of tools, which are made from its directory.
    pub(crate) async fn with_servers(
        playbook: &str,
        servers: impl FnOnce(&Path) -> Vec<ServerSettings>,
    ) -> Self {
        let playbook = Playbook::from_yaml(playbook).unwrap();
        let world = Self::with(playbook, Options::default()).await;
        world.engine.shutdown().await;
        let servers = servers(world.home.path());
        let engine = reopen(
            world.home.path(),
            std::slice::from_ref(&world.entry),
            &servers,
            &world.webhooks,
            0,
        )
        .await;
        Self {
            server: world.server,
            engine,
            home: world.home,
            entry: world.entry,
            servers,
            webhooks: world.webhooks,
        }
    }

    /// A world that tells receivers.
    pub(crate) async fn telling(playbook: &str, webhooks: Webhooks) -> Self {
        let mut world = Self::new(playbook).await;
        world.tell(webhooks);
        world.reopen_after(0).await;
        world
    }

    /// Tells others, or nobody, from the next engine on.
    pub(crate) fn tell(&mut self, webhooks: Webhooks) {
        self.webhooks = webhooks;
    }

    async fn over(server: SimServer, window: Option<u32>) -> Self {
        let mut entry = ModelEntry::new("sim", server.url());
        entry.context_length = window;
        entry.deadlines = Deadlines {
            connect: Duration::from_secs(2),
            first_token: Duration::from_secs(2),
            stall: Duration::from_secs(1),
            total: Duration::from_secs(20),
        };
        Self::with_entry(server, entry).await
    }

    /// A world over a simulated server with an entry of the test's own.
    pub(crate) async fn with_entry(server: SimServer, entry: ModelEntry) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        let engine = open(
            home.path(),
            vec![entry.clone()],
            Vec::new(),
            Webhooks::default(),
            0,
        )
        .await
        .unwrap();
        Self {
            server,
            engine,
            home,
            entry,
            servers: Vec::new(),
            webhooks: Webhooks::default(),
        }
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.work().join(path)).ok()
    }

    pub(crate) fn task(&self, goal: &str) -> NewTask {
        NewTask {
            goal: goal.to_owned(),
            workspace: Some(self.work().to_string_lossy().into_owned()),
            context: None,
            // A task of a test is what it would be as the first of its kind; see `learning.rs`.
            settings: TaskSettings {
                learning: false,
                ..TaskSettings::default()
            },
            callback_url: None,
            metadata: None,
        }
    }

    /// Runs a goal to its end.
    pub(crate) async fn run(&self, goal: &str) -> Ended {
        self.run_task(self.task(goal)).await
    }

    pub(crate) async fn run_task(&self, new: NewTask) -> Ended {
        let id = self.engine.submit(new).await.unwrap();
        self.ended(id).await
    }

    /// Waits for the end of a task and looks at what is left.
    pub(crate) async fn ended(&self, id: TaskId) -> Ended {
        let mut feed = self.engine.follow(id, Seq::ZERO);
        let mut names = Vec::new();
        let end = async {
            while let Some(item) = feed.next().await {
                if let Feed::Record(record) = item.unwrap() {
                    names.push(record.envelope.event.name());
                }
            }
        };
        if tokio::time::timeout(PATIENCE, end).await.is_err() {
            panic!("the task hangs after {names:#?}");
        }
        let records = self.engine.reader().records(id).await.unwrap();
        let view = self.engine.reader().task(id).await.unwrap();
        Ended { id, records, view }
    }

    /// The engine dies without a word and another one takes the task up.
    pub(crate) async fn crash_and_recover(&mut self) {
        self.abandon_and_reopen_after(0).await;
        self.engine.recover().await.unwrap();
    }

    /// The engine is closed, and another one opens the data directory so many days later.
    pub(crate) async fn reopen_after(&mut self, days: u64) {
        let engine = self.replaced().await;
        engine.shutdown().await;
        self.engine = self.reopened(days).await;
    }

    /// The same after a death without a word.
    pub(crate) async fn abandon_and_reopen_after(&mut self, days: u64) {
        let engine = self.replaced().await;
        engine.abandon().await;
        self.engine = self.reopened(days).await;
    }

    async fn reopened(&self, days: u64) -> Engine {
        let models = std::slice::from_ref(&self.entry);
        reopen(
            self.home.path(),
            models,
            &self.servers,
            &self.webhooks,
            days,
        )
        .await
    }

    /// The engine, with an idle one in its place.
    async fn replaced(&mut self) -> Engine {
        let spare = tempfile::tempdir().unwrap();
        let models = std::slice::from_ref(&self.entry);
        let idle = reopen(spare.path(), models, &[], &Webhooks::default(), 0).await;
        std::mem::replace(&mut self.engine, idle)
    }

    /// Every request was one that a strict server takes.
    pub(crate) fn assert_well_formed(&self) {
        let violations = self.server.violations();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// The journal can be folded again, and everything derived from it agrees.
    pub(crate) async fn assert_replays(&self, task: TaskId) {
        let report = self.engine.reader().replay_check(task).await.unwrap();
        assert_eq!(report.differences, Vec::<String>::new());
    }
}

/// The clock of the machine, so many days ahead.
struct Later(u64);

impl Clock for Later {
    fn now(&self) -> Time {
        SystemClock
            .now()
            .after(Duration::from_secs(self.0 * 24 * 60 * 60))
    }
}

async fn open(
    home: &Path,
    models: Vec<impl Into<Usable>>,
    servers: Vec<ServerSettings>,
    webhooks: Webhooks,
    days: u64,
) -> Result<Engine, OpenError> {
    // Templates of the test's own, if it has written any there.
    let prompts = home.join("prompts");
    let mut config = Config::default();
    config.prompts = prompts.is_dir().then_some(prompts);
    let setup = Setup {
        config,
        redactor: Arc::new(Redactor::new([Secret::new("HOUSE_KEY", HOUSE_KEY)])),
        data_dir: home.join("data"),
        home: None,
        path_env: path_env(),
        helper: None,
        models: models.into_iter().map(Into::into).collect(),
        servers,
        webhooks,
        clock: Arc::new(Later(days)),
        build: "test".to_owned(),
    };
    Engine::open(setup).await
}

/// Opens an engine where another one has just died. A child process that is between its fork and its
/// exec still has the lock of the dead one, for microseconds.
async fn reopen(
    home: &Path,
    models: &[ModelEntry],
    servers: &[ServerSettings],
    webhooks: &Webhooks,
    days: u64,
) -> Engine {
    for _ in 0..100 {
        let (models, servers) = (models.to_vec(), servers.to_vec());
        match open(home, models, servers, webhooks.clone(), days).await {
            Err(OpenError::Locked(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            opened => return opened.unwrap(),
        }
    }
    panic!("the lock of an engine that is gone is still held");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test runs the machine's own programs"
)]
fn path_env() -> std::ffi::OsString {
    std::env::var("PATH").unwrap_or_default().into()
}

/// A task that has ended.
pub(crate) struct Ended {
    pub(crate) id: TaskId,
    pub(crate) records: Vec<Record>,
    pub(crate) view: TaskView,
}

impl Ended {
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.records.iter().map(|r| &r.envelope.event)
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.events().filter(|e| e.name() == name).count()
    }
}
