//! `pause`: nothing new starts. What can be asked again is stopped; that is `decide`'s part.

use super::{Rejection, must_be_active};
use crate::state::State;
use loom_events::Event;

pub(super) fn handle(state: &State) -> Result<Vec<Event>, Rejection> {
    must_be_active(state)?;
    if state.paused {
        return Err(Rejection::Paused);
    }
    Ok(vec![Event::TaskPaused])
}
