//! `answer`: what a human said to an open question. Which answers fit which question is one table.

use super::{Rejection, edit_plan, must_be_active};
use crate::compare::ranked;
use crate::state::State;
use loom_events::{Event, GivenAnswer, Plan, QuestionId, Response, Subject, SubtaskId};

pub(super) fn handle(
    state: &State,
    question: QuestionId,
    response: &Response,
    by: &str,
) -> Result<Vec<Event>, Rejection> {
    must_be_active(state)?;
    let open = state.questions.get(&question);
    let open = open.ok_or(Rejection::NoQuestion { question })?;
    let subject = &open.question.subject;
    if !fits(subject, response) {
        let takes = takes(subject);
        return Err(Rejection::WrongAnswer { question, takes });
    }
    let by = by.to_owned();
    if let Response::EditPlan { plan } = response {
        let mut events = vec![answered(question, GivenAnswer::EditPlan, by)];
        events.extend(other_plan(state, subject, plan)?);
        return Ok(events);
    }
    Ok(vec![match response.clone() {
        Response::Grant { scope } => Event::ApprovalGranted {
            question,
            scope,
            by,
        },
        Response::Deny { reason } => Event::ApprovalDenied {
            question,
            reason,
            by,
        },
        Response::Text { text } => {
            let answer = match subject {
                Subject::Executions { subtask } => {
                    let takes = takes(subject);
                    let wrong = Rejection::WrongAnswer { question, takes };
                    execution(state, subtask, &text).ok_or(wrong)?
                }
                Subject::Call { .. }
                | Subject::Ask { .. }
                | Subject::Result { .. }
                | Subject::Exhausted { .. }
                | Subject::ByHand { .. }
                | Subject::Plan { .. }
                | Subject::PlanLimit { .. }
                | Subject::Doubt { .. } => GivenAnswer::Text { text },
            };
            answered(question, answer, by)
        }
        Response::Retry { guidance } => answered(question, GivenAnswer::Retry { guidance }, by),
        Response::Skip => answered(question, GivenAnswer::Skip, by),
        Response::EditPlan { .. } => answered(question, GivenAnswer::EditPlan, by),
        Response::TakeOver => answered(question, GivenAnswer::TakeOver, by),
        Response::Done => answered(question, GivenAnswer::Done, by),
        Response::Abort => answered(question, GivenAnswer::Abort, by),
    }])
}

/// What words mean where one of several executions is to be taken: its number, one of the ways out, or
/// what is to be done differently. A number that none has means nothing.
fn execution(state: &State, subtask: &SubtaskId, text: &str) -> Option<GivenAnswer> {
    let said = text.trim().to_lowercase();
    let number = said.strip_prefix("take ").unwrap_or(&said).trim();
    if let Ok(number) = number.parse::<usize>() {
        let candidates = state.subs.get(subtask)?.round.candidates();
        let taken = ranked(&candidates).get(number.checked_sub(1)?)?.attempt;
        return Some(GivenAnswer::Take { attempt: taken });
    }
    Some(match said.as_str() {
        "skip" => GivenAnswer::Skip,
        "take over" => GivenAnswer::TakeOver,
        "abort" => GivenAnswer::Abort,
        "" => return None,
        "retry" => GivenAnswer::Retry {
            guidance: String::new(),
        },
        _ => GivenAnswer::Retry {
            guidance: text.trim().to_owned(),
        },
    })
}

/// A plan that would leave the step as it was answers nothing: the same question would follow.
fn other_plan(state: &State, subject: &Subject, plan: &Plan) -> Result<Vec<Event>, Rejection> {
    let stuck = match subject {
        Subject::Exhausted { subtask } => state.subs.get(subtask),
        Subject::Call { .. }
        | Subject::Ask { .. }
        | Subject::Result { .. }
        | Subject::Executions { .. }
        | Subject::ByHand { .. }
        | Subject::Plan { .. }
        | Subject::PlanLimit { .. }
        | Subject::Doubt { .. } => None,
    };
    if let Some(sub) = stuck.filter(|sub| plan.subtasks.contains(&sub.spec)) {
        let id = &sub.spec.id;
        let error =
            format!("subtask `{id}` is as it was: change it, leave it out, or try it again");
        return Err(Rejection::Plan {
            errors: vec![error],
        });
    }
    edit_plan::handle(state, plan)
}

const fn answered(question: QuestionId, answer: GivenAnswer, by: String) -> Event {
    Event::QuestionAnswered {
        question,
        answer,
        by,
    }
}

const fn fits(subject: &Subject, response: &Response) -> bool {
    match (subject, response) {
        (_, Response::Abort | Response::Deny { .. }) => true,
        (
            Subject::Call { .. }
            | Subject::Result { .. }
            | Subject::Plan { .. }
            | Subject::PlanLimit { .. }
            | Subject::Doubt { .. },
            Response::Grant { .. },
        )
        | (Subject::Ask { .. } | Subject::Executions { .. }, Response::Text { .. })
        | (Subject::Executions { .. }, Response::Retry { .. } | Response::TakeOver)
        | (
            Subject::Exhausted { .. },
            Response::Retry { .. } | Response::EditPlan { .. } | Response::TakeOver,
        )
        | (Subject::ByHand { .. }, Response::Done)
        | (
            Subject::Exhausted { .. }
            | Subject::Executions { .. }
            | Subject::Result { .. }
            | Subject::ByHand { .. },
            Response::Skip,
        ) => true,
        (
            _,
            Response::Grant { .. }
            | Response::Text { .. }
            | Response::Retry { .. }
            | Response::EditPlan { .. }
            | Response::TakeOver
            | Response::Done
            | Response::Skip,
        ) => false,
    }
}

const fn takes(subject: &Subject) -> &'static str {
    match subject {
        Subject::Call { .. }
        | Subject::Plan { .. }
        | Subject::PlanLimit { .. }
        | Subject::Doubt { .. } => "grant, deny or abort",
        Subject::Result { .. } => "grant, deny, skip or abort",
        Subject::Ask { .. } => "text, deny or abort",
        Subject::Executions { .. } => {
            "the number of one, words (what to do differently), skip, take_over, deny or abort"
        }
        Subject::Exhausted { .. } => "retry, skip, edit_plan, take_over, deny or abort",
        Subject::ByHand { .. } => "done, skip, deny or abort",
    }
}
