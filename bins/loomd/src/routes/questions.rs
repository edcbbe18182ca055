//! Questions to a human, answered.

use super::command;
use crate::access::Scope;
use crate::app::App;
use crate::fault::Fault;
use crate::http::{Call, Given, Json, Maybe};
use loom_client::wire::{AnswerRequest, ApproveRequest, FeedbackRequest, RejectRequest, Taken};
use loom_events::{Command, QuestionId, Response, Scope as Reach, Subject, TaskId};
use loom_view::QuestionView;

/// Who answers, as the journal names it.
const BY: &str = "api";

pub(crate) async fn approve(call: Call<(), Maybe<ApproveRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let request = call.body.0;
    let scope = request.scope.unwrap_or(Reach::Once);
    respond(&call.app, task, request.question, Response::Grant { scope }).await
}

pub(crate) async fn reject(call: Call<(), Maybe<RejectRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let RejectRequest { question, reason } = call.body.0;
    respond(&call.app, task, question, Response::Deny { reason }).await
}

pub(crate) async fn answer(call: Call<(), Given<AnswerRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let AnswerRequest { question, response } = call.body.0;
    respond(&call.app, task, question, response).await
}

pub(crate) async fn feedback(call: Call<(), Given<FeedbackRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let FeedbackRequest {
        feedback: text,
        question,
    } = call.body.0;
    let open = call.app.engine.reader().task(task).await?.questions;
    let takes_words = |view: &&QuestionView| {
        matches!(
            view.question.subject,
            Subject::Ask { .. } | Subject::Exhausted { .. }
        )
    };
    let waiting: Vec<&QuestionView> = open.iter().filter(takes_words).collect();
    let meant = match (question, waiting.as_slice()) {
        (Some(_), _) => Some(named(&open, task, question)?),
        (None, []) => None,
        (None, [one]) => Some(*one),
        (None, several) => return Err(ambiguous(several.iter().copied(), task)),
    };
    let Some(meant) = meant else {
        let steer = Command::Steer { text };
        let taken = command(&call.app, task, steer, "the next model call hears it").await?;
        return Ok(Json(taken));
    };
    if call.scope < Scope::Owner {
        let text = "a question waits for the user, and an agent may not answer it".to_owned();
        return Err(Fault::forbidden("scope", text).of(task));
    }
    let response = match meant.question.subject {
        Subject::Ask { .. } => Response::Text { text },
        Subject::Exhausted { .. } => Response::Retry { guidance: text },
        Subject::Call { .. }
        | Subject::Result { .. }
        | Subject::Plan { .. }
        | Subject::PlanLimit { .. }
        | Subject::ByHand { .. }
        | Subject::Doubt { .. } => {
            let takes = match meant.question.subject {
                Subject::ByHand { .. } => "no words: answer that it is done",
                _ => "yes or no: approve or reject it",
            };
            let text = format!("question {} takes {takes}", meant.id);
            return Err(Fault::conflict("rejected", text).of(task));
        }
    };
    respond(&call.app, task, Some(meant.id), response).await
}

/// Answers a question.
async fn respond(
    app: &App,
    task: TaskId,
    question: Option<QuestionId>,
    response: Response,
) -> Result<Json<Taken>, Fault> {
    let view = app.engine.reader().task(task).await?;
    if view.status.is_final() {
        let text = format!("the task has ended: it is {}", view.status.name());
        return Err(Fault::conflict("ended", text).of(task));
    }
    if view.questions.is_empty() {
        let text = format!(
            "nothing waits for an answer: the task is {}",
            view.status.name()
        );
        return Err(Fault::conflict("not_waiting", text).of(task));
    }
    let question = named(&view.questions, task, question)?.id;
    let answer = Command::Answer {
        question,
        response,
        by: BY.to_owned(),
    };
    let message = format!("question {question} is answered");
    Ok(Json(command(app, task, answer, &message).await?))
}

/// The question that is meant: the one that is named, else the only one.
fn named(
    open: &[QuestionView],
    task: TaskId,
    question: Option<QuestionId>,
) -> Result<&QuestionView, Fault> {
    match (question, open) {
        (Some(id), _) => open.iter().find(|view| view.id == id).ok_or_else(|| {
            let text =
                format!("question {id} is not open: it was answered, has expired or was withdrawn");
            Fault::conflict("not_waiting", text).of(task)
        }),
        (None, [one]) => Ok(one),
        (None, several) => Err(ambiguous(several.iter(), task)),
    }
}

fn ambiguous<'a>(several: impl Iterator<Item = &'a QuestionView>, task: TaskId) -> Fault {
    let ids: Vec<String> = several.map(|view| view.id.to_string()).collect();
    let text = format!("several questions wait: name one of {}", ids.join(", "));
    Fault::conflict("ambiguous", text).of(task)
}
