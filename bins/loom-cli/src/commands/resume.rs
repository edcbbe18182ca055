//! `loom resume`: takes an unfinished task up again, or watches one that is being worked on.

use super::run::{follow, go_on};
use crate::cli::ModelChoice;
use crate::context::{Context, client_fault};
use crate::fault::{Fault, Outcome};
use crate::interrupt::Interrupts;
use crate::service::Work;
use crate::show::{Show, Stream};
use crate::ui::Tone;
use clap::Args;
use loom_engine::TaskStatus;

/// Arguments of `loom resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom resume 1a2b3c4d
  loom resume 1a2b3c4d --server http://127.0.0.1:8080/v1")]
pub(crate) struct ResumeArgs {
    /// The task: its id, or the last digits of it
    task: String,
    #[command(flatten)]
    model: ModelChoice,
    /// Print each event as a line of JSON, and a last line {"result": …}
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: ResumeArgs, context: &mut Context) -> Outcome {
    let (service, found) = context.task(&arguments.task).await?;
    service.leave().await;
    let (task, view) = (found.task_id, &found.view);
    if view.status.is_final() {
        let status = view.status.name();
        return Err(
            Fault::usage(format!("task {} has ended: {status}", task.short()))
                .hint(format!("`loom status {}` shows how", task.short())),
        );
    }
    let loaded = context.load(&[])?;
    context.ui.attended &= !arguments.json;
    let go_on = go_on(&arguments.model);
    let mut work = Work::new(loaded, arguments.model, context.data_dir()?, arguments.json);
    let mut interrupts = Interrupts::catch()?;
    let service = work.service(context).await?;
    // Of one that is being worked on there is nothing to ask.
    let left = !found.running || service.is_carried() || view.status == TaskStatus::Paused;
    if left && let Err(error) = service.client().resume(task).await {
        service.leave().await;
        return Err(client_fault(error));
    }
    let view = service.client().fold(task).await.map_err(client_fault)?;
    if !arguments.json {
        let text = format!(
            "task {} goes on: {}",
            task.short(),
            crate::ui::first_line(&view.goal)
        );
        context.ui.note(Tone::Dim, &text);
    }
    let show = Show::new(&context.ui, arguments.json, Stream::Err, None);
    follow(context, work, service, view, show, &mut interrupts, &go_on).await
}
