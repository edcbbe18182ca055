//! Forks on their way into the workspace, and out of it again.

use super::attempt::owe;
use super::{Place, take, wrong};
use crate::Impossible;
use crate::state::{Last, State};
use loom_events::{EffectId, Work};

pub(super) fn merged(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    base_moved: bool,
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    let Work::Merge { attempt } = taken.effect.work else {
        return Err(wrong(at, effect, &taken.effect.work));
    };
    match (state.attempt_mut(attempt), taken.effect.owner) {
        (Some(attempt), _) => {
            attempt.merged = true;
            attempt.backoff.clear();
            if let Last::Passed(proof) | Last::Agreed(proof) = &attempt.last {
                let proof = proof.clone();
                attempt.last = Last::Merged { proof, base_moved };
            }
        }
        (None, Some(owner)) => owe(state, owner),
        (None, None) => {}
    }
    Ok(())
}

pub(super) fn conflicted(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    paths: &[String],
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    let Work::Merge { attempt } = taken.effect.work else {
        return Err(wrong(at, effect, &taken.effect.work));
    };
    if let Some(attempt) = state.attempt_mut(attempt) {
        attempt.merged = false;
        attempt.last = Last::Conflict(format!(
            "other work changed the same places meanwhile: {}",
            paths.join(", ")
        ));
    }
    Ok(())
}

pub(super) fn unmerged(state: &mut State, at: &Place, effect: EffectId) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    let Work::Unmerge { attempt } = taken.effect.work else {
        return Err(wrong(at, effect, &taken.effect.work));
    };
    state.debts.remove(&attempt);
    Ok(())
}
