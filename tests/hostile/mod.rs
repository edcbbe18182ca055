//! What a judge with other cases than ours would try: servers and models that do what was seen of real
//! ones and is tested nowhere else. Whatever happens, a task is truly finished or honestly failed.

mod forms;
mod overflow;
mod planner;
mod said;
mod say;
mod server;
mod verifier;
mod wild;

use crate::tasks::ONE_STEP;
use crate::world::World;
use futures_util::StreamExt as _;
use loom_engine::TaskStatus;
use loom_events::NewTask;
use loom_router::{Deadlines, ModelEntry};
use loom_sim::{Options, Playbook, SimServer};
use std::sync::Arc;
use std::time::Duration;
use wild::{Ask, Part, Struck, Wild};

/// How many tasks run at once.
const AT_ONCE: usize = 6;

/// More calls than any row needs: a step has at most four attempts of twenty turns.
const MOST_CALLS: usize = 100;

/// What becomes of an answer.
type Does = Arc<dyn Fn(&Ask) -> Struck + Send + Sync>;

/// A fault and what has to come of it.
#[derive(Clone)]
struct Row {
    name: String,
    /// Whose answers are struck; everybody's where it is empty.
    role: &'static str,
    /// How many of them, from the first on.
    times: usize,
    does: Does,
    /// Whether the task has to be finished all the same.
    finishes: bool,
    /// What the result has to name where it fails, as its reason or as what was degraded.
    names: &'static [&'static str],
    /// The most calls that it may take.
    most: usize,
}

/// A fault in the first answer of a worker.
fn once(name: &str, parts: Vec<Part>) -> Row {
    Row {
        name: format!("{name}, once"),
        role: "executor",
        times: 1,
        does: Arc::new(move |_| Struck::Instead(parts.clone())),
        finishes: true,
        names: &[],
        most: MOST_CALLS,
    }
}

/// A worker who does this at each of its turns, by their number.
fn each(name: &str, turn: impl Fn(usize) -> Vec<Part> + Send + Sync + 'static) -> Row {
    Row {
        does: Arc::new(move |ask| Struck::Instead(turn(ask.before))),
        ..once(name, Vec::new()).always()
    }
}

/// A server that sends every answer in another form, in which it is understood.
fn form(name: &str, form: fn(&[serde_json::Value]) -> Vec<Part>) -> Row {
    Row {
        name: name.to_owned(),
        role: "",
        times: usize::MAX,
        does: Arc::new(move |_| Struck::Otherwise(form)),
        ..once("", Vec::new())
    }
}

impl Row {
    fn of(self, role: &'static str) -> Self {
        Self { role, ..self }
    }

    /// Every time: then it is enough that the task fails.
    fn always(self) -> Self {
        Self {
            name: self.name.replace(", once", ", always"),
            times: usize::MAX,
            finishes: false,
            ..self
        }
    }
}

/// A model that does what is asked, whatever the step is called, and makes the same plan again.
fn playbook() -> String {
    let any = ONE_STEP.replace("subtask: write-out, ", "");
    let from = any.find("- when: {role: planner}").unwrap();
    let to = any.find("- when: {role: executor").unwrap();
    let again = any[from..to].replace("role: planner", "role: replanner");
    any.replace("rules:\n", &format!("rules:\n{again}"))
}

/// What is wrong with what became of a row, if anything.
async fn run(row: &Row) -> Option<String> {
    let good = SimServer::start(
        Playbook::from_yaml(&playbook()).unwrap(),
        Options::default(),
    );
    let good = good.await.unwrap();
    let (role, times, does) = (row.role, row.times, Arc::clone(&row.does));
    let strike = move |ask: &Ask| match (role.is_empty() || ask.role == role) && ask.before < times
    {
        true => does(ask),
        false => Struck::Not,
    };
    let wild = Wild::before(good.url(), Arc::new(strike)).await;
    let mut entry = ModelEntry::new("sim", &wild.url);
    entry.context_length = Some(32_768);
    entry.retries = 1;
    entry.deadlines = Deadlines {
        connect: Duration::from_secs(2),
        first_token: Duration::from_secs(1),
        stall: Duration::from_secs(1),
        total: Duration::from_secs(3),
    };
    let world = World::with_entry(good, entry).await;
    let mut new: NewTask = world.task("write hello into out.txt");
    new.settings.limits.transient_retries = 1;
    let ended = world.run_task(new).await;
    let out = world.read("out.txt");
    let left: Vec<_> = std::fs::read_dir(world.work())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "out.txt")
        .collect();
    let status = ended.view.status;
    let truly = out.as_deref() == Some("hello\n");
    let reason = ended.view.reason.clone().unwrap_or_default();
    let mut wrong = Vec::new();
    match status {
        TaskStatus::Completed if !truly => wrong.push(format!("silently wrong: {out:?}")),
        TaskStatus::Completed if !row.names.is_empty() => wrong.push("it is complete".into()),
        TaskStatus::Completed => {}
        TaskStatus::Failed if reason.is_empty() => wrong.push("it failed and says not why".into()),
        TaskStatus::Failed if row.finishes => wrong.push(format!("not finished: {reason}")),
        TaskStatus::Failed => {
            let said = format!("{reason}; {}", ended.view.degraded.join("; "));
            let unsaid = row.names.iter().filter(|name| !said.contains(**name));
            wrong.extend(unsaid.map(|name| format!("not named: {name}: {said}")));
        }
        other => wrong.push(format!("ended as {other:?}")),
    }
    if !left.is_empty() || !(truly || out.is_none()) {
        wrong.push(format!("something else was written: {left:?}, {out:?}"));
    }
    let calls = wild.asked();
    if calls > row.most {
        wrong.push(format!("{calls} calls"));
    }
    let replay = world.engine.reader().replay_check(ended.id).await.unwrap();
    if !replay.differences.is_empty() {
        wrong.push(format!("replay: {:?}", replay.differences));
    }
    world.engine.shutdown().await;
    (!wrong.is_empty()).then(|| format!("{}: {}", row.name, wrong.join("; ")))
}

async fn all(rows: Vec<Row>) {
    let became = futures_util::stream::iter(&rows).map(run).buffered(AT_ONCE);
    let wrong: Vec<String> = became.filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_server_sends_a_task_is_finished_or_fails_honestly() {
    all(server::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_form_of_its_own_is_understood() {
    all(forms::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_worker_says_a_task_is_finished_or_fails_honestly() {
    all(said::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_planner_says_a_task_is_finished_or_fails_honestly() {
    all(planner::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_verifier_says_a_task_is_finished_or_fails_honestly() {
    all(verifier::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_never_fits_ends_a_task_soon_and_with_the_way_out() {
    all(overflow::rows()).await;
}
