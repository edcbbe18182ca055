//! A day with the real service: a task is begun, its plan agreed to, watched, steered, answered,
//! looked at, taken back; the service is restarted in between; another task is cancelled.
//!
//! The service is the program that was built beside this test (`cargo build -p loomd`); where there is
//! none, the test says that it was skipped.

use crate::tmux::{Tmux, available};
use loom_client::Client;
use loom_client::wire::Task;
use loom_events::{Question, QuestionId, TaskId};
use loom_sim::{Demo, Options, SimServer};
use loom_state::DataDirLock;
use loomd::Service;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long anything may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Questions that the demo can ask at most, with a plan to agree to and an instruction heard.
const MAX_QUESTIONS: usize = 12;

/// The program of the service, if it was built.
pub(crate) fn program() -> Option<PathBuf> {
    beside("loomd")
}

/// A program of Loom, if it was built.
pub(crate) fn beside(name: &str) -> Option<PathBuf> {
    let this = std::env::current_exe().unwrap();
    let beside = this.parent()?.parent()?.join(name);
    let there = beside.is_file();
    if !there {
        eprintln!(
            "SKIPPED the real service: {} is not built",
            beside.display()
        );
    }
    there.then_some(beside)
}

/// The real service on a project of its own, with a simulated model.
pub(crate) struct World {
    runtime: Runtime,
    _sim: SimServer,
    home: tempfile::TempDir,
    program: PathBuf,
    serving: Option<Child>,
}

impl World {
    /// One that is served.
    pub(crate) fn new(program: PathBuf) -> Self {
        let mut world = Self::idle(program, Duration::ZERO);
        world.serve("0");
        world
    }

    /// One that nobody serves yet, with a model that takes so long for each piece of an answer.
    pub(crate) fn idle(program: PathBuf, pace: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let sim = SimServer::start(
            Demo::playbook(),
            Options {
                pace,
                ..Options::default()
            },
        );
        let sim = runtime.block_on(sim).unwrap();
        let home = tempfile::tempdir().unwrap();
        for file in Demo::files() {
            let path = home.path().join("work").join(file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, file.contents).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(file.mode)).unwrap();
        }
        let data = home.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let model = |name: &str, tier: u8| {
            let url = sim.url();
            format!(
                "[models.{name}]\nprovider = \"openai_compatible\"\nbase_url = \"{url}/v1\"\nmodel = \"sim-{name}\"\ntier = {tier}\n"
            )
        };
        std::fs::write(
            data.join("loom.toml"),
            model("small", 1) + &model("large", 3),
        )
        .unwrap();
        Self {
            runtime,
            _sim: sim,
            home,
            program,
            serving: None,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub(crate) fn work(&self, path: &str) -> PathBuf {
        self.home.path().join("work").join(path)
    }

    pub(crate) fn serve(&mut self, port: &str) {
        let log = std::fs::File::create(self.home.path().join("log")).unwrap();
        let mut command = self.command(&self.program);
        command.args(["--port", port]).stderr(log);
        let child = command.spawn().unwrap();
        let pid = child.id();
        self.serving = Some(child);
        self.until("the service", |world| {
            let holder = DataDirLock::holder(&world.data()).unwrap()?;
            if holder.pid != Some(pid) || holder.address.is_none() {
                return None;
            }
            let health = world.runtime.block_on(world.client().health());
            health.is_ok().then_some(())
        });
    }

    /// Ends the service as a user would, and gives its port.
    pub(crate) fn end(&mut self) -> String {
        let url = self.client().url();
        let mut child = self.serving.take().unwrap();
        crate::tmux::signal(child.id(), "TERM");
        child.wait().unwrap();
        url.rsplit(':').next().unwrap().to_owned()
    }

    fn client(&self) -> Client {
        let service = self.runtime.block_on(Service::join(&self.data()));
        service.unwrap().unwrap().client().clone()
    }

    /// The terminal UI on it, as it looks at first.
    pub(crate) fn show(&self, columns: u16, rows: u16) -> Tmux {
        let program = env!("CARGO_BIN_EXE_loom-tui");
        self.terminal(
            columns,
            rows,
            &format!("{program} --home {}", self.data().display()),
        )
    }

    /// A terminal in the project, in which a command line runs.
    pub(crate) fn terminal(&self, columns: u16, rows: u16, line: &str) -> Tmux {
        let line = format!("cd {} && exec {line}", self.work("").display());
        let (home, data) = (self.home.path().display(), self.data());
        let env = [
            ("LANG", "C.UTF-8"),
            ("HOME", &home.to_string()),
            ("LOOM_HOME", &data.display().to_string()),
        ];
        Tmux::start(columns, rows, &env, &line)
    }

    /// A command on it.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts the command that it tests with"
    )]
    pub(crate) fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.work(""))
            .env("LOOM_HOME", self.data())
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Waits until somebody serves it.
    pub(crate) fn served(&self) {
        self.until("somebody who serves", |world| {
            let service = world
                .runtime
                .block_on(Service::join(&world.data()))
                .ok()??;
            world.runtime.block_on(service.client().health()).ok()
        });
    }

    /// The newest task.
    pub(crate) fn newest(&self) -> TaskId {
        let page = self
            .runtime
            .block_on(self.client().tasks(&Default::default()));
        page.unwrap().tasks[0].task_id
    }

    pub(crate) fn task(&self, id: TaskId) -> Task {
        let task = self.runtime.block_on(self.client().task(&id.to_string()));
        task.unwrap()
    }

    /// The question that waits, once the task has one that is not `but`; none when it has ended.
    pub(crate) fn question(
        &self,
        task: TaskId,
        but: Option<QuestionId>,
    ) -> Option<(QuestionId, Question)> {
        self.until("a question, or the end", |world| {
            let view = world.task(task).view;
            if view.status.is_final() {
                return Some(None);
            }
            let first = view
                .questions
                .into_iter()
                .find(|view| Some(view.id) != but)?;
            Some(Some((first.id, first.question)))
        })
    }

    fn until<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{what} is waited for in vain\n{}",
                self.log()
            );
            std::thread::park_timeout(LOOK);
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut child) = self.serving.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Fills in the form: the goal, and that results, and the plan, are to be agreed to.
pub(crate) fn begin(tmux: &Tmux) {
    tmux.press(&["n"]);
    tmux.see("new task");
    tmux.type_in(Demo::goal());
    tmux.press(&["Tab", "Tab", "Tab", "Left", "Tab", "Right"]);
    tmux.see("show it first");
    tmux.see("manual");
    tmux.press(&["Enter"]);
    tmux.see("log");
}

/// Opens the question that waits and says yes.
pub(crate) fn agree(tmux: &Tmux, question: &Question) {
    let reason: String = question.reason.chars().take(30).collect();
    tmux.see(&reason);
    tmux.see("a question waits");
    tmux.press(&["a"]);
    let screen = tmux.see("y yes");
    assert!(screen.contains("risk"), "{screen}");
    tmux.press(&["y"]);
    tmux.miss("y yes");
}

#[test]
fn a_day_with_the_real_service() {
    if !available("the real service") {
        return;
    }
    let Some(program) = program() else {
        return;
    };
    let mut world = World::new(program);
    let tmux = world.show(100, 60);
    tmux.see("n begins one");
    begin(&tmux);
    let task = world.newest();
    // The plan, before anything runs.
    let (plan, question) = world.question(task, None).unwrap();
    agree(&tmux, &question);
    // A result: what changed is looked at, an instruction given, the service restarted.
    let (_, question) = world.question(task, Some(plan)).unwrap();
    tmux.see(&question.reason.chars().take(30).collect::<String>());
    tmux.press(&["d"]);
    tmux.see("expenses.sh");
    tmux.see("while IFS=, read -r date category cents ||");
    // Escape and a letter that come together would be one key.
    tmux.press(&["Escape"]);
    tmux.miss("while IFS=, read -r date category cents ||");
    tmux.press(&["s"]);
    tmux.see("instruction:");
    tmux.type_in("keep the examples short");
    tmux.press(&["Enter"]);
    tmux.see("you: keep the examples short");
    let port = world.end();
    tmux.see("offline");
    world.serve(&port);
    tmux.miss("offline");
    let mut last = None;
    for asked in 0.. {
        assert!(
            asked < MAX_QUESTIONS,
            "it asks without end:\n{}",
            tmux.screen()
        );
        let Some((id, question)) = world.question(task, last) else {
            break;
        };
        agree(&tmux, &question);
        last = Some(id);
    }
    let screen = tmux.see("✓ the whole goal is verified");
    assert!(screen.contains("3 verified, 0 claimed"), "{screen}");
    for once in [
        "you: keep the examples short",
        "✓ Make `total`",
        "✓ completed\n",
    ] {
        let log = screen.split("log ─").nth(1).unwrap();
        let lines = log.lines().map(|line| format!("{}\n", line.trim_end()));
        let times = lines.filter(|line| line.contains(once)).count();
        assert_eq!(times, 1, "{once}:\n{screen}");
    }
    assert!(world.work("USAGE.md").is_file());
    // It is right, but for one step; and after another look that one is, too.
    let ratings = |world: &World| {
        let ratings = world.task(task).ratings;
        ratings.iter().map(|rated| rated.right).collect::<Vec<_>>()
    };
    tmux.press(&["o"]);
    tmux.see("is it right?");
    tmux.press(&["y"]);
    tmux.see("rated: 3 right");
    assert_eq!(ratings(&world), [1.0, 1.0, 1.0]);
    tmux.press(&["Down", "n"]);
    tmux.see("rated: 2 right, 1 wrong");
    let mut said = ratings(&world);
    said.sort_by(f64::total_cmp);
    assert_eq!(said, [0.0, 1.0, 1.0]);
    tmux.press(&["y"]);
    tmux.see("rated: 3 right");
    tmux.press(&["Escape"]);
    tmux.miss("is it right?");
    // Taken back: the project is as it was.
    tmux.press(&["r"]);
    tmux.see("USAGE.md goes");
    tmux.press(&["y"]);
    tmux.see("taken back");
    assert!(!world.work("USAGE.md").exists());
    for file in Demo::files() {
        let now = std::fs::read_to_string(world.work(file.path)).unwrap();
        assert_eq!(now, file.contents, "{}", file.path);
    }
    // Another one, cancelled while its plan waits.
    tmux.press(&["Escape"]);
    tmux.miss("log ─");
    begin(&tmux);
    tmux.see("a question waits");
    tmux.press(&["c"]);
    tmux.see("cancel this task?");
    tmux.press(&["y"]);
    tmux.see("× cancelled");
    assert_eq!(world.task(world.newest()).view.status.name(), "cancelled");
    tmux.press(&["q"]);
}
