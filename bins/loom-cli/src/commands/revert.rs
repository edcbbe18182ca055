//! `loom revert`: puts back what a task changed. What somebody else changed since is left alone.

use crate::context::{Context, query_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::{Tone, clean, plural};
use clap::Args;
use loom_engine::{RevertReport, RevertScope};
use loom_events::{FileChange, Operation, SubtaskId, TaskId};
use serde_json::json;

/// Arguments of `loom revert`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom revert 1a2b3c4d
  loom revert 1a2b3c4d --file src/main.rs
  loom revert 1a2b3c4d --undo        take the last revert itself back")]
pub(crate) struct RevertArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Only what this subtask changed
    #[arg(long, value_name = "ID", group = "what")]
    subtask: Option<String>,
    /// Only this file, relative to the workspace
    #[arg(long, value_name = "PATH", group = "what")]
    file: Option<String>,
    /// Take the last revert back
    #[arg(long, group = "what")]
    undo: bool,
    /// Print what was done as one line of JSON
    #[arg(long)]
    json: bool,
}

impl RevertArgs {
    fn scope(&self) -> Result<RevertScope, Fault> {
        if self.undo {
            return Ok(RevertScope::LastRevert);
        }
        if let Some(path) = &self.file {
            return Ok(RevertScope::File(path.clone()));
        }
        match &self.subtask {
            None => Ok(RevertScope::Task),
            Some(id) => SubtaskId::new(id.as_str())
                .map(RevertScope::Subtask)
                .map_err(|error| Fault::from(error).exit(Exit::Usage)),
        }
    }
}

pub(super) async fn run(arguments: RevertArgs, context: &mut Context) -> Outcome {
    let scope = arguments.scope()?;
    let (reader, task) = context.find(&arguments.task).await?;
    drop(reader);
    let config = context.load(&[])?.config;
    let engine = context
        .engine(config, Vec::new(), &context.data_dir()?)
        .await?;
    let reverted = engine.revert(task, scope.clone()).await;
    engine.shutdown().await;
    let report = reverted.map_err(query_fault)?;
    if arguments.json {
        context.ui.raw(&format!("{}\n", as_json(task, &report)));
    } else {
        for (tone, text) in lines(&report) {
            context.ui.line(tone, &text);
        }
        if !report.changes.is_empty() && scope != RevertScope::LastRevert {
            let text = format!("take this back: loom revert {} --undo", task.short());
            context.ui.note(Tone::Hint, &text);
        }
    }
    match report.conflicts.is_empty() {
        true => Ok(Exit::Done),
        false => Ok(Exit::Failed),
    }
}

/// What a revert did.
pub(super) fn lines(report: &RevertReport) -> Vec<(Tone, String)> {
    let mut lines: Vec<_> = report
        .changes
        .iter()
        .map(|change| (Tone::Good, format!("  {}", line(change))))
        .collect();
    for conflict in &report.conflicts {
        let text = format!("  left alone  {}: {}", clean(&conflict.path), conflict.why);
        lines.push((Tone::Caught, text));
    }
    let head = match (report.changes.len(), report.conflicts.len()) {
        (0, 0) => "nothing to put back: everything is as it was".to_owned(),
        (0, _) => "nothing was put back".to_owned(),
        (n, _) => format!("{} put back", plural(n, "file")),
    };
    lines.insert(0, (Tone::Strong, head));
    lines
}

fn line(change: &FileChange) -> String {
    let path = clean(&change.path);
    match change.operation {
        Operation::Create => format!("back again  {path}"),
        Operation::Modify => format!("as before   {path}"),
        Operation::Delete => format!("gone again  {path}"),
        Operation::Rename => {
            let to = change.new_path.as_deref().map(clean).unwrap_or_default();
            format!("named back  {path} → {to}")
        }
    }
}

fn as_json(task: TaskId, report: &RevertReport) -> serde_json::Value {
    let conflict = |c: &loom_workspace::Conflict| json!({ "path": c.path, "why": c.why });
    json!({
        "task_id": task,
        "changes": report.changes,
        "conflicts": report.conflicts.iter().map(conflict).collect::<Vec<_>>(),
    })
}
