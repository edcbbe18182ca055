//! `loom pause`: lets nothing new begin in a task.

use super::acting::{taken, working};
use crate::context::Context;
use crate::fault::Outcome;
use clap::Args;

/// Arguments of `loom pause`.
#[derive(Debug, Args)]
#[command(after_help = "\
`loom resume TASK` goes on with it.

Examples:
  loom pause 1a2b3c4d")]
pub(crate) struct PauseArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Print what was taken as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &PauseArgs, context: &mut Context) -> Outcome {
    let (service, task) = working(&arguments.task, context).await?;
    let answer = service.client().pause(task.task_id).await;
    taken(answer, arguments.json, context)
}
