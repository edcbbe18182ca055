//! The tasks extension (2026-07-28), on Loom's own journal: the id of a task there is the id of a task
//! here, so that it outlives this process, its client and the service.

use crate::ask;
use crate::caller::asks;
use crate::shown::TaskShown;
use crate::tools;
use loom_client::wire::{CancelRequest, Task};
use loom_view::TaskStatus;
use loomd::{Way, WayError};
use rmcp::model::{
    CreateTaskResult, DetailedTask, ElicitResult, GetTaskResult, InputResponses, JsonObject,
    Task as Handle, TaskPayload, TaskStatus as HandleStatus,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};

/// A local model takes its time; more often tells nothing new.
const POLL_MS: u64 = 2_000;

/// The handle of a task that was just made. It is durable by then.
pub(crate) fn created(task: &Task) -> CreateTaskResult {
    CreateTaskResult::new(handle(task, HandleStatus::Working))
}

/// Kept as long as Loom keeps the task, which is not a matter of time: no time to live.
fn handle(task: &Task, status: HandleStatus) -> Handle {
    let view = &task.view;
    let message = TaskShown::new(task).message;
    Handle::new(
        task.task_id.to_string(),
        status,
        view.created.to_string(),
        view.updated.to_string(),
    )
    .with_status_message(message)
    .with_poll_interval_ms(POLL_MS)
}

/// How a task stands.
pub(crate) async fn get(
    service: &Way,
    id: &str,
    context: &RequestContext<RoleServer>,
) -> Result<GetTaskResult, ErrorData> {
    let task = service.task(id).await.map_err(|error| wrong(&error))?;
    let payload = payload(&task, asks(context))?;
    let handle = handle(&task, payload.status());
    Ok(GetTaskResult::new(DetailedTask::new(handle, payload)))
}

/// What the client is told. One that cannot ask a human is given the question as a result, for its
/// model: else it would poll until somebody else answers.
fn payload(task: &Task, asks: bool) -> Result<TaskPayload, ErrorData> {
    let view = &task.view;
    Ok(match view.status {
        TaskStatus::Cancelled => TaskPayload::Cancelled,
        // That the work came to nothing is a result, and no error of the call.
        TaskStatus::Completed | TaskStatus::Failed => result(task)?,
        _ if asks && !view.questions.is_empty() => TaskPayload::InputRequired {
            input_requests: ask::inputs(&view.questions),
        },
        TaskStatus::WaitingApproval if !asks => result(task)?,
        _ => TaskPayload::Working,
    })
}

fn result(task: &Task) -> Result<TaskPayload, ErrorData> {
    let result = tools::shown(task)?;
    match serde_json::to_value(result) {
        Ok(serde_json::Value::Object(result)) => Ok(TaskPayload::Completed { result }),
        Ok(_) => Ok(TaskPayload::Completed {
            result: JsonObject::new(),
        }),
        Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
    }
}

/// Takes what the human answered. What is no answer, or to no question that waits, is passed over, as
/// the extension says.
pub(crate) async fn update(
    service: &Way,
    id: &str,
    answers: InputResponses,
) -> Result<(), ErrorData> {
    let task = service.task(id).await.map_err(|error| wrong(&error))?;
    for (question, response) in decided(&task, &answers) {
        let given = ask::give(service, task.task_id, question, response).await;
        given.map_err(|error| wrong(&error))?;
    }
    Ok(())
}

/// The decisions among what the client sent, for questions that wait.
pub(crate) fn decided(
    task: &Task,
    answers: &InputResponses,
) -> Vec<(loom_events::QuestionId, loom_events::Response)> {
    let one = |(key, value): (&String, &serde_json::Value)| {
        let id = ask::of_key(key)?;
        let view = task.view.questions.iter().find(|one| one.id == id)?;
        let result: ElicitResult = serde_json::from_value(value.clone()).ok()?;
        Some((id, ask::decided(view, &result)?))
    };
    answers.iter().filter_map(one).collect()
}

/// Ends the task; one that has ended already is as good.
pub(crate) async fn cancel(service: &Way, id: &str) -> Result<(), ErrorData> {
    let task = service.task(id).await.map_err(|error| wrong(&error))?;
    if task.view.status.is_final() {
        return Ok(());
    }
    let id = task.task_id;
    let request = CancelRequest {
        reason: Some("its client cancelled it".to_owned()),
    };
    let cancelled = service.call(|client| {
        let request = request.clone();
        async move { client.cancel(id, &request).await }
    });
    match cancelled.await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("task_ended") => Ok(()),
        Err(error) => Err(wrong(&error)),
    }
}

fn wrong(error: &WayError) -> ErrorData {
    match error.code() {
        Some("not_found" | "ambiguous") => ErrorData::invalid_params(error.sentence(), None),
        _ => match error {
            WayError::NotATask(_) => ErrorData::invalid_params(error.sentence(), None),
            error => ErrorData::internal_error(error.sentence(), None),
        },
    }
}
