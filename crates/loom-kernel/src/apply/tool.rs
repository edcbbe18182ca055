//! Tool calls: completed, held, and answered by whatever else.

use super::model::{SEED, fnv, mix};
use super::{Place, take, wrong};
use crate::Impossible;
use crate::state::{Call, CallState, State, digest};
use loom_events::{Digest, EffectId, Question, ToolResult, Work};

/// The digest under whose grant a call is about to run, if it was held before.
pub(super) fn granted(state: &State, work: &Work) -> Option<Digest> {
    let Work::Tool { attempt, call, .. } = work else {
        return None;
    };
    let (_, attempt) = state.find_attempt(*attempt)?;
    let call = attempt.acting()?.calls.get(usize::try_from(*call).ok()?)?;
    match &call.state {
        CallState::Granted(_, digest) => Some(digest.clone()),
        CallState::Held(question) => digest(question).cloned(),
        CallState::Waiting | CallState::Asked(_) | CallState::Answered => None,
    }
}

pub(super) fn completed(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    result: &ToolResult,
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    if !matches!(taken.effect.work, Work::Tool { .. }) {
        return Err(wrong(at, effect, &taken.effect.work));
    }
    ran(state, &taken.effect.work, result);
    Ok(())
}

/// A call has run, as its outcome or its reconciliation says.
pub(super) fn ran(state: &mut State, work: &Work, result: &ToolResult) {
    for what in &result.degraded {
        state.degrade(what);
    }
    if let Work::Tool { attempt, .. } = work
        && let Some(attempt) = state.attempt_mut(*attempt)
    {
        attempt.unusable = 0;
        attempt.backoff.clear();
    }
    answer(state, work, result.text.as_str());
}

/// The model has a result to be shown. Does nothing when the attempt is gone.
pub(super) fn answer(state: &mut State, work: &Work, text: &str) {
    let Work::Tool { attempt, call, .. } = work else {
        return;
    };
    let Some(attempt) = state.attempt_mut(*attempt) else {
        return;
    };
    let Some(acting) = attempt.acting_mut() else {
        return;
    };
    let at = usize::try_from(*call).unwrap_or(usize::MAX);
    let Some(found) = acting.calls.get_mut(at) else {
        return;
    };
    found.state = CallState::Answered;
    // A sum, since calls that run side by side end in any order.
    let place = fnv(SEED, &call.to_be_bytes());
    acting.print = acting.print.wrapping_add(mix(fnv(place, text.as_bytes())));
    if acting.answered() {
        let print = acting.print;
        attempt.loops.push(print);
    }
}

pub(super) fn held(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    question: &Question,
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    let Work::Tool { attempt, call, .. } = &taken.effect.work else {
        return Err(wrong(at, effect, &taken.effect.work));
    };
    if let Some(call) = call_mut(state, *attempt, *call) {
        if taken.effect.grant.as_ref() == digest(question) {
            call.used = taken.effect.grant;
        }
        call.state = CallState::Held(Box::new(question.clone()));
    }
    Ok(())
}

pub(super) fn call_mut(
    state: &mut State,
    attempt: loom_events::AttemptId,
    call: u32,
) -> Option<&mut Call> {
    let acting = state.attempt_mut(attempt)?.acting_mut()?;
    acting.calls.get_mut(usize::try_from(call).ok()?)
}
