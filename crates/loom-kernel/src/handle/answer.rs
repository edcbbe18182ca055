//! `answer`: what a human said to an open question. Which answers fit which question is one table.

use super::{Rejection, must_be_active};
use crate::state::State;
use loom_events::{Event, GivenAnswer, QuestionId, Response, Subject};

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
        Response::Text { text } => answered(question, GivenAnswer::Text { text }, by),
        Response::Retry { guidance } => answered(question, GivenAnswer::Retry { guidance }, by),
        Response::Skip => answered(question, GivenAnswer::Skip, by),
        Response::Abort => answered(question, GivenAnswer::Abort, by),
    }])
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
        | (Subject::Ask { .. }, Response::Text { .. })
        | (Subject::Exhausted { .. }, Response::Retry { .. })
        | (Subject::Exhausted { .. } | Subject::Result { .. }, Response::Skip) => true,
        (
            _,
            Response::Grant { .. }
            | Response::Text { .. }
            | Response::Retry { .. }
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
        Subject::Exhausted { .. } => "retry, skip, deny or abort",
    }
}
