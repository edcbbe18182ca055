//! One cell of the table: many generated tasks run in one way, a few at a time.

use super::kept::keep;
use super::outcome::Outcome;
use super::spoiled::{Spoiled, Trouble};
use super::variant::{Class, Variant};
use futures_util::StreamExt as _;
use loom_engine::{Config, Engine, SandboxMode, Setup, SystemClock, Webhooks};
use loom_events::{NewTask, Seq};
use loom_router::{Deadlines, Usable};
use loom_sim::{Options, SimModel, SimServer, WeakModels, World, inspect};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tasks that share one engine and one server. Few, so that neither remembers much.
const BATCH: usize = 25;

/// Tasks of a batch that run at once: enough to keep two cores busy while commands are waited for.
const AT_ONCE: usize = 4;

/// Longest that a task may take before the run says what it hangs in: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Many tasks, run in one way.
#[derive(Clone, Debug)]
pub struct Cell {
    pub variant: Variant,
    pub class: Class,
    pub steps: usize,
    pub tasks: usize,
    pub seed: u64,
    /// What goes wrong beside the model's own mistakes.
    pub trouble: Option<Trouble>,
}

/// Where data and workspaces are.
#[derive(Clone, Debug)]
pub struct Place(pub PathBuf);

impl Place {
    /// In memory where there is such a place: what is measured is not the disk.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            Self(memory.to_owned())
        } else {
            Self(std::env::temp_dir())
        }
    }
}

/// Runs a cell, and keeps its lines where that is asked for.
pub async fn run(cell: &Cell, place: &Place) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let numbers: Vec<u64> = (0..cell.tasks as u64).collect();
    for batch in numbers.chunks(BATCH) {
        outcomes.extend(run_batch(cell, place, batch).await);
    }
    if let Some(file) = std::env::var_os("LOOM_LIFT_KEEP") {
        keep(Path::new(&file), cell, &outcomes).expect("a file that can be written");
    }
    outcomes
}

async fn run_batch(cell: &Cell, place: &Place, numbers: &[u64]) -> Vec<Outcome> {
    let ground = Ground::new(cell, place, None).await;
    let outcomes = ground.run(cell, numbers).await;
    ground.close().await;
    outcomes
}

/// An engine over a server of simulated models, with a directory for its data and its workspaces.
pub(super) struct Ground {
    home: tempfile::TempDir,
    server: SimServer,
    pub(super) engine: Engine,
}

impl Ground {
    /// `helper` is the program that puts commands into a sandbox; without one they run without.
    pub(super) async fn new(cell: &Cell, place: &Place, helper: Option<PathBuf>) -> Self {
        let home = tempfile::Builder::new()
            .prefix("loom-lift-")
            .tempdir_in(&place.0)
            .expect("a directory for the run");
        let server = serve(cell).await;
        let mut config = Config::default();
        if helper.is_none() {
            // The scripts of these worlds are ours, and a sandbox for each would be most of the time.
            config.sandbox.mode = SandboxMode::None;
        }
        config.max_parallel_tasks = 64;
        let setup = Setup {
            config,
            data_dir: home.path().join("data"),
            home: None,
            path_env: "/usr/local/bin:/usr/bin:/bin".into(),
            helper,
            models: models_of(cell, server.url()),
            servers: Vec::new(),
            webhooks: Webhooks::default(),
            redactor: Arc::default(),
            clock: Arc::new(SystemClock),
            build: "lift".to_owned(),
        };
        Self {
            engine: Engine::open(setup).await.expect("an engine"),
            home,
            server,
        }
    }

    /// Runs these tasks, a few at a time.
    pub(super) async fn run(&self, cell: &Cell, numbers: &[u64]) -> Vec<Outcome> {
        let runs = numbers
            .iter()
            .map(|number| async { (*number, self.run_one(cell, *number).await) });
        // A long one does not keep those after it from beginning.
        let mut done: Vec<(u64, Outcome)> = futures_util::stream::iter(runs)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        done.sort_by_key(|(number, _)| *number);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Runs one task.
    pub(super) async fn run_one(&self, cell: &Cell, number: u64) -> Outcome {
        run_one(cell, &self.engine, self.home.path(), number).await
    }

    pub(super) async fn close(self) {
        let violations = self.server.violations();
        assert!(violations.is_empty(), "not well-formed: {violations:?}");
        self.engine.shutdown().await;
    }
}

async fn serve(cell: &Cell) -> SimServer {
    let classes = [
        Class::Weak,
        Class::Middling,
        Class::Strong,
        Class::Faultless,
    ];
    // Whoever plans asks for the worker's class: with its own, a strong planner would have all the work
    // done by a strong worker.
    let tier = u64::from(u8::from(cell.class.tier()));
    let profiles = classes.map(|class| (class.name().to_owned(), class.profile(), tier));
    let models = WeakModels::new(cell.seed, cell.variant.nature(), profiles.to_vec());
    let options = Options {
        models: classes.map(|class| SimModel::new(class.name())).to_vec(),
        ..Options::default()
    };
    let server = match &cell.trouble {
        None => SimServer::with_responder(models, options).await,
        Some(trouble) => {
            SimServer::with_responder(Spoiled::new(models, trouble.clone()), options).await
        }
    };
    server.expect("a port")
}

/// The models at work. In trouble nobody waits long for a server that is silent or refuses.
fn models_of(cell: &Cell, url: &str) -> Vec<Usable> {
    let mut entries = cell.variant.models(cell.class, url);
    if cell.trouble.is_some() {
        for entry in &mut entries {
            entry.retries = 1;
            entry.deadlines = Deadlines {
                connect: Duration::from_secs(2),
                first_token: Duration::from_millis(500),
                stall: Duration::from_millis(300),
                total: Duration::from_secs(10),
            };
        }
    }
    entries.into_iter().map(Into::into).collect()
}

async fn run_one(cell: &Cell, engine: &Engine, home: &Path, number: u64) -> Outcome {
    let world = World::new(cell.seed, cell.steps, number);
    let dir = home.join(&world.name);
    for (path, text) in world.files() {
        let path = dir.join(path);
        let parent = path.parent().expect("a file in a directory");
        std::fs::create_dir_all(parent).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }
    let mut settings = cell.variant.settings();
    if cell.trouble.is_some() {
        settings.limits.transient_retries = 1;
    }
    let new = NewTask {
        goal: world.goal(),
        workspace: Some(dir.to_string_lossy().into_owned()),
        context: None,
        settings,
        callback_url: None,
        metadata: None,
    };
    let begun = Instant::now();
    let id = engine.submit(new).await.expect("a task");
    let mut feed = engine.follow(id, Seq::ZERO);
    let end = async { while feed.next().await.is_some() {} };
    let hangs = tokio::time::timeout(PATIENCE, end).await.is_err();
    let records = engine.reader().records(id).await.expect("records");
    let last = || {
        records
            .iter()
            .rev()
            .take(12)
            .map(|r| r.envelope.event.name())
    };
    assert!(
        !hangs,
        "{} of {} hangs after {:?}",
        world.name,
        cell.variant.name,
        last().collect::<Vec<_>>()
    );
    let view = engine.reader().task(id).await.expect("a task");
    let truth = inspect(&world, &dir);
    if let Some(dir) = std::env::var_os("LOOM_LIFT_SHOW") {
        show(Path::new(&dir), (&world, &view.status), &records, &truth);
    }
    std::fs::remove_dir_all(&dir).expect("a directory that can be removed");
    Outcome::of(truth, (&view, &records), begun.elapsed())
}

/// For people who look into one task: what is wrong in the end, then its journal, a line each.
fn show(
    dir: &Path,
    (world, status): (&World, &loom_engine::TaskStatus),
    records: &[loom_events::Record],
    truth: &loom_sim::Truth,
) {
    let defects = truth.defects.iter().map(|defect| {
        let step = defect.step.map(|number| format!("s{number:02}"));
        format!("{} {}", step.unwrap_or_default(), defect.kind.name())
    });
    let head = serde_json::json!({
        "world": world.name,
        "status": format!("{status:?}"),
        "defects": defects.collect::<Vec<_>>(),
    });
    let mut text = format!("{head}\n");
    for record in records {
        text.push_str(&serde_json::to_string(&record.envelope).unwrap_or_default());
        text.push('\n');
    }
    std::fs::create_dir_all(dir).expect("a directory");
    std::fs::write(dir.join(format!("{}.jsonl", world.name)), text).expect("a file");
}
