//! Effects whose outcome was lost or that were stopped.

use super::attempt::owe;
use super::{Place, Taken, take, tool, wrong};
use crate::Impossible;
use crate::state::State;
use loom_events::{Class, EffectId, Reconciled, Work};

/// The process that ran them is gone: nobody knows what became of them.
pub(super) fn runner_started(state: &mut State, at: &Place) {
    state.awake_since = at.time;
    state.queued = false;
    for effect in state.inflight.values_mut() {
        effect.doubt = true;
    }
}

pub(super) fn interrupted(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    maybe: bool,
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    if maybe {
        perhaps(state, &taken);
    }
    Ok(())
}

/// It may have had an effect that was not put back.
fn perhaps(state: &mut State, taken: &Taken) {
    match &taken.effect.work {
        // Never again by itself: the model is told, and looks.
        work @ Work::Tool { .. } if taken.alive => tool::answer(state, work, "may have run"),
        Work::Merge { attempt } => match (state.attempt_mut(*attempt), &taken.effect.owner) {
            (Some(attempt), _) => attempt.merged = true,
            (None, Some(owner)) => owe(state, owner.clone()),
            (None, None) => {}
        },
        Work::Tool { .. } | Work::Prepare { .. } | Work::Verify { .. } | Work::Recheck { .. } => {
            state.unclean |= !taken.alive;
        }
        // Asked again while it is still wanted; they change nothing of the user's.
        Work::Plan { .. }
        | Work::Model { .. }
        | Work::Unmerge { .. }
        | Work::Extract { .. }
        | Work::Final { .. }
        | Work::Reconcile { .. } => {}
    }
}

/// The outcome of the reconciliation, and of the effect it was about where that could be looked up.
pub(super) fn reconciled(
    state: &mut State,
    at: &Place,
    (effect, intent): (EffectId, EffectId),
    found: &Reconciled,
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    if taken.effect.work != (Work::Reconcile { intent }) {
        return Err(wrong(at, effect, &taken.effect.work));
    }
    let doubt = state.inflight.get_mut(&intent);
    let doubt = doubt.filter(|doubt| fits(doubt.class, found));
    let doubt = doubt.ok_or_else(|| wrong(at, effect, &taken.effect.work))?;
    match found {
        // It may run again; that is `decide`'s part.
        Reconciled::Clean => {
            take(state, at, intent)?;
        }
        Reconciled::Applied { result } => {
            let settled = take(state, at, intent)?;
            tool::ran(state, &settled.effect.work, result);
        }
        Reconciled::Recorded => doubt.recorded = true,
    }
    Ok(())
}

/// Whether anybody can have found that out. Nobody can say of an unknowable effect that it was done,
/// or that it was not: only a human lets it run again.
const fn fits(class: Class, found: &Reconciled) -> bool {
    match found {
        Reconciled::Clean | Reconciled::Applied { .. } => {
            matches!(class, Class::Pure | Class::Hashed | Class::Restorable)
        }
        Reconciled::Recorded => matches!(class, Class::Unknowable),
    }
}
