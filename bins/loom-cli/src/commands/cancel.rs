//! `loom cancel`: ends an unfinished task. What is half done is put back first.

use crate::cli::ModelChoice;
use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::interrupt::Interrupts;
use crate::render::result_json;
use crate::service::Work;
use crate::show::{Show, Stream};
use crate::ui::Tone;
use crate::watch::{Watched, watch};
use clap::Args;
use loom_client::wire::CancelRequest;
use loom_engine::TaskStatus;

/// Arguments of `loom cancel`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom cancel 1a2b3c4d
  loom cancel 1a2b3c4d --reason \"the goal was wrong\"")]
pub(crate) struct CancelArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "cancelled by the user")]
    reason: String,
    /// Print the result as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: CancelArgs, context: &mut Context) -> Outcome {
    // A task that is taken up only to be ended asks no model, so none is looked for.
    let (mut service, found) = context.task(&arguments.task).await?;
    let task = found.task_id;
    if found.view.status.is_final() {
        service.leave().await;
        let status = found.view.status.name();
        return Err(Fault::usage(format!(
            "task {} has ended: {status}",
            task.short()
        )));
    }
    let mut interrupts = Interrupts::catch()?;
    let mut view = service.client().fold(task).await.map_err(client_fault)?;
    let request = CancelRequest {
        reason: Some(arguments.reason),
    };
    let watched = match service.client().cancel(task, &request).await {
        Err(error) => Err(client_fault(error)),
        Ok(_) => {
            let (loaded, none) = (context.load(&[])?, ModelChoice::default());
            let mut work = Work::new(loaded, none, context.data_dir()?, true);
            let mut show = Show::new(&context.ui, false, Stream::Err, None);
            watch(
                context,
                &mut work,
                &mut service,
                &mut view,
                &mut show,
                &mut interrupts,
            )
            .await
        }
    };
    interrupts.guard(service.leave()).await;
    if let Watched::Interrupted = watched? {
        return Ok(Exit::Cancelled);
    }
    if arguments.json {
        context.ui.raw(&format!("{}\n", result_json(&view)));
    } else {
        let text = format!("task {} is {}", task.short(), view.status.name());
        context.ui.line(Tone::Plain, &text);
    }
    match view.status {
        TaskStatus::Cancelled => Ok(Exit::Done),
        _ => Ok(Exit::Failed),
    }
}
