//! Failures of effects: what they mean for whoever waits. The table is at [`failed`].

use super::attempt::owe;
use super::{Place, Taken, subtask, take, tool};
use crate::Impossible;
use crate::state::{Extraction, FinaleStage, Last, Proposed, State};
use loom_events::{AttemptId, Class, EffectId, Failure, FailureClass, SubtaskId, Work};

/// Books a failure by the class of the failure and the kind of work.
///
/// | work | transient | anything else |
/// |---|---|---|
/// | plan | waits, asked again | the planning fails with it |
/// | model, prepare, verify, recheck | waits, asked again | the attempt ends with it |
/// | merge | waits, asked again | the attempt ends with it, and an un-merge is owed |
/// | tool, pure or restorable | waits, asked again | environment: the attempt ends; else it is the call's result |
/// | tool, other | it is the call's result | the same |
/// | un-merge, reconcile | waits, asked again, bounded by `limits.reconciliations` | the same |
/// | extract | waits, asked again | given up, and said so |
/// | final | waits, asked again | the task fails with it |
///
/// A transient failure never uses up a rung; `decide` turns too many in a row into a failure of the
/// environment. What an attempt's end then means for the ladder is in `decide/ladder.rs`.
pub(super) fn failed(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    failure: &Failure,
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    let work = taken.effect.work.clone();
    match &work {
        Work::Plan { .. } => plan(state, at, taken.alive, failure),
        Work::Model { attempt, .. }
        | Work::Prepare { attempt }
        | Work::Verify { attempt, .. }
        | Work::Recheck { attempt } => attempt_failed(state, at, *attempt, failure),
        Work::Merge { attempt } => {
            merge(state, &taken, failure);
            attempt_failed(state, at, *attempt, failure);
        }
        Work::Tool { attempt, .. } => tool_failed(state, at, &taken, (*attempt, failure)),
        Work::Unmerge { attempt } => {
            if let Some(debt) = state.debts.get_mut(attempt) {
                debt.tries.failed(at.time, failure);
            }
        }
        Work::Reconcile { intent } => {
            if let Some(doubt) = state.inflight.get_mut(intent) {
                doubt.settling.failed(at.time, failure);
            }
        }
        Work::Extract { subtask, .. } => extract(state, at, (subtask, taken.alive), failure),
        Work::Final { .. } => last_gate(state, at, taken.alive, failure),
    }
    Ok(())
}

fn transient(failure: &Failure) -> bool {
    failure.class == FailureClass::Transient
}

fn plan(state: &mut State, at: &Place, alive: bool, failure: &Failure) {
    let Some(planning) = state.planning.as_mut().filter(|_| alive) else {
        return;
    };
    match failure.class {
        FailureClass::Transient => planning.backoff.failed(at.time, failure),
        // What the model cannot do counts like an answer without a plan: repair, then fallback.
        FailureClass::Model | FailureClass::Plan => {
            planning.stage = Proposed::Unreadable(vec![failure.message.clone()]);
        }
        FailureClass::Tool
        | FailureClass::Policy
        | FailureClass::Environment
        | FailureClass::Budget => planning.stage = Proposed::Failed(failure.clone()),
    }
}

fn attempt_failed(state: &mut State, at: &Place, attempt: AttemptId, failure: &Failure) {
    let Some(attempt) = state.attempt_mut(attempt) else {
        return;
    };
    if transient(failure) {
        attempt.backoff.failed(at.time, failure);
    } else {
        attempt.last = Last::Failed(failure.clone());
    }
}

/// A merge that broke may have left a part of itself: if it is not tried again, it is taken back.
fn merge(state: &mut State, taken: &Taken, failure: &Failure) {
    let Some(owner) = taken.effect.owner.clone() else {
        return;
    };
    match state.attempt_mut(owner.attempt) {
        Some(attempt) => attempt.merged |= !transient(failure),
        None => owe(state, owner),
    }
}

fn tool_failed(
    state: &mut State,
    at: &Place,
    taken: &Taken,
    (attempt, failure): (AttemptId, &Failure),
) {
    let again = match taken.effect.class {
        Class::Pure | Class::Restorable => transient(failure),
        Class::Hashed | Class::Unknowable => false,
    };
    if again || failure.class == FailureClass::Environment {
        attempt_failed(state, at, attempt, failure);
    } else {
        tool::answer(state, &taken.effect.work, &failure.message);
    }
}

fn extract(state: &mut State, at: &Place, (subtask, alive): (&SubtaskId, bool), failure: &Failure) {
    let retries = state.limits().transient_retries;
    let Some(done) = subtask::done_mut(state, subtask).filter(|_| alive) else {
        return;
    };
    if let Extraction::Owed(backoff) = &mut done.extraction {
        backoff.failed(at.time, failure);
        if transient(failure) && backoff.failures <= retries {
            return;
        }
    }
    done.extraction = Extraction::Finished;
    let message = &failure.message;
    state.degrade(&format!(
        "nothing of `{subtask}` was kept in memory: {message}"
    ));
}

fn last_gate(state: &mut State, at: &Place, alive: bool, failure: &Failure) {
    if !alive {
        return;
    }
    if transient(failure) {
        state.finale.backoff.failed(at.time, failure);
    } else {
        state.finale.stage = FinaleStage::Broken(failure.clone());
    }
}
