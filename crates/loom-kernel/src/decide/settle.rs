//! An attempt that ended well completes its subtask.

use crate::state::{Last, State};
use loom_events::{Event, Time};

pub(super) fn completed(state: &State, _: Time) -> Option<Vec<Event>> {
    state.running().find_map(|(subtask, attempt)| {
        let Last::Ended(proof) = &attempt.last else {
            return None;
        };
        Some(vec![Event::SubtaskCompleted {
            subtask: subtask.clone(),
            attempt: attempt.id,
            verdict: proof.verdict,
        }])
    })
}
