//! `loom reject`: no to a question of a task.

use super::acting::{taken, working};
use crate::context::Context;
use crate::fault::Outcome;
use clap::Args;
use loom_client::wire::RejectRequest;
use loom_events::{QuestionId, Seq};

/// Arguments of `loom reject`.
#[derive(Debug, Args)]
#[command(after_help = "\
The reason is what the next attempt is told.

Examples:
  loom reject 1a2b3c4d --reason \"keep the old file format\"
  loom reject 1a2b3c4d 42")]
pub(crate) struct RejectArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// The number of the question; needed when several wait
    question: Option<u64>,
    /// Why not
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Print what was taken as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: RejectArgs, context: &mut Context) -> Outcome {
    let (service, task) = working(&arguments.task, context).await?;
    let request = RejectRequest {
        question: arguments.question.map(|seq| QuestionId(Seq(seq))),
        reason: arguments.reason,
    };
    let answer = service.client().reject(task.task_id, &request).await;
    taken(answer, arguments.json, context)
}
