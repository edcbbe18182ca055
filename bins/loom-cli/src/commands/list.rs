//! `loom list`: every task, the newest first.

use super::status::none;
use crate::context::{Context, query_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::render::{Listed, task_table};
use clap::Args;
use loom_engine::{Clock as _, SystemClock};
use loom_state::{RowStatus, TaskRow};

/// Arguments of `loom list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom list
  loom list --limit 5 --json")]
pub(crate) struct ListArgs {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print each task as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ListArgs, context: &mut Context) -> Outcome {
    let rows = match context.reader()? {
        None => Vec::new(),
        Some(reader) => {
            let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
            reader.tasks(limit).await.map_err(query_fault)?
        }
    };
    if arguments.json {
        for row in &rows {
            context
                .ui
                .raw(&format!("{}\n", serde_json::to_string(row)?));
        }
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        return Ok(none(context, false));
    }
    let columns = context.ui.columns();
    let rows = listed(rows, context).await?;
    for (tone, text) in task_table(&rows, SystemClock.now(), columns) {
        context.ui.line(tone, &text);
    }
    Ok(Exit::Done)
}

/// The rows with what queued ones wait for.
async fn listed(rows: Vec<TaskRow>, context: &Context) -> Result<Vec<Listed>, Fault> {
    let mut listed = Vec::new();
    for row in rows {
        let behind = match (row.status, context.reader()?) {
            (RowStatus::Queued, Some(reader)) => {
                reader.task(row.id).await.map_err(query_fault)?.behind
            }
            _ => None,
        };
        listed.push(Listed { row, behind });
    }
    Ok(listed)
}
