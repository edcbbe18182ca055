//! The changelog of a task: every change of its files, in order, with the reverts that followed.

use crate::reader::{QueryError, Reader};
use loom_events::{Event, TaskId};
use loom_view::ChangeEntry;

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
