//! What is asked of a task from outside.

use crate::{MemoryEntry, Plan, QuestionId, Response, Seq, SubtaskId, TaskId, TaskSettings};
use serde::{Deserialize, Serialize};

/// A request to a task. The kernel answers with events or with a rejection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Begin; only ever the first.
    Create(NewTask),
    /// Begin where another task was; only ever the first.
    Continue(Continued),
    /// Begin nothing new; what can be put back is stopped.
    Pause,
    /// Go on.
    Resume,
    /// Stop, put back what is half done, end.
    Cancel {
        /// Why, for the record.
        reason: String,
    },
    /// An instruction that the next model call must hear.
    Steer {
        /// The instruction.
        text: String,
    },
    /// An answer to an open question.
    Answer {
        /// The question.
        question: QuestionId,
        /// The answer.
        response: Response,
        /// Who answered: `cli`, `api`, a token's name.
        by: String,
    },
    /// Replace what is still to be done; becomes a new version of the plan.
    EditPlan {
        /// The whole plan; completed subtasks must be in it unchanged.
        plan: Plan,
    },
    /// Start the ladder of a failed or blocked subtask again.
    Retry {
        /// The subtask.
        subtask: SubtaskId,
        /// What to do differently; may be empty.
        guidance: String,
    },
}

/// What a task is made from that goes on from another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Continued {
    /// The task.
    pub task: NewTask,
    /// The other one.
    pub from: TaskId,
    /// Its event up to which it counts.
    pub at: Seq,
    /// Its plan then; empty when there was none.
    pub plan: Plan,
    /// The results that count.
    pub kept: Vec<Kept>,
    /// What was noted of them.
    pub facts: Vec<MemoryEntry>,
}

/// The result of a subtask in a task that is continued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Kept {
    /// The subtask.
    pub subtask: SubtaskId,
    /// What was done, at most 100 characters.
    pub summary: String,
    /// The confidence of its verdict.
    pub confidence: f64,
    /// Whether a check was red before and green after.
    pub proven: bool,
}

/// What a task is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewTask {
    /// In plain language; not empty, at most [`NewTask::MAX_GOAL_BYTES`].
    pub goal: String,
    /// Absolute path of the user's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// More about the goal; data of lower rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Bounds and modes.
    #[serde(default)]
    pub settings: TaskSettings,
    /// Where its end and its questions are reported, beside the receivers of all tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// The caller's own data, kept and never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

impl NewTask {
    /// Longest goal accepted: a goal is an instruction, long material belongs in a file.
    pub const MAX_GOAL_BYTES: usize = 64 * 1024;

    /// A task with a goal, the default settings and no directory.
    #[must_use]
    pub fn new(goal: impl Into<String>) -> Self {
        Self {
            goal: goal.into(),
            workspace: None,
            context: None,
            settings: TaskSettings::default(),
            callback_url: None,
            metadata: None,
        }
    }

    /// The same in a directory, given by its absolute path.
    #[must_use]
    pub fn within(self, workspace: impl Into<String>) -> Self {
        Self {
            workspace: Some(workspace.into()),
            ..self
        }
    }
}
