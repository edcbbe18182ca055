//! How fast a fork of a large tree is made on this disk, beside `cp -a`, as one line of JSON.
//!
//! Run it in release mode, with a directory on the disk in question:
//! `cargo run --release -p loom-workspace --example fork_rate -- DIR [FILES]`. `loom_ms` is the copy alone,
//! for the comparison; `loom_durable_ms` is with the sync after which a fork survives a power cut,
//! which `cp` does not do.

use loom_workspace::{Bounds, ForkBounds, Forks, Store, Workspace};
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Files of the tree when no number is given, and how many are in one directory.
const FILES: usize = 50_000;
const IN_ONE: usize = 100;

/// Runs of each, in turns; the fastest counts, since whatever disturbs only makes it slower.
const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os().nth(1).ok_or("name a directory")?;
    let dir = PathBuf::from(dir).join("fork-rate");
    let files = std::env::args().nth(2).map_or(Ok(FILES), |n| n.parse())?;
    let project = dir.join("project");
    make(&project, files)?;
    let store = Arc::new(Store::open(&dir.join("data"))?);
    let bounds = Bounds {
        data_dir: dir.join("data"),
        ..Bounds::default()
    };
    let workspace = Workspace::open(&project, &bounds, Arc::clone(&store))?;
    let base = workspace.take_manifest()?;
    let forks = Forks::open(&dir.join("data/tasks/1/forks"), store)?;

    let (mut copied, mut durable, mut by_cp) = (Vec::new(), Vec::new(), Vec::new());
    let mut strategy = None;
    for run in 0..RUNS {
        let begun = Instant::now();
        let fork = forks.create("one", &workspace, &base, &ForkBounds::default())?;
        durable.push(begun.elapsed());
        copied.push(fork.report().copied);
        strategy = Some(fork.report().strategy);
        forks.remove("one")?;

        let begun = Instant::now();
        cp(&project, &dir.join(format!("cp-{run}")))?;
        by_cp.push(begun.elapsed());
        fs::remove_dir_all(dir.join(format!("cp-{run}")))?;
    }
    let fastest = |times: &[Duration]| times.iter().min().map_or(0, Duration::as_millis);
    let line = serde_json::json!({
        "bench": "fork",
        "files": files,
        "strategy": strategy,
        "loom_ms": fastest(&copied),
        "loom_durable_ms": fastest(&durable),
        "cp_ms": fastest(&by_cp),
        "ratio": (fastest(&copied) * 100 / fastest(&by_cp).max(1)) as f64 / 100.0,
        "loom_files_per_s": files as u128 * 1000 / fastest(&copied).max(1),
        "cp_files_per_s": files as u128 * 1000 / fastest(&by_cp).max(1),
    });
    writeln!(std::io::stdout(), "{line}")?;
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// Sources of 200 bytes to 6 KiB, as projects have them.
fn make(project: &Path, files: usize) -> std::io::Result<()> {
    for n in 0..files {
        let dir = project.join(format!("dir-{}", n / IN_ONE));
        if n % IN_ONE == 0 {
            fs::create_dir_all(&dir)?;
        }
        let text = format!("line {n} of a file\n").repeat(10 + n % 300);
        fs::write(dir.join(format!("file-{n}.rs")), text)?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "what Loom is compared with is not run by Loom"
)]
fn cp(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let status = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status()?;
    status.success().then_some(()).ok_or("cp failed".into())
}
