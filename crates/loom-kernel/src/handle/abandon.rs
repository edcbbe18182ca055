//! `abandon`: what runs the task has died again and again. It is taken up once more, only to be ended.

use super::{Rejection, recover};
use crate::state::State;
use loom_events::{End, Event};

pub(super) fn handle(state: &State, build: &str, reason: &str) -> Result<Vec<Event>, Rejection> {
    let mut events = recover::handle(state, build)?;
    // One that is ending goes on to the end that was decided.
    if state.active() {
        events.push(Event::TaskStopping {
            end: End::Failed {
                reason: reason.to_owned(),
                needs_human: false,
            },
        });
    }
    Ok(events)
}
