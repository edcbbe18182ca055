//! A service that says what a test wants it to say, over real HTTP: the routes that a terminal UI
//! uses, a journal that the test writes, and what was asked for. It can be stopped and started again.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::stream;
use loom_client::wire::{
    DiffList, EventPage, ModelList, Progress, Ready, Taken, Task, TaskCreated, TaskSummary,
};
use loom_events::{
    DiffStatus, Envelope, Event, FileDiff, NewTask, Plan, Record, RevertReport, Seq, SubtaskId,
    SubtaskSpec, TaskId, TaskSettings, Time,
};
use loom_view::{TaskStatus, TaskView};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// How long a request is waited for before the test has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Events in a page.
const PAGE: usize = 200;

pub(crate) fn task() -> TaskId {
    "019ac000-0000-7000-8000-00000000beef".parse().unwrap()
}

/// A service.
pub(crate) struct Service {
    /// Gone while it is stopped, and every connection with it.
    runtime: Option<Runtime>,
    address: SocketAddr,
    journal: Arc<Journal>,
}

struct Journal {
    records: Mutex<Vec<Record>>,
    /// How many there are; wakes the streams.
    grown: watch::Sender<usize>,
    /// What was asked for: method, path, body.
    asked: Mutex<Vec<String>>,
    /// Told when there is one more.
    more: Condvar,
}

impl Service {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let journal = Arc::new(Journal {
            records: Mutex::default(),
            grown: watch::Sender::new(0),
            asked: Mutex::default(),
            more: Condvar::new(),
        });
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut service = Self {
            runtime: None,
            address,
            journal,
        };
        service.resume();
        service
    }

    /// Serves again, at the same address.
    pub(crate) fn resume(&mut self) {
        let router = Router::new()
            .route("/events/stream", get(all))
            .route("/tasks/{id}/stream", get(stream_of_task))
            .route("/tasks/{id}/events", get(events))
            .fallback(any(other))
            .with_state(Arc::clone(&self.journal));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let address = self.address;
        let listener = runtime.block_on(async move {
            let mut tries = 0;
            loop {
                match tokio::net::TcpListener::bind(address).await {
                    Ok(listener) => return listener,
                    // The old connections are still being closed.
                    Err(error) if tries > 1_000 => panic!("{error}"),
                    Err(_) => tokio::task::yield_now().await,
                }
                tries += 1;
            }
        });
        self.address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        self.runtime = Some(runtime);
    }

    /// Stops: connections are cut, new ones refused.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds events to the journal of the task.
    pub(crate) fn add(&self, events: impl IntoIterator<Item = (Option<&'static str>, Event)>) {
        let mut records = self.journal.records.lock().unwrap();
        for (subtask, event) in events {
            let seq = Seq(records.len() as u64 + 1);
            records.push(Record {
                id: seq.0 + 1_000,
                envelope: Envelope {
                    task_id: task(),
                    seq,
                    timestamp: now(),
                    subtask_id: subtask.map(id),
                    attempt: None,
                    correlation_id: Seq(1),
                    event,
                },
            });
        }
        self.journal.grown.send_replace(records.len());
    }

    /// The place of the last event.
    pub(crate) fn last(&self) -> Seq {
        Seq(self.journal.records.lock().unwrap().len() as u64)
    }

    /// What was asked for that changes something.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.journal.asked.lock().unwrap().clone()
    }

    /// The request of this number that changes something, waited for: what is on the screen does not say
    /// that it has come here.
    pub(crate) fn asked_at(&self, number: usize) -> String {
        let asked = self.journal.asked.lock().unwrap();
        let missing = |asked: &mut Vec<String>| asked.len() <= number;
        let more = &self.journal.more;
        let (asked, _) = more.wait_timeout_while(asked, PATIENCE, missing).unwrap();
        match asked.get(number) {
            Some(request) => request.clone(),
            None => panic!("request {number} does not come: {asked:?}"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a service has a clock")]
fn now() -> Time {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap())
}

pub(crate) fn id(text: &str) -> SubtaskId {
    SubtaskId::new(text).unwrap()
}

/// The task is made, and has a plan of these steps.
pub(crate) fn begun(steps: &[&str]) -> Vec<(Option<&'static str>, Event)> {
    let created = Event::TaskCreated(NewTask {
        goal: "Mend the sums".to_owned(),
        workspace: Some("/home/me/sums".to_owned()),
        context: None,
        settings: TaskSettings::default(),
        callback_url: None,
        metadata: None,
    });
    let subtasks = steps
        .iter()
        .map(|step| SubtaskSpec::new(id(step), format!("Do {step}"), "do it"));
    let plan = Plan {
        subtasks: subtasks.collect(),
    };
    let ready = Event::TaskPlanReady {
        planning: None,
        version: 1,
        plan,
        fallback: false,
    };
    vec![(None, created), (None, ready)]
}

type Shared = State<Arc<Journal>>;

/// A stream of records from after the `after`th one, live, in the words of the API.
fn sse(journal: Arc<Journal>, after: usize, all: bool) -> Response {
    let grown = journal.grown.subscribe();
    let text = stream::unfold(
        (journal, grown, after, all),
        |(journal, mut grown, sent, all)| async move {
            // The stream of all tasks says first where it is.
            let open = format!("id: {}\nevent: stream_open\ndata: {{}}\n\n", sent + 1_000);
            if all {
                return Some((Ok::<_, Infallible>(open), (journal, grown, sent, false)));
            }
            loop {
                grown.mark_unchanged();
                let batch: Vec<Record> = {
                    let records = journal.records.lock().unwrap();
                    records
                        .get(sent..)
                        .unwrap_or_default()
                        .iter()
                        .take(500)
                        .cloned()
                        .collect()
                };
                if !batch.is_empty() {
                    let upto = sent + batch.len();
                    let text = batch.iter().map(|record| {
                        let data = serde_json::to_string(record).unwrap();
                        format!(
                            "id: {}\nevent: {}\ndata: {data}\n\n",
                            record.envelope.seq,
                            record.envelope.event.name()
                        )
                    });
                    return Some((Ok(text.collect()), (journal, grown, upto, false)));
                }
                grown.changed().await.ok()?;
            }
        },
    );
    let body = axum::body::Body::from_stream(text);
    ([("content-type", "text/event-stream")], body).into_response()
}

fn last_event(headers: &HeaderMap) -> Option<usize> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

async fn all(State(journal): Shared, headers: HeaderMap) -> Response {
    let len = journal.records.lock().unwrap().len();
    let after = last_event(&headers).map_or(len, |id| id.saturating_sub(1_000));
    sse(journal, after, true)
}

async fn stream_of_task(State(journal): Shared, headers: HeaderMap) -> Response {
    sse(journal, last_event(&headers).unwrap_or(0), false)
}

async fn events(State(journal): Shared, uri: Uri) -> Response {
    let after = uri.query().and_then(|query| query.strip_prefix("after="));
    let after: usize = after.and_then(|after| after.parse().ok()).unwrap_or(0);
    let records = journal.records.lock().unwrap();
    let events: Vec<_> = records.iter().skip(after).take(PAGE).cloned().collect();
    let next = after + events.len();
    let next_after = (next < records.len()).then_some(Seq(next as u64));
    axum::Json(EventPage { events, next_after }).into_response()
}

async fn other(State(journal): Shared, method: Method, uri: Uri, body: Bytes) -> Response {
    let body = String::from_utf8_lossy(&body).into_owned();
    if method != Method::GET {
        let line = format!("{method} {} {body}", uri.path());
        journal.asked.lock().unwrap().push(line);
        journal.more.notify_all();
    }
    let taken = Taken {
        task_id: task(),
        status: TaskStatus::Executing,
        message: "it is taken".to_owned(),
    };
    let path = uri.path().to_owned();
    let verb = path.rsplit('/').next().unwrap_or_default();
    match (method.as_str(), verb) {
        ("GET", "ready") => axum::Json(Ready {
            ready: true,
            missing: Vec::new(),
        })
        .into_response(),
        ("GET", "tasks") => axum::Json(listed(&journal)).into_response(),
        ("GET", id) if id == task().to_string() => {
            axum::Json(Task::new(shown(&journal), true, None)).into_response()
        }
        ("GET", "models") => axum::Json(ModelList::default()).into_response(),
        ("GET", "diff") => axum::Json(differences()).into_response(),
        ("POST", "tasks") => axum::Json(TaskCreated {
            task_id: task(),
            status: TaskStatus::Pending,
            message: "the task begins".to_owned(),
        })
        .into_response(),
        ("POST", "revert") => {
            let mut report = RevertReport::default();
            report.changes.push(loom_events::FileChange {
                operation: loom_events::Operation::Modify,
                path: "sum.sh".to_owned(),
                new_path: None,
                before: None,
                after: None,
                lines: loom_events::LineCount {
                    added: 1,
                    removed: 2,
                },
                origin: loom_events::Origin::Loom,
            });
            axum::Json(report).into_response()
        }
        _ => axum::Json(taken).into_response(),
    }
}

fn shown(journal: &Journal) -> TaskView {
    let records = journal.records.lock().unwrap();
    TaskView::fold(task(), records.iter().map(|record| &record.envelope))
}

fn listed(journal: &Journal) -> Vec<TaskSummary> {
    if journal.records.lock().unwrap().is_empty() {
        return Vec::new();
    }
    let view = shown(journal);
    let count = |n: usize| u32::try_from(n).unwrap();
    let row = TaskSummary {
        task_id: task(),
        goal: view.goal.clone(),
        workspace: view.workspace.clone(),
        status: view.status,
        created: view.created,
        updated: view.updated,
        last_seq: view.last_seq,
        progress: Progress {
            done: count(view.done()),
            total: count(view.subtasks.len()),
        },
        tokens: view.usage.total(),
        waiting: count(view.questions.len()),
    };
    vec![row]
}

fn differences() -> DiffList {
    let patch = "--- a/sum.sh\n+++ b/sum.sh\n@@ -1,2 +1,3 @@\n #!/bin/sh\n-wc -l\n+# The sum.\n+awk '{ s += $1 } END { print s }'\n";
    DiffList {
        files: vec![FileDiff {
            path: "sum.sh".to_owned(),
            old_path: None,
            status: DiffStatus::Modified,
            added: 2,
            removed: 1,
            binary: false,
            patch: patch.to_owned(),
        }],
    }
}
