//! `loom_execute_task`: begins a task, and waits for it when asked to.

use super::wait::{OnCancel, follow};
use super::{Answer, Hints, Refusal, Tool};
use crate::caller::Caller;
use crate::extension;
use crate::shown::TaskShown;
use loom_client::wire::{Approval, NewTaskRequest};
use loom_events::TaskId;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// How long a call waits whose client does not hear of progress: many give up after a minute, and
/// would lose the id.
const WITHOUT_PROGRESS: Duration = Duration::from_secs(45);

pub(super) struct Execute;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The whole goal, in plain words: what is to be true at the end, and how one can tell.
    goal: String,
    /// Absolute path of the directory to work in. Without one the task has no files.
    #[serde(default)]
    workspace: Option<String>,
    /// More about the goal: constraints, what was tried, where to look.
    #[serde(default)]
    context: Option<String>,
    /// When a human must agree to a result: `auto` by its confidence (usual), `manual` for every
    /// step, `confidence_threshold` below the configured one.
    #[serde(default)]
    approval_mode: Option<Mode>,
    /// Wait until the task has ended. Otherwise its id comes back at once.
    #[serde(default)]
    wait: bool,
    /// With `wait`: come back after so many seconds at the latest; the task goes on.
    #[serde(default)]
    wait_seconds: Option<u32>,
    /// With `wait`: what becomes of the task when this call is cancelled. `detach`: it goes on
    /// (usual). `cancel`: it ends.
    #[serde(default)]
    on_cancel: OnCancel,
    /// False when nobody can answer questions: then a question fails the task instead of waiting.
    #[serde(default)]
    attended: Option<bool>,
    /// Any text of your own that names this piece of work. A second call with the same one gives the
    /// task of the first, so that a call that was lost can be made again.
    #[serde(default)]
    key: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Auto,
    Manual,
    ConfidenceThreshold,
}

impl From<Mode> for Approval {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Auto => Self::Auto,
            Mode::Manual => Self::Manual,
            Mode::ConfidenceThreshold => Self::ConfidenceThreshold,
        }
    }
}

impl Tool for Execute {
    type Args = Args;
    type Output = TaskShown;
    const NAME: &'static str = "loom_execute_task";
    const TITLE: &'static str = "Give Loom a task";
    const ABOUT: &'static str = "Begins a task: Loom plans it, does it in `workspace` with local models and verified steps, and reports. Returns the task's id and where it stands; the task goes on by itself also when this call is lost. Takes minutes: with `wait` the call lasts as long as the task (with progress), without it call loom_wait with the id. Every change can be taken back with loom_revert.";
    const HINTS: Hints = Hints::Destructive {
        again: false,
        open_world: true,
    };

    async fn call(caller: &Caller, args: Args) -> Result<Answer<TaskShown>, Refusal> {
        let call = caller.context.id.clone();
        let (wait, on_cancel) = (args.wait, args.on_cancel);
        let handle = caller.takes_tasks() && caller.state.is_none();
        if wait && !handle && on_cancel == OnCancel::Cancel {
            caller.calls.begin(call.clone());
        }
        let limit = args
            .wait_seconds
            .map(|seconds| Duration::from_secs(seconds.into()));
        let limit = limit.or_else(|| {
            caller
                .progress_token()
                .is_none()
                .then_some(WITHOUT_PROGRESS)
        });
        let id = match &caller.state {
            // The call is made again, with what the human answered.
            Some(state) => state
                .parse::<TaskId>()
                .map_err(|_| Refusal("the request state is not one of this server".to_owned()))?,
            None => match begin(caller, args).await {
                Ok(id) => id,
                Err(refusal) => {
                    caller.calls.end(&call);
                    return Err(refusal);
                }
            },
        };
        if !wait || handle {
            let task = caller.service().task(&id.to_string()).await?;
            return Ok(match wait {
                true => Answer::Task(extension::created(&task)),
                false => Answer::task(&task),
            });
        }
        follow(caller, id, limit, on_cancel).await
    }
}

async fn begin(caller: &Caller, args: Args) -> Result<TaskId, Refusal> {
    let request = NewTaskRequest {
        goal: args.goal,
        workspace: args.workspace,
        context: args.context,
        approval_mode: args.approval_mode.map(Into::into),
        attended: args.attended,
        ..NewTaskRequest::default()
    };
    let key = args.key;
    let made = caller.service().call(|client| {
        let (request, key) = (request.clone(), key.clone());
        async move { client.submit(&request, key.as_deref()).await }
    });
    let made = made.await?;
    tracing::info!(task = %made.task_id, "began");
    Ok(made.task_id)
}
