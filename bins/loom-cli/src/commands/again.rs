//! What `loom retry` and `loom fork` share: a new task that begins where another one was.

use super::run::{follow, go_on, submit_fault};
use crate::cli::ModelChoice;
use crate::context::{Context, query_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::interrupt::Interrupts;
use crate::models;
use crate::show::{Show, Stream};
use crate::ui::Tone;
use clap::Args;
use loom_engine::{Again, AgainError, Point, TaskView};

/// Arguments of both.
#[derive(Debug, Args)]
pub(crate) struct AgainArgs {
    /// First put the directory back to what it was there; what you changed since is left alone
    #[arg(long)]
    restore: bool,
    #[command(flatten)]
    model: ModelChoice,
    /// Print each event as a line of JSON, and a last line {"result": …}
    #[arg(long)]
    json: bool,
}

pub(super) async fn begin(
    task: &str,
    point: Point,
    arguments: AgainArgs,
    context: &mut Context,
) -> Outcome {
    let (reader, task) = context.find(task).await?;
    drop(reader);
    let mut config = context.load(&[])?.config;
    context.ui.attended &= !arguments.json;
    config.task.attended = context.ui.attended;
    let models = models::choose(&config, &arguments.model, context).await?;
    if !arguments.json {
        models.announce(context);
    }
    let how = Again {
        point,
        restore: arguments.restore,
        settings: config.task.clone(),
    };
    let mut interrupts = Interrupts::catch()?;
    let data_dir = context.data_dir()?;
    let engine = context.engine(config, models.usable(), &data_dir).await?;
    let new = match engine.again(task, how).await {
        Ok(new) => new,
        Err(error) => {
            engine.shutdown().await;
            return Err(fault(error));
        }
    };
    if !arguments.json {
        let text = format!("task {} begins where {} was", new.short(), task.short());
        context.ui.note(Tone::Dim, &text);
    }
    let show = Show::new(&context.ui, arguments.json, Stream::Err, None);
    let go_on = go_on(&arguments.model);
    let view = TaskView::new(new);
    follow(context, engine, view, show, &mut interrupts, &go_on).await
}

fn fault(error: AgainError) -> Fault {
    match error {
        AgainError::Query(error) => query_fault(error),
        AgainError::Submit(error) => submit_fault(error),
        AgainError::Conflicts(_) => Fault::from(error).exit(Exit::Failed),
        AgainError::Unfinished(_)
        | AgainError::NoEvent { .. }
        | AgainError::NoSubtask { .. }
        | AgainError::NothingLeft(_) => Fault::from(error).exit(Exit::Usage),
        AgainError::Impossible { .. } => Fault::cannot(error),
    }
}
