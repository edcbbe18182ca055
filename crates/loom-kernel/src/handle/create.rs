//! `create`: the first event of a task.

use super::Rejection;
use crate::state::{Life, State};
use loom_events::{Event, NewTask};

pub(super) fn handle(state: &State, task: &NewTask) -> Result<Vec<Event>, Rejection> {
    if state.life != Life::New {
        return Err(Rejection::Exists);
    }
    let bytes = task.goal.trim().len();
    let max = NewTask::MAX_GOAL_BYTES;
    if bytes == 0 || bytes > max {
        return Err(Rejection::Goal { bytes, max });
    }
    Ok(vec![Event::TaskCreated(task.clone())])
}
