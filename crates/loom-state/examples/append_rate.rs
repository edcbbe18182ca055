//! How fast the journal takes events on this disk, as one line of JSON.
//!
//! Two figures: events per second when everything that waits shares a commit, and the 99th
//! percentile of one append while 100 tasks append at once. Run it in release mode, with a directory
//! on the disk in question: `cargo run --release --example append_rate -- DIR`.

use loom_events::{Envelope, Event, Seq, TaskId, Time};
use loom_state::{Journal, Options, SqliteJournal};
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tasks that append at once.
const TASKS: u128 = 100;

/// Appends of each.
const APPENDS: u64 = 200;

/// Events of an append, for the rate and for the latency: a large batch and that of a tool call.
const BATCHES: [u64; 2] = [20, 3];

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let dir = std::env::args_os().nth(1).ok_or("name a directory")?;
    let mut out = std::io::stdout();
    for (name, batch) in ["rate", "latency"].into_iter().zip(BATCHES) {
        let dir = PathBuf::from(&dir).join(name);
        let journal: Arc<dyn Journal> = Arc::new(SqliteJournal::open(&dir, Options::default())?);
        let (took, mut each) = run(&journal, batch).await?;
        journal.close().await;
        each.sort_unstable();
        let events = TASKS as u64 * APPENDS * batch;
        let line = serde_json::json!({
            "what": name,
            "events_per_append": batch,
            "events_per_second": (events as f64 / took.as_secs_f64()).round(),
            "append_ms_p50": milliseconds(each[each.len() / 2]),
            "append_ms_p99": milliseconds(each[each.len() * 99 / 100]),
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

type Failure = Box<dyn Error + Send + Sync>;

async fn run(journal: &Arc<dyn Journal>, batch: u64) -> Result<(Duration, Vec<Duration>), Failure> {
    let begun = Instant::now();
    let writers: Vec<_> = (0..TASKS)
        .map(|n| tokio::spawn(write(Arc::clone(journal), n, batch)))
        .collect();
    let mut each = Vec::new();
    for writer in writers {
        each.extend(writer.await??);
    }
    Ok((begun.elapsed(), each))
}

async fn write(journal: Arc<dyn Journal>, n: u128, batch: u64) -> Result<Vec<Duration>, Failure> {
    // Any 32 digits are an id.
    let task: TaskId = format!("{n:032x}").parse()?;
    let mut at = Seq::ZERO;
    let mut each = Vec::new();
    for _ in 0..APPENDS {
        let events = (1..=batch).map(|i| event(task, Seq(at.0 + i))).collect();
        let begun = Instant::now();
        journal.append(task, at, events).await?;
        each.push(begun.elapsed());
        at = Seq(at.0 + batch);
    }
    Ok(each)
}

fn event(task: TaskId, seq: Seq) -> Envelope {
    Envelope {
        task_id: task,
        seq,
        timestamp: Time::EPOCH,
        subtask_id: None,
        attempt: None,
        correlation_id: Seq(1),
        event: Event::Degraded {
            what: "about as long as the payload of an ordinary event is ".repeat(4),
        },
    }
}
