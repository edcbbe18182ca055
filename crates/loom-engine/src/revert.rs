//! Taking back what a task did: one file, one subtask, everything. What the user changed since is
//! never overwritten; a revert is recorded, so it can itself be taken back.

use crate::engine::Engine;
use crate::reader::{QueryError, blocking, changes};
use loom_events::{FileChange, SubtaskId, TaskId};
use loom_state::RevertRecord;
use loom_workspace::{Conflict, FsError, UndoPlan, Workspace};
use std::sync::Arc;

/// What to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevertScope {
    /// Everything that the task changed.
    Task,
    /// What one subtask changed.
    Subtask(SubtaskId),
    /// One path.
    File(String),
    /// The last revert itself.
    LastRevert,
}

impl std::fmt::Display for RevertScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Task => f.write_str("task"),
            Self::Subtask(id) => write!(f, "subtask {id}"),
            Self::File(path) => f.write_str(path),
            Self::LastRevert => f.write_str("last revert"),
        }
    }
}

/// What a revert did.
#[derive(Clone, Debug, Default)]
pub struct RevertReport {
    /// What changed on disk, in order.
    pub changes: Vec<FileChange>,
    /// What was left alone, and why.
    pub conflicts: Vec<Conflict>,
}

impl Engine {
    /// Takes changes of a finished task back.
    ///
    /// # Errors
    /// The task still runs, its workspace is gone, or the scope names nothing that was changed.
    pub async fn revert(
        &self,
        task: TaskId,
        scope: RevertScope,
    ) -> Result<RevertReport, QueryError> {
        let reader = self.reader();
        let records = reader.records(task).await?;
        if !reader.has_ended(task).await? {
            return Err(QueryError::StillRunning(task));
        }
        let earlier = reader.reverts(task).await?;
        let wanted = match &scope {
            RevertScope::Task => all(changes(&records, None), &earlier),
            RevertScope::Subtask(id) => changes(&records, Some(id)),
            RevertScope::File(path) => touching(all(changes(&records, None), &earlier), path),
            RevertScope::LastRevert => last_reverts(&earlier).next().unwrap_or_default(),
        };
        if wanted.is_empty() && !matches!(scope, RevertScope::Task) {
            return Err(QueryError::NotChanged(scope.to_string()));
        }
        let workspace = Arc::new(reader.workspace(task, &records)?);
        // A revert that was killed may have left a half written file.
        let _turn = self.clean(Arc::clone(&workspace)).await;
        let candidates: Vec<Vec<FileChange>> = match scope {
            RevertScope::LastRevert => last_reverts(&earlier).collect(),
            _ => vec![wanted],
        };
        let planner = Arc::clone(&workspace);
        let plan = blocking(move || first_that_does(&planner, candidates)).await?;
        let conflicts = plan.conflicts().to_vec();
        // Recorded before it happens, like every change; what a crash then prevents is not there,
        // and undoing it finds nothing to do.
        if !plan.changes().is_empty() {
            let record = RevertRecord {
                scope: scope.to_string(),
                changes: plan.changes().to_vec(),
                at: self.now(),
            };
            self.record_revert(task, record).await?;
        }
        let changes = blocking(move || workspace.undo(&plan)).await?;
        Ok(RevertReport { changes, conflicts })
    }
}

/// What reverts did, the last one first. One that was killed and then run again is one, since each
/// half did a part of it.
fn last_reverts(reverts: &[RevertRecord]) -> impl Iterator<Item = Vec<FileChange>> {
    let undo = RevertScope::LastRevert.to_string();
    let one = move |a: &RevertRecord, b: &RevertRecord| a.scope == b.scope && a.scope != undo;
    let groups: Vec<&[RevertRecord]> = reverts.chunk_by(one).collect();
    let changes = |group: &[RevertRecord]| group.iter().flat_map(|r| r.changes.clone()).collect();
    groups.into_iter().rev().map(changes)
}

/// A revert is recorded before it happens: one that a crash prevented has left nothing to take
/// back, and then the one before it is meant.
fn first_that_does(
    workspace: &Workspace,
    candidates: Vec<Vec<FileChange>>,
) -> Result<UndoPlan, FsError> {
    let mut plan = UndoPlan::default();
    for changes in candidates {
        plan = workspace.undo_plan(&changes)?;
        if !plan.changes().is_empty() || !plan.conflicts().is_empty() {
            break;
        }
    }
    Ok(plan)
}

/// What the task did and what reverts did afterwards: the whole history of the files.
fn all(mut changes: Vec<FileChange>, reverts: &[RevertRecord]) -> Vec<FileChange> {
    changes.extend(reverts.iter().flat_map(|r| r.changes.iter().cloned()));
    changes
}

fn touching(changes: Vec<FileChange>, path: &str) -> Vec<FileChange> {
    let touches = |c: &FileChange| c.path == path || c.new_path.as_deref() == Some(path);
    changes.into_iter().filter(touches).collect()
}
