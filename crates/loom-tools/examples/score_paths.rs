//! Runs recorded path cases through the real tools: `score_paths [FILE]`.
//!
//! The cases that fail, a table by tag, and the figures as one JSON object on the last line. Where
//! strace is there everything runs a second time in a process in which the kernel has no `openat2`,
//! so that paths are resolved name by name, as on older kernels and other systems.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

#[path = "../tests/all/nowhere.rs"]
mod nowhere;
#[path = "../tests/all/path_cases.rs"]
mod path_cases;

use path_cases::{Effort, Judged, cases, judge};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Used when no file is named: the set that stands beside the project, else the one in it.
const DEFAULTS: &[&str] = &[
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/security/paths.jsonl"
    ),
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/security/paths.jsonl"
    ),
];

/// Ten runs of each race, each long enough for thousands of tries.
const EFFORT: Effort = Effort {
    runs: 10,
    time: Duration::from_secs(1),
};

/// Said to the second process.
const BY_NAMES: &str = "--by-names";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let by_names = arguments.first().is_some_and(|first| first == BY_NAMES);
    if by_names {
        arguments.remove(0);
    }
    let there = DEFAULTS.iter().find(|file| Path::new(file).exists());
    let file = arguments.pop().or(there.map(|file| (*file).to_owned()));
    let file = file.ok_or("name a file of cases")?;
    let judged: Vec<Judged> = cases(&std::fs::read_to_string(&file)?)?
        .iter()
        .map(|case| judge(case, EFFORT))
        .collect();
    let how = if by_names {
        "name by name"
    } else {
        "by the kernel"
    };
    print_table(how, &judged);
    let figures = Figures::of(&judged);
    let mut result = to_json(&figures);
    if !by_names {
        match second(&file) {
            Some(more) => add(&mut result, &more),
            None => println!("skipped: strace is not here, so nothing was resolved name by name"),
        }
    }
    println!("{result}");
    let passed = result["passed"] == true;
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The figures over some cases.
#[derive(Debug, Default)]
struct Figures {
    cases: usize,
    leaks: usize,
    post: usize,
    hangs: usize,
    wrong: usize,
    not_run: usize,
}

impl Figures {
    fn of<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> Self {
        let mut figures = Self::default();
        for one in judged {
            figures.cases += 1;
            figures.leaks += usize::from(one.leak);
            figures.post += usize::from(one.post);
            figures.hangs += usize::from(one.hang);
            figures.wrong += usize::from(one.wrong.is_some());
            figures.not_run += usize::from(one.not_run.is_some());
        }
        figures
    }

    const fn passed(&self) -> bool {
        self.leaks + self.post + self.hangs + self.wrong == 0
    }
}

fn print_table(how: &str, judged: &[Judged]) {
    for one in judged.iter().filter(|one| !one.passed()) {
        println!("{}", one.row());
    }
    let mut by_tag: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
    for one in judged {
        by_tag.entry(&one.case.tag).or_default().push(one);
    }
    println!();
    println!(
        "{:<22} {:>6} {:>6} {:>6} {:>6} {:>6} {:>8}",
        how, "cases", "leaks", "post", "wrong", "hangs", "not run"
    );
    let all = ("all", judged.iter().collect());
    for (tag, some) in by_tag.into_iter().chain([all]) {
        let figures = Figures::of(some);
        println!(
            "{tag:<22} {:>6} {:>6} {:>6} {:>6} {:>6} {:>8}",
            figures.cases,
            figures.leaks,
            figures.post,
            figures.wrong,
            figures.hangs,
            figures.not_run
        );
    }
    println!();
}

fn to_json(figures: &Figures) -> Value {
    json!({
        "name": "paths",
        "cases": figures.cases,
        "leaks": figures.leaks,
        "post_failures": figures.post,
        "hangs": figures.hangs,
        "wrong": figures.wrong,
        "not_run": figures.not_run,
        "passed": figures.passed(),
    })
}

/// Adds the faults of the second process; the cases are the same.
fn add(result: &mut Value, more: &Value) {
    for name in ["leaks", "post_failures", "hangs", "wrong"] {
        result[name] = json!(result[name].as_u64().unwrap_or(0) + more[name].as_u64().unwrap_or(1));
    }
    result["passed"] = json!(result["passed"] == true && more["passed"] == true);
}

/// The same cases without `openat2`; none where that cannot be arranged.
#[expect(
    clippy::disallowed_methods,
    reason = "the example runs itself under strace"
)]
fn second(file: &str) -> Option<Value> {
    let own = std::env::current_exe().ok()?;
    let output = Command::new("strace")
        .args(["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"])
        .args(["-e", "trace=openat2", "-e", "inject=openat2:error=ENOSYS"])
        .arg(own)
        .args([BY_NAMES, file])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (table, last) = text.trim_end().rsplit_once('\n')?;
    println!("{table}");
    serde_json::from_str(last).ok()
}
