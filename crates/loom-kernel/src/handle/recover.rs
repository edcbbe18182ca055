//! `recover`: a process takes the task up. One event; everything else follows from it as data.

use super::{Rejection, TaskStatus};
use crate::state::{Life, State};
use crate::status;
use loom_events::Event;

pub(super) fn handle(state: &State, build: &str) -> Result<Vec<Event>, Rejection> {
    let status: TaskStatus = status(state);
    if matches!(state.life, Life::Done(_)) {
        return Err(Rejection::Status { status });
    }
    let build = build.to_owned();
    Ok(vec![Event::RunnerStarted { build }])
}
