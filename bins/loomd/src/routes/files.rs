//! What a task changed, and taking it back.

use crate::app::App;
use crate::fault::Fault;
use crate::http::{Call, Json, Maybe};
use loom_client::wire::{Changes, DiffList, FileList, RevertOptions};
use loom_events::{FileDiff, RevertReport, RevertRequest, RevertScope, Seq, TaskId};

pub(crate) async fn files(call: Call) -> Result<Json<FileList>, Fault> {
    let task = call.task().await?;
    let files = call.app.engine.reader().task(task).await?.files;
    Ok(Json(FileList { files }))
}

pub(crate) async fn diff(call: Call) -> Result<Json<DiffList>, Fault> {
    let task = call.task().await?;
    let diff = call.app.engine.reader().diff(task, None).await;
    let files = diff.map_err(|error| Fault::from(error).of(task))?;
    Ok(Json(DiffList { files }))
}

pub(crate) async fn changes(call: Call) -> Result<Json<Changes>, Fault> {
    let task = call.task().await?;
    let changes = call.app.engine.reader().changelog(task).await?;
    Ok(Json(Changes { changes }))
}

pub(crate) async fn change_diff(call: Call) -> Result<Json<FileDiff>, Fault> {
    let task = call.task().await?;
    let none = || Fault::not_found("no file was changed by that event").of(task);
    let seq = call.part("seq").parse().map(Seq).map_err(|_| none())?;
    let diff = call.app.engine.reader().change_diff(task, seq).await;
    let diff = diff.map_err(|error| Fault::from(error).of(task))?;
    diff.map(Json).ok_or_else(none)
}

pub(crate) async fn file_diff(call: Call) -> Result<Json<FileDiff>, Fault> {
    let task = call.task().await?;
    let path = call.part("path");
    let diff = call.app.engine.reader().diff(task, Some(path)).await;
    let diff = diff.map_err(|error| Fault::from(error).of(task))?;
    let none = || Fault::not_found("the file is as it was before the task").of(task);
    diff.into_iter().next().map(Json).ok_or_else(none)
}

pub(crate) async fn revert(
    call: Call<(), Maybe<RevertRequest>>,
) -> Result<Json<RevertReport>, Fault> {
    let task = call.task().await?;
    take_back(&call.app, task, call.body.0).await
}

pub(crate) async fn revert_file(
    call: Call<(), Maybe<RevertOptions>>,
) -> Result<Json<RevertReport>, Fault> {
    let task = call.task().await?;
    let scope = RevertScope::File(call.part("path").to_owned());
    take_back(&call.app, task, request(scope, call.body.0)).await
}

pub(crate) async fn revert_subtask(
    call: Call<(), Maybe<RevertOptions>>,
) -> Result<Json<RevertReport>, Fault> {
    let task = call.task().await?;
    let scope = RevertScope::Subtask(call.subtask()?);
    take_back(&call.app, task, request(scope, call.body.0)).await
}

fn request(scope: RevertScope, options: RevertOptions) -> RevertRequest {
    RevertRequest {
        scope,
        choices: options.choices,
        dry_run: options.dry_run,
    }
}

async fn take_back(
    app: &App,
    task: TaskId,
    request: RevertRequest,
) -> Result<Json<RevertReport>, Fault> {
    let report = app.engine.revert(task, request).await;
    report
        .map(Json)
        .map_err(|error| Fault::from(error).of(task))
}
