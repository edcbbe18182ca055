//! Questions to a human, answered.

use super::command;
use crate::access::Scope;
use crate::app::App;
use crate::fault::Fault;
use crate::http::{Call, Given, Json, Maybe};
use loom_client::wire::{AnswerRequest, ApproveRequest, FeedbackRequest, RejectRequest, Taken};
use loom_events::{Command, QuestionId, Response, Scope as Reach, Subject, SubtaskId, TaskId};
use loom_view::{QuestionView, SubtaskView, TaskView};

/// Who answers, as the journal names it.
const BY: &str = "api";

pub(crate) async fn approve(call: Call<(), Maybe<ApproveRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let ApproveRequest {
        question,
        subtask_id,
        scope,
        approved,
        reason,
    } = call.body.0;
    let response = match approved.unwrap_or(true) {
        true => Response::Grant {
            scope: scope.unwrap_or(Reach::Once),
        },
        false => Response::Deny {
            reason: reason.unwrap_or_default(),
        },
    };
    let meant = Meant {
        question,
        subtask: subtask_id,
    };
    respond(&call.app, task, &meant, response).await
}

pub(crate) async fn reject(call: Call<(), Maybe<RejectRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let RejectRequest { question, reason } = call.body.0;
    let meant = Meant::by_name(question);
    respond(&call.app, task, &meant, Response::Deny { reason }).await
}

pub(crate) async fn answer(call: Call<(), Given<AnswerRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let AnswerRequest { question, response } = call.body.0;
    respond(&call.app, task, &Meant::by_name(question), response).await
}

pub(crate) async fn feedback(call: Call<(), Given<FeedbackRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let FeedbackRequest {
        feedback: text,
        question,
        subtask_id,
    } = call.body.0;
    let view = call.app.engine.reader().task(task).await?;
    let about = subtask_id.as_ref();
    if let Some(id) = about.filter(|id| view.subtask(id).is_none()) {
        return Err(Fault::not_found(format!("the plan has no subtask `{id}`")).of(task));
    }
    let takes_words = |open: &&QuestionView| {
        matches!(
            open.question.subject,
            Subject::Ask { .. } | Subject::Exhausted { .. } | Subject::Executions { .. }
        ) && about.is_none_or(|id| subtask_of(&view, open) == Some(id))
    };
    let waiting: Vec<&QuestionView> = view.questions.iter().filter(takes_words).collect();
    let meant = match (question, waiting.as_slice()) {
        (Some(_), _) => {
            let named = Meant {
                question,
                subtask: subtask_id.clone(),
            };
            Some(named.of(&view)?)
        }
        (None, []) => None,
        (None, [one]) => Some(*one),
        (None, several) => return Err(ambiguous(several.iter().copied(), task)),
    };
    let Some(meant) = meant else {
        // Whoever works on another step hears it, too, and must not take it for theirs.
        let text = about.map_or(text.clone(), |id| format!("About the step `{id}`: {text}"));
        let steer = Command::Steer { text };
        let taken = command(&call.app, task, steer, "the next model call hears it").await?;
        return Ok(Json(taken));
    };
    if call.scope < Scope::Owner {
        let text = "a question waits for the user, and an agent may not answer it".to_owned();
        return Err(Fault::forbidden("scope", text).of(task));
    }
    let response = match meant.question.subject {
        Subject::Ask { .. } | Subject::Executions { .. } => Response::Text { text },
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
    let meant = Meant::by_name(Some(meant.id));
    respond(&call.app, task, &meant, response).await
}

/// Which question is meant.
struct Meant {
    question: Option<QuestionId>,
    /// The subtask that it is about.
    subtask: Option<SubtaskId>,
}

impl Meant {
    const fn by_name(question: Option<QuestionId>) -> Self {
        Self {
            question,
            subtask: None,
        }
    }

    /// The question that is meant: the one that is named, by itself or by its subtask, else the only
    /// one.
    fn of<'a>(&self, view: &'a TaskView) -> Result<&'a QuestionView, Fault> {
        let fits = |open: &&QuestionView| {
            self.question.is_none_or(|id| id == open.id)
                && (self.subtask.as_ref()).is_none_or(|id| subtask_of(view, open) == Some(id))
        };
        let fitting: Vec<&QuestionView> = view.questions.iter().filter(fits).collect();
        let gone = |what: String| {
            let text = format!("{what} is not open: it was answered, has expired or was withdrawn");
            Fault::conflict("not_waiting", text).of(view.id)
        };
        match (fitting.as_slice(), &self.question, &self.subtask) {
            ([one], _, _) => Ok(one),
            ([], Some(id), Some(subtask)) => {
                Err(gone(format!("question {id} about subtask `{subtask}`")))
            }
            ([], Some(id), None) => Err(gone(format!("question {id}"))),
            ([], None, Some(subtask)) => Err(gone(format!("a question about subtask `{subtask}`"))),
            (_, _, _) => Err(ambiguous(fitting.iter().copied(), view.id)),
        }
    }
}

/// The subtask that a question is about, if about one.
fn subtask_of<'a>(view: &'a TaskView, open: &'a QuestionView) -> Option<&'a SubtaskId> {
    let attempt = match &open.question.subject {
        Subject::Exhausted { subtask } | Subject::Executions { subtask } => return Some(subtask),
        Subject::Call { attempt, .. }
        | Subject::Ask { attempt, .. }
        | Subject::Result { attempt }
        | Subject::ByHand { attempt } => *attempt,
        Subject::Plan { .. } | Subject::PlanLimit { .. } | Subject::Doubt { .. } => return None,
    };
    let has = |subtask: &&SubtaskView| subtask.attempts.iter().any(|one| one.id == attempt);
    view.subtasks.iter().find(has).map(|found| &found.spec.id)
}

/// Answers a question.
async fn respond(
    app: &App,
    task: TaskId,
    meant: &Meant,
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
    let question = meant.of(&view)?.id;
    let answer = Command::Answer {
        question,
        response,
        by: BY.to_owned(),
    };
    let message = format!("question {question} is answered");
    Ok(Json(command(app, task, answer, &message).await?))
}

fn ambiguous<'a>(several: impl Iterator<Item = &'a QuestionView>, task: TaskId) -> Fault {
    let ids: Vec<String> = several.map(|view| view.id.to_string()).collect();
    let text = format!("several questions wait: name one of {}", ids.join(", "));
    Fault::conflict("ambiguous", text).of(task)
}
