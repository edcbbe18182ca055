//! `loom steer`: an instruction for a task while it runs.

use super::acting::{taken, working};
use crate::context::Context;
use crate::fault::Outcome;
use clap::Args;
use loom_client::wire::SteerRequest;

/// Arguments of `loom steer`.
#[derive(Debug, Args)]
#[command(after_help = "\
The next model call hears it, and later ones remember it.

Examples:
  loom steer 1a2b3c4d \"leave the public API as it is\"")]
pub(crate) struct SteerArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// What to mind from now on
    instruction: String,
    /// Print what was taken as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: SteerArgs, context: &mut Context) -> Outcome {
    let (service, task) = working(&arguments.task, context).await?;
    let request = SteerRequest {
        instruction: arguments.instruction,
    };
    let answer = service.client().steer(task.task_id, &request).await;
    taken(answer, arguments.json, context)
}
