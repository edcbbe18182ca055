//! What people and programs see of a task: a fold of its journal, nothing else.
//!
//! The types are here, the fold is in `fold.rs`. The same fold serves the engine's queries, the
//! prompts' state view, the service's answers and every front end that follows a stream of records.
//! It decides nothing: `loom replay --check` holds its statuses against the kernel's.

#![deny(missing_docs)]

mod change;
mod fold;
mod live;
pub mod memory;
pub mod text;
mod wants;

pub use change::{ChangeEntry, touches};
pub use fold::{describe_compared, describe_end};
pub use live::{Live, Signal};
pub use wants::Wants;

use loom_events::{
    Adjustment, ApprovalMode, AttemptEnd, AttemptId, EffectId, Envelope, Fact, Kept, LineCount,
    Nudge, OnExpiry, Operation, Question, QuestionId, Rung, Seq, SubtaskId, SubtaskSpec, Summary,
    Survey, TaskId, Tier, Time, Usage, Verdict, Work,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Status of a task, as shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Made, not begun.
    #[default]
    Pending,
    /// Waits for another task.
    Queued,
    /// A plan is being made and nothing else runs.
    Planning,
    /// Subtasks run.
    Executing,
    /// Nothing runs until somebody answers a question.
    WaitingApproval,
    /// Paused on request.
    Paused,
    /// The end is decided, what ran is being put back.
    Stopping,
    /// Every gate passed.
    Completed,
    /// It ended without that.
    Failed,
    /// It was ended on request.
    Cancelled,
}

impl TaskStatus {
    /// The word used in lists and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Planning => "planning",
            Self::Executing => "executing",
            Self::WaitingApproval => "waiting_approval",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// Status of a subtask, as shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubtaskStatus {
    /// Waits for its turn or its dependencies.
    #[default]
    Pending,
    /// An attempt runs.
    Running,
    /// The gate runs.
    Verifying,
    /// Waits for a human.
    WaitingApproval,
    /// The gates passed.
    Completed,
    /// No attempt is left.
    Failed,
    /// The model cannot go on.
    Blocked,
    /// Left out.
    Skipped,
}

impl SubtaskStatus {
    /// The word used in lists and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Verifying => "verifying",
            Self::WaitingApproval => "waiting_approval",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
        }
    }
}

/// A task, as shown. One that was read from JSON only shows: what the fold must remember is not in it,
/// so to go on with records a view is folded from the first one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskView {
    /// Its id.
    pub id: TaskId,
    /// Its goal, word for word.
    pub goal: String,
    /// More about the goal, from the user.
    pub context: Option<String>,
    /// The user's directory.
    pub workspace: Option<String>,
    /// When a human must agree to a result.
    pub approval: ApprovalMode,
    /// Whether its commands may use the network.
    pub network: bool,
    /// What its commands run in, once that is known.
    pub sandbox: Option<String>,
    /// Where it stands.
    pub status: TaskStatus,
    /// The task that it waits for, while it is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<TaskId>,
    /// The task that it continues, and up to which event of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<(TaskId, Seq)>,
    /// When it was made.
    pub created: Time,
    /// When something last happened.
    pub updated: Time,
    /// The last event that is in this view.
    pub last_seq: Seq,
    /// Version of the plan; 0 when there is none yet.
    pub plan_version: u32,
    /// In the order of the plan; subtasks of older plans that were dropped are not in it.
    pub subtasks: Vec<SubtaskView>,
    /// Questions that wait for an answer, oldest first.
    pub questions: Vec<QuestionView>,
    /// Instructions given while it ran.
    pub steering: Vec<Steering>,
    /// Files changed, one row a path.
    pub files: Vec<FileRow>,
    /// Facts extracted so far, each once.
    pub memory: Vec<Fact>,
    /// Errors with what came of them, oldest first.
    pub errors: Vec<ErrorRow>,
    /// What models found that changed the plan.
    pub discoveries: Vec<String>,
    /// What was found in the workspace before any work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<Survey>,
    /// Fallbacks that were taken.
    pub degraded: Vec<String>,
    /// What is done otherwise because of what earlier tasks taught.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learned: Vec<Adjustment>,
    /// Tokens of all calls so far.
    pub usage: Usage,
    /// Why it ended, when it failed or was cancelled.
    pub reason: Option<String>,
    /// What its result rests on, when it has ended.
    pub summary: Option<Summary>,
    /// Verdict of the gate over the whole goal, the latest.
    pub final_verdict: Option<VerdictView>,
    #[serde(skip)]
    inner: Inner,
}

/// What the fold needs to remember and nobody needs to see.
#[derive(Clone, Debug, Default)]
struct Inner {
    /// Works of the effects in flight.
    works: BTreeMap<EffectId, Work>,
    /// The subtask of each attempt.
    owners: BTreeMap<AttemptId, SubtaskId>,
    /// Attempts that have begun and not ended.
    open: BTreeSet<AttemptId>,
    planning: bool,
    paused: bool,
    stopping: bool,
    noted: memory::Noted,
}

/// A subtask, as shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubtaskView {
    /// What the plan says.
    #[serde(flatten)]
    pub spec: SubtaskSpec,
    /// Where it stands.
    pub status: SubtaskStatus,
    /// What was done, at most 100 characters; empty until it is known.
    pub summary: String,
    /// Why it failed, is blocked or was skipped.
    pub reason: Option<String>,
    /// Guidance that a human gave for the next attempts.
    pub guidance: Vec<String>,
    /// Its result in the task that this one continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptView>,
}

impl SubtaskView {
    fn new(spec: SubtaskSpec) -> Self {
        Self {
            spec,
            status: SubtaskStatus::Pending,
            summary: String::new(),
            reason: None,
            guidance: Vec::new(),
            kept: None,
            attempts: Vec::new(),
        }
    }

    /// The attempt that runs or ran last.
    #[must_use]
    pub fn last_attempt(&self) -> Option<&AttemptView> {
        self.attempts.last()
    }
}

/// An attempt, as shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AttemptView {
    /// Its id.
    pub id: AttemptId,
    /// Counts from 1 within the subtask.
    pub ordinal: u32,
    /// How it differs from the first.
    pub rung: Rung,
    /// Tier asked for.
    pub tier: Tier,
    /// The model entry that works on it, once it is prepared.
    pub model: Option<String>,
    /// Model calls completed.
    pub turns: u32,
    /// Tool calls completed.
    pub calls: u32,
    /// Nudges given.
    pub nudges: Vec<Nudge>,
    /// How full the model's window is, in percent; 0 when unknown.
    pub context_percent: u8,
    /// The call that runs now, in one line.
    pub current: Option<String>,
    /// The latest verdict.
    pub verdict: Option<VerdictView>,
    /// Why it ended.
    pub ended: Option<AttemptEnd>,
    /// What the next attempt is told.
    pub feedback: String,
}

/// A verdict, as shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerdictView {
    /// Its event.
    pub seq: Seq,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// An open question, as shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuestionView {
    /// Its id.
    pub id: QuestionId,
    /// The question.
    #[serde(flatten)]
    pub question: Question,
    /// When it expires.
    pub deadline: Option<Time>,
    /// What happens then.
    pub on_expiry: OnExpiry,
}

/// An instruction given while the task ran.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Steering {
    /// Its event.
    pub seq: Seq,
    /// The instruction.
    pub text: String,
}

/// A path that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileRow {
    /// Relative to the workspace.
    pub path: String,
    /// The last thing that happened to it.
    pub operation: Operation,
    /// Lines added and removed, summed over the changes.
    pub lines: LineCount,
}

/// Something that went wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorRow {
    /// The subtask, if it belongs to one.
    pub subtask: Option<SubtaskId>,
    /// What, in one line.
    pub what: String,
    /// What came of it; empty while it is open.
    pub resolution: String,
}

impl TaskView {
    /// The view before the first event.
    #[must_use]
    pub fn new(id: TaskId) -> Self {
        Self {
            id,
            goal: String::new(),
            context: None,
            workspace: None,
            approval: ApprovalMode::Auto,
            network: false,
            sandbox: None,
            status: TaskStatus::Pending,
            behind: None,
            continues: None,
            created: Time::EPOCH,
            updated: Time::EPOCH,
            last_seq: Seq::ZERO,
            plan_version: 0,
            subtasks: Vec::new(),
            questions: Vec::new(),
            steering: Vec::new(),
            files: Vec::new(),
            memory: Vec::new(),
            errors: Vec::new(),
            discoveries: Vec::new(),
            survey: None,
            degraded: Vec::new(),
            learned: Vec::new(),
            usage: Usage::default(),
            reason: None,
            summary: None,
            final_verdict: None,
            inner: Inner::default(),
        }
    }

    /// Folds a whole journal.
    #[must_use]
    pub fn fold<'a>(id: TaskId, envelopes: impl IntoIterator<Item = &'a Envelope>) -> Self {
        let mut view = Self::new(id);
        for envelope in envelopes {
            view.apply(envelope);
        }
        view
    }

    /// A subtask by id.
    #[must_use]
    pub fn subtask(&self, id: &SubtaskId) -> Option<&SubtaskView> {
        self.subtasks.iter().find(|s| &s.spec.id == id)
    }

    /// How many subtasks are completed or were left out by a human.
    #[must_use]
    pub fn done(&self) -> usize {
        self.subtasks
            .iter()
            .filter(|s| matches!(s.status, SubtaskStatus::Completed | SubtaskStatus::Skipped))
            .count()
    }

    /// The subtask that an attempt belongs to.
    #[must_use]
    pub fn owner(&self, attempt: AttemptId) -> Option<&SubtaskId> {
        self.inner.owners.get(&attempt)
    }

    /// What runs now.
    pub fn running(&self) -> impl Iterator<Item = (EffectId, &Work)> {
        self.inner.works.iter().map(|(id, work)| (*id, work))
    }
}
