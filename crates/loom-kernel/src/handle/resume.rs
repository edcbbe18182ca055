//! `resume`: it goes on.

use super::{Rejection, must_be_active};
use crate::state::State;
use crate::status;
use loom_events::Event;

pub(super) fn handle(state: &State) -> Result<Vec<Event>, Rejection> {
    must_be_active(state)?;
    if !state.paused {
        return Err(Rejection::NotPaused {
            status: status(state),
        });
    }
    Ok(vec![Event::TaskResumed])
}
