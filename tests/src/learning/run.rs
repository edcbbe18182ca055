//! One data directory over time: tasks one after the other, each of one trade, with a small model that
//! is bad at some trades and a large one that plans, judges, and is the next tier.

use crate::lift::{Class, Place};
use futures_util::StreamExt as _;
use loom_engine::{Config, Engine, SandboxMode, Setup, SystemClock, Webhooks};
use loom_events::{
    ApprovalMode, Bands, Event, Limits, NewTask, Record, Role, Seq, SubtaskId, TaskId,
    TaskSettings, Tier,
};
use loom_learning::Kind;
use loom_router::ModelEntry;
use loom_sim::{Nature, Options, Profile, SimModel, SimServer, Trade, WeakModels, World};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Steps of a task.
const STEPS: usize = 3;

/// Log-odds that the small model lacks at what it is bad at: a small model that gets next to none of it
/// right, as small models do with what was not in their training.
const LACKS: f64 = -6.0;

/// Longest that a task may take before the run says what it hangs in: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// A step of a task, and how often it was tried.
#[derive(Clone, Debug)]
pub struct Step {
    pub kind: String,
    pub attempts: u32,
    /// Whether its gate passed in the end.
    pub finished: bool,
    /// The tier that its first attempt was given.
    pub began: Tier,
}

/// A data directory with its tasks so far.
pub struct Bench {
    seed: u64,
    learning: bool,
    small: Class,
    /// What the small model is bad at.
    pub bad_at: Vec<Trade>,
    home: tempfile::TempDir,
    engine: Option<Engine>,
    server: Option<SimServer>,
}

impl Bench {
    pub fn new(
        seed: u64,
        learning: bool,
        (small, bad_at): (Class, &[Trade]),
        place: &Place,
    ) -> Self {
        let home = tempfile::Builder::new()
            .prefix("loom-learning-")
            .tempdir_in(&place.0)
            .expect("a directory for the run");
        Self {
            seed,
            learning,
            small,
            bad_at: bad_at.to_vec(),
            home,
            engine: None,
            server: None,
        }
    }

    /// The small model is bad at something else from now on. A new process over the same data: what
    /// was learned must have been kept.
    pub async fn change(&mut self, bad_at: &[Trade]) {
        self.bad_at = bad_at.to_vec();
        self.close().await;
    }

    pub async fn close(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shutdown().await;
        }
        if let Some(server) = self.server.take() {
            let violations = server.violations();
            assert!(violations.is_empty(), "not well-formed: {violations:?}");
        }
    }

    /// The engine, begun when it is first needed.
    pub async fn engine(&mut self) -> &Engine {
        if self.engine.is_none() {
            let (server, engine) = self.open().await;
            self.server = Some(server);
            self.engine = Some(engine);
        }
        self.engine.as_ref().expect("an engine")
    }

    async fn open(&self) -> (SimServer, Engine) {
        let mut small = self.small.profile();
        let lacks = self.bad_at.iter();
        small.aptitudes = lacks.map(|t| (t.verb().to_owned(), LACKS)).collect();
        let profiles = vec![
            ("small".to_owned(), small, 1),
            // It plans for the small one: steps are begun with the smallest model that may do.
            ("large".to_owned(), Profile::strong(), 1),
        ];
        let options = Options {
            models: ["small", "large"].map(SimModel::new).to_vec(),
            ..Options::default()
        };
        let models = WeakModels::new(self.seed, Nature::default(), profiles);
        let server = SimServer::with_responder(models, options)
            .await
            .expect("a port");
        let mut config = Config::default();
        // The scripts of these worlds are ours, and a sandbox for each would be most of the time.
        config.sandbox.mode = SandboxMode::None;
        let setup = Setup {
            config,
            data_dir: self.home.path().join("data"),
            home: None,
            path_env: "/usr/local/bin:/usr/bin:/bin".into(),
            helper: None,
            models: entries(server.url()).into_iter().map(Into::into).collect(),
            servers: Vec::new(),
            webhooks: Webhooks::default(),
            redactor: Arc::default(),
            clock: Arc::new(SystemClock),
            build: "learning".to_owned(),
        };
        let engine = Engine::open(setup).await.expect("an engine");
        (server, engine)
    }

    /// Runs a task to its end, and waits until what it teaches is kept.
    pub async fn run(&mut self, number: u64, trade: Trade) -> (TaskId, Vec<Step>) {
        let world = World::of_trade(self.seed, STEPS, number, trade);
        let dir = self.home.path().join(&world.name);
        lay_out(&world, &dir);
        let new = NewTask {
            goal: world.goal(),
            workspace: Some(dir.to_string_lossy().into_owned()),
            context: None,
            settings: settings(self.learning),
            callback_url: None,
            metadata: None,
        };
        let engine = self.engine().await;
        let id = engine.submit(new).await.expect("a task");
        let ended = async {
            let mut feed = engine.follow(id, Seq::ZERO);
            while feed.next().await.is_some() {}
            while engine.is_running(id) {
                tokio::task::yield_now().await;
            }
        };
        let hangs = tokio::time::timeout(PATIENCE, ended).await.is_err();
        let records = engine.reader().records(id).await.expect("records");
        assert!(
            !hangs,
            "{} hangs after {} events",
            world.name,
            records.len()
        );
        std::fs::remove_dir_all(&dir).expect("a directory that can be removed");
        (id, steps(&records))
    }
}

fn lay_out(world: &World, dir: &Path) {
    for (path, text) in world.files() {
        let path = dir.join(path);
        let parent = path.parent().expect("a file in a directory");
        std::fs::create_dir_all(parent).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }
}

/// What is configured by default, but that nobody is asked anything: results count by their gates.
fn settings(learning: bool) -> TaskSettings {
    TaskSettings {
        learning,
        approval: ApprovalMode::Auto,
        bands: Bands {
            proceed: 0.0,
            ask: 0.0,
            stop: 0.0,
            ..Bands::default()
        },
        limits: Limits {
            tokens: u64::MAX,
            ..Limits::default()
        },
        ..TaskSettings::default()
    }
}

fn entries(url: &str) -> [ModelEntry; 2] {
    let entry = |name: &str, tier, roles: &[Role]| {
        let mut entry = ModelEntry::new(name, url);
        entry.model = Some(name.to_owned());
        entry.tier = tier;
        entry.roles = roles.to_vec();
        entry.context_length = Some(131_072);
        entry.max_concurrency = 8;
        entry
    };
    [
        entry("small", Tier::Small, &[Role::Executor]),
        entry("large", Tier::Medium, &Role::ALL),
    ]
}

/// The steps of a task by its journal, in the order in which they began.
fn steps(records: &[Record]) -> Vec<Step> {
    let mut kinds: BTreeMap<SubtaskId, Kind> = BTreeMap::new();
    let mut steps: Vec<(SubtaskId, Step)> = Vec::new();
    for record in records {
        match &record.envelope.event {
            Event::TaskPlanReady { plan, .. } => {
                for spec in &plan.subtasks {
                    kinds.insert(spec.id.clone(), Kind::of(spec));
                }
            }
            Event::SubtaskStarted { subtask, tier, .. } => {
                if let Some((_, step)) = steps.iter_mut().find(|(id, _)| id == subtask) {
                    step.attempts += 1;
                    continue;
                }
                let kind = kinds.get(subtask).map(ToString::to_string);
                let step = Step {
                    kind: kind.unwrap_or_default(),
                    attempts: 1,
                    finished: false,
                    began: *tier,
                };
                steps.push((subtask.clone(), step));
            }
            Event::SubtaskCompleted { subtask, .. } => {
                if let Some((_, step)) = steps.iter_mut().find(|(id, _)| id == subtask) {
                    step.finished = true;
                }
            }
            _ => {}
        }
    }
    steps.into_iter().map(|(_, step)| step).collect()
}
