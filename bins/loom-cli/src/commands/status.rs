//! `loom status`: where a task stands, also while another process runs it.

use crate::context::{Context, query_fault};
use crate::fault::{Exit, Outcome};
use crate::render::status;
use crate::ui::Tone;
use clap::Args;
use loom_engine::{Clock as _, SystemClock};

/// Arguments of `loom status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom status
  loom status 1a2b3c4d --json")]
pub(crate) struct StatusArgs {
    /// The task: its id, or the last digits of it; without one the newest
    task: Option<String>,
    /// Print the whole state as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: StatusArgs, context: &mut Context) -> Outcome {
    let (reader, task) = match &arguments.task {
        Some(task) => context.find(task).await?,
        None => {
            let Some(reader) = context.reader()? else {
                return Ok(none(context, arguments.json));
            };
            let rows = reader.tasks(1).await.map_err(query_fault)?;
            let Some(newest) = rows.first() else {
                return Ok(none(context, arguments.json));
            };
            (reader, newest.id)
        }
    };
    let view = reader.task(task).await.map_err(query_fault)?;
    if arguments.json {
        context
            .ui
            .raw(&format!("{}\n", serde_json::to_string(&view)?));
        return Ok(Exit::Done);
    }
    for (tone, text) in status(&view, SystemClock.now()) {
        context.ui.line(tone, &text);
    }
    if !view.status.is_final() {
        let text = format!(
            "if no process runs it any more: loom resume {}",
            task.short()
        );
        context.ui.note(Tone::Dim, &text);
    }
    Ok(Exit::Done)
}

/// That there is nothing is no error.
pub(super) fn none(context: &mut Context, json: bool) -> Exit {
    match json {
        true => context.ui.raw("null\n"),
        false => context.ui.note(
            Tone::Plain,
            "no tasks yet; begin one with: loom run \"GOAL\"",
        ),
    }
    Exit::Done
}
