//! Rows of the views that are derived from events, and the questions they answer. Plain data.

use loom_events::{
    Fact, FileChange, MemoryEntry, MemoryKind, OnExpiry, Question, QuestionId, Seq, SubtaskId,
    TaskId, Tier, Time,
};
use serde::{Deserialize, Serialize};

/// Most task ids that [`Journal::find_task`](crate::Journal::find_task) answers with: people type
/// eight digits, so more than one is already a reason to ask for more of them.
pub const MAX_FOUND: usize = 10;

/// What a list shows of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRow {
    /// The task.
    pub id: TaskId,
    /// Its goal, whole.
    pub goal: String,
    /// The user's directory.
    pub workspace: Option<String>,
    /// Where it stands, derived from its events.
    pub status: RowStatus,
    /// When it was created.
    pub created: Time,
    /// When its last event was booked.
    pub updated: Time,
    /// Its last event.
    pub last_seq: Seq,
    /// Subtasks with a passed gate.
    pub subtasks_done: u32,
    /// Subtasks of the newest plan, and completed ones of older plans.
    pub subtasks_total: u32,
    /// Prompt and completion tokens so far.
    pub tokens: u64,
    /// Questions that wait for an answer.
    pub waiting: u32,
}

/// Status of a task or a subtask as a list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowStatus {
    /// Nothing was started.
    Pending,
    /// A task: another one is in the way.
    Queued,
    /// A task: a plan is being made.
    Planning,
    /// A task: its subtasks are being worked on.
    Executing,
    /// A subtask: an attempt works on it.
    Running,
    /// A subtask: a gate judges it.
    Verifying,
    /// Nothing goes on before a human answers.
    WaitingApproval,
    /// A task: nothing new starts.
    Paused,
    /// A task: what runs is being stopped and put back.
    Stopping,
    /// Its gates passed.
    Completed,
    /// It ended without that.
    Failed,
    /// A task: it was ended by request.
    Cancelled,
    /// A subtask: the model says that it cannot go on.
    Blocked,
    /// A subtask: it will not be done.
    Skipped,
}

impl RowStatus {
    /// Every status.
    pub const ALL: [Self; 14] = [
        Self::Pending,
        Self::Queued,
        Self::Planning,
        Self::Executing,
        Self::Running,
        Self::Verifying,
        Self::WaitingApproval,
        Self::Paused,
        Self::Stopping,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Blocked,
        Self::Skipped,
    ];

    /// The name used in storage, on the wire and on screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Planning => "planning",
            Self::Executing => "executing",
            Self::Running => "running",
            Self::Verifying => "verifying",
            Self::WaitingApproval => "waiting_approval",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a task with this status has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl std::fmt::Display for RowStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What a list shows of a subtask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtaskRow {
    /// Its id within the task.
    pub id: SubtaskId,
    /// Position in the newest plan that has it, from 0.
    pub position: u32,
    /// The newest version of the plan that has it.
    pub plan_version: u32,
    /// A few words for people.
    pub title: String,
    /// Where it stands, derived from events.
    pub status: RowStatus,
    /// Attempts started.
    pub attempts: u32,
    /// Model tier of the last attempt; before the first, the planned one.
    pub tier: Tier,
    /// When its last event was booked.
    pub updated: Time,
    /// Why it failed, is blocked or was left out; empty otherwise.
    pub reason: String,
}

/// A question to a human, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRow {
    /// The task.
    pub task: TaskId,
    /// The question.
    pub id: QuestionId,
    /// The subtask it is about, if about one.
    pub subtask: Option<SubtaskId>,
    /// What is asked.
    pub question: Question,
    /// When it was asked.
    pub asked: Time,
    /// When it expires.
    pub deadline: Option<Time>,
    /// What happens then.
    pub on_expiry: OnExpiry,
    /// What became of it; none while it waits.
    pub closed: Option<Closed>,
}

/// How a question was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// What became of it.
    pub how: Closing,
    /// Who answered; empty when nobody did.
    pub by: String,
    /// When.
    pub at: Time,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// Yes.
    Granted,
    /// No.
    Denied,
    /// Any other answer.
    Answered,
    /// Nobody answered in time.
    Expired,
    /// It lost its subject.
    Withdrawn,
}

/// Which tasks to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only those with this status.
    pub status: Option<RowStatus>,
    /// Only those of this directory.
    pub workspace: Option<String>,
    /// Only those created before this one: the last of the previous page.
    pub before: Option<TaskId>,
    /// At most so many.
    pub limit: usize,
}

impl Default for TaskFilter {
    fn default() -> Self {
        Self {
            status: None,
            workspace: None,
            before: None,
            limit: 100,
        }
    }
}

/// Which memory entries to find. Everything that is set must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryQuery {
    /// Of this task.
    pub task: Option<TaskId>,
    /// Of this subtask.
    pub subtask: Option<SubtaskId>,
    /// Of one of these kinds; empty means any.
    pub kinds: Vec<MemoryKind>,
    /// With all of these tags; case does not matter.
    pub tags: Vec<String>,
    /// With one of these words, or one that begins like it where it has three letters or more; the best
    /// match comes first, and where a task noted something else about the same, that beside it, the
    /// newest last. Any text is taken as words, nothing in it is syntax; text without a word finds
    /// nothing. In all tasks, of words that are in very many entries the newest are found.
    pub text: Option<String>,
    /// At most so many; without a text the newest come first.
    pub limit: usize,
}

impl Default for MemoryQuery {
    fn default() -> Self {
        Self {
            task: None,
            subtask: None,
            kinds: Vec::new(),
            tags: Vec::new(),
            text: None,
            limit: 20,
        }
    }
}

/// A memory entry with its place in the journal. What a task noted again is one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryRow {
    /// Id of the record that made it.
    pub id: u64,
    /// Its task.
    pub task: TaskId,
    /// Seq of the event that made it.
    pub seq: Seq,
    /// When.
    pub at: Time,
    /// The entry, as it was noted first.
    #[serde(flatten)]
    pub entry: MemoryEntry,
    /// How often it was noted.
    pub seen: u32,
    /// When it was noted last.
    pub last: Time,
    /// What it is about, where the task noted something else about the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

impl From<MemoryRow> for Fact {
    fn from(row: MemoryRow) -> Self {
        Self {
            entry: row.entry,
            seq: row.seq,
            at: row.at,
            seen: row.seen,
            last: row.last,
            about: row.about,
        }
    }
}

/// What was found out about a model at a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// Address of the server.
    pub server: String,
    /// The model's id there.
    pub model: String,
    /// What was found out, in the words of whoever did.
    pub facts: serde_json::Value,
    /// When.
    pub seen: Time,
}

/// A revert that a human asked for, as it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertRecord {
    /// What was put back, in words: `task`, `subtask fix-bug`, `src/main.rs`.
    pub scope: String,
    /// What changed on disk, so that the revert can itself be reverted.
    pub changes: Vec<FileChange>,
    /// When.
    pub at: Time,
}

/// A request that begins a task, by a key of its sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The sender's name for the request.
    pub key: String,
    /// Hash of what is asked for: the same key with another one is another request.
    pub digest: String,
    /// The task that it begins.
    pub task: TaskId,
    /// When.
    pub at: Time,
}

impl Claim {
    /// How long a key is remembered. A sender that has no answer after a week has given up.
    pub const KEPT: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 60 * 60);

    /// The time before which claims are forgotten.
    pub(crate) fn forgotten_before(&self) -> Time {
        let kept = i64::try_from(Self::KEPT.as_millis()).unwrap_or(i64::MAX);
        Time::from_millis(self.at.as_millis().saturating_sub(kept))
    }
}
