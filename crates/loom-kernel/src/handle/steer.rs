//! `steer`: an instruction that the next model call hears.

use super::{Rejection, must_be_active};
use crate::state::State;
use loom_events::Event;

/// Longest instruction: it is repeated in every prompt from now on.
const MAX_BYTES: usize = 16 * 1024;

pub(super) fn handle(state: &State, text: &str) -> Result<Vec<Event>, Rejection> {
    must_be_active(state)?;
    let bytes = text.trim().len();
    if bytes == 0 || bytes > MAX_BYTES {
        let max = MAX_BYTES;
        return Err(Rejection::Instruction { bytes, max });
    }
    let text = text.to_owned();
    Ok(vec![Event::SteerInstruction { text }])
}
