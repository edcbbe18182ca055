//! The attempt as a whole: prepared, nudged, ended.

use super::{Place, take, wrong};
use crate::Impossible;
use crate::state::{Attempt, Debt, Last, Manner, Owner, Proof, Stage, State};
use loom_events::{AttemptEnd, AttemptId, EffectId, Event, Nudge, Prepared, Work};

pub(super) fn prepared(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    prepared: &Prepared,
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    let Work::Prepare { attempt } = taken.effect.work else {
        return Err(wrong(at, effect, &taken.effect.work));
    };
    for what in &prepared.degraded {
        state.degrade(what);
    }
    if let Some(attempt) = state.attempt_mut(attempt) {
        attempt.fork = prepared.fork.is_some();
        attempt.prepared = at.seq;
        attempt.backoff.clear();
        attempt.last = Last::Prepared;
    }
    Ok(())
}

pub(super) fn nudged(
    state: &mut State,
    at: &Place,
    attempt: AttemptId,
    nudge: Nudge,
) -> Result<(), Impossible> {
    let found = state.attempt_mut(attempt);
    let found = found.ok_or(Impossible::NoAttempt {
        attempt,
        event: at.name,
    })?;
    match nudge {
        Nudge::GateFailed => {
            found.nudges = found.nudges.saturating_add(1);
            found.gate = found.gate.saturating_add(1);
        }
        Nudge::Unheard if judged(&found.last) => {
            // The gate that ran is spent: there will be more work, and another gate.
            found.gate = found.gate.saturating_add(1);
        }
        Nudge::Loop => {
            found.loops.warned = true;
            found.loops.forget();
        }
        Nudge::Unheard
        | Nudge::Unreadable
        | Nudge::Announced
        | Nudge::OnlyThought
        | Nudge::Nothing
        | Nudge::Asked => {}
    }
    found.manner = Manner::after(nudge, found.unusable);
    found.last = Last::Nudged;
    Ok(())
}

const fn judged(last: &Last) -> bool {
    matches!(
        last,
        Last::Passed(_) | Last::Agreed(_) | Last::Unsure { .. }
    )
}

pub(super) fn ended(state: &mut State, at: &Place, event: &Event) -> Result<(), Impossible> {
    let Event::AttemptEnded {
        attempt,
        why,
        feedback,
        counts,
        ..
    } = event
    else {
        return Ok(());
    };
    let missing = Impossible::NoAttempt {
        attempt: *attempt,
        event: at.name,
    };
    let owner = state.owner(*attempt);
    let Some(running) = state.attempt_mut(*attempt) else {
        return Err(missing);
    };
    if *why == AttemptEnd::Passed {
        let proof = proof_of_result(running).ok_or(missing)?;
        running.last = Last::Ended(proof);
        return Ok(());
    }
    let merged = running.merged;
    let owner = owner.ok_or(missing)?;
    close(state, &owner, why, (feedback, *counts));
    if merged {
        owe(state, owner);
    }
    Ok(())
}

/// The proof that an attempt can be completed on: over the tree that counts, and no other.
fn proof_of_result(attempt: &Attempt) -> Option<Proof> {
    match &attempt.last {
        Last::Passed(proof) | Last::Agreed(proof) if !attempt.fork => Some(proof.clone()),
        Last::Merged {
            proof,
            base_moved: false,
        }
        | Last::Rechecked(proof) => Some(proof.clone()),
        Last::Merged { .. }
        | Last::Passed(_)
        | Last::Agreed(_)
        | Last::Started
        | Last::Prepared
        | Last::Acting(_)
        | Last::Spoke { .. }
        | Last::Nudged
        | Last::Unsure { .. }
        | Last::GateFailed { .. }
        | Last::Conflict(_)
        | Last::Denied(_)
        | Last::Failed(_)
        | Last::Ended(_) => None,
    }
}

fn close(state: &mut State, owner: &Owner, why: &AttemptEnd, (feedback, counts): (&str, bool)) {
    let planned = state.plan.subtasks.iter().find(|s| s.id == owner.subtask);
    let planned = planned.cloned();
    let Some(sub) = state.subs.get_mut(&owner.subtask) else {
        return;
    };
    feedback.clone_into(&mut sub.why);
    match (why, planned) {
        (AttemptEnd::Superseded, Some(spec)) => sub.restart(spec),
        (why, _) => {
            sub.stage = Stage::Tried {
                why: why.clone(),
                counts,
            };
        }
    }
}

/// A merge of an attempt that is gone has to be taken back.
pub(super) fn owe(state: &mut State, owner: Owner) {
    let tries = crate::state::Backoff::default();
    state.debts.insert(owner.attempt, Debt { owner, tries });
}
