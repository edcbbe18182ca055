//! Resources: the diff and the log of a task, whole, for clients that read them when they need them.

use crate::story;
use crate::uri::{self, What};
use loom_client::TaskQuery;
use loom_events::{Seq, TaskId};
use loom_view::text::line;
use loomd::{Way, WayError};
use rmcp::ErrorData;
use rmcp::model::{
    ContentBlock, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};

/// Tasks whose resources are listed; any task's can be read by its address.
const LISTED: u32 = 20;

/// Pages of a journal that go into one log; of a longer one the rest is named.
const MAX_PAGES: usize = 50;

/// Bytes of a patch that are sent at once.
const MAX_DIFF: usize = 4 * 1024 * 1024;

const DIFF_TYPE: &str = "text/x-diff";
const LOG_TYPE: &str = "text/plain";

/// The links that belong to a result.
pub(crate) fn links(task: TaskId) -> Vec<ContentBlock> {
    [diff(task), log(task)]
        .map(ContentBlock::resource_link)
        .into()
}

pub(crate) fn diff(task: TaskId) -> Resource {
    Resource::new(uri::diff(task), format!("diff-{}", task.short()))
        .with_title("Changes")
        .with_description("All changes of the task, as a patch for `git apply`")
        .with_mime_type(DIFF_TYPE)
}

pub(crate) fn log(task: TaskId) -> Resource {
    Resource::new(uri::log(task), format!("log-{}", task.short()))
        .with_title("Log")
        .with_description("What happened in the task, one line each")
        .with_mime_type(LOG_TYPE)
}

/// The resources of the newest tasks.
pub(crate) async fn list(service: &Way) -> Result<ListResourcesResult, ErrorData> {
    let query = TaskQuery {
        limit: Some(LISTED),
        ..TaskQuery::default()
    };
    let listed = service.call(|client| {
        let query = query.clone();
        async move { client.tasks(&query).await }
    });
    let page = listed.await.map_err(|error| wrong(&error))?;
    let both = page.tasks.iter().flat_map(|task| {
        let about = line(&task.goal);
        [diff(task.task_id), log(task.task_id)].map(|one| one.with_description(about.clone()))
    });
    Ok(ListResourcesResult::with_all_items(both.collect()))
}

pub(crate) fn templates() -> ListResourceTemplatesResult {
    let diff = ResourceTemplate::new(uri::DIFF_TEMPLATE, "diff")
        .with_title("Changes of a task")
        .with_description("All changes of the task, as a patch for `git apply`")
        .with_mime_type(DIFF_TYPE);
    let log = ResourceTemplate::new(uri::LOG_TEMPLATE, "log")
        .with_title("Log of a task")
        .with_description("What happened in the task, one line each")
        .with_mime_type(LOG_TYPE);
    ListResourceTemplatesResult::with_all_items(vec![diff, log])
}

pub(crate) async fn read(service: &Way, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let (task, what) = uri::parse(uri).ok_or_else(|| missing(uri))?;
    let gone = |error: WayError| match error.code() {
        Some("not_found" | "ambiguous") => missing(uri),
        _ => match error {
            WayError::NotATask(_) => missing(uri),
            error => wrong(&error),
        },
    };
    let id = service.id(task).await.map_err(gone)?;
    let (text, kind) = match what {
        What::Diff => (patch(service, id).await.map_err(gone)?, DIFF_TYPE),
        What::Log => (told(service, id).await.map_err(gone)?, LOG_TYPE),
    };
    let contents = ResourceContents::text(text, uri).with_mime_type(kind);
    Ok(ReadResourceResult::new(vec![contents]))
}

/// One patch after the other is a patch.
async fn patch(service: &Way, id: TaskId) -> Result<String, WayError> {
    let diff = service
        .call(|client| async move { client.diff(id).await })
        .await?;
    let mut text = String::new();
    for file in &diff.files {
        if text.len().saturating_add(file.patch.len()) > MAX_DIFF {
            // Not a part of a patch; `git apply` passes over such lines between two of them.
            text += &format!("# {} is left out: the whole is too large\n", file.path);
            continue;
        }
        text += &file.patch;
    }
    Ok(text)
}

async fn told(service: &Way, id: TaskId) -> Result<String, WayError> {
    let mut text = String::new();
    let mut after = Seq::ZERO;
    for _ in 0..MAX_PAGES {
        let page = service
            .call(|client| async move { client.events(id, after).await })
            .await?;
        for told in page
            .events
            .iter()
            .filter_map(|one| story::Told::new(&one.envelope))
        {
            text += &told.line();
            text.push('\n');
        }
        match page.next_after {
            Some(next) => after = next,
            None => return Ok(text),
        }
    }
    text += &format!("(more after event {after}: loom_task_events)\n");
    Ok(text)
}

fn missing(uri: &str) -> ErrorData {
    let data = serde_json::json!({ "uri": uri });
    ErrorData::resource_not_found("there is no such resource", Some(data))
}

fn wrong(error: &WayError) -> ErrorData {
    ErrorData::internal_error(error.sentence(), None)
}
