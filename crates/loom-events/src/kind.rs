//! What kind of event one is: its name, whether it ends the task, what it announces and what it settles.

use crate::{EffectId, Event, Reconciled, Work};

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
