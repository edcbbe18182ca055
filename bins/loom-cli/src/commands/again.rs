//! What `loom retry` and `loom fork` share: a new task that begins where another one was.

use super::run::{follow, go_on};
use crate::cli::ModelChoice;
use crate::context::{Context, client_fault};
use crate::fault::Outcome;
use crate::interrupt::Interrupts;
use crate::service::Work;
use crate::show::{Show, Stream};
use crate::ui::Tone;
use clap::Args;
use loom_client::wire::{ForkRequest, RetryRequest};
use loom_engine::TaskView;
use loom_events::{Seq, SubtaskId};

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

/// Where to begin.
pub(super) enum Point {
    /// Where the task ended: what is completed counts.
    End,
    /// The same, but for one subtask and whatever depends on it.
    Subtask(SubtaskId),
    /// Right after one of its events.
    Event(Seq),
}

pub(super) async fn begin(
    task: &str,
    point: Point,
    arguments: AgainArgs,
    context: &mut Context,
) -> Outcome {
    let (service, old) = context.task(task).await?;
    service.leave().await;
    let old = old.task_id;
    let loaded = context.load(&[])?;
    context.ui.attended &= !arguments.json;
    let go_on = go_on(&arguments.model);
    let mut work = Work::new(loaded, arguments.model, context.data_dir()?, arguments.json);
    let mut interrupts = Interrupts::catch()?;
    let service = work.service(context).await?;
    let client = service.client();
    let (restore, attended) = (arguments.restore, Some(context.ui.attended));
    let retry = |subtask| RetryRequest {
        subtask,
        guidance: None,
        restore,
        attended,
    };
    let begun = match point {
        Point::End => client.retry(old, &retry(None)).await,
        Point::Subtask(subtask) => client.retry(old, &retry(Some(subtask))).await,
        Point::Event(at) => {
            let request = ForkRequest {
                at,
                restore,
                attended,
            };
            client.fork(old, &request).await
        }
    };
    let new = match begun {
        Ok(created) => created.task_id,
        Err(error) => {
            service.leave().await;
            return Err(client_fault(error));
        }
    };
    if !arguments.json {
        let text = match new == old {
            true => format!("task {} tries it again", old.short()),
            false => format!("task {} begins where {} was", new.short(), old.short()),
        };
        context.ui.note(Tone::Dim, &text);
    }
    let show = Show::new(&context.ui, arguments.json, Stream::Err, None);
    let view = TaskView::new(new);
    follow(context, work, service, view, show, &mut interrupts, &go_on).await
}
