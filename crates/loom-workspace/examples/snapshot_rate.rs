//! What a snapshot costs when nothing changed, beside `git status` on the same tree.
//!
//! It stands before every shell command, so it must not be felt. The last line is JSON; the exit code
//! is 1 when it takes more than twice as long as git. Run it in release mode, with a directory on the
//! disk in question: `cargo run --release --example snapshot_rate -- DIR`.

use loom_workspace::{Bounds, Store, Workspace};
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Files of the tree: a large monorepo, larger than almost every project.
const FILES: usize = 50_000;

/// Files in one directory.
const FAN: usize = 50;

/// Runs of each in a round, in turns; the median counts, so that no lucky run of either decides.
const RUNS: usize = 9;

/// Rounds that are tried before it counts as missed: the machine may be busy with something else.
const ROUNDS: usize = 3;

/// How much longer than git it may take.
const MAX_RATIO: f64 = 2.0;

/// Stats younger than two seconds are not trusted, by git neither; the tree must be older.
const SETTLING: Duration = Duration::from_millis(3_500);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<ExitCode, Failure> {
    let dir = std::env::args_os().nth(1).ok_or("name a directory")?;
    let dir = PathBuf::from(dir).canonicalize()?;
    let tree = dir.join("tree");
    make(&tree)?;
    let store = Arc::new(Store::open(&dir.join("data"))?);
    let bounds = Bounds {
        data_dir: dir.join("data"),
        ..Bounds::default()
    };
    let workspace = Workspace::open(&tree, &bounds, store)?;
    let (first, _) = timed(|| Ok(workspace.take_manifest()?))?;
    std::thread::sleep(SETTLING);
    // The first look after the tree has settled remembers its stats, as git's index does.
    let before = workspace.take_manifest()?;
    git(&tree, &["status", "--porcelain"])?;
    let measure = || {
        let (mut loom, mut status) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let (took, now) = timed(|| Ok(workspace.take_manifest()?))?;
            if now.root() != before.root() {
                return Err("the tree changed while it was measured".into());
            }
            loom.push(took);
            status.push(timed(|| git(&tree, &["status", "--porcelain"]))?.0);
        }
        Ok::<_, Failure>(Round {
            loom: median(loom),
            git: median(status),
        })
    };
    let mut round = measure()?;
    for _ in 1..ROUNDS {
        if round.ratio() > MAX_RATIO {
            round = measure()?;
        }
    }
    report(first, &round)
}

/// Medians of one round.
struct Round {
    loom: Duration,
    git: Duration,
}

impl Round {
    fn ratio(&self) -> f64 {
        self.loom.as_secs_f64() / self.git.as_secs_f64()
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn report(first: Duration, round: &Round) -> Result<ExitCode, Failure> {
    let (loom, git, ratio) = (round.loom, round.git, round.ratio());
    let passed = ratio <= MAX_RATIO;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "snapshot of {FILES} files: first {:.0} ms, unchanged {:.1} ms; git status {:.1} ms; {ratio:.2} times",
        milliseconds(first),
        milliseconds(loom),
        milliseconds(git),
    )?;
    let line = serde_json::json!({
        "bench": "snapshot_unchanged",
        "files": FILES,
        "first_ms": milliseconds(first),
        "loom_ms": milliseconds(loom),
        "git_status_ms": milliseconds(git),
        "ratio": (ratio * 100.0).round() / 100.0,
        "passed": passed,
    });
    writeln!(out, "{line}")?;
    Ok(match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Small files of different content, in a repository with one commit.
fn make(tree: &Path) -> Result<(), Failure> {
    for n in 0..FILES {
        let dir = tree.join(format!("part{}/dir{}", n / FAN % 40, n / FAN));
        if n % FAN == 0 {
            fs::create_dir_all(&dir)?;
        }
        let text = format!("// file {n}\npub fn f{n}() -> usize {{\n    {n}\n}}\n");
        fs::write(dir.join(format!("file_{n}.rs")), text)?;
    }
    git(tree, &["init", "--quiet"])?;
    // It would tidy up in the background, and disturb both.
    git(tree, &["config", "gc.auto", "0"])?;
    git(tree, &["config", "maintenance.auto", "false"])?;
    git(tree, &["add", "--all"])?;
    let who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
    let commit = ["commit", "--quiet", "--message", "all"];
    git(tree, &[&who[..], &commit].concat())
}

#[expect(
    clippy::disallowed_methods,
    reason = "git is what is compared with, not a part of a task"
)]
fn git(tree: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let done = Command::new("git")
        .args(arguments)
        .current_dir(tree)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdout(Stdio::null())
        .status()?;
    match done.success() {
        true => Ok(()),
        false => Err(format!("git {arguments:?} failed").into()),
    }
}

fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(Duration, T), Failure> {
    let begun = Instant::now();
    let done = work()?;
    Ok((begun.elapsed(), done))
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}
