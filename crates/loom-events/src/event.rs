//! What happened: the payloads of the journal. Past tense, facts only, one variant a type.
//!
//! Intents (`*_started`) and their outcomes are paired by the intent's seq ([`EffectId`]); every
//! intent gets exactly one outcome. `docs/events.md` lists all of them and is checked against this.

use crate::{
    Adjustment, AttemptId, BlobId, Class, EffectId, Failure, FileChange, Kept, MemoryEntry,
    ModelReply, NewTask, OnExpiry, Plan, PlanningId, Prepared, PromptRecord, Proposal, Question,
    QuestionId, Reconciled, Rung, Scope, Seq, SubtaskId, Survey, TaskId, Tier, Time, ToolResult,
    Usage, Verdict, Work,
};
use serde::{Deserialize, Serialize};

/// One event of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event_type", content = "data", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are named after the nouns of this crate, whose docs say what they are; docs/events.md describes each payload"
)]
pub enum Event {
    // ── task ────────────────────────────────────────────────────────────────────────────────
    /// The task exists. Always the first event.
    TaskCreated(NewTask),
    /// A process took the task up; everything in flight is in doubt.
    RunnerStarted { build: String },
    /// It begins where another task was at an event of its.
    TaskContinued { from: TaskId, at: Seq },
    /// The task waits for another one, until `runner_started`: it works in the same directory, or as
    /// many as may run do.
    TaskQueued { behind: TaskId },
    /// A first plan is to be made.
    TaskPlanning { why: PlanReason, steer_upto: Seq },
    /// A new version of the plan is to be made.
    TaskReplanning { why: PlanReason, steer_upto: Seq },
    /// A proposed plan is not acceptable.
    PlanRejected {
        planning: PlanningId,
        round: u32,
        errors: Vec<String>,
    },
    /// Planning ended without a new plan; the old one stays.
    PlanningAbandoned {
        planning: PlanningId,
        reason: String,
    },
    /// A plan was accepted.
    TaskPlanReady {
        planning: Option<PlanningId>,
        version: u32,
        plan: Plan,
        /// Whether code replaced an unusable plan by a single subtask.
        fallback: bool,
    },
    /// Nothing new starts until it is resumed.
    TaskPaused,
    /// It goes on.
    TaskResumed,
    /// The end has been decided; what runs is being stopped and put back.
    TaskStopping { end: End },
    /// Every subtask and the final gate passed.
    TaskCompleted(Summary),
    /// It ended without that.
    TaskFailed { reason: String, summary: Summary },
    /// It was ended by request.
    TaskCancelled { reason: String, summary: Summary },
    /// A limit was reached.
    LimitReached { which: Limit, value: u64 },
    /// A fallback was taken: shown in the result, lowers confidence.
    Degraded { what: String },

    /// Something is done otherwise because of what earlier tasks taught.
    LearningApplied {
        effect: EffectId,
        adjustment: Adjustment,
    },

    // ── subtask ─────────────────────────────────────────────────────────────────────────────
    /// An attempt begins; its seq is the [`AttemptId`].
    SubtaskStarted {
        subtask: SubtaskId,
        /// Position in the ladder, from 0.
        rung: u32,
        kind: Rung,
        /// Counts the attempts of this subtask for people, from 1.
        ordinal: u32,
        tier: Tier,
        /// Which of several executions that are compared, from 1; none when it stands alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution: Option<u32>,
    },
    /// The attempt's workspace is being prepared and its prompt frozen.
    PrepareStarted { work: Work },
    /// It is ready.
    AttemptPrepared {
        effect: EffectId,
        attempt: AttemptId,
        prepared: Prepared,
    },
    /// Feedback inside the attempt.
    NudgeGiven {
        attempt: AttemptId,
        turn: u32,
        nudge: Nudge,
        text: String,
    },
    /// The attempt is over.
    AttemptEnded {
        attempt: AttemptId,
        subtask: SubtaskId,
        why: AttemptEnd,
        /// For the next attempt, word for word.
        feedback: String,
        /// Whether it used up its rung of the ladder.
        counts: bool,
    },
    /// An execution passed its gate and waits to be compared with others of its step.
    ExecutionSetAside {
        attempt: AttemptId,
        subtask: SubtaskId,
    },
    /// The executions of a step were compared.
    ExecutionsCompared {
        subtask: SubtaskId,
        /// Those that passed their gates, the best first.
        standings: Vec<Standing>,
        outcome: Compared,
    },
    /// Another attempt will follow.
    SubtaskRetrying {
        subtask: SubtaskId,
        rung: u32,
        /// Not before this time.
        not_before: Time,
    },
    /// Something to show.
    SubtaskProgress { effect: EffectId, text: String },
    /// The gates passed.
    SubtaskCompleted {
        subtask: SubtaskId,
        attempt: AttemptId,
        verdict: Seq,
    },
    /// Its result in the task that this one continues counts.
    SubtaskKept(Kept),
    /// No attempt is left and no human helped.
    SubtaskFailed { subtask: SubtaskId, reason: String },
    /// The model says that it cannot go on.
    SubtaskBlocked { subtask: SubtaskId, reason: String },
    /// It will not be done.
    SubtaskSkipped { subtask: SubtaskId, by: SkippedBy },
    /// Its ladder starts again, on a human's word; or the human does it by hand.
    SubtaskReset {
        subtask: SubtaskId,
        guidance: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_hand: bool,
    },

    // ── model ───────────────────────────────────────────────────────────────────────────────
    /// A model is asked ([`Work::Plan`] or [`Work::Model`]).
    ModelCallStarted { work: Work, steer_upto: Seq },
    /// The executor answered.
    ModelCallCompleted { effect: EffectId, reply: ModelReply },
    /// The planner answered.
    PlanProposed {
        effect: EffectId,
        proposal: Proposal,
        answer: BlobId,
        usage: Usage,
        model: String,
    },
    /// It did not answer.
    ModelCallFailed {
        effect: EffectId,
        failure: Failure,
        /// What had come before it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partial: Option<BlobId>,
    },
    /// Old tool output was replaced by a line.
    ContextTrimmed {
        effect: EffectId,
        elided: u32,
        /// Outputs of turns before this one are left out; a version 1 says none.
        #[serde(default)]
        before_turn: u32,
    },

    /// A planner, verifier or extractor is about to be asked with this.
    PromptAssembled {
        effect: EffectId,
        prompt: PromptRecord,
    },

    // ── tools ───────────────────────────────────────────────────────────────────────────────
    /// A tool call is about to run.
    ToolCallStarted {
        work: Work,
        tool: String,
        summary: String,
        class: Class,
        /// The grant it runs under, if it was held before.
        grant: Option<QuestionId>,
    },
    /// It ran.
    ToolCallCompleted {
        effect: EffectId,
        result: ToolResult,
    },
    /// It was not run: a human must be asked.
    ToolCallHeld {
        effect: EffectId,
        question: Question,
    },
    /// The workspace changes at the next instant.
    FileChanged {
        effect: EffectId,
        change: FileChange,
    },
    /// The fork of the attempt changes at the next instant. No change of the user's: what is merged
    /// of it later is `file_changed`.
    ForkChanged {
        effect: EffectId,
        change: FileChange,
    },
    /// The tree as it is before an effect touches it is safe.
    SnapshotTaken { effect: EffectId, manifest: BlobId },
    /// What was found in the workspace before any work: what is protected, and what is not.
    WorkspaceSurveyed { effect: EffectId, survey: Survey },
    /// An effect that is not a model call failed.
    EffectFailed { effect: EffectId, failure: Failure },
    /// An effect was stopped.
    EffectInterrupted { effect: EffectId, maybe: bool },
    /// An effect in doubt is being settled.
    ReconcileStarted { work: Work },
    /// It is settled, and this is the outcome of both; or what it changed is recorded, and it stays in
    /// doubt.
    EffectReconciled {
        effect: EffectId,
        intent: EffectId,
        found: Reconciled,
    },

    // ── gates ───────────────────────────────────────────────────────────────────────────────
    /// A gate runs ([`Work::Verify`], [`Work::Recheck`] or [`Work::Final`]).
    VerificationStarted { work: Work },
    /// It passed.
    VerificationPassed { effect: EffectId, verdict: Verdict },
    /// It failed.
    VerificationFailed { effect: EffectId, verdict: Verdict },
    /// It could not tell.
    VerificationInconclusive { effect: EffectId, verdict: Verdict },

    // ── forks ───────────────────────────────────────────────────────────────────────────────
    /// A fork is brought back.
    MergeStarted { work: Work },
    /// It is in the workspace.
    Merged { effect: EffectId, base_moved: bool },
    /// It did not fit.
    MergeConflicted {
        effect: EffectId,
        paths: Vec<String>,
    },
    /// A merge is taken back.
    UnmergeStarted { work: Work },
    /// It is out again.
    Unmerged { effect: EffectId },

    // ── human ───────────────────────────────────────────────────────────────────────────────
    /// A human is asked; its seq is the [`QuestionId`].
    ApprovalRequested {
        question: Question,
        deadline: Option<Time>,
        on_expiry: OnExpiry,
    },
    /// Yes.
    ApprovalGranted {
        question: QuestionId,
        scope: Scope,
        by: String,
    },
    /// No.
    ApprovalDenied {
        question: QuestionId,
        reason: String,
        by: String,
    },
    /// Any other answer.
    QuestionAnswered {
        question: QuestionId,
        answer: GivenAnswer,
        by: String,
    },
    /// Nobody answered in time.
    ApprovalExpired { question: QuestionId },
    /// The question has lost its subject.
    ApprovalWithdrawn { question: QuestionId },
    /// An instruction was given; the next model call hears it.
    SteerInstruction { text: String },

    // ── memory ──────────────────────────────────────────────────────────────────────────────
    /// What is worth keeping is being written down.
    ExtractionStarted { work: Work },
    /// It is.
    ExtractionFinished {
        effect: EffectId,
        subtask: SubtaskId,
        summary: String,
        fallback: bool,
        usage: Usage,
    },
    /// An entry was made.
    MemoryEntryCreated {
        effect: EffectId,
        entry: MemoryEntry,
    },
}

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

impl Event {
    /// The name of the type, as in `event_type`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TaskCreated(_) => "task_created",
            Self::RunnerStarted { .. } => "runner_started",
            Self::TaskContinued { .. } => "task_continued",
            Self::TaskQueued { .. } => "task_queued",
            Self::TaskPlanning { .. } => "task_planning",
            Self::TaskReplanning { .. } => "task_replanning",
            Self::PlanRejected { .. } => "plan_rejected",
            Self::PlanningAbandoned { .. } => "planning_abandoned",
            Self::TaskPlanReady { .. } => "task_plan_ready",
            Self::TaskPaused => "task_paused",
            Self::TaskResumed => "task_resumed",
            Self::TaskStopping { .. } => "task_stopping",
            Self::TaskCompleted(_) => "task_completed",
            Self::TaskFailed { .. } => "task_failed",
            Self::TaskCancelled { .. } => "task_cancelled",
            Self::LimitReached { .. } => "limit_reached",
            Self::Degraded { .. } => "degraded",
            Self::LearningApplied { .. } => "learning_applied",
            Self::SubtaskStarted { .. } => "subtask_started",
            Self::PrepareStarted { .. } => "prepare_started",
            Self::AttemptPrepared { .. } => "attempt_prepared",
            Self::NudgeGiven { .. } => "nudge_given",
            Self::AttemptEnded { .. } => "attempt_ended",
            Self::ExecutionSetAside { .. } => "execution_set_aside",
            Self::ExecutionsCompared { .. } => "executions_compared",
            Self::SubtaskRetrying { .. } => "subtask_retrying",
            Self::SubtaskProgress { .. } => "subtask_progress",
            Self::SubtaskCompleted { .. } => "subtask_completed",
            Self::SubtaskKept(_) => "subtask_kept",
            Self::SubtaskFailed { .. } => "subtask_failed",
            Self::SubtaskBlocked { .. } => "subtask_blocked",
            Self::SubtaskSkipped { .. } => "subtask_skipped",
            Self::SubtaskReset { .. } => "subtask_reset",
            Self::ModelCallStarted { .. } => "model_call_started",
            Self::ModelCallCompleted { .. } => "model_call_completed",
            Self::PlanProposed { .. } => "plan_proposed",
            Self::ModelCallFailed { .. } => "model_call_failed",
            Self::ContextTrimmed { .. } => "context_trimmed",
            Self::PromptAssembled { .. } => "prompt_assembled",
            Self::ToolCallStarted { .. } => "tool_call_started",
            Self::ToolCallCompleted { .. } => "tool_call_completed",
            Self::ToolCallHeld { .. } => "tool_call_held",
            Self::FileChanged { .. } => "file_changed",
            Self::ForkChanged { .. } => "fork_changed",
            Self::SnapshotTaken { .. } => "snapshot_taken",
            Self::WorkspaceSurveyed { .. } => "workspace_surveyed",
            Self::EffectFailed { .. } => "effect_failed",
            Self::EffectInterrupted { .. } => "effect_interrupted",
            Self::ReconcileStarted { .. } => "reconcile_started",
            Self::EffectReconciled { .. } => "effect_reconciled",
            Self::VerificationStarted { .. } => "verification_started",
            Self::VerificationPassed { .. } => "verification_passed",
            Self::VerificationFailed { .. } => "verification_failed",
            Self::VerificationInconclusive { .. } => "verification_inconclusive",
            Self::MergeStarted { .. } => "merge_started",
            Self::Merged { .. } => "merged",
            Self::MergeConflicted { .. } => "merge_conflicted",
            Self::UnmergeStarted { .. } => "unmerge_started",
            Self::Unmerged { .. } => "unmerged",
            Self::ApprovalRequested { .. } => "approval_requested",
            Self::ApprovalGranted { .. } => "approval_granted",
            Self::ApprovalDenied { .. } => "approval_denied",
            Self::QuestionAnswered { .. } => "question_answered",
            Self::ApprovalExpired { .. } => "approval_expired",
            Self::ApprovalWithdrawn { .. } => "approval_withdrawn",
            Self::SteerInstruction { .. } => "steer_instruction",
            Self::ExtractionStarted { .. } => "extraction_started",
            Self::ExtractionFinished { .. } => "extraction_finished",
            Self::MemoryEntryCreated { .. } => "memory_entry_created",
        }
    }

    /// Whether nothing can follow it in the journal of its task.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::TaskCompleted(_) | Self::TaskFailed { .. } | Self::TaskCancelled { .. }
        )
    }

    /// The work that this event announces, if it is an intent.
    #[must_use]
    pub const fn intent(&self) -> Option<&Work> {
        match self {
            Self::PrepareStarted { work }
            | Self::ModelCallStarted { work, .. }
            | Self::ToolCallStarted { work, .. }
            | Self::ReconcileStarted { work }
            | Self::VerificationStarted { work }
            | Self::MergeStarted { work }
            | Self::UnmergeStarted { work }
            | Self::ExtractionStarted { work } => Some(work),
            Self::TaskCreated(_)
            | Self::RunnerStarted { .. }
            | Self::TaskContinued { .. }
            | Self::TaskQueued { .. }
            | Self::TaskPlanning { .. }
            | Self::TaskReplanning { .. }
            | Self::PlanRejected { .. }
            | Self::PlanningAbandoned { .. }
            | Self::TaskPlanReady { .. }
            | Self::TaskPaused
            | Self::TaskResumed
            | Self::TaskStopping { .. }
            | Self::TaskCompleted(_)
            | Self::TaskFailed { .. }
            | Self::TaskCancelled { .. }
            | Self::LimitReached { .. }
            | Self::Degraded { .. }
            | Self::LearningApplied { .. }
            | Self::SubtaskStarted { .. }
            | Self::AttemptPrepared { .. }
            | Self::NudgeGiven { .. }
            | Self::AttemptEnded { .. }
            | Self::ExecutionSetAside { .. }
            | Self::ExecutionsCompared { .. }
            | Self::SubtaskRetrying { .. }
            | Self::SubtaskProgress { .. }
            | Self::SubtaskCompleted { .. }
            | Self::SubtaskKept(_)
            | Self::SubtaskFailed { .. }
            | Self::SubtaskBlocked { .. }
            | Self::SubtaskSkipped { .. }
            | Self::SubtaskReset { .. }
            | Self::ModelCallCompleted { .. }
            | Self::PlanProposed { .. }
            | Self::ModelCallFailed { .. }
            | Self::ContextTrimmed { .. }
            | Self::PromptAssembled { .. }
            | Self::ToolCallCompleted { .. }
            | Self::ToolCallHeld { .. }
            | Self::FileChanged { .. }
            | Self::ForkChanged { .. }
            | Self::SnapshotTaken { .. }
            | Self::WorkspaceSurveyed { .. }
            | Self::EffectFailed { .. }
            | Self::EffectInterrupted { .. }
            | Self::EffectReconciled { .. }
            | Self::VerificationPassed { .. }
            | Self::VerificationFailed { .. }
            | Self::VerificationInconclusive { .. }
            | Self::Merged { .. }
            | Self::MergeConflicted { .. }
            | Self::Unmerged { .. }
            | Self::ApprovalRequested { .. }
            | Self::ApprovalGranted { .. }
            | Self::ApprovalDenied { .. }
            | Self::QuestionAnswered { .. }
            | Self::ApprovalExpired { .. }
            | Self::ApprovalWithdrawn { .. }
            | Self::SteerInstruction { .. }
            | Self::ExtractionFinished { .. }
            | Self::MemoryEntryCreated { .. } => None,
        }
    }

    /// The effect that this event is the outcome of, if it is one.
    #[must_use]
    pub fn outcome_of(&self) -> Option<EffectId> {
        match self {
            Self::AttemptPrepared { effect, .. }
            | Self::ModelCallCompleted { effect, .. }
            | Self::PlanProposed { effect, .. }
            | Self::ModelCallFailed { effect, .. }
            | Self::ToolCallCompleted { effect, .. }
            | Self::ToolCallHeld { effect, .. }
            | Self::EffectFailed { effect, .. }
            | Self::EffectInterrupted { effect, .. }
            | Self::EffectReconciled { effect, .. }
            | Self::VerificationPassed { effect, .. }
            | Self::VerificationFailed { effect, .. }
            | Self::VerificationInconclusive { effect, .. }
            | Self::Merged { effect, .. }
            | Self::MergeConflicted { effect, .. }
            | Self::Unmerged { effect, .. }
            | Self::ExtractionFinished { effect, .. } => Some(*effect),
            Self::TaskCreated(_)
            | Self::RunnerStarted { .. }
            | Self::TaskContinued { .. }
            | Self::TaskQueued { .. }
            | Self::TaskPlanning { .. }
            | Self::TaskReplanning { .. }
            | Self::PlanRejected { .. }
            | Self::PlanningAbandoned { .. }
            | Self::TaskPlanReady { .. }
            | Self::TaskPaused
            | Self::TaskResumed
            | Self::TaskStopping { .. }
            | Self::TaskCompleted(_)
            | Self::TaskFailed { .. }
            | Self::TaskCancelled { .. }
            | Self::LimitReached { .. }
            | Self::Degraded { .. }
            | Self::LearningApplied { .. }
            | Self::SubtaskStarted { .. }
            | Self::PrepareStarted { .. }
            | Self::NudgeGiven { .. }
            | Self::AttemptEnded { .. }
            | Self::ExecutionSetAside { .. }
            | Self::ExecutionsCompared { .. }
            | Self::SubtaskRetrying { .. }
            | Self::SubtaskProgress { .. }
            | Self::SubtaskCompleted { .. }
            | Self::SubtaskKept(_)
            | Self::SubtaskFailed { .. }
            | Self::SubtaskBlocked { .. }
            | Self::SubtaskSkipped { .. }
            | Self::SubtaskReset { .. }
            | Self::ModelCallStarted { .. }
            | Self::ContextTrimmed { .. }
            | Self::PromptAssembled { .. }
            | Self::ToolCallStarted { .. }
            | Self::FileChanged { .. }
            | Self::ForkChanged { .. }
            | Self::SnapshotTaken { .. }
            | Self::WorkspaceSurveyed { .. }
            | Self::ReconcileStarted { .. }
            | Self::VerificationStarted { .. }
            | Self::MergeStarted { .. }
            | Self::UnmergeStarted { .. }
            | Self::ApprovalRequested { .. }
            | Self::ApprovalGranted { .. }
            | Self::ApprovalDenied { .. }
            | Self::QuestionAnswered { .. }
            | Self::ApprovalExpired { .. }
            | Self::ApprovalWithdrawn { .. }
            | Self::SteerInstruction { .. }
            | Self::ExtractionStarted { .. }
            | Self::MemoryEntryCreated { .. } => None,
        }
    }

    /// The effect in doubt that this event is the outcome of, beside that of its reconciliation.
    #[must_use]
    pub const fn settles(&self) -> Option<EffectId> {
        if let Self::EffectReconciled {
            intent,
            found: Reconciled::Applied { .. } | Reconciled::Clean,
            ..
        } = self
        {
            return Some(*intent);
        }
        None
    }
}
