//! What happened: the payloads of the journal. Past tense, facts only, one variant a type.
//!
//! Intents (`*_started`) and their outcomes are paired by the intent's seq ([`EffectId`]); every
//! intent gets exactly one outcome. `docs/events.md` lists all of them and is checked against this.

use crate::{
    Adjustment, AttemptEnd, AttemptId, BlobId, Class, Compared, EffectId, End, Failure, FileChange,
    GivenAnswer, Kept, Limit, MemoryEntry, ModelReply, NewTask, Nudge, OnExpiry, Plan, PlanReason,
    PlanningId, Prepared, PromptRecord, Proposal, Question, QuestionId, Reconciled, Rung, Scope,
    Seq, SkippedBy, Standing, SubtaskId, Summary, Survey, TaskId, Tier, Time, ToolResult, Usage,
    Verdict, Work,
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
