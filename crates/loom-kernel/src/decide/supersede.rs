//! Attempts at a subtask that the plan has no longer, or has changed. Unchanged ones go on. Executions
//! that wait come first: the end of the last attempt takes the new spec over.

use crate::state::State;
use loom_events::{AttemptEnd, Event, Time};

pub(super) fn superseded(state: &State, _: Time) -> Option<Vec<Event>> {
    if !state.active() {
        return None;
    }
    state
        .aside()
        .chain(state.running())
        .find_map(|(id, attempt)| {
            let worked_on = &state.subs.get(id)?.spec;
            let same = state.plan.subtasks.contains(worked_on);
            (!same).then(|| {
                vec![Event::AttemptEnded {
                    attempt: attempt.id,
                    subtask: id.clone(),
                    why: AttemptEnd::Superseded,
                    feedback: "the plan changed".to_owned(),
                    counts: false,
                }]
            })
        })
}
