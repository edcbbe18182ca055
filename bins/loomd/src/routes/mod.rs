//! What each route does: read the request, make one call of the engine, give back a word of the wire.

pub(crate) mod control;
pub(crate) mod conversation;
mod crowd;
pub(crate) mod events;
pub(crate) mod files;
mod gather;
pub(crate) mod info;
pub(crate) mod learning;
pub(crate) mod memory;
pub(crate) mod questions;
pub(crate) mod stream;
pub(crate) mod subtasks;
pub(crate) mod tasks;
pub(crate) mod transfer;
mod word;

pub(crate) use crowd::Crowds;
pub(crate) use gather::pause;

use crate::app::App;
use crate::fault::Fault;
use loom_client::wire::Taken;
use loom_events::{Command, TaskId};
use loom_state::RowStatus;
use loom_view::TaskStatus;

/// The words of a list and of a view are the same.
const fn status(row: RowStatus) -> TaskStatus {
    match row {
        RowStatus::Queued => TaskStatus::Queued,
        RowStatus::Planning => TaskStatus::Planning,
        RowStatus::WaitingApproval => TaskStatus::WaitingApproval,
        RowStatus::Paused => TaskStatus::Paused,
        RowStatus::Stopping => TaskStatus::Stopping,
        RowStatus::Completed => TaskStatus::Completed,
        RowStatus::Failed => TaskStatus::Failed,
        RowStatus::Cancelled => TaskStatus::Cancelled,
        RowStatus::Executing | RowStatus::Running | RowStatus::Verifying => TaskStatus::Executing,
        // A task is neither of the last two; a subtask is.
        RowStatus::Pending | RowStatus::Blocked | RowStatus::Skipped => TaskStatus::Pending,
    }
}

/// Where a task stands.
async fn standing(app: &App, task: TaskId) -> Result<TaskStatus, Fault> {
    let row = app.engine.reader().row(task).await?;
    let row = row.ok_or_else(|| loom_engine::QueryError::NoSuchTask(task.to_string()))?;
    Ok(status(row.status))
}

/// Gives a task a command.
async fn command(app: &App, task: TaskId, command: Command, message: &str) -> Result<Taken, Fault> {
    let given = app.engine.command(task, command).await;
    given.map_err(|error| Fault::from(error).of(task))?;
    taken(app, task, message).await
}

/// Says what was taken, and where the task stands now.
async fn taken(app: &App, task: TaskId, message: &str) -> Result<Taken, Fault> {
    Ok(Taken {
        task_id: task,
        status: standing(app, task).await?,
        message: message.to_owned(),
    })
}
