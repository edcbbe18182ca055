//! `loom changes`: every change that a task made to files, one line each, with the number by which
//! `loom revert --entry` takes it back.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Outcome};
use crate::ui::{Tone, clean, fit};
use clap::Args;
use loom_engine::ChangeEntry;
use loom_events::{Operation, Origin, Time};

/// Arguments of `loom changes`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom changes 1a2b3c4d
  loom changes 1a2b3c4d src/main.rs
  loom changes 1a2b3c4d --json")]
pub(crate) struct ChangesArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Only this file or directory, relative to the workspace
    path: Option<String>,
    /// Print each change as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ChangesArgs, context: &mut Context) -> Outcome {
    let (service, found) = context.task(&arguments.task).await?;
    let (task, began) = (found.task_id, Some(found.view.created));
    let changes = service.client().changes(task).await;
    service.leave().await;
    let mut entries = changes.map_err(client_fault)?.changes;
    if let Some(path) = &arguments.path {
        entries.retain(|entry| entry.touches(path));
    }
    for entry in &entries {
        let text = match arguments.json {
            true => format!("{}\n", serde_json::to_string(entry)?),
            false => format!(
                "{}\n",
                context.ui.out.paint(tone(entry), &line(entry, began))
            ),
        };
        context.ui.raw(&text);
    }
    if arguments.json {
        return Ok(Exit::Done);
    }
    if entries.is_empty() {
        context.ui.note(Tone::Plain, "the task changed no files");
    } else if entries.iter().any(|entry| entry.seq.is_some()) {
        let text = format!("take one back: loom revert {} --entry SEQ", task.short());
        context.ui.note(Tone::Hint, &text);
    }
    Ok(Exit::Done)
}

const fn tone(entry: &ChangeEntry) -> Tone {
    match entry.seq {
        Some(_) => Tone::Plain,
        None => Tone::Dim,
    }
}

/// `   42     3.1s  write-note.1   shell  M src/main.rs  +3 −1`.
fn line(entry: &ChangeEntry, began: Option<Time>) -> String {
    let number = entry.seq.map_or_else(String::new, |seq| seq.to_string());
    let since = began.map_or(0.0, |began| entry.at.since(began).as_secs_f64());
    let step = match (&entry.revert, &entry.subtask, entry.attempt) {
        (Some(scope), ..) => format!("revert of {}", clean(scope)),
        (None, Some(subtask), Some(attempt)) => format!("{subtask}.{attempt}"),
        (None, Some(subtask), None) => subtask.to_string(),
        (None, None, _) => String::new(),
    };
    let origin = match entry.change.origin {
        Origin::Tool => "tool",
        Origin::Shell => "shell",
        Origin::Loom => "loom",
        Origin::User => "user",
    };
    let letter = match entry.change.operation {
        Operation::Create => 'A',
        Operation::Modify => 'M',
        Operation::Delete => 'D',
        Operation::Rename => 'R',
    };
    let mut text = format!(
        "{number:>6} {since:>8.1}s  {} {origin:<5}  {letter} {}",
        fit(&step, 20),
        clean(&entry.change.path)
    );
    if let Some(to) = &entry.change.new_path {
        text.push_str(&format!(" → {}", clean(to)));
    }
    let lines = entry.change.lines;
    if (lines.added, lines.removed) != (0, 0) {
        text.push_str(&format!("  +{} −{}", lines.added, lines.removed));
    }
    text
}
