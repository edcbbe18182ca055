//! Tasks: how one is begun, listed and shown.

use loom_events::{ApprovalMode, FileDiff, Record, Seq, SubtaskId, TaskId, Time};
use loom_view::{ChangeEntry, FileRow, SubtaskView, TaskStatus, TaskView};
use serde::{Deserialize, Deserializer, Serialize};

/// The body of `POST /tasks`. Whatever is left out is as the service is configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTaskRequest {
    /// What is to be done, in plain language; not empty, at most 64 KiB.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))
    )]
    pub goal: String,
    /// Absolute path of the directory to work in. Without one the task has no files.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^/")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// More about the goal; data of lower rank. An object (constraints, what to look at) is taken as
    /// its JSON text.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Context>"))]
    #[serde(
        default,
        deserialize_with = "context",
        skip_serializing_if = "Option::is_none"
    )]
    pub context: Option<String>,
    /// When a human must agree to a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_mode: Option<Approval>,
    /// Where to report the end and each question; see `docs/webhooks.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// The caller's own data, kept and never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// Whether somebody will answer questions. If not, a question fails the task at once.
    /// Without a word, somebody will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attended: Option<bool>,
    /// Whether the plan is shown before anything runs, to be agreed to or edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_plan: Option<bool>,
    /// Whether its commands may use the network without a question each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<bool>,
    /// Independent steps at once, each in a copy of the directory.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 64)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel_subtasks: Option<u32>,
    /// The caller's own checks of the whole result: command lines that must end with status 0, beside
    /// those that are configured.
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = 32), inner(length(min = 1), regex(pattern = r"\S")))
    )]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// Whether what earlier tasks taught is used, and what this one teaches is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning: Option<bool>,
}

/// What callers give as context. Kept as text: a model reads it, and nothing else does.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Context {
    /// Words.
    Text(String),
    /// Members of the caller's own choice.
    Members(serde_json::Map<String, serde_json::Value>),
}

fn context<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let given = Option::<Context>::deserialize(from)?;
    Ok(given.map(|given| match given {
        Context::Text(text) => text,
        Context::Members(members) => serde_json::Value::Object(members).to_string(),
    }))
}

/// When a human must agree to a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// By its confidence.
    Auto,
    /// For every subtask.
    Manual,
    /// When the confidence is below the threshold.
    #[serde(alias = "threshold")]
    ConfidenceThreshold,
}

impl From<Approval> for ApprovalMode {
    fn from(approval: Approval) -> Self {
        match approval {
            Approval::Auto => Self::Auto,
            Approval::Manual => Self::Manual,
            Approval::ConfidenceThreshold => Self::Threshold,
        }
    }
}

/// The answer to whatever begins a task. The task is durable then, and has hardly begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskCreated {
    /// The task.
    pub task_id: TaskId,
    /// Where it stands.
    pub status: TaskStatus,
    /// The same in a sentence, with what may stand in its way.
    pub message: String,
}

/// The answer to `POST /import`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskImported {
    /// The task, under the id that it had.
    pub task_id: TaskId,
    /// Where it stood when it was exported.
    pub status: TaskStatus,
    /// Its events.
    pub events: u64,
    /// What can be done with it, in a sentence.
    pub message: String,
}

/// What a list shows of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskSummary {
    /// The task.
    pub task_id: TaskId,
    /// Its goal, whole.
    pub goal: String,
    /// The user's directory.
    pub workspace: Option<String>,
    /// Where it stands.
    pub status: TaskStatus,
    /// When it was made.
    pub created: Time,
    /// When something last happened.
    pub updated: Time,
    /// Its last event.
    pub last_seq: Seq,
    /// How far it is.
    pub progress: Progress,
    /// Prompt and completion tokens so far.
    pub tokens: u64,
    /// Questions that wait for an answer.
    pub waiting: u32,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// Subtasks that are completed or were left out by a human.
    pub done: u32,
    /// Subtasks of the plan; 0 when there is none yet.
    pub total: u32,
}

/// The answer to `GET /tasks`, newest first. On the wire it is the list alone, as the clients of the
/// first Loom read it; the cursor is in the header [`NEXT_CURSOR`](super::NEXT_CURSOR).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<TaskSummary>,
    /// `cursor` of the next page; none when this is the last.
    pub next_cursor: Option<String>,
}

/// The answer to `GET /tasks/{id}`: everything that is known of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Task {
    /// The task; the same as `id`.
    pub task_id: TaskId,
    /// How far it is.
    pub progress: Progress,
    /// Whether it is being worked on, or waits for its turn or an answer. An unfinished task that is
    /// not was left by a process that ended: `resume` takes it up.
    pub running: bool,
    /// When what is needed to undo it was removed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Time>,
    /// When it was imported, if it was: then it is history, and nothing goes on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Time>,
    /// What of it was taken back since, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverts: Vec<Reverted>,
    /// What was said of its steps since it has ended, as far as that is still kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<Rated>,
    /// The task, as shown.
    #[serde(flatten)]
    pub view: TaskView,
}

impl Task {
    /// A view with what belongs beside it.
    #[must_use]
    pub fn new(view: TaskView, running: bool, collected: Option<Time>) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            task_id: view.id,
            progress: Progress {
                done: count(view.done()),
                total: count(view.subtasks.len()),
            },
            running,
            collected,
            imported: None,
            reverts: Vec::new(),
            ratings: Vec::new(),
            view,
        }
    }
}

/// Something that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reverted {
    /// What, in words: `task`, `subtask fix-bug`, `src/main.rs`, `last revert`.
    pub scope: String,
    /// Files that were put back.
    pub files: u32,
    /// When.
    pub at: Time,
}

impl Reverted {
    /// As a sentence without its end.
    #[must_use]
    pub fn words(&self) -> String {
        match self.scope.as_str() {
            "task" => "everything that it changed was taken back".to_owned(),
            "last revert" => "what was taken back is there again".to_owned(),
            scope => format!("{scope} was taken back"),
        }
    }
}

/// What was said of a step of a task that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rated {
    /// The step.
    pub subtask: SubtaskId,
    /// How likely its result is right by what was said: 1 or 0 where that is known, between them where
    /// only the whole was said to be wrong.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 1.0)))]
    pub right: f64,
    /// When it was said.
    pub at: Time,
}

impl Rated {
    /// What was said of the steps of a task together, as a sentence without its end; none where nothing
    /// was said.
    #[must_use]
    pub fn words(ratings: &[Self]) -> Option<String> {
        let count = |is: fn(f64) -> bool| ratings.iter().filter(|rated| is(rated.right)).count();
        let counts = [
            (count(|right| right >= 1.0), "right"),
            (count(|right| right <= 0.0), "wrong"),
            (count(|right| right > 0.0 && right < 1.0), "may be wrong"),
        ];
        let said = counts.iter().filter(|(count, _)| *count > 0);
        let said: Vec<_> = said
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!said.is_empty()).then(|| format!("rated: {}", said.join(", ")))
    }
}

/// The answer to `GET /tasks/{id}/subtasks`, in the order of the plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubtaskList {
    /// Version of the plan; 0 when there is none yet.
    pub plan_version: u32,
    /// The subtasks.
    pub subtasks: Vec<SubtaskView>,
}

/// The answer to `GET /tasks/{id}/events`: the journal from `after` on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventPage {
    /// In order, without gaps.
    pub events: Vec<Record>,
    /// `after` of the next page; none when this is the last one there is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_after: Option<Seq>,
}

/// The answer to `GET /tasks/{id}/files`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileList {
    /// Files changed, one row a path.
    pub files: Vec<FileRow>,
}

/// The answer to `GET /tasks/{id}/diff`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DiffList {
    /// What is different from before the task, file by file. One patch after the other is a patch.
    pub files: Vec<FileDiff>,
}

/// The answer to `GET /tasks/{id}/changes`: the changelog, oldest first, with the reverts after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Changes {
    /// The changes.
    pub changes: Vec<ChangeEntry>,
}
