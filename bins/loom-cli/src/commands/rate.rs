//! `loom rate`: what a human says of a task that has ended.

use super::acting::taken;
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use clap::{Args, ValueEnum};
use loom_client::wire::RateRequest;
use loom_events::SubtaskId;

/// Arguments of `loom rate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Say it of what you have looked at. Nothing of the task changes: Loom learns how sure results are that it \
states to be so and so sure (docs/learning.md). What you say later counts in its place.

Examples:
  loom rate 1a2b3c4d good
  loom rate 1a2b3c4d bad --step write-parser")]
pub(crate) struct RateArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Whether it is right
    verdict: Word,
    /// Only this step of it; may be given several times
    #[arg(long, value_name = "ID")]
    step: Vec<String>,
    /// Print what was taken as one line of JSON
    #[arg(long)]
    json: bool,
}

/// Whether it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Word {
    /// All of it is right
    Good,
    /// Something is wrong
    Bad,
}

pub(super) async fn run(arguments: RateArgs, context: &mut Context) -> Outcome {
    let step = |id: &String| {
        SubtaskId::new(id).map_err(|_| Fault::usage(format!("`{id}` is no id of a step")))
    };
    let request = RateRequest {
        right: arguments.verdict == Word::Good,
        subtasks: arguments.step.iter().map(step).collect::<Result<_, _>>()?,
    };
    let (service, task) = context.task(&arguments.task).await?;
    let answer = service.client().rate(task.task_id, &request).await;
    service.leave().await;
    taken(answer, arguments.json, context)
}
