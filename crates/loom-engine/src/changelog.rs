//! The changelog of a task: every change of its files, in order, with the reverts that followed.

use crate::reader::{QueryError, Reader};
use loom_events::{Event, FileChange, Seq, SubtaskId, TaskId, Time};
use serde::Serialize;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeEntry {
    /// Its place in the journal, by which it can be taken back; none for a part of a revert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// What was taken back, for a part of a revert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revert: Option<String>,
    /// When it was recorded.
    pub at: Time,
    /// The subtask that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtask: Option<SubtaskId>,
    /// The attempt of the subtask, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What changed.
    #[serde(flatten)]
    pub change: FileChange,
}

impl ChangeEntry {
    /// Whether it is about a path, or about something in that directory.
    #[must_use]
    pub fn touches(&self, path: &str) -> bool {
        touches(&self.change, path)
    }
}

/// Whether a change is about a path, or about something in that directory.
pub(crate) fn touches(change: &FileChange, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let within = |one: &str| {
        one.strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(&change.path) || change.new_path.as_deref().is_some_and(within)
}

impl Reader {
    /// Every change of a task's files, oldest first, and what reverts did to them afterwards.
    ///
    /// # Errors
    /// There is no such task, or its journal cannot be read.
    pub async fn changelog(&self, task: TaskId) -> Result<Vec<ChangeEntry>, QueryError> {
        let records = self.records(task).await?;
        let mut entries = Vec::new();
        for record in records {
            let envelope = record.envelope;
            if let Event::FileChanged { change, .. } = envelope.event {
                entries.push(ChangeEntry {
                    seq: Some(envelope.seq),
                    revert: None,
                    at: envelope.timestamp,
                    subtask: envelope.subtask_id,
                    attempt: envelope.attempt,
                    change,
                });
            }
        }
        for revert in self.reverts(task).await? {
            entries.extend(revert.changes.into_iter().map(|change| ChangeEntry {
                seq: None,
                revert: Some(revert.scope.clone()),
                at: revert.at,
                subtask: None,
                attempt: None,
                change,
            }));
        }
        Ok(entries)
    }
}
