//! `loom list`: every task, the newest first.

use super::status::none;
use crate::context::{Context, client_fault};
use crate::fault::{Exit, Outcome};
use crate::render::{Listed, task_table};
use clap::Args;
use loom_client::{Client, ClientError, TaskQuery};
use loom_engine::{Clock as _, SystemClock, TaskStatus};

/// Tasks asked for at a time.
const PAGE: u32 = 200;

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
    let rows = match context.looking().await? {
        None => Vec::new(),
        Some(service) => {
            let rows = rows(service.client(), arguments.limit).await;
            service.leave().await;
            rows.map_err(client_fault)?
        }
    };
    if arguments.json {
        for listed in &rows {
            context
                .ui
                .raw(&format!("{}\n", serde_json::to_string(&listed.row)?));
        }
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        return Ok(none(context, false));
    }
    let columns = context.ui.columns();
    for (tone, text) in task_table(&rows, SystemClock.now(), columns) {
        context.ui.line(tone, &text);
    }
    Ok(Exit::Done)
}

/// The rows, page by page, with what queued ones wait for.
async fn rows(client: &Client, limit: u32) -> Result<Vec<Listed>, ClientError> {
    let mut listed: Vec<Listed> = Vec::new();
    let mut query = TaskQuery::default();
    loop {
        let left = limit.saturating_sub(u32::try_from(listed.len()).unwrap_or(limit));
        query.limit = Some(left.min(PAGE));
        let page = client.tasks(&query).await?;
        for row in page.tasks {
            let behind = match row.status {
                TaskStatus::Queued => client.task(&row.task_id.to_string()).await?.view.behind,
                _ => None,
            };
            listed.push(Listed { row, behind });
        }
        query.cursor = page.next_cursor;
        let more = u32::try_from(listed.len()).is_ok_and(|n| n < limit);
        if query.cursor.is_none() || !more {
            return Ok(listed);
        }
    }
}
