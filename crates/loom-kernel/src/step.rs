//! One step: book the input, then decide to the fixpoint, adding an intent for each effect.

use crate::owner::seal;
use crate::state::{CallState, State, digest};
use crate::{Batch, Decision, Impossible, Input, Rejection, Start, apply, decide, handle};
use loom_events::{Class, EffectId, Event, QuestionId, Time, Work};

/// Why a step gave no batch.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum StepError {
    /// The caller asked for something that cannot be; nothing has changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A bug of the kernel. The state is not to be used any more: fold it again.
    #[error(transparent)]
    Impossible(#[from] Impossible),
}

/// Handles one input and everything that follows from it.
///
/// The batch is to be appended in one commit before anything is published, started or stopped.
/// When the commit fails, drop the state and fold the journal again.
///
/// # Errors
/// [`StepError::Rejected`] leaves the state as it was; after [`StepError::Impossible`] it must be
/// folded again.
pub fn step(state: &mut State, input: &Input, now: Time) -> Result<Batch, StepError> {
    LOOM.step(state, input, now)
}

/// The two functions that a step is made of. As data, so that the tests can run deliberately wrong
/// ones through the same loop and show that the properties notice.
pub(crate) struct Machine {
    pub(crate) handle: fn(&State, &Input, Time) -> Result<Vec<Event>, Rejection>,
    pub(crate) decide: fn(&State, Time) -> Decision,
}

/// Events of one step. The largest honest one ends a task with every subtask of every plan left to
/// skip: a few hundred. More means that two rules undo each other.
const MAX_EVENTS: usize = 10_000;

pub(crate) const LOOM: Machine = Machine { handle, decide };

impl Machine {
    pub(crate) fn step(
        &self,
        state: &mut State,
        input: &Input,
        now: Time,
    ) -> Result<Batch, StepError> {
        let now = now.max(state.floor);
        let facts = (self.handle)(state, input, now)?;
        let mut batch = Batch::default();
        record(state, &mut batch, facts, now)?;
        while batch.events.len() < MAX_EVENTS {
            match (self.decide)(state, now) {
                Decision::Record(events) => record(state, &mut batch, events, now)?,
                Decision::Quiet {
                    start,
                    stop,
                    wake_at,
                } if start.is_empty() => {
                    batch.stop = stop;
                    batch.wake_at = wake_at;
                    return Ok(batch);
                }
                Decision::Quiet { start, .. } => {
                    for (work, class) in start {
                        let event = intent(state, &work, class);
                        record(state, &mut batch, vec![event], now)?;
                        let id = EffectId(state.seq);
                        batch.start.push(Start { id, work, class });
                    }
                }
            }
        }
        Err(Impossible::NoFixpoint { seq: state.seq }.into())
    }
}

fn record(
    state: &mut State,
    batch: &mut Batch,
    events: Vec<Event>,
    now: Time,
) -> Result<(), Impossible> {
    let mut events = events.into_iter().peekable();
    while let Some(event) = events.next() {
        let envelope = seal(state, event, events.peek(), now);
        apply(state, &envelope)?;
        batch.events.push(envelope);
    }
    Ok(())
}

/// The intent of an effect.
fn intent(state: &State, work: &Work, class: Class) -> Event {
    let work = work.clone();
    match &work {
        Work::Plan { .. } | Work::Model { .. } => Event::ModelCallStarted {
            work,
            steer_upto: state.steered,
        },
        Work::Prepare { .. } => Event::PrepareStarted { work },
        Work::Tool { attempt, call, .. } => {
            let call = usize::try_from(*call).unwrap_or(usize::MAX);
            let attempt = state.find_attempt(*attempt).map(|(_, found)| found);
            let found = attempt.and_then(|a| a.acting()?.calls.get(call));
            Event::ToolCallStarted {
                tool: found.map(|c| c.tool.clone()).unwrap_or_default(),
                summary: found.map(|c| c.summary.clone()).unwrap_or_default(),
                class,
                grant: found.and_then(|c| grant(state, &c.state)),
                work,
            }
        }
        Work::Verify { .. } | Work::Recheck { .. } | Work::Final { .. } => {
            Event::VerificationStarted { work }
        }
        Work::Merge { .. } => Event::MergeStarted { work },
        Work::Unmerge { .. } => Event::UnmergeStarted { work },
        Work::Extract { .. } => Event::ExtractionStarted { work },
        Work::Reconcile { .. } => Event::ReconcileStarted { work },
    }
}

/// The grant that a call runs under: its own, or one that was given for the whole task.
fn grant(state: &State, call: &CallState) -> Option<QuestionId> {
    match call {
        CallState::Granted(question, _) => Some(*question),
        CallState::Held(question) => state.grants.get(digest(question)?).copied(),
        CallState::Waiting | CallState::Asked(_) | CallState::Answered => None,
    }
}
