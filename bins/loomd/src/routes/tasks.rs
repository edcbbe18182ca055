//! Tasks: begun, listed, shown, steered, ended.

use super::{command, standing, status};
use crate::access::Scope;
use crate::app::App;
use crate::fault::Fault;
use crate::http::{Call, Given, How, Json, Made, Maybe, Page, Parameters};
use loom_client::wire::{
    CancelRequest, IDEMPOTENCY_KEY, NewTaskRequest, Progress, Rated, Reverted, SteerRequest, Taken,
    Task, TaskCreated, TaskSummary,
};
use loom_engine::OnceError;
use loom_events::{ApprovalMode, Command, NewTask, TaskId, TaskSettings};
use loom_state::{RowStatus, TaskFilter, TaskRow};
use loom_view::TaskStatus;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// Rows of a page of the list, where the caller does not say.
const PAGE: usize = 50;

/// The most rows of a page: goals are in them.
const LONGEST_PAGE: usize = 500;

/// Steps at once; the same bound as in the configuration.
const MOST_PARALLEL: u32 = 64;

/// Own checks of a task; more belong in a script.
const MOST_CHECKS: usize = 32;

/// Longest key of a request; it is kept for a week.
const LONGEST_KEY: usize = 255;

pub(crate) async fn create(
    call: Call<(), Given<NewTaskRequest>>,
) -> Result<Made<TaskCreated>, Fault> {
    let key = key(&call)?.map(str::to_owned);
    let Call {
        app, scope, body, ..
    } = call;
    let request = body.0;
    let asked = serde_json::to_vec(&request).map_err(|error| Fault::internal(&error))?;
    let new = new_task(&app, scope, request)?;
    let workspace = new.workspace.clone();
    room(&app).await?;
    let (task, is_new) = match key {
        None => (app.engine.submit(new).await?, true),
        Some(key) => {
            let digest = blake3::hash(&asked).to_hex().to_string();
            let begun = app.engine.submit_once(&key, digest, new).await;
            let begun = begun.map_err(once_fault)?;
            (begun.task, begun.is_new)
        }
    };
    created(&app, task, workspace.as_deref(), is_new).await
}

/// The answer to whatever began a task.
pub(super) async fn created(
    app: &App,
    task: TaskId,
    workspace: Option<&str>,
    is_new: bool,
) -> Result<Made<TaskCreated>, Fault> {
    // Of a new task that is known without the journal, in which others read and write.
    let (status, message) = match (is_new, app.engine.is_queued(task)) {
        (false, _) => (
            standing(app, task).await?,
            "this request began the task before",
        ),
        (true, true) => (
            TaskStatus::Queued,
            "the task is kept, and waits for another one to end",
        ),
        (true, false) => (TaskStatus::Pending, "the task is kept, and begins"),
    };
    let mut message = message.to_owned();
    if workspace.is_some_and(|dir| !is_writable(Path::new(dir))) {
        message.push_str("; its workspace cannot be written by this service");
    }
    let value = TaskCreated {
        task_id: task,
        status,
        message,
    };
    Ok(Made {
        value,
        location: format!("/tasks/{task}"),
        how: if is_new { How::New } else { How::Before },
    })
}

/// Whether one more task is taken.
pub(super) async fn room(app: &App) -> Result<(), Fault> {
    // That is known without the journal, and nearly always enough. A runner tidies up for a moment
    // after its task has ended.
    if app.engine.at_work() < app.limits.tasks {
        return Ok(());
    }
    let open = app.engine.reader().unfinished().await?.len();
    match open < app.limits.tasks {
        true => Ok(()),
        false => Err(Fault::too_many(
            "tasks",
            format!(
                "{open} tasks are not finished; wait for one, or cancel one (`server.max_tasks`)"
            ),
        )),
    }
}

fn new_task(app: &App, scope: Scope, request: NewTaskRequest) -> Result<NewTask, Fault> {
    if let Some(dir) = &request.workspace
        && !Path::new(dir).is_absolute()
    {
        let text = "`workspace`: give the whole path; this service is in no directory of yours";
        return Err(Fault::invalid("workspace", text));
    }
    if let Some(dir) = &request.workspace
        && scope < Scope::Owner
    {
        let allowed = app.engine.may_be_chosen(Path::new(dir));
        allowed.map_err(|text| Fault::invalid("workspace", text))?;
    }
    Ok(NewTask {
        settings: settings(&app.engine.config().task, scope, &request)?,
        goal: request.goal,
        workspace: request.workspace,
        context: request.context,
        callback_url: request.callback_url,
        metadata: request.metadata,
    })
}

/// The configured settings with what the caller says. A program may ask for more care than is
/// configured, and not for less: that would be answering for its user.
fn settings(
    configured: &TaskSettings,
    scope: Scope,
    request: &NewTaskRequest,
) -> Result<TaskSettings, Fault> {
    let mut settings = configured.clone();
    settings.attended = request.attended.unwrap_or(true);
    if let Some(mode) = request.approval_mode {
        settings.approval = mode.into();
    }
    if let Some(review) = request.review_plan {
        settings.review_plan = review;
    }
    if let Some(network) = request.network {
        settings.network = network;
    }
    if let Some(steps) = request.max_parallel_subtasks {
        if !(1..=MOST_PARALLEL).contains(&steps) {
            let text = format!("`max_parallel_subtasks` must be from 1 to {MOST_PARALLEL}");
            return Err(Fault::invalid("max_parallel_subtasks", text));
        }
        settings.max_parallel_subtasks = steps;
    }
    if request.checks.len() > MOST_CHECKS {
        let text = format!("`checks`: at most {MOST_CHECKS} are taken; a script can hold more");
        return Err(Fault::invalid("checks", text));
    }
    for line in &request.checks {
        if !settings.verification.checks.contains(line) {
            settings.verification.checks.push(line.clone());
        }
    }
    if let Some(learning) = request.learning {
        settings.learning = learning;
    }
    let less_care = care(settings.approval) < care(configured.approval)
        || (configured.review_plan && !settings.review_plan)
        || (settings.network && !configured.network)
        // Without it there are fewer questions, with it the words of earlier tasks are seen.
        || settings.learning != configured.learning;
    match less_care && scope < Scope::Owner {
        true => Err(Fault::forbidden(
            "scope",
            "with the token of an agent a task cannot be given fewer questions or more access than is configured".to_owned(),
        )),
        false => Ok(settings),
    }
}

/// How often a human is asked.
const fn care(mode: ApprovalMode) -> u8 {
    match mode {
        ApprovalMode::Auto => 0,
        ApprovalMode::Threshold => 1,
        ApprovalMode::Manual => 2,
    }
}

fn key<Q, B>(call: &Call<Q, B>) -> Result<Option<&str>, Fault> {
    let Some(key) = call.header(IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    let fits = (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    match fits {
        true => Ok(Some(key)),
        false => Err(Fault::bad_request(
            "idempotency_key",
            format!("the key of a request has 1 to {LONGEST_KEY} letters, digits and punctuation"),
        )),
    }
}

fn once_fault(error: OnceError) -> Fault {
    let said = error.to_string();
    match error {
        OnceError::OtherRequest(task) => Fault::invalid("idempotency_key", said).of(task),
        OnceError::Claim(_) => Fault::internal(&error),
        OnceError::Submit(error) => error.into(),
    }
}

fn is_writable(dir: &Path) -> bool {
    rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok()
}

/// Which tasks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Only those with this status.
    #[serde(default)]
    status: Option<TaskStatus>,
    /// Only those of this directory.
    #[serde(default)]
    workspace: Option<String>,
    /// At most so many, and no more than 500.
    #[serde(default)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    /// The header `x-next-cursor` of the page before.
    #[serde(default)]
    cursor: Option<TaskId>,
}

pub(crate) async fn list(call: Call<Parameters<ListQuery>>) -> Result<Page<TaskSummary>, Fault> {
    let query = call.query.0;
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=LONGEST_PAGE).contains(&limit) {
        let text = format!("`limit` must be from 1 to {LONGEST_PAGE}");
        return Err(Fault::bad_request("query", text));
    }
    let filter = TaskFilter {
        status: query
            .status
            .and_then(|status| RowStatus::from_name(status.name())),
        workspace: query.workspace,
        before: query.cursor,
        // One more says whether there is another page.
        limit: limit + 1,
    };
    let mut rows = call.app.engine.reader().list(filter).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().map(|row| row.id.to_string());
    Ok(Page {
        items: rows.into_iter().map(summary).collect(),
        next: last.filter(|_| more),
    })
}

fn summary(row: TaskRow) -> TaskSummary {
    TaskSummary {
        task_id: row.id,
        goal: row.goal,
        workspace: row.workspace,
        status: status(row.status),
        created: row.created,
        updated: row.updated,
        last_seq: row.last_seq,
        progress: Progress {
            done: row.subtasks_done,
            total: row.subtasks_total,
        },
        tokens: row.tokens,
        waiting: row.waiting,
    }
}

pub(crate) async fn show(call: Call) -> Result<Json<Task>, Fault> {
    let task = call.task().await?;
    let engine = &call.app.engine;
    let view = engine.reader().task(task).await?;
    let collected = engine.reader().collected(task).await?;
    let imported = engine.reader().imported(task).await?;
    let reverts = engine.reader().reverts(task).await?;
    let reverts = reverts.into_iter().map(|revert| Reverted {
        scope: revert.scope,
        files: u32::try_from(revert.changes.len()).unwrap_or(u32::MAX),
        at: revert.at,
    });
    let ratings = engine.ratings(task).await;
    let ratings = ratings.into_iter().map(|rated| Rated {
        subtask: rated.subtask,
        right: rated.right,
        at: rated.at,
    });
    // A runner tidies up for a moment after the end.
    let running = engine.is_running(task) && !view.status.is_final();
    Ok(Json(Task {
        imported,
        reverts: reverts.collect(),
        ratings: ratings.collect(),
        ..Task::new(view, running, collected)
    }))
}

pub(crate) async fn steer(call: Call<(), Given<SteerRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let text = call.body.0.instruction;
    let steer = Command::Steer { text };
    let taken = command(&call.app, task, steer, "the next model call hears it").await?;
    Ok(Json(taken))
}

pub(crate) async fn cancel(call: Call<(), Maybe<CancelRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let reason = call.body.0.reason.unwrap_or_default();
    let reason = match reason.trim() {
        "" => "cancelled by the user".to_owned(),
        _ => reason,
    };
    let cancel = Command::Cancel { reason };
    let message = "it ends; what is half done is put back first";
    Ok(Json(command(&call.app, task, cancel, message).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_client::wire::Approval;

    #[test]
    fn an_agent_may_ask_for_more_care_and_not_for_less() {
        let configured = TaskSettings {
            approval: ApprovalMode::Threshold,
            review_plan: true,
            ..TaskSettings::default()
        };
        let asked = |scope, change: fn(&mut NewTaskRequest)| {
            let mut request = NewTaskRequest::default();
            change(&mut request);
            settings(&configured, scope, &request).map_err(|fault| fault.status.as_u16())
        };
        let less: [fn(&mut NewTaskRequest); 4] = [
            |r| r.approval_mode = Some(Approval::Auto),
            |r| r.review_plan = Some(false),
            |r| r.network = Some(true),
            |r| r.learning = Some(false),
        ];
        for less in less {
            assert_eq!(asked(Scope::Agent, less), Err(403));
            assert!(asked(Scope::Owner, less).is_ok());
        }
        let more = asked(Scope::Agent, |r| r.approval_mode = Some(Approval::Manual)).unwrap();
        assert_eq!(more.approval, ApprovalMode::Manual);
        assert!(
            more.attended,
            "somebody is there unless it is said otherwise"
        );
    }
}
