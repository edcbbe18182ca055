//! Whether the stored rows of a task are what its events say.

use crate::archive::Archive;
use crate::projection::{Projection, Touched};
use crate::{ApprovalRow, Journal, MemoryQuery, MemoryRow, ReadError, SubtaskRow};
use loom_events::{Seq, TaskId};

/// Events folded at a time.
const PAGE: usize = 1024;

/// A stored row that differs from what the events give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: stored {stored}, the events give {folded}")]
pub struct Mismatch {
    /// Which row.
    pub what: String,
    /// As stored.
    pub stored: String,
    /// As folded.
    pub folded: String,
}

/// Folds the events of a task and compares the result with the stored rows; empty when they agree.
///
/// The task must not be running: rows that move on while they are read differ.
///
/// # Errors
/// [`ReadError::Undecodable`] when this build cannot read one of the events.
pub async fn check_projections(
    journal: &dyn Journal,
    task: TaskId,
) -> Result<Vec<Mismatch>, ReadError> {
    let folded = fold(journal, task).await?;
    let stored = journal.task(task).await?;
    let expected =
        (folded.projection.task.last_seq > Seq::ZERO).then(|| folded.projection.task.clone());
    let mut found = Vec::new();
    compare(&mut found, "task", &stored, &expected);
    compare::<Vec<SubtaskRow>>(
        &mut found,
        "subtasks",
        &journal.subtasks(task).await?,
        &folded.projection.subtask_rows(),
    );
    compare::<Vec<ApprovalRow>>(
        &mut found,
        "approvals",
        &journal.approvals(task).await?,
        &folded.projection.approvals.into_values().collect(),
    );
    let noted: Vec<MemoryRow> = folded.noted.rows(task).collect();
    let query = MemoryQuery {
        task: Some(task),
        limit: noted.len() + 1,
        ..MemoryQuery::default()
    };
    let mut stored = journal.search_memory(query).await?;
    stored.sort_unstable_by_key(|row| row.id);
    compare(&mut found, "memory entries", &stored, &noted);
    Ok(found)
}

struct Folded {
    projection: Projection,
    noted: Archive,
}

async fn fold(journal: &dyn Journal, task: TaskId) -> Result<Folded, ReadError> {
    let mut folded = Folded {
        projection: Projection::new(task),
        noted: Archive::default(),
    };
    loop {
        let after = folded.projection.task.last_seq;
        let page = journal.read(task, after, PAGE).await?;
        if page.is_empty() {
            return Ok(folded);
        }
        for record in &page {
            folded
                .projection
                .apply(&record.envelope, &mut Touched::default());
            folded.noted.note(record);
        }
    }
}

fn compare<T: PartialEq + std::fmt::Debug>(
    found: &mut Vec<Mismatch>,
    what: &str,
    stored: &T,
    folded: &T,
) {
    if stored != folded {
        found.push(Mismatch {
            what: what.to_owned(),
            stored: format!("{stored:?}"),
            folded: format!("{folded:?}"),
        });
    }
}
