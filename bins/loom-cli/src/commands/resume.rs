//! `loom resume`: takes an unfinished task up again, in this process.

use super::run::{follow, go_on};
use crate::cli::ModelChoice;
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::interrupt::Interrupts;
use crate::models;
use crate::show::{Show, Stream};
use crate::ui::Tone;
use clap::Args;
use loom_engine::TaskStatus;
use loom_events::Command;

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
    let (reader, task) = context.find(&arguments.task).await?;
    let view = reader
        .task(task)
        .await
        .map_err(crate::context::query_fault)?;
    drop(reader);
    if view.status.is_final() {
        let status = view.status.name();
        return Err(
            Fault::usage(format!("task {} has ended: {status}", task.short()))
                .hint(format!("`loom status {}` shows how", task.short())),
        );
    }
    let config = context.load(&[])?.config;
    let models = models::choose(&config, &arguments.model, context).await?;
    if !arguments.json {
        models.announce(context);
    }
    let models = models.usable();
    context.ui.attended &= !arguments.json;
    let mut interrupts = Interrupts::catch()?;
    let engine = context.engine(config, models, &context.data_dir()?).await?;
    let paused = view.status == TaskStatus::Paused;
    let taken = match paused {
        true => engine
            .command(task, Command::Resume)
            .await
            .map_err(Fault::from),
        false => engine.resume(task).await.map_err(Fault::cannot),
    };
    if let Err(fault) = taken {
        engine.shutdown().await;
        return Err(fault);
    }
    if !arguments.json {
        let text = format!(
            "task {} goes on: {}",
            task.short(),
            crate::ui::first_line(&view.goal)
        );
        context.ui.note(Tone::Dim, &text);
    }
    let show = Show::new(&context.ui, arguments.json, Stream::Err, None);
    let go_on = go_on(&arguments.model);
    follow(context, engine, view, show, &mut interrupts, &go_on).await
}
