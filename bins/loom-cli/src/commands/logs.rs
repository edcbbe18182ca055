//! `loom logs`: what happened in a task, from its journal.

use crate::context::{Context, query_fault};
use crate::fault::{Exit, Outcome};
use crate::render::Narrator;
use crate::ui::{Tone, fit};
use clap::Args;
use loom_engine::TaskView;

/// Arguments of `loom logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom logs 1a2b3c4d
  loom logs 1a2b3c4d --json | jq 'select(.event_type == \"verification_failed\")'")]
pub(crate) struct LogsArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Print every event of the journal as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &LogsArgs, context: &mut Context) -> Outcome {
    let (reader, task) = context.find(&arguments.task).await?;
    let records = reader.records(task).await.map_err(query_fault)?;
    let mut narrator = Narrator::default();
    let mut view = TaskView::new(task);
    for record in &records {
        if context.ui.is_closed() {
            break;
        }
        if arguments.json {
            context
                .ui
                .raw(&format!("{}\n", serde_json::to_string(record)?));
            continue;
        }
        view.apply(&record.envelope);
        let since = record.envelope.timestamp.since(view.created);
        let stamp = format!("{:>8.1}s  ", since.as_secs_f64());
        for line in narrator.lines(&record.envelope, &view) {
            let stamp = context.ui.out.paint(Tone::Dim, &fit(&stamp, 11));
            let text = context.ui.out.paint(line.tone, &line.indented());
            context.ui.raw(&format!("{stamp}{text}\n"));
        }
    }
    if !arguments.json {
        let ended = match view.status.is_final() {
            true => view.status.name().to_owned(),
            false => format!("{} (unfinished)", view.status.name().replace('_', " ")),
        };
        context.ui.line(Tone::Strong, &format!("{:11}{ended}", ""));
    }
    Ok(Exit::Done)
}
