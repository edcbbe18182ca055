//! `retry`: the ladder of a subtask that ended without a result begins again.

use super::{Rejection, must_be_active};
use crate::decide::executions;
use crate::state::{Stage, State};
use loom_events::{Event, SkippedBy, SubtaskId};

pub(super) fn handle(
    state: &State,
    subtask: &SubtaskId,
    guidance: &str,
) -> Result<Vec<Event>, Rejection> {
    must_be_active(state)?;
    let planned = state.subs.get(subtask).filter(|_| state.planned(subtask));
    let Some(found) = planned else {
        let subtask = subtask.clone();
        return Err(Rejection::NoSubtask { subtask });
    };
    match &found.stage {
        Stage::Failed | Stage::Blocked | Stage::Tried { .. } | Stage::Skipped(SkippedBy::Human) => {
            let waiting = found.round.aside.iter();
            let ended = waiting.map(|aside| executions::ended(subtask, found, aside.attempt.id));
            let reset = Event::SubtaskReset {
                subtask: subtask.clone(),
                guidance: guidance.to_owned(),
                by_hand: false,
            };
            Ok(ended.chain([reset]).collect())
        }
        Stage::Pending | Stage::Running(_) | Stage::Completed(_) | Stage::Skipped(_) => {
            let subtask = subtask.clone();
            Err(Rejection::NotRetryable { subtask })
        }
    }
}
