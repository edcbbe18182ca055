//! Those who follow a task: each has every event once, and they do not slow the engine.

use crate::daemon::{Daemon, until};
use crate::{Fault, Line, PATIENCE};
use futures_util::StreamExt as _;
use loom_client::wire::NewTaskRequest;
use loom_client::{Client, Endpoint};
use loom_events::{Seq, TaskId};
use reqwest::RequestBuilder;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc::{self, Sender};

/// What the followers say once all of them are there.
const THERE: &str = "there";

/// How often it is run alone and followed, for the median.
const TURNS_OF_FOLLOWERS: usize = 9;

/// Runs a task with so many followers: how long the engine worked on it by its own journal, and how many
/// of them had every event.
pub(crate) async fn followed(
    daemon: &Daemon,
    name: &str,
    followers: usize,
) -> Result<(Duration, usize), Fault> {
    let client = daemon.client()?;
    let hold = NewTaskRequest {
        review_plan: Some(true),
        ..daemon.task(name)?
    };
    let task = client.submit(&hold, None).await?.task_id;
    let asked = until(|| async {
        let task = client.task(&task.to_string()).await.ok()?;
        (!task.view.questions.is_empty()).then_some(task.view.last_seq)
    })
    .await?;
    let readers = match followers {
        0 => None,
        // All of them are there, and know what has happened so far, before it goes on.
        many => Some(Readers::start(daemon, task, many, asked).await?),
    };
    client.approve(task, &Default::default()).await?;
    let last = until(|| async {
        let task = client.task(&task.to_string()).await.ok()?;
        let view = task.view;
        view.status.is_final().then_some(view.last_seq)
    })
    .await?;
    let mut times = Vec::new();
    let mut after = asked;
    while after < last {
        let page = client.events(task, after).await?.events;
        after = page.last().ok_or("events are missing")?.envelope.seq;
        times.extend(page.iter().map(|record| record.envelope.timestamp));
    }
    let (Some(began), Some(ended)) = (times.first(), times.last()) else {
        return Err("the task did nothing".into());
    };
    let complete = match readers {
        None => 0,
        Some(readers) => readers.complete(last).await?,
    };
    Ok((ended.since(*began), complete))
}

/// Followers in a process of their own, which stand for programs on other machines: they get a processor
/// only when nobody else wants it. Being nice is not quite that: who is nice keeps what he has for a while.
pub(crate) struct Readers {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Readers {
    /// Starts them, a process so that what they compute is not the service's or the model's, and waits until each has come to the event.
    async fn start(daemon: &Daemon, task: TaskId, many: usize, seq: Seq) -> Result<Self, Fault> {
        let (task, many, seq) = (task.to_string(), many.to_string(), seq.to_string());
        let program = std::env::current_exe()?;
        let idle = ["--idle", "0"];
        let may_idle = Command::new("chrt").args(idle).arg("true").status().await;
        let mut command = if may_idle.is_ok_and(|status| status.success()) {
            let mut command = Command::new("chrt");
            command.args(idle).arg(program);
            command
        } else {
            Command::new(program)
        };
        let mut child = command
            .args(["follow", &daemon.url, &task, &many, &seq])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut input = child.stdin.take().ok_or("it has no standard input")?;
        input
            .write_all(format!("{}\n", daemon.token).as_bytes())
            .await?;
        let out = child.stdout.take().ok_or("it has no standard output")?;
        let mut said = BufReader::new(out).lines();
        match tokio::time::timeout(PATIENCE, said.next_line()).await?? {
            Some(line) if line == THERE => Ok(Self { child, said }),
            other => Err(format!("the followers said {other:?}").into()),
        }
    }

    /// How many had every event from the first to the last.
    async fn complete(mut self, last: Seq) -> Result<usize, Fault> {
        let whole = format!("whole to {}", last.0);
        let count = async {
            let mut count = 0;
            while let Some(line) = self.said.next_line().await? {
                count += usize::from(line == whole);
            }
            self.child.wait().await?;
            Ok(count)
        };
        tokio::time::timeout(PATIENCE, count).await?
    }
}

/// `score_http follow URL TASK MANY SEQ`: reads so many streams to their end. Says when all have come to that
/// event, and then of each what it was.
#[expect(clippy::print_stdout, reason = "whoever started it reads that")]
pub(crate) async fn follow(arguments: &[String]) -> Result<(), Fault> {
    let [url, task, many, seq] = arguments else {
        return Err("usage: follow URL TASK MANY SEQ".into());
    };
    // Without that the figures are worse, not wrong.
    rustix::process::nice(19).ok();
    let mut token = String::new();
    std::io::stdin().read_line(&mut token)?;
    let token = token.trim().to_owned();
    let endpoint = Endpoint {
        url: url.clone(),
        token: None,
    };
    // It chooses what encrypts, for all clients of this process.
    Client::new(&endpoint)?;
    let (http, url) = (http()?, format!("{url}/tasks/{task}/stream?live=false"));
    let (many, seq): (usize, u64) = (many.parse()?, seq.parse()?);
    let (come, mut there) = mpsc::channel(many.max(1));
    let streams: Vec<_> = (0..many)
        .map(|_| {
            let asked = http.get(&url).bearer_auth(&token);
            tokio::spawn(ids(asked, seq, come.clone()))
        })
        .collect();
    drop(come);
    for _ in 0..many {
        there
            .recv()
            .await
            .ok_or("a stream ended before that event")?;
    }
    println!("{THERE}");
    for stream in streams {
        let ids = stream.await??;
        let last = ids.last().copied().unwrap_or(0);
        match ids.iter().copied().eq(1..=last) {
            true => println!("whole to {last}"),
            false => println!("gaps or duplicates up to {last}"),
        }
    }
    Ok(())
}

/// The ids in a stream, to its end; says when it has come to one of them.
async fn ids(asked: RequestBuilder, seq: u64, come: Sender<()>) -> Result<Vec<u64>, Fault> {
    let mut bytes = asked.send().await?.bytes_stream();
    let (mut ids, mut rest) = (Vec::new(), String::new());
    while let Some(piece) = bytes.next().await {
        rest.push_str(&String::from_utf8_lossy(&piece?));
        while let Some(at) = rest.find('\n') {
            if let Some(id) = rest[..at].strip_prefix("id: ") {
                ids.push(id.parse()?);
                if ids.last() == Some(&seq) {
                    come.send(()).await?;
                }
            }
            rest.drain(..=at);
        }
    }
    Ok(ids)
}

pub(crate) fn http() -> Result<reqwest::Client, Fault> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()?)
}

/// Alone and followed in turns, so that whatever else this machine does meets both.
pub(crate) async fn followers(daemon: &Daemon, many: usize) -> Result<Vec<Line>, Fault> {
    let (mut alone, mut watched, mut least) = (Vec::new(), Vec::new(), many);
    for turn in 0..TURNS_OF_FOLLOWERS {
        alone.push(followed(daemon, &format!("alone-{turn}"), 0).await?.0);
        let (took, complete) = followed(daemon, &format!("watched-{turn}"), many).await?;
        watched.push(took);
        least = least.min(complete);
    }
    let [alone, watched] = [alone, watched].map(|mut all| {
        all.sort();
        all[all.len() / 2].as_secs_f64()
    });
    let ratio = watched / alone;
    Ok(vec![
        Line::works(
            "1,000 followers of one task with every event once",
            format!("{least} of {many}"),
            "all",
            least == many,
        ),
        Line::figure(
            "the engine's time for a task with them, against alone",
            format!(
                "{:.0} ms, {:.0} ms, {ratio:.2} ×",
                watched * 1e3,
                alone * 1e3
            ),
            "< 1.2 ×",
            ratio < 1.2,
        ),
    ])
}
