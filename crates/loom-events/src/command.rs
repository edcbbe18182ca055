//! What is asked of a task from outside.

use crate::{Plan, QuestionId, Response, SubtaskId, TaskSettings};
use serde::{Deserialize, Serialize};

/// A request to a task. The kernel answers with events or with a rejection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a command is made once, moved, and never kept in numbers"
)]
pub enum Command {
    /// Begin; only ever the first.
    Create(NewTask),
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

/// What a task is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The caller's own data, kept and never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

impl NewTask {
    /// Longest goal accepted: a goal is an instruction, long material belongs in a file.
    pub const MAX_GOAL_BYTES: usize = 64 * 1024;
}
