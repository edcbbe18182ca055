//! `create`: the first event of a task.

use super::Rejection;
use crate::state::{Life, State};
use crate::validate;
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
    let own = &task.settings.verification.checks;
    if let Some(fault) = own.iter().find_map(|line| validate::power_fault(line)) {
        return Err(Rejection::Check { fault });
    }
    Ok(vec![Event::TaskCreated(task.clone())])
}
