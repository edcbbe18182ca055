//! Which subtask runs next: the first in plan order whose dependencies are met, while there is a
//! place, and when nothing of an earlier attempt can still write.

use super::executions;
use super::lane;
use super::limits::limit;
use crate::state::{Stage, State, Subtask};
use loom_events::{Event, Limit, Rung, SubtaskId, Tier, Time};

pub(super) fn scheduled(state: &State, _: Time) -> Option<Vec<Event>> {
    let places = state.new.settings.max_parallel_subtasks.max(1);
    let running = u32::try_from(state.running().count()).unwrap_or(u32::MAX);
    let open = state.going() && state.agreed && state.version > 0 && state.planning.is_none();
    if !open || running >= places || !lane::drained(state) {
        return None;
    }
    state
        .current()
        .find_map(|(id, sub)| executions::taken(state, id, sub).or_else(|| begun(state, id, sub)))
}

fn begun(state: &State, id: &SubtaskId, sub: &Subtask) -> Option<Vec<Event>> {
    if !runnable(state, sub) {
        return None;
    }
    let max = state.limits().iterations;
    if state.attempts >= max {
        let reason = format!("{max} attempts were started, which is the limit");
        return Some(limit(Limit::Iterations, u64::from(state.attempts), reason));
    }
    Some(vec![started(state, id, sub)])
}

pub(super) fn runnable(state: &State, sub: &Subtask) -> bool {
    let met = |id: &SubtaskId| state.subs.get(id).is_none_or(Subtask::satisfied);
    sub.stage == Stage::Pending && sub.spec.depends_on.iter().all(met)
}

fn started(state: &State, id: &SubtaskId, sub: &Subtask) -> Event {
    let at = usize::try_from(sub.rung).unwrap_or(usize::MAX);
    let ladder = &state.new.settings.ladder;
    let kind = ladder.get(at).or(ladder.last());
    // Only a human's own choice puts a step into their hands, never a ladder.
    let kind = match sub.by_hand {
        true => Rung::ByHand,
        false => kind
            .copied()
            .filter(|kind| *kind != Rung::ByHand)
            .unwrap_or(Rung::Planned),
    };
    let planned = state.starting_tier(&sub.spec);
    Event::SubtaskStarted {
        subtask: id.clone(),
        rung: sub.rung,
        kind,
        ordinal: sub.ordinal + 1,
        tier: match kind {
            Rung::Planned | Rung::Feedback | Rung::ByHand => planned,
            Rung::NextTier => planned.up().unwrap_or(planned),
            Rung::TopTier => Tier::Large,
        },
        execution: executions::next(state, (id, sub), kind),
    }
}
