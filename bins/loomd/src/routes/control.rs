//! How a task goes on: paused, resumed, with another plan, again.

use super::tasks::{created, room};
use super::{command, standing, taken};
use crate::app::App;
use crate::fault::Fault;
use crate::http::{Call, Given, How, Json, Made, Maybe};
use loom_client::wire::{ForkRequest, PlanRequest, RetryRequest, Taken, TaskCreated};
use loom_engine::{Again, Point};
use loom_events::{Command, Event, Plan, Seq, SubtaskId, TaskId, TaskSettings, Verification};
use loom_view::{SubtaskStatus, TaskStatus, TaskView};

pub(crate) async fn pause(call: Call) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let message = "nothing new begins until it is resumed";
    Ok(Json(
        command(&call.app, task, Command::Pause, message).await?,
    ))
}

pub(crate) async fn resume(call: Call) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let engine = &call.app.engine;
    let left = !engine.is_running(task);
    match standing(&call.app, task).await? {
        TaskStatus::Paused => {}
        ended if ended.is_final() => {
            let text = format!("the task has ended: it is {}", ended.name());
            return Err(Fault::conflict("ended", text).of(task));
        }
        _ if left => {
            engine.resume(task).await?;
            return Ok(Json(taken(&call.app, task, "it is taken up again").await?));
        }
        _ => {}
    }
    Ok(Json(
        command(&call.app, task, Command::Resume, "it goes on").await?,
    ))
}

pub(crate) async fn edit_plan(call: Call<(), Given<PlanRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let plan = as_meant(&call.app, task, call.body.0.plan).await?;
    let edit = Command::EditPlan { plan };
    Ok(Json(
        command(&call.app, task, edit, "the plan is replaced").await?,
    ))
}

/// A plan without what its reader was not shown: a subtask that comes back as it was shown is the one
/// that is there, and a mark anywhere else would stand in the place of the secret.
async fn as_meant(app: &App, task: TaskId, mut plan: Plan) -> Result<Plan, Fault> {
    let view = app.engine.reader().task(task).await?;
    for spec in &mut plan.subtasks {
        let Some(there) = view.subtask(&spec.id) else {
            continue;
        };
        if app.shown.is_shown(spec, &there.spec) {
            *spec = there.spec.clone();
        } else if let Some(mark) = app.shown.new_mark(spec, &there.spec) {
            let text = format!(
                "subtask `{}` has `{mark}` in it, in the place of a secret that is not shown: send the subtask as it was shown, or write what is meant",
                spec.id
            );
            return Err(Fault::invalid("redacted", text).of(task));
        }
    }
    Ok(plan)
}

pub(crate) async fn retry(call: Call<(), Maybe<RetryRequest>>) -> Result<Made<TaskCreated>, Fault> {
    let task = call.task().await?;
    let request = call.body.0;
    if !standing(&call.app, task).await?.is_final() {
        return retry_subtask(&call.app, task, request).await;
    }
    if request.guidance.is_some() {
        let text = "`guidance` is for a task that runs; fork it, or begin one with another goal";
        return Err(Fault::conflict("guidance", text).of(task));
    }
    let point = request.subtask.map_or(Point::End, Point::Subtask);
    again(&call.app, task, point, request.restore, request.attended).await
}

async fn retry_subtask(
    app: &App,
    task: TaskId,
    request: RetryRequest,
) -> Result<Made<TaskCreated>, Fault> {
    if request.restore {
        let text = "`restore` is for a task that has ended";
        return Err(Fault::conflict("restore", text).of(task));
    }
    let subtask = match request.subtask {
        Some(subtask) => subtask,
        None => only_stuck(&app.engine.reader().task(task).await?)?,
    };
    let message = format!("subtask `{subtask}` is tried again");
    let guidance = request.guidance.unwrap_or_default();
    let retry = Command::Retry { subtask, guidance };
    let taken = command(app, task, retry, &message).await?;
    Ok(Made {
        value: TaskCreated {
            task_id: task,
            status: taken.status,
            message: taken.message,
        },
        location: format!("/tasks/{task}"),
        how: How::Same,
    })
}

/// The subtask that cannot go on, when there is one.
fn only_stuck(view: &TaskView) -> Result<SubtaskId, Fault> {
    let is_stuck = |status| matches!(status, SubtaskStatus::Failed | SubtaskStatus::Blocked);
    let stuck = view.subtasks.iter().filter(|s| is_stuck(s.status));
    let stuck: Vec<&SubtaskId> = stuck.map(|subtask| &subtask.spec.id).collect();
    match stuck.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let status = view.status.name();
            let text = format!("nothing of the task failed or is blocked: it is {status}");
            Err(Fault::conflict("state", text).of(view.id))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|id| id.as_str()).collect();
            let text = format!("name the subtask: one of {}", names.join(", "));
            Err(Fault::conflict("ambiguous", text).of(view.id))
        }
    }
}

pub(crate) async fn fork(call: Call<(), Given<ForkRequest>>) -> Result<Made<TaskCreated>, Fault> {
    let task = call.task().await?;
    let request = call.body.0;
    let point = Point::Event(request.at);
    again(&call.app, task, point, request.restore, request.attended).await
}

/// Begins a task where another one was.
async fn again(
    app: &App,
    task: TaskId,
    point: Point,
    restore: bool,
    attended: Option<bool>,
) -> Result<Made<TaskCreated>, Fault> {
    room(app).await?;
    let settings = TaskSettings {
        attended: attended.unwrap_or(true),
        ..settings_of(app, task).await?
    };
    let how = Again {
        point,
        restore,
        settings,
    };
    let new = app.engine.again(task, how).await;
    let new = new.map_err(|error| Fault::from(error).of(task))?;
    created(app, new, None, true).await
}

/// The configured settings with what was said of a task when it was begun: whoever continues it must
/// not lift the questions that somebody wanted to be asked.
async fn settings_of(app: &App, task: TaskId) -> Result<TaskSettings, Fault> {
    let configured = app.engine.config().task.clone();
    let first = app.engine.reader().page(task, Seq::ZERO, 1).await?;
    let Some(Event::TaskCreated(new)) = first.into_iter().next().map(|r| r.envelope.event) else {
        return Ok(configured);
    };
    let said = new.settings;
    Ok(TaskSettings {
        approval: said.approval,
        bands: said.bands,
        review_plan: said.review_plan,
        network: said.network,
        verification: Verification {
            checks: said.verification.checks,
            ..configured.verification.clone()
        },
        max_parallel_subtasks: said.max_parallel_subtasks,
        ..configured
    })
}
