//! `loom diff`: what a task changed, as a patch that `git apply` takes.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Outcome};
use crate::ui::Tone;
use clap::Args;

/// Arguments of `loom diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom diff 1a2b3c4d
  loom diff 1a2b3c4d src/main.rs
  loom diff 1a2b3c4d > change.patch")]
pub(crate) struct DiffArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Only this file, relative to the workspace
    path: Option<String>,
    /// Print each file as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &DiffArgs, context: &mut Context) -> Outcome {
    let (service, task) = context.task(&arguments.task).await?;
    let (client, task) = (service.client(), task.task_id);
    let diffs = match &arguments.path {
        None => client.diff(task).await.map(|diff| diff.files),
        Some(path) => client.file_diff(task, path).await.map(|diff| vec![diff]),
    };
    service.leave().await;
    let diffs = diffs.map_err(client_fault)?;
    for diff in &diffs {
        let text = match arguments.json {
            true => format!("{}\n", serde_json::to_string(diff)?),
            false => context.ui.out.patch(&diff.patch),
        };
        context.ui.raw(&text);
    }
    if diffs.is_empty() && !arguments.json {
        context.ui.note(
            Tone::Plain,
            "no changes: everything is as it was before the task",
        );
    }
    Ok(Exit::Done)
}
