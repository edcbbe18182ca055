//! `queue`: another task is in the way. Nothing starts until `recover` says that a process took the
//! task up; a cancel is taken all the same.

use super::Rejection;
use crate::state::{Life, State};
use crate::status;
use loom_events::{Command, Event, TaskId};

pub(super) fn handle(
    state: &State,
    first: Option<&Command>,
    behind: TaskId,
) -> Result<Vec<Event>, Rejection> {
    if matches!(state.life, Life::Done(_)) {
        let status = status(state);
        return Err(Rejection::Status { status });
    }
    let mut events = match first {
        Some(command) => super::command(state, command)?,
        None => Vec::new(),
    };
    events.push(Event::TaskQueued { behind });
    Ok(events)
}
