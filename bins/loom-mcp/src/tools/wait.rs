//! `loom_wait`: waits for a task.

use super::{Answer, Hints, Refusal, Tool};
use crate::caller::Caller;
use crate::server::cancel_with_call;
use crate::shown::TaskShown;
use crate::wait::{Stop, Wait as Waiting, wait};
use crate::{ask, extension};
use loom_client::wire::Task;
use loom_events::{QuestionId, TaskId};
use rmcp::model::InputRequiredResult;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Below the minute after which many clients give up on a call.
const USUAL: u32 = 30;

/// An hour; a model that wants more asks again.
const LONGEST: u32 = 3_600;

pub(super) struct Wait;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The task's id, or its last digits (at least four).
    task: String,
    /// How long at most, in seconds; 30 when left out, at most 3600.
    #[serde(default)]
    seconds: Option<u32>,
}

/// What becomes of a task when the call that waits for it is cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnCancel {
    #[default]
    Detach,
    Cancel,
}

impl Tool for Wait {
    type Args = Args;
    type Output = TaskShown;
    const NAME: &'static str = "loom_wait";
    const TITLE: &'static str = "Wait for a task";
    const ABOUT: &'static str = "Waits until a task has ended, or nothing goes on without an answer, or `seconds` are over, and shows where it stands. Call it again while the task works; each call costs next to nothing. Cancelling the call does nothing to the task.";
    const HINTS: Hints = Hints::ReadOnly;

    async fn call(caller: &Caller, args: Args) -> Result<Answer<TaskShown>, Refusal> {
        let id = caller.service().id(&args.task).await?;
        let seconds = args.seconds.unwrap_or(USUAL).min(LONGEST);
        let limit = Duration::from_secs(seconds.into());
        follow(caller, id, Some(limit), OnCancel::Detach).await
    }
}

/// Waits for a task, and answers with it or with what the human must be asked.
pub(super) async fn follow(
    caller: &Caller,
    id: TaskId,
    limit: Option<Duration>,
    on_cancel: OnCancel,
) -> Result<Answer<TaskShown>, Refusal> {
    let mut waiting = Waiting::new(id, limit);
    take_answers(caller, &mut waiting).await?;
    let call = &caller.context.id;
    let ends = on_cancel == OnCancel::Cancel;
    if ends && caller.calls.waits(call.clone(), id) {
        cancel_with_call(caller.service(), id).await;
    }
    let waited = wait(caller, waiting).await;
    if let Ok((_, Stop::Cancelled)) = waited {
        if ends && caller.cancelled_by_client() {
            cancel_with_call(caller.service(), id).await;
        }
        return Err(Refusal(left(id, on_cancel)));
    }
    caller.calls.end(call);
    let (task, stop) = waited.map_err(|error| {
        Refusal(format!("lost sight of task {id}: {}. It goes on as soon as its service runs; ask again with this id.", error.sentence()))
    })?;
    match stop {
        Stop::Ask(questions) => Ok(Answer::Ask(asked(&task, &questions))),
        Stop::Ended | Stop::Stuck | Stop::Time | Stop::Cancelled => Ok(Answer::task(&task)),
    }
}

fn left(id: TaskId, on_cancel: OnCancel) -> String {
    match on_cancel {
        OnCancel::Detach => {
            format!("the call was cancelled; task {id} goes on (loom_wait, loom_cancel)")
        }
        OnCancel::Cancel => format!("the call was cancelled, and task {id} with it"),
    }
}

/// The questions, for a client that makes the call again with the answers. The state is the id of the
/// task and nothing else: what is asked and what an answer means stands in Loom's own store, and the
/// id is one that everybody may know.
fn asked(task: &Task, questions: &[QuestionId]) -> InputRequiredResult {
    let views = task.view.questions.iter();
    let inputs = ask::inputs(views.filter(|view| questions.contains(&view.id)));
    InputRequiredResult::new(Some(inputs), Some(task.task_id.to_string()))
}

/// Gives Loom what the human answered, of a call that is made again. What was left open is not asked
/// a second time in this call.
async fn take_answers(caller: &Caller, waiting: &mut Waiting) -> Result<(), Refusal> {
    let Some(answers) = &caller.answers else {
        return Ok(());
    };
    let task = caller.service().task(&waiting.task.to_string()).await?;
    waiting.left = answers.keys().filter_map(|key| ask::of_key(key)).collect();
    for (question, response) in extension::decided(&task, answers) {
        ask::give(caller.service(), waiting.task, question, response).await?;
        waiting.left.remove(&question);
        waiting.given.insert(question);
    }
    Ok(())
}
