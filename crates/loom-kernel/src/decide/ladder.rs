//! After an attempt: the next rung, a new plan, a human, or the end of the subtask.
//!
//! Order: machine rungs → one re-plan → human. A subtask that waits here stops nobody else.

use super::ending::question;
use super::executions;
use super::replan::replanning;
use crate::compare::Comparison;
use crate::state::{Help, Stage, State, Subtask};
use loom_events::{
    AttemptEnd, Event, FailureClass, OnExpiry, PlanReason, Question, Risk, SkippedBy, Subject,
    SubtaskId, Time,
};

pub(super) fn climbed(state: &State, now: Time) -> Option<Vec<Event>> {
    if !state.active() {
        return None;
    }
    let mut subs = state.subs.iter();
    subs.find_map(|(id, sub)| {
        if !state.planned(id) {
            return dropped(id, sub);
        }
        match &sub.stage {
            Stage::Tried { .. } | Stage::Blocked if sub.help.is_some() => helped(id, sub),
            Stage::Tried { why, counts } => tried(state, (id, sub), (why, *counts), now),
            Stage::Blocked => out_of_rungs(state, (id, sub), now),
            Stage::Pending
            | Stage::Running(_)
            | Stage::Completed(_)
            | Stage::Failed
            | Stage::Skipped(_) => None,
        }
    })
}

/// A new plan does not have it any more.
fn dropped(id: &SubtaskId, sub: &Subtask) -> Option<Vec<Event>> {
    match &sub.stage {
        Stage::Pending | Stage::Tried { .. } | Stage::Blocked => {
            Some(vec![Event::SubtaskSkipped {
                subtask: id.clone(),
                by: SkippedBy::Replan,
            }])
        }
        Stage::Running(_) | Stage::Completed(_) | Stage::Failed | Stage::Skipped(_) => None,
    }
}

fn helped(id: &SubtaskId, sub: &Subtask) -> Option<Vec<Event>> {
    let subtask = id.clone();
    Some(vec![match sub.help.clone()? {
        Help::Retry(guidance) => Event::SubtaskReset {
            subtask,
            guidance,
            by_hand: false,
        },
        Help::TakeOver => Event::SubtaskReset {
            subtask,
            guidance: String::new(),
            by_hand: true,
        },
        Help::Skip => Event::SubtaskSkipped {
            subtask,
            by: SkippedBy::Human,
        },
        Help::GiveUp(reason) => Event::SubtaskFailed { subtask, reason },
    }])
}

/// An attempt ended: which rung is next. One that does not count stays where it is.
fn tried(
    state: &State,
    (id, sub): (&SubtaskId, &Subtask),
    (why, counts): (&AttemptEnd, bool),
    now: Time,
) -> Option<Vec<Event>> {
    // Whoever took it over gave it back: the same choices again.
    if sub.by_hand {
        return out_of_rungs(state, (id, sub), now);
    }
    let disputed = matches!(why, AttemptEnd::Disputed { .. });
    if (disputed || faulty_plan(why)) && !sub.disputed {
        return about_checks(state, (id, sub), why);
    }
    let asking = state.planning.as_ref().map(|planning| &planning.why);
    if matches!(asking, Some(PlanReason::Checks { subtask, .. }) if subtask == id) {
        return None;
    }
    let voting = sub.round.open();
    if voting && sub.round.compared(state.executions()) != Comparison::Nobody {
        return executions::follows(state, (id, sub), now);
    }
    if *why == AttemptEnd::Blocked {
        return Some(vec![Event::SubtaskBlocked {
            subtask: id.clone(),
            reason: sub.why.clone(),
        }]);
    }
    // With checks that the planner stands by, the work has failed them. Of several executions all did.
    let counts = counts || disputed || voting;
    let rungs = u32::try_from(state.new.settings.ladder.len()).unwrap_or(u32::MAX);
    let rung = if counts { sub.rung + 1 } else { sub.rung };
    if rung >= rungs.max(1) || faulty_plan(why) {
        return out_of_rungs(state, (id, sub), now);
    }
    Some(vec![Event::SubtaskRetrying {
        subtask: id.clone(),
        rung,
        not_before: now,
    }])
}

/// Before anything else the planner looks at the checks that seem to be wrong. That is a small
/// question, and its answer leaves the rest of the plan as it is.
fn about_checks(
    state: &State,
    (id, sub): (&SubtaskId, &Subtask),
    why: &AttemptEnd,
) -> Option<Vec<Event>> {
    if !state.going() || state.planning.is_some() {
        return None;
    }
    let checks = if let AttemptEnd::Disputed { checks } = why {
        checks.clone()
    } else {
        sub.spec.checks.iter().map(ToString::to_string).collect()
    };
    Some(replanning(
        state,
        PlanReason::Checks {
            subtask: id.clone(),
            checks,
            reason: sub.why.clone(),
        },
    ))
}

/// A fault of the plan is the planner's to repair; no rung would help.
const fn faulty_plan(why: &AttemptEnd) -> bool {
    matches!(why, AttemptEnd::Failed { failure } if matches!(failure.class, FailureClass::Plan))
}

fn out_of_rungs(state: &State, (id, sub): (&SubtaskId, &Subtask), now: Time) -> Option<Vec<Event>> {
    if !state.going() || state.planning.is_some() {
        return None;
    }
    if !sub.replanned && state.versions_left() > 0 {
        let subtask = id.clone();
        return Some(replanning(state, PlanReason::Exhausted { subtask }));
    }
    if state.new.settings.attended {
        let subject = Subject::Exhausted {
            subtask: id.clone(),
        };
        let asked = state.asked(&subject);
        return (!asked).then(|| {
            let asked = exhausted_question(id, sub, subject);
            vec![question(state, asked, OnExpiry::Fail, now)]
        });
    }
    let blocked = sub.stage == Stage::Blocked;
    (!blocked).then(|| {
        vec![Event::SubtaskFailed {
            subtask: id.clone(),
            reason: format!("no attempt is left; the last one: {}", sub.why),
        }]
    })
}

/// What can be done with a step that nobody could do.
const WAYS_OUT: [&str; 5] = ["retry", "skip", "edit the plan", "take over", "abort"];

fn exhausted_question(id: &SubtaskId, sub: &Subtask, subject: Subject) -> Question {
    Question {
        subject,
        reason: format!("`{id}` failed in {} attempts: {}", sub.ordinal, sub.why),
        action: sub.spec.title.clone(),
        risk: Risk::Low,
        rules: Vec::new(),
        choices: WAYS_OUT.map(str::to_owned).to_vec(),
        default: None,
    }
}
