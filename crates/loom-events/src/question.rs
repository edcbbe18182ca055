//! Questions to a human and their answers.

use crate::{AttemptId, Digest, EffectId, Plan, SubtaskId};
use serde::{Deserialize, Serialize};

/// A question put to a human.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Question {
    /// What it is about; when that ends, the question is withdrawn.
    pub subject: Subject,
    /// Why a human is asked, in a sentence.
    pub reason: String,
    /// Exactly what would be done: the command line, the diff, the plan.
    pub action: String,
    /// How much is at stake.
    pub risk: Risk,
    /// The rules that asked for it.
    #[serde(default)]
    pub rules: Vec<String>,
    /// For a question with choices: what can be chosen.
    #[serde(default)]
    pub choices: Vec<String>,
    /// For a question of the model: what it would do if nobody answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// A tool call that was held back. A grant covers exactly these bytes.
    Call {
        /// The attempt.
        attempt: AttemptId,
        /// Its turn.
        turn: u32,
        /// The position of the call in the reply.
        call: u32,
        /// Hash over tool, arguments and environment.
        digest: Digest,
    },
    /// A question that the model put through `ask_user`.
    Ask {
        /// The attempt.
        attempt: AttemptId,
        /// Its turn.
        turn: u32,
        /// The position of the call in the reply.
        call: u32,
    },
    /// The result of an attempt, before it counts.
    Result {
        /// The attempt.
        attempt: AttemptId,
    },
    /// A subtask for which every rung of the ladder was tried, or that is blocked.
    Exhausted {
        /// The subtask.
        subtask: SubtaskId,
    },
    /// Executions of a subtask that all passed and made different things: which one counts.
    Executions {
        /// The subtask.
        subtask: SubtaskId,
    },
    /// A step that the user took over: whether it is done.
    ByHand {
        /// The attempt.
        attempt: AttemptId,
    },
    /// A plan, before anything runs.
    Plan {
        /// Its version.
        version: u32,
    },
    /// The plan may not be changed any more times.
    PlanLimit {
        /// The version reached.
        version: u32,
    },
    /// An effect that may or may not have happened and cannot be looked up.
    Doubt {
        /// The effect.
        effect: EffectId,
    },
}

/// How much is at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Can be undone here.
    Low,
    /// Can be undone with effort, or costs much time.
    Medium,
    /// Cannot be undone, or leaves the workspace.
    High,
}

/// What a human answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Response {
    /// Go ahead.
    Grant {
        /// For this once, or for the same thing in this task.
        scope: Scope,
    },
    /// Do not.
    Deny {
        /// Becomes feedback.
        reason: String,
    },
    /// An answer to `ask_user`.
    Text {
        /// The answer.
        text: String,
    },
    /// Start the subtask's ladder again, with this guidance.
    Retry {
        /// What to do differently; may be empty.
        guidance: String,
    },
    /// Leave the subtask out; what depends on it may run.
    Skip,
    /// Go on with another plan, in which the subtask is not as it was.
    EditPlan {
        /// The whole plan; completed subtasks must be in it unchanged.
        plan: Plan,
    },
    /// The user does the subtask by hand.
    TakeOver,
    /// A subtask that was taken over is done: its checks are to be run.
    Done,
    /// End the task as failed.
    Abort,
}

/// How far a grant reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This one call.
    Once,
    /// Every call with the same digest in this task.
    Task,
}

/// What happens when nobody answers in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnExpiry {
    /// As if denied.
    Deny,
    /// As if granted once.
    Proceed,
    /// The task fails: it needs a human.
    Fail,
}
