//! Questions that nobody answered in time. Not while paused, not within the grace.

use crate::state::State;
use loom_events::{Event, Time};

pub(super) fn expired(state: &State, now: Time) -> Option<Vec<Event>> {
    if !state.going() {
        return None;
    }
    let mut open = state.questions.iter();
    let due = open.find(|(_, open)| open.expires_at(state).is_some_and(|at| at <= now));
    due.map(|(id, _)| vec![Event::ApprovalExpired { question: *id }])
}
