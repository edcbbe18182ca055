//! What the runner is asked to do, and what can come of it.

use crate::{
    Adjustment, AttemptId, BlobId, Check, CheckPower, EffectId, FileChange, MemoryEntry,
    ModelReply, Plan, PlanningId, PromptPart, PromptRecord, Question, SubtaskId, Survey, Usage,
    Verdict,
};
use serde::{Deserialize, Serialize};

/// One piece of work, named by its slot: the same slot is never in flight twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Ask the planner (round 0), or ask it to repair its plan (round 1).
    Plan {
        /// The round of planning.
        planning: PlanningId,
        /// 0, then 1 after the errors of the first were shown.
        round: u32,
    },
    /// Prepare the workspace and freeze prompt, model and tools of an attempt.
    Prepare {
        /// The attempt.
        attempt: AttemptId,
    },
    /// One call of the executor model.
    Model {
        /// The attempt.
        attempt: AttemptId,
        /// Counted from 0.
        turn: u32,
    },
    /// One tool call.
    Tool {
        /// The attempt.
        attempt: AttemptId,
        /// The turn whose reply asked for it.
        turn: u32,
        /// Position in that reply, from 0.
        call: u32,
    },
    /// Run the gate over an attempt's result.
    Verify {
        /// The attempt.
        attempt: AttemptId,
        /// Counts the gates of this attempt: a nudge leads to another.
        gate: u32,
        /// Counts repetitions of an inconclusive gate.
        round: u32,
    },
    /// Bring a fork back into the workspace.
    Merge {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Run the deterministic checks again after a merge onto a moved base.
    Recheck {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Take a merge back.
    Unmerge {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Write down what is worth keeping of a completed subtask.
    Extract {
        /// The subtask.
        subtask: SubtaskId,
        /// Its last attempt.
        attempt: AttemptId,
    },
    /// The gate over the whole goal.
    Final {
        /// Version of the plan that is complete.
        version: u32,
        /// Counts repetitions of an inconclusive gate.
        round: u32,
    },
    /// Find out what became of an effect whose outcome was lost, and settle it.
    Reconcile {
        /// The effect in doubt.
        intent: EffectId,
    },
}

impl Work {
    /// The attempt that the work belongs to, if to one.
    #[must_use]
    pub const fn attempt(&self) -> Option<AttemptId> {
        match self {
            Self::Prepare { attempt }
            | Self::Model { attempt, .. }
            | Self::Tool { attempt, .. }
            | Self::Verify { attempt, .. }
            | Self::Merge { attempt }
            | Self::Recheck { attempt }
            | Self::Unmerge { attempt }
            | Self::Extract { attempt, .. } => Some(*attempt),
            Self::Plan { .. } | Self::Final { .. } | Self::Reconcile { .. } => None,
        }
    }
}

/// What is to be done when the outcome of an effect is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It changes nothing: do it again.
    Pure,
    /// A file tool: the hash of the file says whether it was applied.
    Hashed,
    /// Everything it could touch can be put back: put back, do it again.
    Restorable,
    /// Nobody can say: never again without a human.
    Unknowable,
}

/// The class of a tool call; the same words.
pub type CallClass = Class;

/// What came of an effect. The runner reports exactly one for each effect that it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// For [`Work::Plan`]: the planner answered.
    Planned {
        /// What it proposed, or what was wrong with its answer.
        proposal: Proposal,
        /// The answer, word for word.
        answer: BlobId,
        /// Tokens.
        usage: Usage,
        /// Name of the model entry.
        model: String,
    },
    /// For [`Work::Prepare`].
    Prepared(Prepared),
    /// For [`Work::Model`].
    Replied(ModelReply),
    /// For [`Work::Tool`]: the tool ran.
    ToolDone(ToolResult),
    /// For [`Work::Tool`]: nothing was done; a human must be asked first.
    ToolHeld(Question),
    /// For [`Work::Verify`], [`Work::Final`].
    Verified(Verdict),
    /// For [`Work::Merge`]: it is in the workspace.
    Merged {
        /// Whether something else was merged since the fork was made.
        base_moved: bool,
    },
    /// For [`Work::Merge`]: nothing was changed.
    Conflicted {
        /// The paths in conflict.
        paths: Vec<String>,
    },
    /// For [`Work::Recheck`].
    Rechecked(Verdict),
    /// For [`Work::Unmerge`].
    Unmerged,
    /// For [`Work::Extract`].
    Extracted {
        /// At most 100 characters for the state view.
        summary: String,
        /// Whether the model's extraction failed and code wrote the entries.
        fallback: bool,
        /// Tokens.
        usage: Usage,
    },
    /// For [`Work::Reconcile`].
    Reconciled(Reconciled),
    /// For any work: the world failed. What now is decided by the class of the failure.
    Failed(Failure),
    /// For [`Work::Plan`] and [`Work::Model`]: the call failed after a part of the answer had come.
    CallFailed {
        /// Why.
        failure: Failure,
        /// What had come, as text for people.
        partial: Option<BlobId>,
    },
    /// For any work: the runner stopped it, as `Batch::stop` asked.
    Interrupted {
        /// Whether it may have had an effect that was not put back.
        maybe: bool,
    },
}

/// What a planner's answer holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Proposal {
    /// A plan that could be read; whether it is acceptable is the kernel's to say.
    Plan {
        /// The plan.
        plan: Plan,
    },
    /// Other checks for the one subtask that was asked about.
    Checks {
        /// All checks that it is to have from now on.
        checks: Vec<Check>,
    },
    /// The checks that were asked about are right, says the planner.
    Kept {
        /// Why, in its words.
        why: String,
    },
    /// Nothing that could be read as a plan.
    Unreadable {
        /// What was wrong, for the repair round.
        errors: Vec<String>,
    },
}

/// What an attempt starts from. Frozen: the conversation is rebuilt from this after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Prepared {
    /// The fork that the attempt works in; none when it works in the workspace itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<String>,
    /// State of the workspace that the attempt starts from, when one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BlobId>,
    /// The first messages and the tools, as sent.
    pub prompt: BlobId,
    /// Name of the model entry.
    pub model: String,
    /// Template and its hash, `executor@1f2e…`.
    pub template: String,
    /// What each check of the subtask can prove, in the order of the plan: red before the work is
    /// evidence afterwards, green is a guard.
    #[serde(default)]
    pub baseline: Vec<CheckPower>,
    /// What each part of the first messages costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PromptPart>,
    /// What had to be left out to fit the budget.
    #[serde(default)]
    pub trimmed: Vec<String>,
    /// What its commands run in, when it may run any: `bubblewrap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// Fallbacks taken, such as a missing tier or a weaker sandbox.
    #[serde(default)]
    pub degraded: Vec<String>,
}

/// The journaled result of a tool call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToolResult {
    /// Whether the tool did what it was asked. A failed grep is not a failure of the subtask.
    pub ok: bool,
    /// What the model is shown, capped.
    pub text: BlobId,
    /// One line for people.
    pub summary: String,
    /// The full output, when the text was capped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<BlobId>,
    /// Whether the call looked at or changed something (a claim without any is not work).
    pub touched: bool,
    /// How many files it changed; the changes themselves are `file_changed`.
    #[serde(default)]
    pub files_changed: u32,
    /// What the attempt knows of files since this call, so that it knows it after a crash, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<SeenFile>,
    /// Milliseconds.
    pub duration_ms: u64,
    /// Fallbacks taken, such as a missing sandbox.
    #[serde(default)]
    pub degraded: Vec<String>,
}

/// What an attempt knows of a file: it changes nothing that it has not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SeenFile {
    /// Path relative to the workspace, or `scratch://…`.
    pub path: String,
    /// The first digits of the hash of its content; none when it went away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// What a reconciliation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reconciled {
    /// The effect had been applied: this is its result.
    Applied {
        /// The result, rebuilt.
        result: ToolResult,
    },
    /// It had not been applied, or was put back: it may run again.
    Clean,
    /// What it changed of the workspace is recorded. Whether it was done is still in doubt: this
    /// settles nothing.
    Recorded,
}

/// A fact from inside a running effect: durable before the effect goes on, no change of state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Note {
    /// The workspace is about to change, and the content before is safe.
    FileChanged(FileChange),
    /// The fork of the attempt is about to change, and the content before is safe.
    ForkChanged(FileChange),
    /// The whole tree as it is before the effect touches it: what a reconciliation puts back.
    Snapshot {
        /// The manifest.
        manifest: BlobId,
    },
    /// What was found in the workspace before any work.
    Surveyed(Survey),
    /// A model is about to be asked with this.
    Prompt(PromptRecord),
    /// Something to show.
    Progress {
        /// One line.
        text: String,
    },
    /// A memory entry was made.
    Memory(MemoryEntry),
    /// A fallback was taken while the effect ran.
    Degraded {
        /// What, in one line.
        what: String,
    },
    /// Something is done otherwise because of what earlier tasks taught.
    Learned(Adjustment),
    /// Old tool output was replaced by a line to keep the context small.
    ContextTrimmed {
        /// How many results.
        elided: u32,
        /// The outputs of every turn before this one are left out. With it the shortened
        /// conversation can be rebuilt to the byte.
        before_turn: u32,
    },
}

/// The world's fault, journaled. The class decides what follows, the message is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// What kind of fault.
    pub class: FailureClass,
    /// What happened, with values, and the way out where there is one.
    pub message: String,
    /// When the other side said how long to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// Kinds of failure. A transient one never uses up an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Will probably pass: a reset, a 503, a timeout.
    Transient,
    /// The model's: unusable answers, context overflow.
    Model,
    /// A tool broke (not: a tool reported a negative result).
    Tool,
    /// Policy forbids it.
    Policy,
    /// The machine or the set-up: no such model, disk full, no workspace.
    Environment,
    /// The plan is at fault.
    Plan,
    /// A limit of tokens, time or turns.
    Budget,
}
