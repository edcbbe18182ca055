//! `loom status`: where a task stands, also while another process runs it.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::render::{status, taken_back};
use crate::ui::{Tone, duration};
use clap::Args;
use loom_client::TaskQuery;
use loom_client::wire::{Rated, Task};
use loom_engine::{Clock as _, SystemClock};
use loomd::Service;

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
    let Some((service, mut task)) = meant(arguments.task.as_deref(), context).await? else {
        return Ok(none(context, arguments.json));
    };
    let carried = service.is_carried();
    service.leave().await;
    if arguments.json {
        context
            .ui
            .raw(&format!("{}\n", serde_json::to_string(&task)?));
        return Ok(Exit::Done);
    }
    let now = SystemClock.now();
    if task.imported.is_some() || task.collected.is_some() {
        // What could be undone then, and there.
        task.view.survey = None;
    }
    for (tone, text) in status(&task.view, now) {
        context.ui.line(tone, &text);
    }
    if let Some(at) = task.imported {
        let ago = duration(now.since(at));
        let text = format!("imported {ago} ago: it can be looked at, and nothing goes on with it");
        context.ui.line(Tone::Plain, &text);
    }
    if let Some(revert) = task.reverts.last() {
        context.ui.line(Tone::Caught, &taken_back(revert, now));
    }
    if let Some(rated) = Rated::words(&task.ratings) {
        context.ui.line(Tone::Plain, &rated);
    }
    if carried && task.imported.is_none() && !task.view.status.is_final() {
        let text = format!(
            "no process works on it; go on: loom resume {}",
            task.task_id.short()
        );
        context.ui.note(Tone::Dim, &text);
    }
    Ok(Exit::Done)
}

/// The task that is named, else the newest one; none when there is none.
async fn meant(task: Option<&str>, context: &Context) -> Result<Option<(Service, Task)>, Fault> {
    if let Some(task) = task {
        return context.task(task).await.map(Some);
    }
    let Some(service) = context.looking().await? else {
        return Ok(None);
    };
    let query = TaskQuery {
        limit: Some(1),
        ..TaskQuery::default()
    };
    let page = service.client().tasks(&query).await.map_err(client_fault)?;
    let Some(newest) = page.tasks.first() else {
        service.leave().await;
        return Ok(None);
    };
    let found = service.client().task(&newest.task_id.to_string()).await;
    Ok(Some((service, found.map_err(client_fault)?)))
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
