//! The attempt as a whole: prepared, nudged, ended.

use super::{Place, take, wrong};
use crate::Impossible;
use crate::state::{Attempt, Debt, Last, Manner, Owner, Proof, Stage, State, Subtask};
use loom_events::{AttemptEnd, AttemptId, CheckPower, EffectId, Event, Nudge, Prepared, Work};

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
    let subtask = state.find_attempt(attempt).map(|(id, _)| id.clone());
    if let Some(attempt) = state.attempt_mut(attempt) {
        attempt.fork = prepared.fork.is_some();
        attempt.prepared = at.seq;
        attempt.backoff.clear();
        attempt.last = Last::Prepared;
    }
    if let Some(sub) = subtask.and_then(|id| state.subs.get_mut(&id)) {
        weigh(sub, prepared);
    }
    Ok(())
}

/// What the checks can prove is known now. A step with evidence needs no vote, and one whose executions
/// get no fork cannot have it.
fn weigh(sub: &mut Subtask, prepared: &Prepared) {
    let strong = prepared.baseline.contains(&CheckPower::Discriminating);
    // Where no fork could be had they were not tried: what was known of them stays.
    sub.strong = Some(strong || sub.strong == Some(true));
    let first = sub.round.made == 1;
    let Stage::Running(attempt) = &mut sub.stage else {
        return;
    };
    if attempt.votes && ((first && strong) || !attempt.fork) {
        attempt.votes = false;
        sub.round.over = true;
    }
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
    if waited_in_vain(state, *attempt, why) {
        return Ok(());
    }
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
    let failed_by = running.failed_by.filter(|_| *why == AttemptEnd::GateFailed);
    let owner = owner.ok_or(missing)?;
    if let Some((print, sub)) = failed_by.zip(state.subs.get_mut(&owner.subtask)) {
        let before = sub.failed_by.replace(print);
        sub.differently |= before.is_some_and(|before| before != print);
    }
    close(state, &owner, why, (feedback, *counts));
    if merged {
        owe(state, owner);
    }
    Ok(())
}

/// Whether the attempt was one that waited to be compared. Nothing of it ran, and nothing is owed.
fn waited_in_vain(state: &mut State, attempt: AttemptId, why: &AttemptEnd) -> bool {
    let Some(id) = state
        .aside()
        .find(|(_, a)| a.id == attempt)
        .map(|(id, _)| id.clone())
    else {
        return false;
    };
    let planned = state
        .plan
        .subtasks
        .iter()
        .find(|spec| spec.id == id)
        .cloned();
    let Some(sub) = state.subs.get_mut(&id) else {
        return false;
    };
    let found = sub.round.take(attempt).is_some();
    let idle = sub.round.aside.is_empty() && !matches!(sub.stage, Stage::Running(_));
    if let (AttemptEnd::Superseded, Some(spec), true) = (why, planned, idle) {
        sub.restart(spec);
    }
    found
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
