//! What the service bears: run by `just score http`, with the program beside it. Prints a table, then
//! one JSON object. Everything runs on loopback against a simulated model.

mod daemon;
mod follow;
mod load;

use daemon::{Daemon, Model, until};
use follow::{follow, followers};
use load::{bad_tokens, many_tasks, restart};
use std::time::Duration;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Turns of the task that everybody follows.
const TURNS: usize = 40;

/// How long anything may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(300);

/// One measured promise.
struct Line {
    what: &'static str,
    measured: String,
    reach: &'static str,
    met: bool,
    is_figure: bool,
}

impl Line {
    /// What holds with any numbers, on any machine.
    fn works(what: &'static str, measured: String, reach: &'static str, met: bool) -> Self {
        Self {
            what,
            measured,
            reach,
            met,
            is_figure: false,
        }
    }

    /// What is promised of the whole numbers and a release build.
    fn figure(what: &'static str, measured: String, reach: &'static str, met: bool) -> Self {
        Self {
            is_figure: true,
            ..Self::works(what, measured, reach, met)
        }
    }
}

/// How much of everything.
#[derive(Clone, Copy)]
struct Size {
    followers: usize,
    tasks: usize,
    /// Bad tokens that each of sixteen senders sends.
    tokens: usize,
    ended: usize,
    unfinished: usize,
}

/// What is promised.
const WHOLE: Size = Size {
    followers: 1_000,
    tasks: 100,
    tokens: 625,
    ended: 1_000,
    unfinished: 50,
};

/// Whether everything works, in seconds; its figures say nothing.
const SMALL: Size = Size {
    followers: 50,
    tasks: 10,
    tokens: 20,
    ended: 20,
    unfinished: 5,
};

const PARTS: [&str; 5] = ["idle", "tasks", "followers", "tokens", "restart"];

/// Every follower is a connection, and the usual limit is meant for a shell's programs.
fn raise_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit
        .maximum
        .map_or(Some(8_192), |most| Some(most.min(8_192)));
    // Then a part that needs more says so by failing.
    setrlimit(Resource::Nofile, limit).ok();
}

/// Serves, with a task that has ended, until nobody holds its standard input any more, for tools that look at the API from outside.
#[expect(clippy::print_stdout, reason = "where it is served is asked for")]
async fn serve() -> Result<(), Fault> {
    let home = tempfile::tempdir()?;
    let sim = Model::start().await?;
    let daemon = Daemon::start(home.path(), &sim).await?;
    daemon.ready().await?;
    let client = daemon.client()?;
    let task = client.submit(&daemon.task("ended")?, None).await?.task_id;
    until(|| async {
        let task = client.task(&task.to_string()).await.ok()?;
        task.view.status.is_final().then_some(())
    })
    .await?;
    println!("{} {} {task}", daemon.url, daemon.token);
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await??;
    daemon.end().await?;
    Ok(())
}

/// `score_http [small] [PART…]`: without parts, all of them. `score_http serve` for other tools.
#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
#[tokio::main]
async fn main() -> Result<(), Fault> {
    raise_descriptors();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, [])) if first == "serve" => return serve().await,
        Some((first, rest)) if first == "follow" => return follow(rest).await,
        _ => {}
    }
    let (mut size, mut parts) = (WHOLE, Vec::new());
    for argument in &arguments {
        match (
            argument.as_str(),
            PARTS.iter().find(|part| *part == argument),
        ) {
            ("small", _) => size = SMALL,
            (_, Some(part)) => parts.push(*part),
            _ => return Err(format!("{argument} is none of: small {}", PARTS.join(" ")).into()),
        }
    }
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    let home = tempfile::tempdir()?;
    let sim = Model::start().await?;
    let daemon = Daemon::start(home.path(), &sim).await?;
    daemon.ready().await?;
    let mut lines = Vec::new();
    if wanted("idle") {
        let idle = daemon.memory_mib();
        lines.push(Line::figure(
            "memory of loomd, idle",
            format!("{idle} MiB"),
            "< 25 MiB",
            idle < 25,
        ));
    }
    if wanted("tasks") {
        lines.extend(many_tasks(&daemon, size.tasks).await?);
    }
    if wanted("followers") {
        lines.extend(followers(&daemon, size.followers).await?);
    }
    if wanted("tokens") {
        lines.push(bad_tokens(&daemon, size.tokens).await?);
    }
    let daemon = match wanted("restart") {
        false => daemon,
        true => {
            let (daemon, more) = restart(daemon, &sim, size).await?;
            lines.extend(more);
            daemon
        }
    };
    daemon.end().await?;
    let small = size.followers < WHOLE.followers;
    let met = lines
        .iter()
        .all(|line| line.met || (small && line.is_figure));
    for line in &lines {
        let mark = match (line.met, small && line.is_figure) {
            (_, true) => "-- ",
            (true, false) => "ok ",
            (false, false) => "NO ",
        };
        println!(
            "{mark} {:<72} {:>24}   ({})",
            line.what, line.measured, line.reach
        );
    }
    let measures: Vec<_> = lines
        .iter()
        .map(|line| serde_json::json!({"what": line.what, "measured": line.measured, "reach": line.reach, "met": line.met}))
        .collect();
    println!(
        "{}",
        serde_json::json!({"name": "http", "small": small, "passed": met, "measures": measures})
    );
    match met {
        true => Ok(()),
        false => Err("not everything was reached".into()),
    }
}
