//! `loom retry`: what a task did not bring about is tried again, in a new task.

use super::again::{AgainArgs, Point, begin};
use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use clap::Args;
use loom_events::SubtaskId;

/// Arguments of `loom retry`.
#[derive(Debug, Args)]
#[command(after_help = "\
A new task takes over the goal, the directory, the plan and the results of what was completed. Files \
stay as they are, unless you say --restore.

Examples:
  loom retry 1a2b3c4d                   whatever was not completed
  loom retry 1a2b3c4d --from parser     the step `parser` and what depends on it, too
  loom retry 1a2b3c4d --from parser --restore")]
pub(crate) struct RetryArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Do this step and what depends on it again, also when it was completed
    #[arg(long, value_name = "SUBTASK")]
    from: Option<String>,
    #[command(flatten)]
    again: AgainArgs,
}

pub(super) async fn run(arguments: RetryArgs, context: &mut Context) -> Outcome {
    let point = match arguments.from.as_deref().map(SubtaskId::new) {
        None => Point::End,
        Some(Ok(subtask)) => Point::Subtask(subtask),
        Some(Err(error)) => return Err(Fault::from(error).exit(Exit::Usage)),
    };
    begin(&arguments.task, point, arguments.again, context).await
}
