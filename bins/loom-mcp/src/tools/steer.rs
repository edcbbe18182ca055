//! `loom_steer`: an instruction for a task that runs.

use super::{Answer, Hints, Refusal, Tool};
use crate::caller::Caller;
use crate::shown::Taken;
use loom_client::wire::SteerRequest;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) struct Steer;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The task's id, or its last digits (at least four).
    task: String,
    /// The instruction, in plain words.
    instruction: String,
}

impl Tool for Steer {
    type Args = Args;
    type Output = Taken;
    const NAME: &'static str = "loom_steer";
    const TITLE: &'static str = "Steer a task";
    const ABOUT: &'static str = "Gives a task that runs an instruction; the next model call hears it. For a correction of the course, not for a new goal. Answers nothing that waits: that is loom_answer.";
    const HINTS: Hints = Hints::Harmless { again: false };

    async fn call(caller: &Caller, args: Args) -> Result<Answer<Taken>, Refusal> {
        let id = caller.service().id(&args.task).await?;
        let request = SteerRequest {
            instruction: args.instruction,
        };
        let steered = caller.service().call(|client| {
            let request = request.clone();
            async move { client.steer(id, &request).await }
        });
        Ok(Answer::taken(steered.await?))
    }
}
