//! Executions that wait to be compared, and what came of it.

use super::Place;
use crate::Impossible;
use crate::state::{Aside, Last, Stage, State};
use loom_events::{AttemptEnd, AttemptId, Compared, SubtaskId, TakenBy};

/// It keeps everything but its place.
pub(super) fn set_aside(
    state: &mut State,
    at: &Place,
    (attempt, subtask): (AttemptId, &SubtaskId),
) -> Result<(), Impossible> {
    let missing = || Impossible::NoAttempt {
        attempt,
        event: at.name,
    };
    let sub = state.subs.get_mut(subtask).ok_or_else(missing)?;
    let running = sub.attempt().filter(|a| a.id == attempt && a.votes);
    let running = running.filter(|a| matches!(a.last, Last::Passed(_)));
    let waits = running.and_then(|found| {
        Some(Aside {
            candidate: found.candidate.as_deref()?.clone(),
            attempt: found.clone(),
        })
    });
    let aside = waits.ok_or_else(missing)?;
    sub.round.aside.push(aside);
    sub.stage = Stage::Tried {
        why: AttemptEnd::Passed,
        counts: false,
    };
    Ok(())
}

pub(super) fn compared(
    state: &mut State,
    at: &Place,
    (subtask, outcome): (&SubtaskId, &Compared),
) -> Result<(), Impossible> {
    let attended = state.new.settings.attended;
    let missing = || Impossible::Subtask {
        subtask: subtask.clone(),
        event: at.name,
    };
    let sub = state.subs.get_mut(subtask);
    let sub = sub.filter(|sub| sub.round.open() && matches!(sub.stage, Stage::Tried { .. }));
    let sub = sub.ok_or_else(missing)?;
    match outcome {
        Compared::Taken { attempt, by } => {
            let mut taken = sub.round.take(*attempt).ok_or_else(missing)?;
            // From here on it is an attempt like any other.
            taken.votes = false;
            taken.chosen = *by == TakenBy::Human;
            sub.last = Some(taken.id);
            sub.round.over = true;
            sub.stage = Stage::Running(taken);
        }
        Compared::Diverged => {
            sub.round.diverged = true;
            if !attended {
                // Nobody can say which is right: none of them counts, and the ladder goes on.
                sub.round.over = true;
                sub.why = "its executions made different things, and nothing tells which is right"
                    .to_owned();
                sub.stage = Stage::Tried {
                    why: AttemptEnd::Outvoted,
                    counts: true,
                };
            }
        }
    }
    Ok(())
}
