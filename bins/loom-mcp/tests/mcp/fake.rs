//! A small service with Loom's HTTP API: tasks are journals that a test writes, and answers to
//! questions are written into them as the real one does.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{Stream, StreamExt as _, stream};
use loom_client::wire::{
    AnswerRequest, CancelRequest, DiffList, EventPage, IDEMPOTENCY_KEY, NewTaskRequest, Problem,
    Progress, SteerRequest, Taken, Task, TaskCreated, TaskSummary,
};
use loom_client::{Endpoint, TOKEN_FILE};
use loom_events::{
    AttemptId, DiffStatus, Digest, Envelope, Event, FileDiff, GivenAnswer, NewTask, OnExpiry,
    Question, QuestionId, Record, Response as Answer, RevertReport, RevertRequest, Risk, Seq,
    Subject, Summary, TaskId, TaskSettings, Time,
};
use loom_state::DataDirLock;
use loom_view::TaskView;
use loomd::{Scope, Tokens};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The owner's, which opens everything.
pub(crate) const TOKEN: &str = "a-token-for-tests-that-is-long-enough";

/// Those of narrower scope, which follow from it.
pub(crate) static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(TOKEN_FILE), TOKEN).unwrap();
    Tokens::of(dir.path()).unwrap()
});

/// Opens everything but the answers to questions.
pub(crate) fn agent() -> &'static str {
    TOKENS.scoped(Scope::Agent)
}

/// Opens the answers to questions and nothing else.
pub(crate) const HUMAN: &str = "a-token-of-a-human";

/// What the service knows; it outlives the processes that serve it.
#[derive(Default)]
pub(crate) struct World {
    journals: Mutex<BTreeMap<TaskId, Vec<Record>>>,
    keys: Mutex<BTreeMap<String, TaskId>>,
    changed: watch::Sender<u64>,
}

/// A service that runs.
pub(crate) struct Service {
    pub(crate) endpoint: Endpoint,
    stop: CancellationToken,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Serves it on a port of its own until what is given back is dropped.
    pub(crate) async fn serve(self: &Arc<Self>) -> Service {
        let stop = CancellationToken::new();
        let state = Served {
            world: Arc::clone(self),
            stop: stop.clone(),
        };
        let router = Router::new()
            .route("/tasks", post(submit).get(list))
            .route("/tasks/{id}", get(show).patch(steer).delete(cancel))
            .route("/tasks/{id}/answer", post(answer))
            .route("/tasks/{id}/stream", get(follow))
            .route("/tasks/{id}/events", get(events))
            .route("/tasks/{id}/diff", get(diff))
            .route("/tasks/{id}/revert", post(revert))
            .layer(middleware::from_fn(guard))
            .with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ended = stop.clone();
        tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async move { ended.cancelled().await })
                .await
                .unwrap();
        });
        let token = Some(TOKEN.to_owned());
        Service {
            endpoint: Endpoint { url, token },
            stop,
        }
    }

    /// Adds an event to a task.
    pub(crate) fn add(&self, task: TaskId, event: Event) -> Seq {
        let mut journals = self.journals.lock().unwrap();
        let journal = journals.entry(task).or_default();
        let seq = Seq(journal.len() as u64 + 1);
        journal.push(Record {
            id: seq.0 + 100,
            envelope: Envelope {
                task_id: task,
                seq,
                timestamp: Time::from_millis(1_000),
                subtask_id: None,
                attempt: None,
                correlation_id: Seq(1),
                event,
            },
        });
        drop(journals);
        self.changed.send_modify(|version| *version += 1);
        seq
    }

    pub(crate) fn complete(&self, task: TaskId) {
        self.add(task, Event::TaskCompleted(Summary::default()));
    }

    /// A question that wants consent.
    pub(crate) fn ask(&self, task: TaskId) -> QuestionId {
        let subject = Subject::Call {
            attempt: AttemptId(Seq(2)),
            turn: 0,
            call: 0,
            digest: Digest::from_hex("0".repeat(64)).unwrap(),
        };
        let question = Question {
            subject,
            reason: "it publishes the package".to_owned(),
            action: "npm publish".to_owned(),
            risk: Risk::High,
            rules: Vec::new(),
            choices: Vec::new(),
            default: None,
        };
        QuestionId(self.add(
            task,
            Event::ApprovalRequested {
                question,
                deadline: None,
                on_expiry: OnExpiry::Fail,
            },
        ))
    }

    /// What a task is to do.
    pub(crate) fn goal(&self, task: TaskId) -> String {
        self.view(task).goal
    }

    /// The names of the events of a task.
    pub(crate) fn names(&self, task: TaskId) -> Vec<&'static str> {
        let journal = self.journal(task);
        journal
            .iter()
            .map(|record| record.envelope.event.name())
            .collect()
    }

    /// Waits until a task has an event of this name; the tasks there are, when none is given.
    pub(crate) async fn until(&self, name: &str) -> TaskId {
        let mut changed = self.changed.subscribe();
        loop {
            let found = self
                .tasks()
                .into_iter()
                .find(|task| self.names(*task).contains(&name));
            if let Some(task) = found {
                return task;
            }
            changed.changed().await.unwrap();
        }
    }

    pub(crate) fn tasks(&self) -> Vec<TaskId> {
        self.journals.lock().unwrap().keys().copied().collect()
    }

    fn journal(&self, task: TaskId) -> Vec<Record> {
        let journals = self.journals.lock().unwrap();
        journals.get(&task).cloned().unwrap_or_default()
    }

    fn view(&self, task: TaskId) -> TaskView {
        let journal = self.journal(task);
        TaskView::fold(task, journal.iter().map(|record| &record.envelope))
    }
}

impl Service {
    /// Takes a data directory, as the real one does, and says there where it is.
    pub(crate) fn publish(&self, data_dir: &std::path::Path) -> DataDirLock {
        let lock = DataDirLock::acquire(data_dir).unwrap();
        lock.publish(&self.endpoint.url).unwrap();
        std::fs::write(data_dir.join(TOKEN_FILE), TOKEN).unwrap();
        lock
    }
}

#[derive(Clone)]
struct Served {
    world: Arc<World>,
    stop: CancellationToken,
}

async fn guard(request: Request, next: Next) -> Response {
    let given = request.headers().get("authorization");
    let given = given.and_then(|given| given.to_str().ok()?.strip_prefix("Bearer "));
    let answers = request.uri().path().ends_with("/answer");
    match given {
        Some(TOKEN) => next.run(request).await,
        Some(token) if token == agent() && !answers => next.run(request).await,
        Some(HUMAN) if answers => next.run(request).await,
        Some(token) if token == agent() || token == HUMAN => {
            problem(StatusCode::FORBIDDEN, "forbidden")
        }
        _ => problem(StatusCode::UNAUTHORIZED, "unauthorized"),
    }
}

fn problem(status: StatusCode, error: &str) -> Response {
    (
        status,
        Json(Problem::new(error, format!("a sentence about {error}"))),
    )
        .into_response()
}

impl Served {
    fn find(&self, id: &str) -> Result<TaskId, Box<Response>> {
        let known = self.world.tasks();
        let found = known
            .into_iter()
            .find(|task| task.to_string().ends_with(id));
        found.ok_or_else(|| Box::new(problem(StatusCode::NOT_FOUND, "not_found")))
    }

    fn taken(&self, id: TaskId) -> Response {
        Json(Taken {
            task_id: id,
            status: self.world.view(id).status,
            message: "taken".to_owned(),
        })
        .into_response()
    }
}

macro_rules! find {
    ($served:expr, $id:expr) => {
        match $served.find(&$id) {
            Ok(task) => task,
            Err(response) => return *response,
        }
    };
}

async fn submit(
    State(served): State<Served>,
    headers: HeaderMap,
    Json(new): Json<NewTaskRequest>,
) -> Response {
    if new.goal.trim().is_empty() {
        return problem(StatusCode::BAD_REQUEST, "invalid");
    }
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .map(|key| key.to_str().unwrap().to_owned());
    let known = key
        .as_ref()
        .and_then(|key| served.world.keys.lock().unwrap().get(key).copied());
    let task = known.unwrap_or_else(|| {
        let next = served.world.tasks().len() + 1;
        let task = format!("019ac000-0000-7000-8000-{next:012}")
            .parse()
            .unwrap();
        served.world.add(
            task,
            Event::TaskCreated(NewTask {
                goal: new.goal,
                workspace: new.workspace,
                context: new.context,
                settings: TaskSettings::default(),
                callback_url: None,
                metadata: None,
            }),
        );
        task
    });
    if let Some(key) = key {
        served.world.keys.lock().unwrap().insert(key, task);
    }
    Json(TaskCreated {
        task_id: task,
        status: served.world.view(task).status,
        message: "begun".to_owned(),
    })
    .into_response()
}

async fn list(State(served): State<Served>) -> Json<Vec<TaskSummary>> {
    let row = |task: TaskId| {
        let view = served.world.view(task);
        TaskSummary {
            task_id: task,
            goal: view.goal.clone(),
            workspace: view.workspace.clone(),
            status: view.status,
            created: view.created,
            updated: view.updated,
            last_seq: view.last_seq,
            progress: Progress::default(),
            tokens: 0,
            waiting: u32::try_from(view.questions.len()).unwrap(),
        }
    };
    Json(served.world.tasks().into_iter().rev().map(row).collect())
}

async fn show(State(served): State<Served>, Path(id): Path<String>) -> Response {
    let task = find!(served, id);
    Json(Task::new(served.world.view(task), true, None)).into_response()
}

async fn steer(
    State(served): State<Served>,
    Path(id): Path<String>,
    Json(steer): Json<SteerRequest>,
) -> Response {
    let task = find!(served, id);
    let text = steer.instruction;
    served.world.add(task, Event::SteerInstruction { text });
    served.taken(task)
}

async fn cancel(
    State(served): State<Served>,
    Path(id): Path<String>,
    Json(cancel): Json<CancelRequest>,
) -> Response {
    let task = find!(served, id);
    let reason = cancel.reason.unwrap_or_default();
    let summary = Summary::default();
    served
        .world
        .add(task, Event::TaskCancelled { reason, summary });
    served.taken(task)
}

async fn answer(
    State(served): State<Served>,
    Path(id): Path<String>,
    Json(given): Json<AnswerRequest>,
) -> Response {
    let task = find!(served, id);
    let open = served.world.view(task).questions;
    let Some(view) = open
        .iter()
        .find(|one| given.question.is_none_or(|id| id == one.id))
    else {
        return problem(StatusCode::CONFLICT, "no_such_question");
    };
    let (question, by) = (view.id, "api".to_owned());
    let answered = |answer| Event::QuestionAnswered {
        question,
        answer,
        by: "api".to_owned(),
    };
    let event = match given.response {
        Answer::Grant { scope } => Event::ApprovalGranted {
            question,
            scope,
            by,
        },
        Answer::Deny { reason } => Event::ApprovalDenied {
            question,
            reason,
            by,
        },
        Answer::Text { text } => answered(GivenAnswer::Text { text }),
        Answer::Retry { guidance } => answered(GivenAnswer::Retry { guidance }),
        Answer::Skip => answered(GivenAnswer::Skip),
        Answer::EditPlan { .. } => answered(GivenAnswer::EditPlan),
        Answer::TakeOver => answered(GivenAnswer::TakeOver),
        Answer::Done => answered(GivenAnswer::Done),
        Answer::Abort => answered(GivenAnswer::Abort),
    };
    served.world.add(task, event);
    served.taken(task)
}

async fn follow(
    State(served): State<Served>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let task = find!(served, id);
    let last = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok()?.parse().ok());
    let stop = served.stop.clone();
    let records = records(served.world, task, last.unwrap_or(0));
    Sse::new(records.take_until(stop.cancelled_owned())).into_response()
}

fn records(
    world: Arc<World>,
    task: TaskId,
    last: u64,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let changed = world.changed.subscribe();
    stream::unfold(
        (world, changed, last),
        move |(world, mut changed, last)| async move {
            loop {
                let journal = world.journal(task);
                if let Some(record) = journal.get(usize::try_from(last).unwrap()) {
                    let event = sse::Event::default()
                        .id(record.envelope.seq.to_string())
                        .event(record.envelope.event.name())
                        .json_data(record)
                        .unwrap();
                    return Some((Ok(event), (world, changed, last + 1)));
                }
                if journal
                    .last()
                    .is_some_and(|record| record.envelope.event.is_terminal())
                {
                    return None;
                }
                changed.changed().await.ok()?;
            }
        },
    )
}

async fn events(
    State(served): State<Served>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let task = find!(served, id);
    let after = query.and_then(|query| query.strip_prefix("after=")?.parse().ok());
    let after = Seq(after.unwrap_or_default());
    let journal = served.world.journal(task).into_iter();
    Json(EventPage {
        events: journal
            .filter(|record| record.envelope.seq > after)
            .collect(),
        next_after: None,
    })
    .into_response()
}

async fn diff(State(served): State<Served>, Path(id): Path<String>) -> Response {
    find!(served, id);
    Json(DiffList {
        files: vec![FileDiff {
            path: "a.txt".to_owned(),
            old_path: None,
            status: DiffStatus::Modified,
            added: 1,
            removed: 1,
            binary: false,
            patch: "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-a\n+b\n".to_owned(),
        }],
    })
    .into_response()
}

async fn revert(
    State(served): State<Served>,
    Path(id): Path<String>,
    Json(_): Json<RevertRequest>,
) -> Response {
    find!(served, id);
    Json(RevertReport::default()).into_response()
}
