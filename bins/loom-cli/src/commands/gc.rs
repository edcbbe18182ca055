//! `loom gc`: what is kept to undo tasks, and removing what nothing needs any more.

use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::{Tone, count, plural, size};
use clap::Args;
use loom_engine::{CollectError, Collection};
use serde_json::json;

/// Arguments of `loom gc`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --remove nothing is removed. `state.keep_snapshots` and `state.max_snapshots` say how long and \
how much is kept of tasks that have ended; an unfinished task keeps everything.

Examples:
  loom gc
  loom gc --remove")]
pub(crate) struct GcArgs {
    /// Remove it: tasks older than what is kept can then not be undone any more
    #[arg(long)]
    remove: bool,
    /// Print what was found as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &GcArgs, context: &mut Context) -> Outcome {
    let config = context.load(&[])?.config;
    let engine = context
        .engine(config, Vec::new(), &context.data_dir()?)
        .await?;
    let collected = engine.collect(arguments.remove).await;
    engine.shutdown().await;
    let found = collected.map_err(fault)?;
    if arguments.json {
        let json = json!({ "removed": arguments.remove, "found": found });
        context.ui.raw(&format!("{json}\n"));
        return Ok(Exit::Done);
    }
    for (tone, text) in lines(&found, arguments.remove) {
        context.ui.line(tone, &text);
    }
    if !arguments.remove && found.objects.removed > 0 {
        context.ui.note(Tone::Hint, "remove it: loom gc --remove");
    }
    Ok(Exit::Done)
}

fn fault(error: CollectError) -> Fault {
    match error {
        CollectError::Running(_) | CollectError::Unreadable { .. } => Fault::cannot(error),
        other => Fault::from(other),
    }
}

fn lines(found: &Collection, removed: bool) -> Vec<(Tone, String)> {
    let objects = &found.objects;
    let of = |objects: u64, bytes: u64| format!("{} objects, {}", count(objects), size(bytes));
    let gone = match removed {
        true => "removed",
        false => "not needed any more",
    };
    let mut lines = vec![
        (
            Tone::Strong,
            format!("kept: {}", of(objects.kept, objects.kept_bytes)),
        ),
        (
            Tone::Plain,
            format!("{gone}: {}", of(objects.removed, objects.removed_bytes)),
        ),
    ];
    if !found.expired.is_empty() {
        let tasks: Vec<String> = found.expired.iter().map(|task| task.short()).collect();
        let tense = match removed {
            true => "cannot be undone any more",
            false => "could then not be undone any more",
        };
        let text = format!(
            "{} {tense}: {}",
            plural(tasks.len(), "task"),
            tasks.join(", ")
        );
        lines.push((Tone::Caught, text));
    }
    lines
}
