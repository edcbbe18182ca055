//! The life of the task: created, paused, resumed, stopping, ended.

use super::Place;
use crate::Impossible;
use crate::state::{Life, State};
use loom_events::{End, Event, Limit, NewTask};

/// No grace yet: whoever has just created a task is there.
pub(super) fn created(state: &mut State, task: &NewTask) {
    state.life = Life::Active;
    state.new = task.clone();
}

/// Until a process takes it up.
pub(super) const fn queued(state: &mut State) {
    state.queued = true;
}

pub(super) const fn paused(state: &mut State) {
    state.paused = true;
}

pub(super) const fn resumed(state: &mut State, at: &Place) {
    state.paused = false;
    state.awake_since = at.time;
}

pub(super) fn stopping(state: &mut State, at: &Place, end: &End) -> Result<(), Impossible> {
    if !state.active() {
        return Err(not_drained(at));
    }
    state.life = Life::Stopping(end.clone());
    state.verdict = None;
    // The end goes through, also for a paused task.
    state.paused = false;
    Ok(())
}

pub(super) fn ended(state: &mut State, at: &Place, event: &Event) -> Result<(), Impossible> {
    let Life::Stopping(end) = &state.life else {
        return Err(not_drained(at));
    };
    let fits = match end {
        End::Completed => matches!(event, Event::TaskCompleted(_)),
        End::Failed { .. } => matches!(event, Event::TaskFailed { .. }),
        End::Cancelled { .. } => matches!(event, Event::TaskCancelled { .. }),
    };
    let owed = !state.debts.is_empty() && !state.unsettled;
    if !fits || owed || !state.inflight.is_empty() || !state.questions.is_empty() {
        return Err(not_drained(at));
    }
    state.life = Life::Done(end.clone());
    Ok(())
}

const fn not_drained(at: &Place) -> Impossible {
    Impossible::NotDrained {
        event: at.name,
        seq: at.seq,
    }
}

/// What a limit leads to is in the event booked together with it. Only giving up on settling is
/// remembered: the workspace needs a look, whatever happens afterwards.
pub(super) const fn limit_reached(state: &mut State, which: Limit) {
    match which {
        Limit::Reconciliations => {
            state.unsettled = true;
            state.unclean = true;
        }
        Limit::Iterations
        | Limit::TurnsPerAttempt
        | Limit::PlanVersions
        | Limit::Tokens
        | Limit::WorkingTime
        | Limit::TransientRetries => {}
    }
}
