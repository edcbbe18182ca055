//! `loom replay`: a task again, from its journal alone; `--check` compares fold and stored state.

use crate::context::{Context, query_fault};
use crate::fault::{Exit, Outcome};
use crate::render::{Narrator, report};
use crate::ui::{Tone, count};
use clap::Args;
use loom_engine::TaskView;

/// Arguments of `loom replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom replay 1a2b3c4d
  loom replay 1a2b3c4d --check")]
pub(crate) struct ReplayArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Fold the journal and compare with what is stored; exit 1 when they differ
    #[arg(long)]
    check: bool,
    /// Print events (with --check: the outcome) as lines of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ReplayArgs, context: &mut Context) -> Outcome {
    match arguments.check {
        true => check(arguments, context).await,
        false => show(arguments, context).await,
    }
}

async fn show(arguments: &ReplayArgs, context: &mut Context) -> Outcome {
    let (reader, task) = context.find(&arguments.task).await?;
    let mut narrator = Narrator::default();
    let mut view = TaskView::new(task);
    for record in reader.records(task).await.map_err(query_fault)? {
        view.apply(&record.envelope);
        if arguments.json {
            context
                .ui
                .raw(&format!("{}\n", serde_json::to_string(&record)?));
            continue;
        }
        for line in narrator.lines(&record.envelope, &view) {
            context.ui.line(line.tone, &line.indented());
        }
    }
    if !arguments.json {
        context.ui.line(Tone::Plain, "");
        for (tone, text) in report(&view) {
            context.ui.line(tone, &text);
        }
    }
    Ok(Exit::Done)
}

async fn check(arguments: &ReplayArgs, context: &mut Context) -> Outcome {
    let (reader, task) = context.find(&arguments.task).await?;
    let found = reader.replay_check(task).await.map_err(query_fault)?;
    let agrees = found.differences.is_empty();
    if arguments.json {
        context
            .ui
            .raw(&format!("{}\n", serde_json::to_string(&found)?));
    } else if agrees {
        let events = count(found.events);
        let text = format!("✓ {events} events fold to exactly what is stored");
        context.ui.line(Tone::Good, &text);
    } else {
        context
            .ui
            .line(Tone::Bad, "✗ the stored state is not what the journal says");
        for difference in &found.differences {
            context.ui.line(Tone::Plain, &format!("  {difference}"));
        }
    }
    match agrees {
        true => Ok(Exit::Done),
        false => Ok(Exit::Failed),
    }
}
