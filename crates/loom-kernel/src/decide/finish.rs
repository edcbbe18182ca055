//! When nothing more can run: the last gate, completion, or failure with its reasons.

use super::ending::{failed, question};
use super::replan::replanning;
use super::{lane, schedule};
use crate::state::{Extraction, FinaleStage, Stage, State};
use loom_events::{
    End, Event, Failure, Limit, OnExpiry, PlanReason, Question, Risk, SkippedBy, Subject, Time,
};

/// Reasons shown at the end. More would not be read.
const MAX_REASONS: usize = 5;

pub(super) fn finished(state: &State, now: Time) -> Option<Vec<Event>> {
    if !at_rest(state) {
        return None;
    }
    if !all_done(state) {
        return Some(vec![failed(reasons(state))]);
    }
    if let Some(events) = late_instruction(state) {
        return Some(events);
    }
    if !state.new.settings.verification.judges_the_whole() {
        return Some(completed());
    }
    if let Some(end) = gave_up(state) {
        return Some(end);
    }
    match &state.finale.stage {
        FinaleStage::Open => unsure(state),
        FinaleStage::Passed => Some(completed()),
        FinaleStage::Failed { feedback, answered } => {
            gate_failed(state, (feedback, *answered), now)
        }
        FinaleStage::Broken(failure) => Some(broken(failure)),
    }
}

/// Whether the last gate should be running.
pub(super) fn last_gate_due(state: &State) -> bool {
    at_rest(state)
        && all_done(state)
        && state.new.settings.verification.judges_the_whole()
        && state.finale.stage == FinaleStage::Open
}

/// Nothing runs, nothing can be started, nothing is asked about a subtask, nothing is owed.
fn at_rest(state: &State) -> bool {
    let open = state.going() && state.agreed && state.version > 0 && state.planning.is_none();
    let stuck = |id: &loom_events::SubtaskId| {
        state.asked(&Subject::Exhausted {
            subtask: id.clone(),
        })
    };
    open && lane::drained(state)
        && state.running().next().is_none()
        && state.current().all(|(id, sub)| match &sub.stage {
            Stage::Pending => !schedule::runnable(state, sub),
            Stage::Running(_) | Stage::Tried { .. } => false,
            Stage::Blocked => !stuck(id),
            Stage::Completed(_) | Stage::Failed | Stage::Skipped(_) => true,
        })
        && state.subs.values().all(|sub| match &sub.stage {
            Stage::Completed(done) => done.extraction == Extraction::Finished,
            Stage::Pending
            | Stage::Running(_)
            | Stage::Tried { .. }
            | Stage::Failed
            | Stage::Blocked
            | Stage::Skipped(_) => true,
        })
}

fn all_done(state: &State) -> bool {
    state.current().all(|(_, sub)| match &sub.stage {
        Stage::Completed(_) | Stage::Skipped(SkippedBy::Human) => true,
        Stage::Pending
        | Stage::Running(_)
        | Stage::Tried { .. }
        | Stage::Failed
        | Stage::Blocked
        | Stage::Skipped(_) => false,
    })
}

fn completed() -> Vec<Event> {
    vec![Event::TaskStopping {
        end: End::Completed,
    }]
}

fn reasons(state: &State) -> String {
    let lines = state.current().filter_map(|(id, sub)| match &sub.stage {
        Stage::Failed => Some(format!("`{id}` failed: {}", sub.why)),
        Stage::Blocked => Some(format!("`{id}` is blocked: {}", sub.why)),
        Stage::Pending => Some(format!("`{id}` depends on what was not done")),
        Stage::Running(_) | Stage::Tried { .. } | Stage::Completed(_) | Stage::Skipped(_) => None,
    });
    lines.take(MAX_REASONS).collect::<Vec<_>>().join("; ")
}

/// An instruction that came after the last step: nobody has worked on it. A planner is asked; when
/// the plan may not be changed any more, the result says that it was not followed.
fn late_instruction(state: &State) -> Option<Vec<Event>> {
    if !state.unheard() {
        return None;
    }
    if state.versions_left() > 0 {
        let text = "the user gave an instruction after the last step was done".to_owned();
        return Some(replanning(state, PlanReason::Discovery { text }));
    }
    let what = "an instruction came too late to be followed".to_owned();
    let told = state.degraded.contains(&what);
    (!told).then(|| vec![Event::Degraded { what }])
}

/// Too many transient failures in a row are not transient.
fn gave_up(state: &State) -> Option<Vec<Event>> {
    let backoff = &state.finale.backoff;
    (backoff.failures > state.limits().transient_retries).then(|| {
        let mut events = vec![Event::LimitReached {
            which: Limit::TransientRetries,
            value: u64::from(backoff.failures),
        }];
        events.extend(broken(&backoff.given_up()));
        events
    })
}

fn broken(failure: &Failure) -> Vec<Event> {
    let message = &failure.message;
    vec![failed(format!("the last gate could not be run: {message}"))]
}

/// It fails closed: nobody could tell is not a pass.
fn unsure(state: &State) -> Option<Vec<Event>> {
    let rounds = state.limits().inconclusive_rounds;
    (state.finale.unsure > rounds).then(|| {
        vec![failed(
            "the last gate could not tell whether the goal is met".to_owned(),
        )]
    })
}

fn gate_failed(state: &State, (feedback, answered): (&str, bool), now: Time) -> Option<Vec<Event>> {
    if answered {
        return Some(vec![failed(format!("the last gate failed: {feedback}"))]);
    }
    if state.versions_left() > 0 {
        let feedback = feedback.to_owned();
        return Some(replanning(state, PlanReason::FinalGate { feedback }));
    }
    if state.new.settings.attended {
        return one_more(state, feedback, now);
    }
    let limit = Event::LimitReached {
        which: Limit::PlanVersions,
        value: u64::from(state.version),
    };
    Some(vec![
        limit,
        failed(format!("the last gate failed: {feedback}")),
    ])
}

fn one_more(state: &State, feedback: &str, now: Time) -> Option<Vec<Event>> {
    let subject = Subject::PlanLimit {
        version: state.version,
    };
    (!state.asked(&subject)).then(|| {
        let asked = Question {
            subject,
            reason: format!("the last gate failed: {feedback}"),
            action: "make one more version of the plan".to_owned(),
            risk: Risk::Low,
            rules: Vec::new(),
            choices: Vec::new(),
            default: None,
        };
        vec![question(state, asked, OnExpiry::Fail, now)]
    })
}
