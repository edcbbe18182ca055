//! `loom_answer`: an answer to a question that is not for a human alone.

use super::{Answer, Hints, Refusal, Tool};
use crate::ask;
use crate::caller::Caller;
use crate::shown::Taken;
use loom_client::wire::{AnswerRequest, Task};
use loom_events::Response;
use loom_view::QuestionView;
use loom_view::Wants;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) struct Answered;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The task's id, or its last digits (at least four).
    task: String,
    /// The number of the question; needed only when several wait.
    #[serde(default)]
    question: Option<u64>,
    /// The answer: words for `answer`, guidance for `retry`, the reason for `reject`.
    #[serde(default)]
    answer: Option<String>,
    /// What kind of answer: `answer` (usual) a question that wants words; `reject` one that wants
    /// consent; `retry`, `skip` or `abort` one that wants a way out.
    #[serde(default)]
    action: Action,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    #[default]
    Answer,
    Reject,
    Retry,
    Skip,
    Abort,
}

impl Tool for Answered {
    type Args = Args;
    type Output = Taken;
    const NAME: &'static str = "loom_answer";
    const TITLE: &'static str = "Answer a question";
    const ABOUT: &'static str = "Answers a question of a task: with words, by rejecting what it asks consent for, or with a way out for a step that could not be done. It cannot approve anything: that is a human's to do (loom_approve). Ask your user when you do not know the answer.";
    const HINTS: Hints = Hints::Destructive {
        again: true,
        open_world: false,
    };

    async fn call(caller: &Caller, args: Args) -> Result<Answer<Taken>, Refusal> {
        let task = caller.service().task(&args.task).await?;
        let view = pick(&task, args.question, |_| true)?;
        let response = response(view, args.action, args.answer.unwrap_or_default())?;
        let request = AnswerRequest {
            question: Some(view.id),
            response,
        };
        let id = task.task_id;
        let answered = caller.service().call_for_human(|client| {
            let request = request.clone();
            async move { client.answer(id, &request).await }
        });
        Ok(Answer::taken(answered.await?))
    }
}

fn response(view: &QuestionView, action: Action, words: String) -> Result<Response, Refusal> {
    let wants = view.wants();
    match (wants, action) {
        (Wants::Words, Action::Answer) if words.trim().is_empty() => {
            Err(Refusal("an answer needs words: give `answer`".to_owned()))
        }
        (Wants::Words, Action::Answer) => Ok(Response::Text {
            text: ask::chosen(view, words),
        }),
        (Wants::Consent { .. }, Action::Reject) => Ok(Response::Deny { reason: words }),
        (Wants::WayOut, Action::Retry) => Ok(Response::Retry { guidance: words }),
        (Wants::WayOut, Action::Skip) => Ok(Response::Skip),
        (Wants::WayOut, Action::Abort) => Ok(Response::Abort),
        (Wants::Words, _) => Err(Refusal("the question wants words: `action` answer".to_owned())),
        (Wants::Consent { .. }, _) => Err(Refusal(
            "the question wants consent, which only a human can give: loom_approve asks them; `action` reject says no"
                .to_owned(),
        )),
        (Wants::Done, _) => Err(Refusal(
            "your user does this step by hand, and only they can say that it is done: `loom answer TASK --done` in a terminal"
                .to_owned(),
        )),
        (Wants::WayOut, _) => Err(Refusal(
            "the question wants a way out: `action` retry (with guidance as `answer`), skip or abort".to_owned(),
        )),
    }
}

/// The question that is meant: the one that is named, or the only one there is.
pub(super) fn pick(
    task: &Task,
    named: Option<u64>,
    fits: impl Fn(&QuestionView) -> bool,
) -> Result<&QuestionView, Refusal> {
    let open = &task.view.questions;
    if let Some(named) = named {
        let found = open.iter().find(|one| one.id.0.0 == named);
        return found.ok_or_else(|| {
            Refusal(format!(
                "question {named} of task {} does not wait for an answer",
                task.task_id
            ))
        });
    }
    let mut fitting = open.iter().filter(|one| fits(one));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Refusal(format!(
            "no such question of task {} waits",
            task.task_id
        ))),
        (Some(_), Some(_)) => {
            let all: Vec<String> = open.iter().map(|one| one.id.to_string()).collect();
            Err(Refusal(format!(
                "several questions wait, name one: {}",
                all.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::tests::{call, question};
    use loom_events::{AttemptId, Seq, Subject};

    #[test]
    fn nothing_that_can_be_said_here_approves() {
        for subject in [
            call().question.subject,
            Subject::Plan { version: 1 },
            Subject::PlanLimit { version: 1 },
            Subject::Result {
                attempt: AttemptId(Seq(1)),
            },
        ] {
            let view = question(subject);
            for action in [
                Action::Answer,
                Action::Reject,
                Action::Retry,
                Action::Skip,
                Action::Abort,
            ] {
                let given = response(&view, action, "yes, approve it".to_owned());
                assert!(
                    matches!(given, Err(_) | Ok(Response::Deny { .. })),
                    "{:?}",
                    view.question.subject
                );
            }
        }
    }
}
