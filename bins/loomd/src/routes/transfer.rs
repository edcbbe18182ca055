//! A task in one file: given, and taken as history.

use crate::fault::Fault;
use crate::http::{Call, ExportFile, How, Kind, Made, NDJSON, Text};
use loom_client::wire::TaskImported;

/// Lines of JSON.
pub(crate) struct Ndjson;

impl Kind for Ndjson {
    const MEDIA: &'static str = NDJSON;
}

pub(crate) async fn export(call: Call) -> Result<Text<Ndjson>, Fault> {
    let task = call.task().await?;
    // It has no secrets in it, and a byte more or less would not be what its hash says.
    Ok(Text::new(call.app.engine.export(task).await?))
}

pub(crate) async fn import(call: Call<(), ExportFile>) -> Result<Made<TaskImported>, Fault> {
    let imported = call.app.engine.import(&call.body.0).await?;
    let task = imported.task;
    Ok(Made {
        value: TaskImported {
            task_id: task,
            status: imported.status,
            events: imported.events,
            message: "it can be looked at, and nothing goes on with it".to_owned(),
        },
        location: format!("/tasks/{task}"),
        how: How::New,
    })
}
