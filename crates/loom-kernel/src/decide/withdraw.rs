//! A question whose subject is gone is withdrawn: nobody is to decide about what cannot happen.

use crate::state::State;
use loom_events::{Event, Time};

pub(super) fn withdrawn(state: &State, _: Time) -> Option<Vec<Event>> {
    let mut open = state.questions.iter();
    let dead = open.find(|(id, open)| !state.question_lives(**id, open));
    dead.map(|(id, _)| vec![Event::ApprovalWithdrawn { question: *id }])
}
