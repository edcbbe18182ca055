//! `cancel`: the end is decided here, and reached when everything is stopped and put back.

use super::{Rejection, must_be_active};
use crate::state::State;
use loom_events::{End, Event};

pub(super) fn handle(state: &State, reason: &str) -> Result<Vec<Event>, Rejection> {
    must_be_active(state)?;
    let reason = reason.to_owned();
    Ok(vec![Event::TaskStopping {
        end: End::Cancelled { reason },
    }])
}
