//! What commands share that ask something of a task which is being worked on.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::Tone;
use loom_client::ClientError;
use loom_client::wire::{Taken, Task};
use loomd::Service;

/// The service that works on a task. Where nobody does there is nobody to ask: a process that only
/// asks must not be the one to work.
pub(super) async fn working(task: &str, context: &Context) -> Result<(Service, Task), Fault> {
    let Some(service) = context.joined().await? else {
        let (service, found) = context.task(task).await?;
        service.leave().await;
        let short = found.task_id.short();
        let status = found.view.status;
        return Err(match status.is_final() {
            true => Fault::usage(format!("task {short} has ended: {}", status.name())),
            false => Fault::usage(format!("no process works on task {short}")).hint(format!(
                "loom resume {short} takes it up, and asks what is open"
            )),
        });
    };
    let found = service.client().task(task).await.map_err(client_fault)?;
    Ok((service, found))
}

/// Says what was taken.
pub(super) fn taken(
    answer: Result<Taken, ClientError>,
    json: bool,
    context: &mut Context,
) -> Outcome {
    let taken = answer.map_err(client_fault)?;
    match json {
        true => context
            .ui
            .raw(&format!("{}\n", serde_json::to_string(&taken)?)),
        false => {
            let text = format!(
                "task {} ({}): {}",
                taken.task_id.short(),
                taken.status.name().replace('_', " "),
                taken.message
            );
            context.ui.line(Tone::Plain, &text);
        }
    }
    Ok(Exit::Done)
}
