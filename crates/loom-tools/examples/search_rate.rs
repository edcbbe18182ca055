//! Times `search_files` beside ripgrep on the same tree: `search_rate DIR`, built with `--release`.
//!
//! Both read what git does not ignore, hidden files too, and show at most as many lines of a file;
//! both use all threads. The time of ripgrep includes the start of its process, some milliseconds.
//! Fails when a search takes more than 1.3 times as long.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "times are taken, and ripgrep is run as a person runs it"
)]

#[path = "../tests/all/nowhere.rs"]
mod nowhere;

use loom_tools::policy::Policy;
use loom_tools::{CallOutcome, Registry, Seen, ShellSettings, ToolContext};
use loom_workspace::{Bounds, Sandbox, Store, Workspace};
use nowhere::Nowhere;
use serde_json::{Value, json};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The promise.
const MOST: f64 = 1.3;

/// Files of some ten kilobytes, as in a large project.
const FILES: usize = 20_000;

/// Files in one directory.
const IN_DIRECTORY: usize = 50;

/// Lines in one file.
const LINES: usize = 200;

/// Runs of each in a round, in turns; the median counts, so that no lucky run of either decides.
const RUNS: usize = 9;

/// Rounds that are tried before a search counts as too slow: the machine may be busy otherwise.
const ROUNDS: usize = 3;

/// What is looked for: name, pattern, whether case matters.
const QUERIES: &[(&str, &str, bool)] = &[
    ("a rare literal", "needle_in_the_haystack", true),
    ("a frequent literal", "return", true),
    ("a rare expression", r"fn \w+_77_1\d\d\(", true),
    (
        "a rare literal in any case",
        "NEEDLE_in_THE_haystack",
        false,
    ),
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let dir = std::env::args()
        .nth(1)
        .ok_or("name a directory to work in")?;
    let root = PathBuf::from(dir).join("search");
    make_tree(&root.join("tree"))?;
    let hands = Hands::open(&root)?;
    let has_rg = Command::new("rg")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !has_rg.is_ok_and(|status| status.success()) {
        println!("skipped: ripgrep is not here, so there is nothing to compare with");
        println!("{}", json!({"bench": "search", "measured": false}));
        return Ok(ExitCode::SUCCESS);
    }
    let (mut worst, mut sums) = (0.0_f64, (0.0, 0.0));
    for (name, pattern, case) in QUERIES {
        let measure = || {
            compare(
                || hands.search(pattern, *case),
                || ripgrep(&root.join("tree"), pattern, *case),
            )
        };
        let (mut ours, mut theirs) = measure();
        for _ in 1..ROUNDS {
            if ratio_of(ours, theirs) > MOST {
                (ours, theirs) = measure();
            }
        }
        let ratio = ratio_of(ours, theirs);
        println!(
            "{name:<28} search_files {:>7.1} ms   rg {:>7.1} ms   ratio {ratio:.2}",
            millis(ours),
            millis(theirs)
        );
        worst = worst.max(ratio);
        sums = (sums.0 + millis(ours), sums.1 + millis(theirs));
    }
    let passed = worst <= MOST;
    println!(
        "{}",
        json!({
            "bench": "search",
            "files": FILES,
            "loom_ms": rounded(sums.0),
            "rg_ms": rounded(sums.1),
            "ratio": rounded(worst),
            "passed": passed,
        })
    );
    std::fs::remove_dir_all(&root)?;
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn ratio_of(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

/// The medians of both, run in turns: what disturbs then disturbs both.
fn compare(ours: impl Fn() -> usize, theirs: impl Fn() -> usize) -> (Duration, Duration) {
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        our_times.push(timed(&ours));
        their_times.push(timed(&theirs));
    }
    (median(our_times), median(their_times))
}

fn timed(run: impl Fn() -> usize) -> Duration {
    let started = Instant::now();
    let found = run();
    let took = started.elapsed();
    assert!(found > 0, "nothing was found");
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn make_tree(root: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(root)?;
    std::fs::write(root.join(".gitignore"), "out/\n*.log\n")?;
    std::fs::create_dir_all(root.join(".git/info"))?;
    for at in 0..FILES {
        let dir = at / IN_DIRECTORY;
        let top = if dir.is_multiple_of(20) { "out" } else { "src" };
        let dir = root.join(format!("{top}/part{}/module{dir}", dir % 13));
        std::fs::create_dir_all(&dir)?;
        let ending = if at % 17 == 0 { "log" } else { "rs" };
        let mut text = String::new();
        for line in 0..LINES {
            text.push_str(&match line % 5 {
                0 => format!("fn handler_{at}_{line}(input: &str) -> Option<usize> {{\n"),
                1 => format!("    let value = input.len() * {line} + {at};\n"),
                2 => "    if value % 3 == 0 {\n        return None;\n    }\n".to_owned(),
                3 => format!("    Some(value) // step {line} of the work on {at}\n"),
                _ => "}\n".to_owned(),
            });
        }
        if at % 5000 == 77 {
            text.push_str("// needle_in_the_haystack\n");
        }
        std::fs::write(dir.join(format!("file{at}.{ending}")), text)?;
    }
    Ok(())
}

struct Hands {
    runtime: tokio::runtime::Runtime,
    workspace: Arc<Workspace>,
    registry: Registry,
    shell: ShellSettings,
    scratch: PathBuf,
}

impl Hands {
    fn open(root: &Path) -> Result<Self, Box<dyn Error>> {
        let bounds = Bounds {
            data_dir: root.join("data"),
            ..Bounds::default()
        };
        let store = Arc::new(Store::open(&root.join("data"))?);
        Ok(Self {
            runtime: tokio::runtime::Runtime::new()?,
            workspace: Arc::new(Workspace::open(&root.join("tree"), &bounds, store)?),
            registry: Registry::builtin(),
            shell: ShellSettings {
                sandbox: Sandbox::None,
                path_env: "/usr/bin:/bin".into(),
                home: None,
                timeout: Duration::from_secs(60),
                max_timeout: Duration::from_secs(60),
                policy: Policy::default(),
                readable: Vec::new(),
                writable: Vec::new(),
                network: false,
            },
            scratch: root.join("scratch"),
        })
    }

    /// Bytes of the answer.
    fn search(&self, pattern: &str, case: bool) -> usize {
        let arguments: Value = json!({"pattern": pattern, "ignore_case": !case});
        let context = ToolContext {
            workspace: Some(&self.workspace),
            scratch: &self.scratch,
            recorder: &Nowhere,
            cancel: &CancellationToken::new(),
            seen: &Seen::default(),
            grant: None,
            output_bytes: usize::MAX,
            shell: &self.shell,
            label: "search-rate",
            call_id: "call_1_0",
            past: &Nowhere,
            redactor: &Arc::default(),
        };
        let checked = self.registry.check("search_files", arguments);
        let checked = checked.unwrap_or_else(|_| unreachable!("the arguments fit"));
        match self
            .runtime
            .block_on(self.registry.call(&checked, &context))
        {
            CallOutcome::Done(output) if output.text.contains(".rs:") => output.text.len(),
            _ => 0,
        }
    }
}

/// Bytes of the answer.
fn ripgrep(root: &Path, pattern: &str, case: bool) -> usize {
    let mut rg = Command::new("rg");
    rg.args([
        "--no-config",
        "--hidden",
        "--glob",
        "!.git",
        "--line-number",
    ]);
    rg.args(["--no-heading", "--color", "never"]);
    rg.args(["--max-count", "50", "--max-filesize", "32M"]);
    if !case {
        rg.arg("--ignore-case");
    }
    let output = rg.args(["--", pattern, "."]).current_dir(root).output();
    output.map_or(0, |output| output.stdout.len())
}
