//! `loom approve`: yes to a question of a task.

use super::acting::{taken, working};
use crate::context::Context;
use crate::fault::Outcome;
use clap::Args;
use loom_client::wire::ApproveRequest;
use loom_events::{QuestionId, Scope, Seq};

/// Arguments of `loom approve`.
#[derive(Debug, Args)]
#[command(after_help = "\
`loom status TASK` shows what is asked, word for word. A yes covers exactly that.

Examples:
  loom approve 1a2b3c4d
  loom approve 1a2b3c4d 42 --always")]
pub(crate) struct ApproveArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// The number of the question; needed when several wait
    question: Option<u64>,
    /// For the same thing again in this task, too
    #[arg(long)]
    always: bool,
    /// Print what was taken as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ApproveArgs, context: &mut Context) -> Outcome {
    let (service, task) = working(&arguments.task, context).await?;
    let request = ApproveRequest {
        question: arguments.question.map(|seq| QuestionId(Seq(seq))),
        scope: arguments.always.then_some(Scope::Task),
        ..ApproveRequest::default()
    };
    let answer = service.client().approve(task.task_id, &request).await;
    taken(answer, arguments.json, context)
}
