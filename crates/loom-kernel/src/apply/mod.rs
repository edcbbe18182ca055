//! The only mutation, shared by live running and replay. Events are facts: nothing is decided here,
//! but what cannot have happened is refused.

mod attempt;
mod executions;
mod failure;
mod gate;
mod learning;
mod merge;
mod model;
mod planning;
mod question;
mod recovery;
mod subtask;
mod task;
mod tool;

use crate::Impossible;
use crate::owner::owner_of_work;
use crate::state::{InFlight, State};
use loom_events::{Class, EffectId, Envelope, Event, Seq, Time, Work};

/// Folds one event into the state.
///
/// # Errors
/// [`Impossible`] when the event cannot follow from this state. The state is not to be used
/// afterwards: it may have taken in a part of the event.
pub fn apply(state: &mut State, envelope: &Envelope) -> Result<(), Impossible> {
    check_place(state, envelope)?;
    let at = Place {
        seq: envelope.seq,
        time: envelope.timestamp.max(state.floor),
        name: envelope.event.name(),
    };
    // The time while no process ran is not work.
    if !matches!(envelope.event, Event::RunnerStarted { .. }) {
        state.worked_ms = state.worked_at(at.time);
    }
    dispatch(state, &at, &envelope.event)?;
    state.seq = at.seq;
    state.floor = at.time;
    Ok(())
}

/// Where an event is in the journal.
pub(crate) struct Place {
    pub(crate) seq: Seq,
    pub(crate) time: Time,
    pub(crate) name: &'static str,
}

fn check_place(state: &State, envelope: &Envelope) -> Result<(), Impossible> {
    let (seq, event) = (envelope.seq, envelope.event.name());
    if envelope.task_id != state.task {
        return Err(Impossible::OtherTask {
            expected: state.task,
            found: envelope.task_id,
        });
    }
    if seq != state.seq.next() {
        return Err(Impossible::Gap {
            expected: state.seq.next(),
            found: seq,
        });
    }
    if state.is_done() {
        return Err(Impossible::AfterEnd { event, seq });
    }
    if !state.takes(&envelope.event) {
        return Err(Impossible::Beginning { event, seq });
    }
    Ok(())
}

fn dispatch(state: &mut State, at: &Place, event: &Event) -> Result<(), Impossible> {
    match event {
        Event::TaskCreated(task) => task::created(state, task),
        Event::RunnerStarted { .. } => recovery::runner_started(state, at),
        Event::TaskQueued { .. } => task::queued(state),
        Event::TaskPaused => task::paused(state),
        Event::TaskResumed => task::resumed(state, at),
        Event::TaskStopping { end } => task::stopping(state, at, end)?,
        Event::TaskCompleted(_) | Event::TaskFailed { .. } | Event::TaskCancelled { .. } => {
            task::ended(state, at, event)?;
        }
        Event::LimitReached { which, .. } => task::limit_reached(state, *which),
        Event::Degraded { what } => state.degrade(what),
        Event::LearningApplied { adjustment, .. } => learning::adjusted(state, adjustment),
        Event::SteerInstruction { .. } => state.steered = at.seq,

        Event::TaskPlanning { why, steer_upto } | Event::TaskReplanning { why, steer_upto } => {
            planning::began(state, at, why, *steer_upto)?;
        }
        Event::PlanRejected {
            planning,
            round,
            errors,
        } => planning::rejected(state, at, (*planning, *round), errors)?,
        Event::PlanningAbandoned { planning, .. } => planning::abandoned(state, at, *planning)?,
        Event::TaskPlanReady {
            planning,
            version,
            plan,
            ..
        } => planning::ready(state, at, *planning, (*version, plan))?,
        Event::PlanProposed {
            effect,
            proposal,
            usage,
            ..
        } => planning::proposed(state, at, *effect, (proposal, usage))?,

        Event::SubtaskStarted { .. } => subtask::started(state, at, event)?,
        Event::ExecutionSetAside { attempt, subtask } => {
            executions::set_aside(state, at, (*attempt, subtask))?;
        }
        Event::ExecutionsCompared {
            subtask, outcome, ..
        } => executions::compared(state, at, (subtask, outcome))?,
        Event::SubtaskRetrying { subtask, rung, .. } => {
            subtask::retrying(state, at, subtask, *rung)?;
        }
        Event::SubtaskCompleted {
            subtask,
            attempt,
            verdict,
        } => subtask::completed(state, subtask, *attempt, *verdict)?,
        Event::SubtaskKept(kept) => subtask::kept(state, at, kept)?,
        Event::SubtaskFailed { subtask, reason } => subtask::failed(state, at, subtask, reason)?,
        Event::SubtaskBlocked { subtask, reason } => subtask::blocked(state, at, subtask, reason)?,
        Event::SubtaskSkipped { subtask, by } => subtask::skipped(state, at, subtask, *by)?,
        Event::SubtaskReset {
            subtask, by_hand, ..
        } => subtask::reset(state, at, subtask, *by_hand)?,
        Event::NudgeGiven { attempt, nudge, .. } => attempt::nudged(state, at, *attempt, *nudge)?,
        Event::AttemptEnded { .. } => attempt::ended(state, at, event)?,

        Event::ModelCallStarted { work, steer_upto } => {
            let begun = Begun::new(work, Class::Pure).carrying(*steer_upto);
            begin(state, at, begun)?;
        }
        Event::ToolCallStarted { work, class, .. } => {
            let begun = Begun::new(work, *class).granted(tool::granted(state, work));
            begin(state, at, begun)?;
        }
        Event::PrepareStarted { work }
        | Event::VerificationStarted { work }
        | Event::MergeStarted { work }
        | Event::UnmergeStarted { work } => {
            begin(state, at, Begun::new(work, Class::Restorable))?;
        }
        Event::ExtractionStarted { work } | Event::ReconcileStarted { work } => {
            begin(state, at, Begun::new(work, Class::Pure))?;
        }

        Event::AttemptPrepared {
            effect, prepared, ..
        } => attempt::prepared(state, at, *effect, prepared)?,
        Event::ModelCallCompleted { effect, reply } => {
            model::completed(state, at, *effect, reply)?;
        }
        Event::ToolCallCompleted { effect, result } => tool::completed(state, at, *effect, result)?,
        Event::ToolCallHeld { effect, question } => tool::held(state, at, *effect, question)?,
        Event::ModelCallFailed {
            effect, failure, ..
        }
        | Event::EffectFailed { effect, failure } => {
            failure::failed(state, at, *effect, failure)?;
        }
        Event::EffectInterrupted { effect, maybe } => {
            recovery::interrupted(state, at, *effect, *maybe)?;
        }
        Event::EffectReconciled {
            effect,
            intent,
            found,
        } => recovery::reconciled(state, at, (*effect, *intent), found)?,
        Event::VerificationPassed { effect, verdict }
        | Event::VerificationFailed { effect, verdict }
        | Event::VerificationInconclusive { effect, verdict } => {
            gate::judged(state, at, *effect, verdict)?;
        }
        Event::Merged { effect, base_moved } => merge::merged(state, at, *effect, *base_moved)?,
        Event::MergeConflicted { effect, paths } => merge::conflicted(state, at, *effect, paths)?,
        Event::Unmerged { effect } => merge::unmerged(state, at, *effect)?,
        Event::ExtractionFinished { .. } => subtask::extracted(state, at, event)?,

        Event::ApprovalRequested {
            question,
            deadline,
            on_expiry,
        } => question::requested(state, at, question, (*deadline, *on_expiry)),
        Event::ApprovalGranted {
            question, scope, ..
        } => question::granted(state, at, *question, *scope)?,
        Event::ApprovalDenied {
            question, reason, ..
        } => question::denied(state, at, *question, reason)?,
        Event::QuestionAnswered {
            question,
            answer,
            by,
        } => question::answered(state, at, *question, (answer, by))?,
        Event::ApprovalExpired { question } => question::expired(state, at, *question)?,
        Event::ApprovalWithdrawn { question } => {
            question::take(state, at, *question)?;
        }

        // Facts for people and prompts, without influence on what is decided.
        Event::TaskContinued { .. }
        | Event::PromptAssembled { .. }
        | Event::SubtaskProgress { .. }
        | Event::ContextTrimmed { .. }
        | Event::FileChanged { .. }
        | Event::ForkChanged { .. }
        | Event::SnapshotTaken { .. }
        | Event::WorkspaceSurveyed { .. }
        | Event::MemoryEntryCreated { .. } => {}
    }
    Ok(())
}

/// An intent.
struct Begun {
    work: Work,
    class: Class,
    steer_upto: Seq,
    grant: Option<loom_events::Digest>,
}

impl Begun {
    fn new(work: &Work, class: Class) -> Self {
        Self {
            work: work.clone(),
            class,
            steer_upto: Seq::ZERO,
            grant: None,
        }
    }

    fn carrying(self, steer_upto: Seq) -> Self {
        Self { steer_upto, ..self }
    }

    fn granted(self, grant: Option<loom_events::Digest>) -> Self {
        Self { grant, ..self }
    }
}

fn begin(state: &mut State, at: &Place, begun: Begun) -> Result<(), Impossible> {
    if state.in_flight(&begun.work).is_some() {
        return Err(Impossible::SlotTaken {
            work: begun.work,
            seq: at.seq,
        });
    }
    let effect = InFlight {
        owner: owner_of_work(state, &begun.work),
        work: begun.work,
        class: begun.class,
        steer_upto: begun.steer_upto,
        doubt: false,
        recorded: false,
        resolved: None,
        settling: crate::state::Backoff::default(),
        grant: begun.grant,
    };
    state.inflight.insert(EffectId(at.seq), effect);
    Ok(())
}

/// An effect that has its outcome now.
struct Taken {
    effect: InFlight,
    /// Whether somebody still waits for it. If not, it influences nothing.
    alive: bool,
}

/// Takes an effect out of flight: exactly one outcome each.
fn take(state: &mut State, at: &Place, effect: EffectId) -> Result<Taken, Impossible> {
    let found = state.inflight.get(&effect);
    let alive = found.is_some_and(|found| state.wanted_by_owner(&found.work));
    let effect = state.inflight.remove(&effect).ok_or(Impossible::NoEffect {
        effect,
        event: at.name,
    })?;
    Ok(Taken { effect, alive })
}

/// An outcome that does not fit its work.
fn wrong(at: &Place, effect: EffectId, work: &Work) -> Impossible {
    Impossible::WrongOutcome {
        effect,
        event: at.name,
        work: work.clone(),
    }
}
