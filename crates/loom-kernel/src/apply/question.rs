//! Questions and what their answers mean for the subject.

use super::{Place, tool};
use crate::Impossible;
use crate::owner::owner_of_work;
use crate::state::{CallState, FinaleStage, Help, Last, Open, Resolved, State};
use loom_events::{
    AttemptId, End, GivenAnswer, OnExpiry, Question, QuestionId, Said, Scope, Subject, Time, Work,
};

pub(super) fn requested(
    state: &mut State,
    at: &Place,
    question: &Question,
    (deadline, on_expiry): (Option<Time>, OnExpiry),
) {
    let id = QuestionId(at.seq);
    let owner = match &question.subject {
        Subject::Call { attempt, call, .. } | Subject::Ask { attempt, call, .. } => {
            if let Some(call) = tool::call_mut(state, *attempt, *call) {
                call.state = CallState::Asked(id);
            }
            state.owner(*attempt)
        }
        Subject::Result { attempt } | Subject::ByHand { attempt } => state.owner(*attempt),
        Subject::Doubt { effect } => {
            let work = state.inflight.get(effect).map(|e| e.work.clone());
            work.and_then(|work| owner_of_work(state, &work))
        }
        Subject::Exhausted { .. }
        | Subject::Executions { .. }
        | Subject::Plan { .. }
        | Subject::PlanLimit { .. } => None,
    };
    let open = Open {
        question: question.clone(),
        deadline,
        on_expiry,
        owner,
    };
    state.questions.insert(id, open);
}

/// Closes a question.
pub(super) fn take(
    state: &mut State,
    at: &Place,
    question: QuestionId,
) -> Result<Open, Impossible> {
    let event = at.name;
    let open = state.questions.remove(&question);
    open.ok_or(Impossible::NoQuestion { question, event })
}

pub(super) fn granted(
    state: &mut State,
    at: &Place,
    question: QuestionId,
    scope: Scope,
) -> Result<(), Impossible> {
    let open = take(state, at, question)?;
    yes(state, question, &open, scope);
    Ok(())
}

fn yes(state: &mut State, question: QuestionId, open: &Open, scope: Scope) {
    match &open.question.subject {
        Subject::Call {
            attempt,
            call,
            digest,
            ..
        } => {
            if scope == Scope::Task {
                state.grants.insert(digest.clone(), question);
            }
            if let Some(call) = tool::call_mut(state, *attempt, *call) {
                call.state = CallState::Granted(question, digest.clone());
            }
        }
        Subject::Result { attempt } => {
            if let Some(attempt) = state.attempt_mut(*attempt)
                && let Last::Passed(proof) = &attempt.last
            {
                attempt.last = Last::Agreed(proof.clone());
            }
        }
        Subject::Plan { .. } => state.agreed = true,
        Subject::PlanLimit { .. } => {
            state.extra_versions = state.extra_versions.saturating_add(1);
        }
        Subject::Doubt { effect } => {
            if let Some(effect) = state.inflight.get_mut(effect) {
                effect.resolved = Some(Resolved::Again);
            }
        }
        // Only time says yes to it: the model goes on without an answer.
        Subject::Ask { attempt, call, .. } => {
            let default = open.question.default.as_deref().unwrap_or_default();
            answer_call(state, *attempt, *call, default);
            state.degrade("a question of the model was not answered");
        }
        // They take other answers; `handle` refuses this one.
        Subject::Exhausted { .. } | Subject::Executions { .. } | Subject::ByHand { .. } => {}
    }
}

pub(super) fn denied(
    state: &mut State,
    at: &Place,
    question: QuestionId,
    reason: &str,
) -> Result<(), Impossible> {
    let open = take(state, at, question)?;
    no(state, &open, reason);
    Ok(())
}

fn no(state: &mut State, open: &Open, reason: &str) {
    match &open.question.subject {
        // The refusal is the call's result: the model is told and goes on.
        Subject::Call { attempt, call, .. } | Subject::Ask { attempt, call, .. } => {
            answer_call(state, *attempt, *call, reason);
        }
        Subject::Result { attempt } | Subject::ByHand { attempt } => {
            if let Some(attempt) = state.attempt_mut(*attempt) {
                attempt.last = Last::Denied(reason.to_owned());
            }
        }
        Subject::Exhausted { subtask } | Subject::Executions { subtask } => {
            if let Some(sub) = state.subs.get_mut(subtask) {
                let why = match reason.trim() {
                    "" => "it is not to be tried again",
                    said => said,
                };
                sub.help = Some(Help::GiveUp(why.to_owned()));
            }
        }
        Subject::Plan { .. } => state.unwanted = Some(reason.to_owned()),
        Subject::PlanLimit { .. } => {
            if let FinaleStage::Failed { feedback, .. } = &state.finale.stage {
                let reason = feedback.clone();
                state.verdict = Some(failed(reason, false));
            }
        }
        Subject::Doubt { effect } => {
            if let Some(effect) = state.inflight.get_mut(effect) {
                effect.resolved = Some(Resolved::Leave);
            }
        }
    }
}

pub(super) fn answered(
    state: &mut State,
    at: &Place,
    question: QuestionId,
    (answer, by): (&GivenAnswer, &str),
) -> Result<(), Impossible> {
    let open = take(state, at, question)?;
    match answer {
        GivenAnswer::Text { text } => {
            if let Subject::Ask { attempt, call, .. } = &open.question.subject {
                answer_call(state, *attempt, *call, text);
            }
        }
        GivenAnswer::Retry { guidance } => help(state, &open, &Help::Retry(guidance.clone())),
        GivenAnswer::Take { attempt } => take_execution(state, &open, *attempt),
        GivenAnswer::Skip => help(state, &open, &Help::Skip),
        GivenAnswer::TakeOver => help(state, &open, &Help::TakeOver),
        GivenAnswer::Done => done_by_hand(state, &open),
        // The plan itself is the next event.
        GivenAnswer::EditPlan => {}
        GivenAnswer::Abort => state.verdict = Some(failed(format!("aborted by {by}"), false)),
    }
    Ok(())
}

fn help(state: &mut State, open: &Open, help: &Help) {
    let subtask = match &open.question.subject {
        Subject::Exhausted { subtask } | Subject::Executions { subtask } => Some(subtask.clone()),
        Subject::Result { attempt } | Subject::ByHand { attempt } => {
            if let Some(attempt) = state.attempt_mut(*attempt) {
                attempt.last = Last::Denied("left out".to_owned());
            }
            state.owner(*attempt).map(|owner| owner.subtask)
        }
        Subject::Call { .. }
        | Subject::Ask { .. }
        | Subject::Plan { .. }
        | Subject::PlanLimit { .. }
        | Subject::Doubt { .. } => None,
    };
    if let Some(sub) = subtask.and_then(|id| state.subs.get_mut(&id)) {
        sub.help = Some(help.clone());
    }
}

/// It counts once there is a place for its merge.
fn take_execution(state: &mut State, open: &Open, attempt: AttemptId) {
    if let Subject::Executions { subtask } = &open.question.subject
        && let Some(sub) = state.subs.get_mut(subtask)
    {
        sub.round.chosen = Some(attempt);
    }
}

/// The user says that what they took over is done: to be judged, like any claim.
fn done_by_hand(state: &mut State, open: &Open) {
    let Subject::ByHand { attempt } = &open.question.subject else {
        return;
    };
    if let Some(attempt) = state.attempt_mut(*attempt) {
        attempt.gate = attempt.gate.saturating_add(1);
        attempt.last = Last::Spoke {
            said: Said::Done,
            unreadable: false,
        };
    }
}

pub(super) fn expired(
    state: &mut State,
    at: &Place,
    question: QuestionId,
) -> Result<(), Impossible> {
    let open = take(state, at, question)?;
    match open.on_expiry {
        OnExpiry::Deny => no(state, &open, "nobody answered in time"),
        OnExpiry::Proceed => yes(state, question, &open, Scope::Once),
        OnExpiry::Fail => {
            let reason = format!("nobody answered in time: {}", open.question.reason);
            state.verdict = Some(failed(reason, true));
        }
    }
    Ok(())
}

const fn failed(reason: String, needs_human: bool) -> End {
    End::Failed {
        reason,
        needs_human,
    }
}

fn answer_call(state: &mut State, attempt: AttemptId, call: u32, text: &str) {
    let work = Work::Tool {
        attempt,
        turn: 0,
        call,
    };
    tool::answer(state, &work, text);
}
