//! `loom cancel`: ends an unfinished task. What is half done is put back first.

use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::interrupt::Interrupts;
use crate::render::result_json;
use crate::show::{Show, Stream};
use crate::ui::Tone;
use crate::watch::{Watched, watch};
use clap::Args;
use loom_engine::TaskStatus;
use loom_events::Command;

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
    let (reader, task) = context.find(&arguments.task).await?;
    let mut view = reader
        .task(task)
        .await
        .map_err(crate::context::query_fault)?;
    drop(reader);
    if view.status.is_final() {
        let status = view.status.name();
        return Err(Fault::usage(format!(
            "task {} has ended: {status}",
            task.short()
        )));
    }
    // A task that is taken up only to be ended asks no model, so none is looked for.
    let config = context.load(&[])?.config;
    let mut interrupts = Interrupts::catch()?;
    let engine = context
        .engine(config, Vec::new(), &context.data_dir()?)
        .await?;
    let reason = arguments.reason;
    let taken = engine.command(task, Command::Cancel { reason }).await;
    let watched = match taken {
        Err(error) => Err(Fault::from(error)),
        Ok(()) => {
            let mut show = Show::new(&context.ui, false, Stream::Err, None);
            watch(context, &engine, &mut view, &mut show, &mut interrupts).await
        }
    };
    interrupts.guard(engine.shutdown()).await;
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
