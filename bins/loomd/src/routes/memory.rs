//! What was worth keeping.

use crate::app::App;
use crate::fault::Fault;
use crate::http::{Call, Json, Parameters};
use loom_client::wire::{MemoryItem, MemoryPage};
use loom_events::{MemoryKind, TaskId};
use loom_state::{MemoryQuery, MemoryRow};
use schemars::JsonSchema;
use serde::Deserialize;

/// Entries of an answer, where the caller does not say.
const PAGE: usize = 50;

/// The most entries of an answer.
const LONGEST_PAGE: usize = 200;

/// Longest text that is searched for, in characters.
const LONGEST_TEXT: usize = 1_000;

/// Which entries of a task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemoryOf {
    /// Only those of this kind.
    #[serde(default)]
    kind: Option<MemoryKind>,
    /// At most so many, and no more than 200.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
}

/// What to look for in all tasks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    /// Words; an entry fits that has one of them, or a word beginning with one that has three letters
    /// or more. The more of them, and the rarer they are, the better. With an embedding model, entries that
    /// mean the like come behind them while there is room.
    #[schemars(length(min = 1, max = 1000))]
    q: String,
    /// Only those of this task.
    #[serde(default)]
    task: Option<TaskId>,
    /// Only those of this kind.
    #[serde(default)]
    kind: Option<MemoryKind>,
    /// At most so many, and no more than 200.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
}

pub(crate) async fn of_task(call: Call<Parameters<MemoryOf>>) -> Result<Json<MemoryPage>, Fault> {
    let task = call.task().await?;
    let MemoryOf { kind, limit } = call.query.0;
    let query = MemoryQuery {
        task: Some(task),
        kinds: kind.into_iter().collect(),
        limit: bounded(limit)?,
        ..MemoryQuery::default()
    };
    page(&call.app, query).await
}

pub(crate) async fn search(call: Call<Parameters<Search>>) -> Result<Json<MemoryPage>, Fault> {
    let Search {
        q,
        task,
        kind,
        limit,
    } = call.query.0;
    if !(1..=LONGEST_TEXT).contains(&q.chars().count()) {
        let text = format!("`q` has 1 to {LONGEST_TEXT} characters");
        return Err(Fault::bad_request("query", text));
    }
    let query = MemoryQuery {
        task,
        kinds: kind.into_iter().collect(),
        text: Some(q),
        limit: bounded(limit)?,
        ..MemoryQuery::default()
    };
    page(&call.app, query).await
}

fn bounded(limit: Option<usize>) -> Result<usize, Fault> {
    let limit = limit.unwrap_or(PAGE);
    match (1..=LONGEST_PAGE).contains(&limit) {
        true => Ok(limit),
        false => {
            let text = format!("`limit` must be from 1 to {LONGEST_PAGE}");
            Err(Fault::bad_request("query", text))
        }
    }
}

async fn page(app: &App, query: MemoryQuery) -> Result<Json<MemoryPage>, Fault> {
    let rows = app.engine.search_memory(query).await?;
    let entries = rows.into_iter().map(item).collect();
    Ok(Json(MemoryPage { entries }))
}

fn item(row: MemoryRow) -> MemoryItem {
    MemoryItem {
        task_id: row.task,
        seq: row.seq,
        at: row.at,
        entry: row.entry,
        seen: row.seen,
        last: (row.seen > 1).then_some(row.last),
        about: row.about,
    }
}
