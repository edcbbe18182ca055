//! The re-planning gate between subtasks: a plan that a human refused, a discovery, every so many
//! completions. Re-plans after a failure are the ladder's, after the last gate `finish`'s.

use super::ending::failed;
use crate::state::{Stage, State};
use loom_events::{Event, PlanReason, Time};

pub(super) fn replanned(state: &State, _: Time) -> Option<Vec<Event>> {
    if !state.going() || state.version == 0 || state.planning.is_some() {
        return None;
    }
    if let Some(reason) = &state.unwanted {
        return Some(refused(state, reason));
    }
    let places = state.new.settings.max_parallel_subtasks.max(1);
    let busy = u32::try_from(state.running().count()).unwrap_or(u32::MAX) >= places;
    // The last version is kept for a failure: plans made out of curiosity must not use it up.
    let spare = state.versions_left() > 1;
    let pending = state.current().any(|(_, sub)| sub.stage == Stage::Pending);
    if busy || !spare || !pending || !state.agreed {
        return None;
    }
    if let Some(text) = &state.discovery {
        let text = text.clone();
        return Some(replanning(state, PlanReason::Discovery { text }));
    }
    let interval = state.new.settings.replan_interval;
    let due = interval > 0 && state.completed >= interval;
    due.then(|| replanning(state, PlanReason::Interval))
}

fn refused(state: &State, reason: &str) -> Vec<Event> {
    if state.versions_left() == 0 {
        return vec![failed(format!("the plan was refused: {reason}"))];
    }
    // To the planner it is news about what is wanted.
    let text = format!("the user refused the plan: {reason}");
    replanning(state, PlanReason::Discovery { text })
}

pub(super) fn replanning(state: &State, why: PlanReason) -> Vec<Event> {
    vec![Event::TaskReplanning {
        why,
        steer_upto: state.steered,
    }]
}
