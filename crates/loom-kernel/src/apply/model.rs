//! Answers of the executor.

use super::{Place, take, wrong};
use crate::Impossible;
use crate::state::{Acting, Attempt, Call, CallState, Last, Manner, State};
use loom_events::{EffectId, ModelReply, Said, Work};

pub(super) fn completed(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    reply: &ModelReply,
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    state.usage = state.usage.plus(reply.usage);
    let Work::Model { attempt, .. } = taken.effect.work else {
        return Err(wrong(at, effect, &taken.effect.work));
    };
    if !taken.alive {
        return Ok(());
    }
    // Heard means that the call which carried it has *completed*: an answer that was on its way
    // when the instruction came knows nothing of it.
    state.heard = state.heard.max(taken.effect.steer_upto);
    if let (Some(text), None) = (&reply.discovery, &state.discovery) {
        state.discovery = Some(text.clone());
    }
    if let Some(attempt) = state.attempt_mut(attempt) {
        attempt.heard = attempt.heard.max(taken.effect.steer_upto);
        attempt.turn = attempt.turn.saturating_add(1);
        attempt.context = reply.context_percent;
        attempt.backoff.clear();
        attempt.manner = Manner::default();
        replied(attempt, reply);
    }
    Ok(())
}

fn replied(attempt: &mut Attempt, reply: &ModelReply) {
    if reply.calls.is_empty() {
        let unreadable = reply.unreadable > 0;
        if unreadable || !usable(&reply.said) {
            attempt.unusable = attempt.unusable.saturating_add(1);
        }
        attempt.loops.forget();
        attempt.last = Last::Spoke {
            said: reply.said.clone(),
            unreadable,
        };
        return;
    }
    let acting = acting(reply);
    if acting.answered() {
        attempt.unusable = attempt.unusable.saturating_add(1);
        attempt.loops.push(acting.print);
    }
    attempt.last = Last::Acting(acting);
}

const fn usable(said: &Said) -> bool {
    match said {
        Said::Done | Said::Blocked { .. } => true,
        Said::Called | Said::Nothing | Said::OnlyThought | Said::Announced | Said::Asked => false,
    }
}

fn acting(reply: &ModelReply) -> Acting {
    let mut print = fnv(SEED, reply.calls.len().to_string().as_bytes());
    let mut calls = Vec::with_capacity(reply.calls.len());
    for call in &reply.calls {
        print = fnv(print, call.tool.as_bytes());
        print = fnv(print, call.summary.as_bytes());
        // A refused call is answered: the refusal is its result.
        let state = match &call.refusal {
            Some(refusal) => {
                print = fnv(print, refusal.message.as_bytes());
                CallState::Answered
            }
            None => CallState::Waiting,
        };
        calls.push(Call {
            tool: call.tool.clone(),
            summary: call.summary.clone(),
            class: call.class,
            state,
            used: None,
        });
    }
    Acting { calls, print }
}

/// The start value of FNV-1a.
pub(super) const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, with a separator. Written out since the value is part of the state: `std`'s hasher may
/// change between releases, and a fold must give the same state in any year.
pub(super) fn fnv(seed: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().chain(&[0xff]).fold(seed, step)
}

/// The finalizer of splitmix64. Sums of bare FNV values cancel: texts that differ in their last byte
/// differ by little, and by the opposite for another place.
pub(super) const fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
