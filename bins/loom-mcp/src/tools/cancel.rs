//! `loom_cancel`: ends a task.

use super::{Answer, Hints, Refusal, Tool};
use crate::caller::Caller;
use crate::shown::Taken;
use loom_client::wire::{self, CancelRequest};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) struct Cancel;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The task's id, or its last digits (at least four).
    task: String,
    /// Why, for the record.
    #[serde(default)]
    reason: Option<String>,
}

impl Tool for Cancel {
    type Args = Args;
    type Output = Taken;
    const NAME: &'static str = "loom_cancel";
    const TITLE: &'static str = "Cancel a task";
    const ABOUT: &'static str = "Ends a task. The step that is half done is put back; finished steps stay, and loom_revert takes them back. A task that has ended stays as it is.";
    const HINTS: Hints = Hints::Destructive {
        again: true,
        open_world: false,
    };

    async fn call(caller: &Caller, args: Args) -> Result<Answer<Taken>, Refusal> {
        let task = caller.service().task(&args.task).await?;
        if task.view.status.is_final() {
            return Ok(Answer::taken(wire::Taken {
                task_id: task.task_id,
                status: task.view.status,
                message: format!("it has ended before: {}", task.view.status.name()),
            }));
        }
        let id = task.task_id;
        let request = CancelRequest {
            reason: args.reason,
        };
        let cancelled = caller.service().call(|client| {
            let request = request.clone();
            async move { client.cancel(id, &request).await }
        });
        Ok(Answer::taken(cancelled.await?))
    }
}
