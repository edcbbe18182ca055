//! `loom logs`: what happened in a task, from its journal.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::render::Narrator;
use crate::ui::{Tone, fit};
use clap::Args;
use futures_util::StreamExt as _;
use loom_client::wire::Task;
use loom_client::{Client, Followed};
use loom_engine::TaskView;
use loom_events::Seq;

/// Columns before what happened: the number of its event, and when.
const STAMP: usize = 17;

/// Arguments of `loom logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
First in each line is the number of the event, which `loom fork --at` takes, then how long the task was \
at work by then.

Examples:
  loom logs 1a2b3c4d
  loom logs 1a2b3c4d --follow
  loom logs 1a2b3c4d --json | jq 'select(.event_type == \"verification_failed\")'")]
pub(crate) struct LogsArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Go on until the task has ended
    #[arg(short, long)]
    follow: bool,
    /// Print every event of the journal as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &LogsArgs, context: &mut Context) -> Outcome {
    let (service, task) = context.task(&arguments.task).await?;
    let shown = show(arguments, &task, service.client(), context).await;
    service.leave().await;
    let view = shown?;
    if !arguments.json {
        let ended = match view.status.is_final() {
            true => view.status.name().to_owned(),
            false => format!("{} (unfinished)", view.status.name().replace('_', " ")),
        };
        context
            .ui
            .line(Tone::Strong, &format!("{:STAMP$}{ended}", ""));
    }
    Ok(Exit::Done)
}

async fn show(
    arguments: &LogsArgs,
    task: &Task,
    client: &Client,
    context: &mut Context,
) -> Result<TaskView, Fault> {
    let mut narrator = Narrator::default();
    let mut view = TaskView::new(task.task_id);
    let mut feed = client.follow(task.task_id, Seq::ZERO);
    let last = task.view.last_seq;
    while !context.ui.is_closed() && (arguments.follow || view.last_seq < last) {
        let record = match feed.next().await {
            Some(Ok(Followed::Record(record))) => record,
            Some(Ok(Followed::Live(_) | Followed::Online)) => continue,
            Some(Ok(Followed::Offline(error)) | Err(error)) => return Err(client_fault(error)),
            None => break,
        };
        view.apply(&record.envelope);
        if arguments.json {
            context
                .ui
                .raw(&format!("{}\n", serde_json::to_string(&record)?));
            continue;
        }
        let since = record.envelope.timestamp.since(view.created);
        let seq = record.envelope.seq;
        let stamp = format!("{seq:>5} {:>8.1}s  ", since.as_secs_f64());
        for line in narrator.lines(&record.envelope, &view) {
            let stamp = context.ui.out.paint(Tone::Dim, &fit(&stamp, STAMP));
            let text = context.ui.out.paint(line.tone, &line.indented());
            context.ui.raw(&format!("{stamp}{text}\n"));
        }
    }
    Ok(view)
}
