//! What an event belongs to: subtask, attempt and correlation on its envelope.

use crate::state::{Owner, State};
use loom_events::{
    AttemptId, EffectId, Envelope, Event, QuestionId, Seq, Subject, SubtaskId, Time, Work,
};

/// Puts an event into its envelope, at its place in the journal.
pub(crate) fn seal(state: &State, event: Event, with: Option<&Event>, now: Time) -> Envelope {
    let seq = state.seq.next();
    // A limit is booked together with what it leads to, and belongs to the same attempt.
    let telling = match (&event, with) {
        (Event::LimitReached { .. }, Some(next)) => next,
        (_, _) => &event,
    };
    let belongs = belongs(state, telling, seq);
    Envelope {
        task_id: state.task,
        seq,
        timestamp: now.max(state.floor),
        subtask_id: belongs.subtask,
        attempt: belongs.ordinal,
        correlation_id: belongs.correlation,
        event,
    }
}

struct Belongs {
    subtask: Option<SubtaskId>,
    ordinal: Option<u32>,
    correlation: Seq,
}

impl Belongs {
    fn task() -> Self {
        Self::planning(State::first_seq())
    }

    const fn planning(correlation: Seq) -> Self {
        Self {
            subtask: None,
            ordinal: None,
            correlation,
        }
    }
}

impl From<Owner> for Belongs {
    fn from(owner: Owner) -> Self {
        Self {
            subtask: Some(owner.subtask),
            ordinal: Some(owner.ordinal),
            correlation: owner.attempt.0,
        }
    }
}

fn belongs(state: &State, event: &Event, seq: Seq) -> Belongs {
    if let Some(effect) = event.outcome_of() {
        return of_effect(state, effect);
    }
    if let Some(work) = event.intent() {
        return of_work(state, work);
    }
    match event {
        Event::PromptAssembled { effect, .. }
        | Event::SubtaskProgress { effect, .. }
        | Event::ContextTrimmed { effect, .. }
        | Event::FileChanged { effect, .. }
        | Event::ForkChanged { effect, .. }
        | Event::SnapshotTaken { effect, .. }
        | Event::WorkspaceSurveyed { effect, .. }
        | Event::LearningApplied { effect, .. }
        | Event::MemoryEntryCreated { effect, .. } => of_effect(state, *effect),
        Event::NudgeGiven { attempt, .. }
        | Event::AttemptEnded { attempt, .. }
        | Event::ExecutionSetAside { attempt, .. }
        | Event::SubtaskCompleted { attempt, .. } => of_attempt(state, *attempt),
        Event::SubtaskStarted {
            subtask, ordinal, ..
        } => Belongs {
            subtask: Some(subtask.clone()),
            ordinal: Some(*ordinal),
            correlation: seq,
        },
        Event::SubtaskRetrying { subtask, .. }
        | Event::ExecutionsCompared { subtask, .. }
        | Event::SubtaskFailed { subtask, .. }
        | Event::SubtaskBlocked { subtask, .. }
        | Event::SubtaskSkipped { subtask, .. }
        | Event::SubtaskReset { subtask, .. } => of_subtask(state, subtask),
        Event::SubtaskKept(kept) => of_subtask(state, &kept.subtask),
        Event::ApprovalRequested { question, .. } => of_subject(state, &question.subject),
        Event::ApprovalGranted { question, .. }
        | Event::ApprovalDenied { question, .. }
        | Event::QuestionAnswered { question, .. }
        | Event::ApprovalExpired { question }
        | Event::ApprovalWithdrawn { question } => of_question(state, *question),
        Event::TaskPlanning { .. } | Event::TaskReplanning { .. } => Belongs::planning(seq),
        Event::PlanRejected { planning, .. }
        | Event::PlanningAbandoned { planning, .. }
        | Event::TaskPlanReady {
            planning: Some(planning),
            ..
        } => Belongs::planning(planning.0),
        Event::TaskCreated(_)
        | Event::RunnerStarted { .. }
        | Event::TaskContinued { .. }
        | Event::TaskQueued { .. }
        | Event::TaskPlanReady { planning: None, .. }
        | Event::TaskPaused
        | Event::TaskResumed
        | Event::TaskStopping { .. }
        | Event::TaskCompleted(_)
        | Event::TaskFailed { .. }
        | Event::TaskCancelled { .. }
        | Event::LimitReached { .. }
        | Event::Degraded { .. }
        | Event::SteerInstruction { .. } => Belongs::task(),
        // Intents and outcomes: answered above.
        Event::PrepareStarted { .. }
        | Event::AttemptPrepared { .. }
        | Event::ModelCallStarted { .. }
        | Event::ModelCallCompleted { .. }
        | Event::PlanProposed { .. }
        | Event::ModelCallFailed { .. }
        | Event::ToolCallStarted { .. }
        | Event::ToolCallCompleted { .. }
        | Event::ToolCallHeld { .. }
        | Event::EffectFailed { .. }
        | Event::EffectInterrupted { .. }
        | Event::ReconcileStarted { .. }
        | Event::EffectReconciled { .. }
        | Event::VerificationStarted { .. }
        | Event::VerificationPassed { .. }
        | Event::VerificationFailed { .. }
        | Event::VerificationInconclusive { .. }
        | Event::MergeStarted { .. }
        | Event::Merged { .. }
        | Event::MergeConflicted { .. }
        | Event::UnmergeStarted { .. }
        | Event::Unmerged { .. }
        | Event::ExtractionStarted { .. }
        | Event::ExtractionFinished { .. } => Belongs::task(),
    }
}

/// The owner of a piece of work that is about to start.
pub(crate) fn owner_of_work(state: &State, work: &Work) -> Option<Owner> {
    match work {
        Work::Reconcile { intent } => state.inflight.get(intent)?.owner.clone(),
        Work::Plan { .. } | Work::Final { .. } => None,
        Work::Prepare { attempt }
        | Work::Model { attempt, .. }
        | Work::Tool { attempt, .. }
        | Work::Verify { attempt, .. }
        | Work::Merge { attempt }
        | Work::Recheck { attempt }
        | Work::Unmerge { attempt }
        | Work::Extract { attempt, .. } => state.owner(*attempt),
    }
}

fn of_work(state: &State, work: &Work) -> Belongs {
    if let Work::Plan { planning, .. } = work {
        return Belongs::planning(planning.0);
    }
    owner_of_work(state, work).map_or_else(Belongs::task, Belongs::from)
}

fn of_effect(state: &State, effect: EffectId) -> Belongs {
    let Some(found) = state.inflight.get(&effect) else {
        return Belongs::task();
    };
    match (&found.owner, &found.work) {
        (Some(owner), _) => owner.clone().into(),
        (None, work) => of_work(state, work),
    }
}

fn of_attempt(state: &State, attempt: AttemptId) -> Belongs {
    let owner = state.owner(attempt);
    owner.map_or_else(Belongs::task, Belongs::from)
}

fn of_subtask(state: &State, subtask: &SubtaskId) -> Belongs {
    let last = state.subs.get(subtask).and_then(|sub| sub.last);
    Belongs {
        subtask: Some(subtask.clone()),
        ordinal: None,
        correlation: last.map_or_else(State::first_seq, |attempt| attempt.0),
    }
}

fn of_subject(state: &State, subject: &Subject) -> Belongs {
    match subject {
        Subject::Call { attempt, .. }
        | Subject::Ask { attempt, .. }
        | Subject::Result { attempt }
        | Subject::ByHand { attempt } => of_attempt(state, *attempt),
        Subject::Exhausted { subtask } | Subject::Executions { subtask } => {
            of_subtask(state, subtask)
        }
        Subject::Doubt { effect } => of_effect(state, *effect),
        Subject::Plan { .. } | Subject::PlanLimit { .. } => Belongs::task(),
    }
}

fn of_question(state: &State, question: QuestionId) -> Belongs {
    let Some(open) = state.questions.get(&question) else {
        return Belongs::task();
    };
    match &open.owner {
        Some(owner) => owner.clone().into(),
        None => of_subject(state, &open.question.subject),
    }
}
