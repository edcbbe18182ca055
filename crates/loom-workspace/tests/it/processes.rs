//! Commands: what they print, how they end, and that nothing of them is left.

use loom_workspace::{
    CommandLine, CommandSpec, Finished, RunError, RunStatus, RungName, Sandbox, run,
    survey_sandboxes,
};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Longer than any test may take.
const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Place {
    _dir: tempfile::TempDir,
    base: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for sub in ["workspace", "scratch", "outside", "home"] {
            fs::create_dir(base.join(sub)).unwrap();
        }
        Self { _dir: dir, base }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    pub(crate) fn spec(&self, line: &str, sandbox: &Sandbox) -> CommandSpec {
        let variable = |name: &str, value: &OsStr| (OsString::from(name), value.to_owned());
        CommandSpec {
            command: CommandLine::Shell(line.to_owned()),
            workspace: self.path("workspace"),
            cwd: self.path("workspace"),
            env: vec![
                variable("PATH", OsStr::new(PATH)),
                variable("HOME", self.path("home").as_os_str()),
                variable("BASE", self.base.as_os_str()),
            ],
            timeout: LONG,
            output_cap: 10_000,
            sandbox: sandbox.clone(),
            scratch: self.path("scratch"),
            readable: Vec::new(),
            writable: Vec::new(),
            network: false,
            label: format!("test:{}", self.base.display()),
        }
    }

    pub(crate) async fn run(&self, line: &str, sandbox: &Sandbox) -> Finished {
        let spec = self.spec(line, sandbox);
        run(&spec, &CancellationToken::new()).await.unwrap()
    }

    /// Processes of this test that are alive.
    fn alive(&self) -> usize {
        let label = format!("LOOM_RUN=test:{}", self.base.display());
        let labelled = |pid: PathBuf| {
            let environment = fs::read(pid.join("environ")).unwrap_or_default();
            environment
                .split(|b| *b == 0)
                .any(|v| v == label.as_bytes())
        };
        let processes = fs::read_dir("/proc").unwrap();
        processes
            .filter(|p| labelled(p.as_ref().unwrap().path()))
            .count()
    }

    /// A killed process needs a moment to be gone.
    fn assert_nothing_is_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.alive() > 0 {
            assert!(
                Instant::now() < deadline,
                "{} processes are left",
                self.alive()
            );
            std::thread::yield_now();
        }
    }
}

/// Runs a check bare and in every sandbox that works here.
macro_rules! everywhere {
    ($check:expr) => {
        for sandbox in [Sandbox::None].into_iter().chain(contained()) {
            $check(sandbox).await;
        }
    };
}

/// Every sandbox that works here, the strongest first.
pub(crate) fn contained() -> Vec<Sandbox> {
    let helper = Path::new(env!("CARGO_BIN_EXE_loom-sandbox-helper"));
    let rungs = survey_sandboxes(OsStr::new(PATH), Some(helper)).rungs;
    rungs.into_iter().filter_map(|rung| rung.sandbox).collect()
}

fn sandbox(name: RungName) -> Option<Sandbox> {
    let found = contained()
        .into_iter()
        .find(|one| one.name() == name.word());
    if found.is_none() {
        println!("skipped: {} does not work here", name.word());
    }
    found
}

pub(crate) fn bubblewrap() -> Option<Sandbox> {
    sandbox(RungName::Bubblewrap)
}

pub(crate) fn landlock() -> Option<Sandbox> {
    sandbox(RungName::Landlock)
}

#[tokio::test]
async fn a_command_ends_with_its_code_and_its_output_in_order() {
    everywhere!(async |sandbox: Sandbox| {
        let place = Place::new();
        let done = place
            .run("echo one; echo two >&2; echo three; exit 7", &sandbox)
            .await;
        assert_eq!(done.status, RunStatus::Exit(7), "{}", done.output);
        assert_eq!(done.output, "one\ntwo\nthree\n");
    });
}

#[tokio::test]
async fn a_signal_is_told_from_an_exit() {
    everywhere!(async |sandbox: Sandbox| {
        let place = Place::new();
        let done = place.run("kill -9 $$", &sandbox).await;
        assert_eq!(done.status, RunStatus::Signal(9), "{sandbox:?}");
    });
}

#[tokio::test]
async fn input_is_closed_and_the_environment_is_what_was_given() {
    everywhere!(async |sandbox: Sandbox| {
        let place = Place::new();
        let done = place
            .run(
                "cat; env | grep -vE '^(PATH|HOME|TMPDIR|BASE|LOOM_RUN|PWD|SHLVL|OLDPWD|_)='",
                &sandbox,
            )
            .await;
        assert_eq!(
            (done.status, done.output.as_str()),
            (RunStatus::Exit(1), "")
        );
    });
}

#[tokio::test]
async fn a_flood_is_drained_and_head_and_tail_are_kept() {
    everywhere!(async |sandbox: Sandbox| {
        let place = Place::new();
        let done = place
            .run(
                "echo first; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo last",
                &sandbox,
            )
            .await;
        assert_eq!(done.status, RunStatus::Exit(0));
        assert!(done.truncated() && done.omitted > 29_000_000);
        assert!(done.output.starts_with("first\nxxx") && done.output.ends_with("xxx\nlast\n"));
        assert!(done.output.len() < 11_000);
    });
}

#[tokio::test]
async fn a_timeout_ends_the_whole_group() {
    everywhere!(async |sandbox: Sandbox| {
        let place = Place::new();
        let mut spec = place.spec(
            "echo started; trap '' TERM; sleep 300 & sleep 300",
            &sandbox,
        );
        spec.timeout = Duration::from_millis(500);
        let done = run(&spec, &CancellationToken::new()).await.unwrap();
        assert_eq!(done.status, RunStatus::TimedOut);
        assert_eq!(done.output, "started\n");
        assert!(done.duration < Duration::from_secs(10));
        place.assert_nothing_is_left();
    });
}

#[tokio::test]
async fn background_children_do_not_survive_their_command() {
    everywhere!(async |sandbox: Sandbox| {
        let place = Place::new();
        let done = place.run("sleep 300 & echo done", &sandbox).await;
        assert_eq!(
            (done.status, done.output.as_str()),
            (RunStatus::Exit(0), "done\n")
        );
        assert!(done.duration < Duration::from_secs(10));
        place.assert_nothing_is_left();
    });
}

#[tokio::test]
async fn nobody_escapes_by_a_new_session_and_a_double_fork() {
    everywhere!(async |sandbox: Sandbox| {
        let place = Place::new();
        let line = "(setsid sh -c 'sleep 300 & sleep 300' &) </dev/null >/dev/null 2>&1; echo done";
        let done = place.run(line, &sandbox).await;
        assert_eq!(done.output, "done\n");
        place.assert_nothing_is_left();
    });
}

#[tokio::test]
async fn a_cancelled_command_ends_with_everything_it_started() {
    everywhere!(async |sandbox: Sandbox| {
        let place = Place::new();
        let cancel = CancellationToken::new();
        let spec = place.spec("sleep 300 & : > started; sleep 300", &sandbox);
        let started = place.path("workspace/started");
        let (done, ()) = tokio::join!(run(&spec, &cancel), async {
            appears(&started).await;
            cancel.cancel();
        });
        assert_eq!(done.unwrap().status, RunStatus::Cancelled);
        place.assert_nothing_is_left();
    });
}

#[tokio::test]
async fn a_dropped_run_ends_with_everything_it_started() {
    everywhere!(async |sandbox: Sandbox| {
        let place = Place::new();
        let cancel = CancellationToken::new();
        let spec = place.spec("sleep 300 & : > started; sleep 300", &sandbox);
        let started = place.path("workspace/started");
        tokio::select! {
            done = run(&spec, &cancel) => panic!("it ended: {done:?}"),
            () = appears(&started) => {}
        }
        place.assert_nothing_is_left();
    });
}

/// Waits for a file without sleeping.
async fn appears(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(
            Instant::now() < deadline,
            "{} does not appear",
            path.display()
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_cannot_be_started_says_so() {
    let place = Place::new();
    let mut spec = place.spec("", &Sandbox::None);
    let cancel = CancellationToken::new();
    spec.command = CommandLine::Program(Vec::new());
    assert!(matches!(run(&spec, &cancel).await, Err(RunError::Empty)));
    spec.command = CommandLine::Program(vec!["no-such-program".into()]);
    assert!(matches!(
        run(&spec, &cancel).await,
        Err(RunError::Start { .. })
    ));
}

#[tokio::test]
async fn a_sandbox_that_does_not_come_up_is_an_error_not_a_result() {
    let Some(sandbox) = bubblewrap() else { return };
    let place = Place::new();
    let mut spec = place.spec("echo ran", &sandbox);
    spec.workspace = place.path("nowhere");
    let done = run(&spec, &CancellationToken::new()).await;
    assert!(matches!(done, Err(RunError::Sandbox { .. })), "{done:?}");
}
