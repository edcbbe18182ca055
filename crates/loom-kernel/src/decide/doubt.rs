//! Effects whose runner is gone, by class: asked again, looked up, put back, or recorded and asked
//! about.

use super::ending::question;
use crate::state::{InFlight, Resolved, State};
use loom_events::{Class, EffectId, Event, Limit, OnExpiry, Question, Risk, Subject, Time, Work};

pub(super) fn settled(state: &State, now: Time) -> Option<Vec<Event>> {
    let mut doubts = state.inflight.iter().filter(|(_, effect)| effect.doubt);
    let said = doubts.find_map(|(id, effect)| match effect.class {
        Class::Pure => interrupted(*id, false),
        Class::Unknowable if effect.recorded => unknowable(state, *id, effect, now),
        Class::Hashed | Class::Restorable | Class::Unknowable => unsettled(state, *id, effect),
    });
    said.or_else(|| unpayable(state))
}

// `Option` so that the arms above are one line each.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the arms of one match have one type"
)]
fn interrupted(effect: EffectId, maybe: bool) -> Option<Vec<Event>> {
    Some(vec![Event::EffectInterrupted { effect, maybe }])
}

/// How often it is tried to settle an effect or to take a merge back.
pub(super) fn tries(state: &State) -> u32 {
    state.limits().reconciliations.max(1)
}

/// A reconciliation is on its way (see `wishes`), unless it has failed too often.
fn unsettled(state: &State, id: EffectId, effect: &InFlight) -> Option<Vec<Event>> {
    if effect.settling.failures < tries(state) {
        return None;
    }
    if state.unsettled {
        return interrupted(id, true);
    }
    given_up(state)
}

/// A merge that cannot be taken back.
fn unpayable(state: &State) -> Option<Vec<Event>> {
    let mut debts = state.debts.values();
    let hopeless = debts.any(|debt| debt.tries.failures >= tries(state));
    (hopeless && !state.unsettled).then(|| given_up(state))?
}

#[expect(clippy::unnecessary_wraps, reason = "both callers end in it")]
fn given_up(state: &State) -> Option<Vec<Event>> {
    Some(vec![Event::LimitReached {
        which: Limit::Reconciliations,
        value: u64::from(tries(state)),
    }])
}

/// Nobody can look it up: a human may know. Never again by itself. What it changed is recorded by now,
/// before the human or the next call can change more.
fn unknowable(state: &State, id: EffectId, effect: &InFlight, now: Time) -> Option<Vec<Event>> {
    let alive = state.active() && state.wanted_by_owner(&effect.work);
    if !alive {
        return interrupted(id, true);
    }
    match effect.resolved {
        Some(Resolved::Again) => interrupted(id, false),
        Some(Resolved::Leave) => interrupted(id, true),
        None if !state.new.settings.attended => interrupted(id, true),
        None => {
            let subject = Subject::Doubt { effect: id };
            (!state.asked(&subject)).then(|| {
                let asked = doubt_question(state, subject, effect);
                vec![question(state, asked, OnExpiry::Deny, now)]
            })
        }
    }
}

fn doubt_question(state: &State, subject: Subject, effect: &InFlight) -> Question {
    let action = effect.work.attempt().and_then(|attempt| {
        let Work::Tool { call, .. } = &effect.work else {
            return None;
        };
        let (_, attempt) = state.find_attempt(attempt)?;
        let call = attempt.acting()?.calls.get(usize::try_from(*call).ok()?)?;
        Some(call.summary.clone())
    });
    Question {
        subject,
        reason: "Loom was interrupted while this ran, and nobody can look up whether it happened. \
                 Grant runs it again; deny tells the model that it may have run."
            .to_owned(),
        action: action.unwrap_or_default(),
        risk: Risk::High,
        rules: Vec::new(),
        choices: Vec::new(),
        default: None,
    }
}
