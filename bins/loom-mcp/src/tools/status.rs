//! `loom_task_status`: where a task stands.

use super::{Answer, Hints, Refusal, Tool};
use crate::caller::Caller;
use crate::shown::TaskShown;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) struct Status;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The task's id, or its last digits (at least four).
    task: String,
}

impl Tool for Status {
    type Args = Args;
    type Output = TaskShown;
    const NAME: &'static str = "loom_task_status";
    const TITLE: &'static str = "Show a task";
    const ABOUT: &'static str = "Shows where a task stands right now: steps, open questions, changed files, result. To wait for it use loom_wait.";
    const HINTS: Hints = Hints::ReadOnly;

    async fn call(caller: &Caller, args: Args) -> Result<Answer<TaskShown>, Refusal> {
        let task = caller.service().task(&args.task).await?;
        Ok(Answer::task(&task))
    }
}
