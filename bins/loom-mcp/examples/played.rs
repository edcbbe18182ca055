//! A played service for clients of other makes: publishes itself in a data directory, and does each
//! task by the words in its goal. `ask` puts a question that wants consent first; `slow N` works for N
//! seconds; anything else is done at once. `--serve` also serves MCP over HTTP, without a token, for
//! the conformance suite, and prints its address. It ends with its standard input.

#[path = "../tests/mcp/fake.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "written for the tests, which need more of it"
)]
mod fake;

use fake::World;
use loom_events::{Event, TaskId};
use loom_mcp::{Options, PATH, serve_http};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let dir = PathBuf::from(arguments.next().unwrap_or_default());
    anyhow::ensure!(dir.is_dir(), "usage: played DATA_DIR [--serve]");
    let serves = arguments
        .next()
        .is_some_and(|argument| argument == "--serve");
    let world = World::new();
    let service = world.serve().await;
    let _lock = service.publish(&dir);
    let stop = CancellationToken::new();
    let mut url = service.endpoint.url.clone();
    if serves {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        url = format!("http://{}{PATH}", listener.local_addr()?);
        let endpoint = service.endpoint.clone();
        tokio::spawn(serve_http(
            endpoint,
            Options::default(),
            listener,
            None,
            stop.clone(),
        ));
    }
    writeln!(std::io::stdout(), "{url}")?;
    tokio::spawn(play(world));
    // Ends with whoever started it.
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await??;
    stop.cancel();
    Ok(())
}

async fn play(world: Arc<World>) {
    let mut known = BTreeSet::new();
    loop {
        for task in world.tasks() {
            if known.insert(task) {
                tokio::spawn(work(Arc::clone(&world), task));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn work(world: Arc<World>, task: TaskId) {
    let goal = world.goal(task);
    let seconds = goal
        .split_once("slow ")
        .and_then(|(_, n)| n.trim().parse().ok());
    for n in 0..seconds.unwrap_or(0u32) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.add(
            task,
            Event::SteerInstruction {
                text: format!("second {n}"),
            },
        );
    }
    if goal.contains("ask") {
        world.ask(task);
        while !world
            .names(task)
            .iter()
            .any(|name| matches!(*name, "approval_granted" | "approval_denied"))
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    if !world.names(task).contains(&"task_cancelled") {
        world.complete(task);
    }
}
