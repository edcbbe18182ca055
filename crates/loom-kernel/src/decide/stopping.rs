//! The end is decided. A drain with compensation: attempts end, their effects are stopped (see
//! `wishes::unwanted`), what is in doubt is settled, merges are taken back, the rest is left out;
//! then exactly one terminal event.

use super::doubt;
use super::summary::summary;
use crate::state::{Life, Stage, State, Subtask};
use loom_events::{AttemptEnd, End, Event, SkippedBy, SubtaskId, Time};

pub(super) fn stopped(state: &State, _: Time) -> Option<Vec<Event>> {
    let Life::Stopping(end) = &state.life else {
        return None;
    };
    abandoned(state)
        .or_else(|| attempt_ended(state))
        .or_else(|| left_out(state))
        .or_else(|| over(state, end))
}

fn abandoned(state: &State) -> Option<Vec<Event>> {
    let planning = state.planning.as_ref()?;
    Some(vec![Event::PlanningAbandoned {
        planning: planning.id,
        reason: "the task is stopping".to_owned(),
    }])
}

fn attempt_ended(state: &State) -> Option<Vec<Event>> {
    let (subtask, attempt) = state.running().chain(state.aside()).next()?;
    Some(vec![Event::AttemptEnded {
        attempt: attempt.id,
        subtask: subtask.clone(),
        why: AttemptEnd::Stopped,
        feedback: "the task was stopped".to_owned(),
        counts: false,
    }])
}

fn left_out(state: &State) -> Option<Vec<Event>> {
    let mut subs = state.subs.iter();
    let (id, sub) =
        subs.find(|(_, sub)| matches!(sub.stage, Stage::Pending | Stage::Tried { .. }))?;
    let by = if waits_in_vain(state, sub) {
        SkippedBy::Dependency
    } else {
        SkippedBy::End
    };
    Some(vec![Event::SubtaskSkipped {
        subtask: id.clone(),
        by,
    }])
}

/// Whether something it depends on, at whatever distance, failed or is blocked.
fn waits_in_vain(state: &State, sub: &Subtask) -> bool {
    let mut seen: Vec<&SubtaskId> = Vec::new();
    let mut open: Vec<&SubtaskId> = sub.spec.depends_on.iter().collect();
    while let Some(id) = open.pop() {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let Some(dependency) = state.subs.get(id) else {
            continue;
        };
        if matches!(dependency.stage, Stage::Failed | Stage::Blocked) {
            return true;
        }
        open.extend(&dependency.spec.depends_on);
    }
    false
}

fn over(state: &State, end: &End) -> Option<Vec<Event>> {
    let mut debts = state.debts.values();
    let payable = debts.any(|debt| debt.tries.failures < doubt::tries(state));
    if payable || !state.inflight.is_empty() || !state.questions.is_empty() {
        return None;
    }
    let summary = summary(state, end);
    Some(vec![match end.clone() {
        End::Completed => Event::TaskCompleted(summary),
        End::Failed { reason, .. } => Event::TaskFailed { reason, summary },
        End::Cancelled { reason } => Event::TaskCancelled { reason, summary },
    }])
}
