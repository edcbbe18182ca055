//! `loom replay`: a task again, from its journal alone; `--check` compares fold and stored state.

use crate::context::{Context, query_fault};
use crate::fault::{Exit, Outcome};
use crate::render::{Narrator, report};
use crate::ui::{Tone, count};
use clap::Args;
use loom_engine::{PrefixShare, TaskView};

/// Arguments of `loom replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom replay 1a2b3c4d
  loom replay 1a2b3c4d --check
  loom replay 1a2b3c4d --prefix")]
pub(crate) struct ReplayArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Fold the journal and compare with what is stored; exit 1 when they differ
    #[arg(long)]
    check: bool,
    /// Show how much of each request was the same as in the one before, which is what a server need not
    /// read again
    #[arg(long, conflicts_with = "check")]
    prefix: bool,
    /// Print events (with --check or --prefix: the outcome) as lines of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ReplayArgs, context: &mut Context) -> Outcome {
    match (arguments.check, arguments.prefix) {
        (true, _) => check(arguments, context).await,
        (false, true) => prefix(arguments, context).await,
        (false, false) => show(arguments, context).await,
    }
}

async fn prefix(arguments: &ReplayArgs, context: &mut Context) -> Outcome {
    let (reader, task) = context.find(&arguments.task).await?;
    let found = reader.prefix_report(task).await.map_err(query_fault)?;
    if arguments.json {
        context
            .ui
            .raw(&format!("{}\n", serde_json::to_string(&found)?));
        return Ok(Exit::Done);
    }
    let head = format!(
        "{:<18} {:>8} {:>12} {:>12} {:>7}",
        "", "requests", "bytes", "as before", "share"
    );
    context.ui.line(Tone::Strong, &head);
    for (role, share) in &found.roles {
        context
            .ui
            .line(Tone::Plain, &share_line(role.name(), share));
    }
    let inside = share_line("inside attempts", &found.inside_attempts);
    context.ui.line(Tone::Dim, &inside);
    context.ui.line(Tone::Plain, &share_line("all", &found.all));
    Ok(Exit::Done)
}

fn share_line(name: &str, share: &PrefixShare) -> String {
    format!(
        "{name:<18} {:>8} {:>12} {:>12} {:>6.1}%",
        count(share.requests),
        count(share.bytes),
        count(share.again),
        share.share() * 100.0
    )
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
