//! `loom fork`: a new task that begins at any event of another one.

use super::again::{AgainArgs, Point, begin};
use crate::context::Context;
use crate::fault::Outcome;
use clap::Args;
use loom_events::Seq;

/// Arguments of `loom fork`.
#[derive(Debug, Args)]
#[command(after_help = "\
The new task has the plan that the other one had at that event, and the results that it had by then. \
`loom logs TASK` shows the numbers of events. Files stay as they are, unless you say --restore.

Examples:
  loom fork 1a2b3c4d --at 42
  loom fork 1a2b3c4d --at 42 --restore")]
pub(crate) struct ForkArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// The event after which to begin
    #[arg(long, value_name = "SEQ")]
    at: u64,
    #[command(flatten)]
    again: AgainArgs,
}

pub(super) async fn run(arguments: ForkArgs, context: &mut Context) -> Outcome {
    let point = Point::Event(Seq(arguments.at));
    begin(&arguments.task, point, arguments.again, context).await
}
