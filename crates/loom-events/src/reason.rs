//! Why something happened, and how it came out: the words that events have of their own.

use crate::{AttemptId, Failure, SubtaskId, Usage};
use serde::{Deserialize, Serialize};

/// Why a plan is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlanReason {
    /// There is none yet.
    Initial,
    /// A subtask has no rung left.
    Exhausted {
        /// The subtask.
        subtask: SubtaskId,
    },
    /// So many subtasks were completed.
    Interval,
    /// The model found something that may change the plan.
    Discovery {
        /// What.
        text: String,
    },
    /// The gate over the whole goal failed.
    FinalGate {
        /// Its feedback.
        feedback: String,
    },
    /// Checks of one subtask may be wrong. Only they are asked about; the rest of the plan stays.
    Checks {
        /// The subtask.
        subtask: SubtaskId,
        /// The checks in words.
        checks: Vec<String>,
        /// What speaks against them.
        reason: String,
    },
}

/// How a task is to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum End {
    /// Everything passed.
    Completed,
    /// Something is missing.
    Failed {
        /// What, in a sentence.
        reason: String,
        /// Whether only a human could have gone on, and none was there.
        needs_human: bool,
    },
    /// On request.
    Cancelled {
        /// Why.
        reason: String,
    },
}

/// What a result rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Summary {
    /// Subtasks with a passed gate of which at least one check is evidence.
    pub verified: Vec<SubtaskId>,
    /// Subtasks with a passed gate that rests on guards or on a model's word only.
    pub claimed: Vec<SubtaskId>,
    /// Subtasks that were not completed.
    pub unfinished: Vec<SubtaskId>,
    /// Sum of 1 − confidence over the completed subtasks.
    pub expected_wrong: f64,
    /// How sure it is that all of them are right: the product of their confidences. None when nothing was
    /// completed, and in results from before it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Tokens of the whole task.
    pub usage: Usage,
    /// Fallbacks that were taken.
    #[serde(default)]
    pub degraded: Vec<String>,
    /// Whether something could not be put back: the workspace needs a look.
    #[serde(default)]
    pub unclean: bool,
    /// Whether only a human could have gone on, and none was there.
    #[serde(default)]
    pub needs_human: bool,
}

/// A limit, by its configuration key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// `limits.iterations`.
    Iterations,
    /// `limits.turns_per_attempt`; ends the attempt, not the task.
    TurnsPerAttempt,
    /// `limits.plan_versions`.
    PlanVersions,
    /// `limits.tokens`.
    Tokens,
    /// `limits.working_time_ms`.
    WorkingTime,
    /// `limits.reconciliations`.
    Reconciliations,
    /// `limits.transient_retries`.
    TransientRetries,
}

/// What a nudge answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Nudge {
    /// The gate failed and the context is still small.
    GateFailed,
    /// A call could not be read.
    Unreadable,
    /// An action was announced and not taken.
    Announced,
    /// Only thoughts came.
    OnlyThought,
    /// Nothing came.
    Nothing,
    /// A question in plain text, where nobody reads it.
    Asked,
    /// An instruction of the user was not heard yet.
    Unheard,
    /// The same calls again and again.
    Loop,
}

/// Why an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AttemptEnd {
    /// The gate passed, and what follows it was done.
    Passed,
    /// The gate failed.
    GateFailed,
    /// The gate could not tell, to the end of its rounds.
    Inconclusive,
    /// Checks stayed red although a verifier found every criterion met: the planner is asked which
    /// of them is wrong. Nothing is held against the work.
    Disputed {
        /// The checks in words.
        checks: Vec<String>,
    },
    /// The model said that it is blocked.
    Blocked,
    /// Too many turns.
    TurnLimit,
    /// Too many answers that could not be used.
    Unusable,
    /// It went in circles.
    Looping,
    /// The world failed.
    Failed {
        /// The failure.
        failure: Failure,
    },
    /// A human said no.
    Denied,
    /// The plan no longer has this subtask, or changed it.
    Superseded,
    /// Its merge did not fit, or broke a check.
    Conflict,
    /// It passed, and its result was not taken: another execution's was, or nobody could tell them
    /// apart.
    Outvoted,
    /// The task is stopping.
    Stopped,
}

/// One of several executions that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Standing {
    /// The attempt.
    pub attempt: AttemptId,
    /// Checks of it that were red before the work and are green.
    pub discriminating: u32,
    /// Guards of it that are green.
    pub guards: u32,
    /// How many executions made the same, itself among them.
    pub agree: u32,
    /// Lines that it added and removed.
    pub lines: u64,
    /// How sure its gate was.
    pub confidence: f64,
}

/// What came of comparing executions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Compared {
    /// One is taken and goes on to its merge.
    Taken {
        /// Which one.
        attempt: AttemptId,
        /// Why this one.
        by: TakenBy,
    },
    /// They made different things, and nothing tells them apart.
    Diverged,
}

/// Why an execution is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TakenBy {
    /// No other passed its gate.
    Alone,
    /// More of its checks are green than of any other.
    Checks,
    /// More executions made the same than anything else.
    Agreement,
    /// A human chose it.
    Human,
}

/// Who left a subtask out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SkippedBy {
    /// A human; dependents may run.
    Human,
    /// A new plan that no longer has it.
    Replan,
    /// The end of the task.
    End,
    /// A dependency that failed.
    Dependency,
}

/// An answer other than yes or no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GivenAnswer {
    /// Text for the model.
    Text {
        /// The answer.
        text: String,
    },
    /// Try again.
    Retry {
        /// What to do differently; may be empty.
        guidance: String,
    },
    /// This execution counts.
    Take {
        /// Its attempt.
        attempt: AttemptId,
    },
    /// Leave it out.
    Skip,
    /// Go on with the plan that follows in the journal.
    EditPlan,
    /// It is done by hand.
    TakeOver,
    /// What was taken over is done.
    Done,
    /// End the task.
    Abort,
}
