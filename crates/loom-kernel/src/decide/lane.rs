//! Who may write the user's workspace. One at a time: an attempt that works in it, or one merge
//! with its recheck, or one un-merge.

use crate::state::{Attempt, Last, State};
use loom_events::{AttemptId, Class, Work};

/// Whether nothing of a dead attempt can still write, and nothing has to be taken back.
pub(super) fn drained(state: &State) -> bool {
    let mut effects = state.inflight.values();
    let writing =
        effects.any(|effect| effect.class != Class::Pure && !state.wanted_by_owner(&effect.work));
    !writing && state.debts.is_empty()
}

/// Whether a fork is on its way into the workspace or there and not judged, other than this one.
pub(super) fn merging(state: &State, except: Option<AttemptId>) -> bool {
    let other = |id: AttemptId| Some(id) != except;
    let landed = state.running().any(|(_, a)| a.merging() && other(a.id));
    let moving = state.inflight.values().any(|effect| match &effect.work {
        Work::Merge { attempt } | Work::Recheck { attempt } => other(*attempt),
        Work::Unmerge { .. } => true,
        Work::Plan { .. }
        | Work::Prepare { .. }
        | Work::Model { .. }
        | Work::Tool { .. }
        | Work::Verify { .. }
        | Work::Extract { .. }
        | Work::Final { .. }
        | Work::Reconcile { .. } => false,
    });
    landed || moving || !state.debts.is_empty()
}

/// Whether an attempt in the workspace itself may go on. Only one does; with several places the
/// others are in forks, and if forks cannot be had they wait here for one another.
pub(super) fn may_work_in_place(state: &State, attempt: &Attempt) -> bool {
    let first = in_place(state).min_by_key(|a| a.prepared).map(|a| a.id);
    first == Some(attempt.id) && !merging(state, Some(attempt.id))
}

/// Whether the workspace may be handed to a human for an attempt that is not prepared: nobody else
/// writes it, and no other one is being handed over. All other attempts may.
pub(super) fn may_be_handed(state: &State, attempt: &Attempt) -> bool {
    let first = being_handed(state).map(|a| a.id).min();
    attempt.last != Last::Started
        || !attempt.by_hand()
        || (first == Some(attempt.id)
            && in_place(state).next().is_none()
            && !merging(state, Some(attempt.id)))
}

fn being_handed(state: &State) -> impl Iterator<Item = &Attempt> {
    let running = state.running().map(|(_, attempt)| attempt);
    running.filter(|a| a.by_hand() && a.last == Last::Started)
}

/// Whether the fork of an attempt may be merged now: the first in plan order among those ready.
pub(super) fn may_merge(state: &State, attempt: &Attempt) -> bool {
    let mut ready = state.running().filter(|(_, a)| a.fork && agreed(state, a));
    let first = ready.next().map(|(_, a)| a.id);
    let started = state
        .in_flight(&Work::Merge {
            attempt: attempt.id,
        })
        .is_some();
    let turn = first == Some(attempt.id) || started;
    // One that is under way is waited for; no other begins while the workspace is being handed over.
    let free = started || being_handed(state).next().is_none();
    turn && free && !merging(state, Some(attempt.id)) && in_place(state).next().is_none()
}

/// Whether a gate passed and whoever had to agree did.
fn agreed(state: &State, attempt: &Attempt) -> bool {
    match &attempt.last {
        Last::Agreed(_) => true,
        Last::Passed(proof) => !state.needs_approval(attempt, proof),
        Last::Started
        | Last::Prepared
        | Last::Acting(_)
        | Last::Spoke { .. }
        | Last::Nudged
        | Last::Unsure { .. }
        | Last::GateFailed { .. }
        | Last::Merged { .. }
        | Last::Rechecked(_)
        | Last::Conflict(_)
        | Last::Denied(_)
        | Last::Failed(_)
        | Last::Ended(_) => false,
    }
}

fn in_place(state: &State) -> impl Iterator<Item = &Attempt> {
    let running = state.running().map(|(_, attempt)| attempt);
    running.filter(|a| !a.fork && a.last != Last::Started)
}
