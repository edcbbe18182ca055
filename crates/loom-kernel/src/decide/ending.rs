//! Ends that are not the plan's: a human's word, the absence of one, a workspace that could not be
//! put back. And how questions are put.

use crate::state::State;
use loom_events::{End, Event, OnExpiry, Question, Time, Unanswered};
use std::time::Duration;

pub(super) fn ended(state: &State, _: Time) -> Option<Vec<Event>> {
    if !state.active() {
        return None;
    }
    if let Some(end) = &state.verdict {
        return Some(vec![Event::TaskStopping { end: end.clone() }]);
    }
    state.unsettled.then(|| {
        vec![failed(
            "something could not be put back: the workspace needs a look".to_owned(),
        )]
    })
}

/// The task ends without its result.
pub(super) const fn failed(reason: String) -> Event {
    Event::TaskStopping {
        end: End::Failed {
            reason,
            needs_human: false,
        },
    }
}

/// Puts a question, or ends the task when nobody is there to answer it: it fails closed.
pub(super) fn ask(state: &State, asked: Question, on_expiry: OnExpiry, now: Time) -> Event {
    if state.new.settings.attended {
        return question(state, asked, on_expiry, now);
    }
    let Question { reason, action, .. } = asked;
    let about = if action.is_empty() {
        String::new()
    } else {
        format!(": {action}")
    };
    Event::TaskStopping {
        end: End::Failed {
            reason: format!("nobody is here to answer: {reason}{about}"),
            needs_human: true,
        },
    }
}

/// Shows something and gives people a while to object; only where somebody is.
pub(super) fn objections(state: &State, question: Question, now: Time) -> Event {
    let wait = Duration::from_millis(state.new.settings.bands.objection_ms);
    Event::ApprovalRequested {
        question,
        deadline: Some(now.after(wait)),
        on_expiry: OnExpiry::Proceed,
    }
}

/// Puts a question of the model's own, with what the task has settled for its silence.
pub(super) fn asked_by_model(state: &State, asked: Question, now: Time) -> Event {
    let settings = &state.new.settings;
    match settings.unanswered {
        // Nobody is here: what counts without an answer counts now.
        Unanswered::Default if !settings.attended => Event::ApprovalRequested {
            question: asked,
            deadline: Some(now),
            on_expiry: OnExpiry::Proceed,
        },
        Unanswered::Default => ask(state, asked, OnExpiry::Proceed, now),
        Unanswered::Fail => ask(state, asked, OnExpiry::Fail, now),
        Unanswered::Wait if !settings.attended => ask(state, asked, OnExpiry::Fail, now),
        Unanswered::Wait => Event::ApprovalRequested {
            question: asked,
            deadline: None,
            on_expiry: OnExpiry::Fail,
        },
    }
}

/// Puts a question.
pub(super) fn question(state: &State, question: Question, on_expiry: OnExpiry, now: Time) -> Event {
    let wait = state.new.settings.question_timeout_ms;
    Event::ApprovalRequested {
        question,
        deadline: wait.map(|millis| now.after(Duration::from_millis(millis))),
        on_expiry,
    }
}
