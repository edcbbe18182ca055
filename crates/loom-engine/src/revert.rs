//! Taking back what a task did: one entry, one file, one subtask, everything. What the user changed
//! since is never overwritten without being asked for; a revert is recorded, so it can itself be
//! taken back.

use crate::engine::Engine;
use crate::reader::{QueryError, blocking, changes, changes_where};
use loom_events::{
    Event, FileChange, FileState, Origin, Record, RevertReport, RevertRequest, RevertScope, Seq,
    SubtaskId, TaskId,
};
use loom_state::RevertRecord;
use loom_view::touches;
use loom_workspace::{Choices, Conflict, ConflictKind, FsError, UndoPlan, Workspace};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Engine {
    /// Takes changes of a finished task back. Conflicts are left alone and listed, unless a
    /// [`RevertRequest`] says what to do about them.
    ///
    /// # Errors
    /// The task still runs, its workspace is gone, or the scope names nothing that was changed.
    pub async fn revert(
        &self,
        task: TaskId,
        request: impl Into<RevertRequest>,
    ) -> Result<RevertReport, QueryError> {
        let request = request.into();
        let reader = self.reader();
        let records = reader.records(task).await?;
        reader.must_be_ours(task).await?;
        if !reader.has_ended(task).await? {
            return Err(QueryError::StillRunning(task));
        }
        reader.must_be_kept(task).await?;
        let earlier = reader.reverts(task).await?;
        let wanted = wanted(&request.scope, &records, &earlier);
        if wanted.is_empty() && request.scope != RevertScope::Task {
            return Err(QueryError::NotChanged(request.scope.to_string()));
        }
        let workspace = Arc::new(reader.workspace(task, &records)?);
        // A revert that was killed may have left a half written file.
        let _turn = self.clean(task, Arc::clone(&workspace)).await;
        let candidates: Vec<Vec<FileChange>> = match request.scope {
            RevertScope::LastRevert => last_reverts(&earlier).collect(),
            _ => vec![wanted],
        };
        let (planner, choices) = (Arc::clone(&workspace), request.choices);
        let history = all(changes(&records, None), &earlier);
        let (plan, conflicts) = blocking(move || {
            let plan = first_that_does(&planner, candidates, &choices)?;
            let conflicts = named(&planner, &plan, &history);
            Ok((plan, conflicts))
        })
        .await?;
        let mut report = RevertReport {
            changes: plan.changes().to_vec(),
            conflicts,
            settled: plan.settled().to_vec(),
        };
        if request.dry_run {
            return Ok(report);
        }
        // Half of it would be the next last revert, and to and fro would lead somewhere else.
        if request.scope == RevertScope::LastRevert && !report.conflicts.is_empty() {
            report.changes.clear();
            report.settled.clear();
            return Ok(report);
        }
        // Recorded before it happens, like every change; what a crash then prevents is not there,
        // and undoing it finds nothing to do.
        if !plan.changes().is_empty() {
            let record = RevertRecord {
                scope: request.scope.to_string(),
                changes: plan.changes().to_vec(),
                at: self.now(),
            };
            self.record_revert(task, record).await?;
        }
        report.changes = blocking(move || workspace.undo(&plan)).await?;
        if !report.changes.is_empty() && learns(&records) {
            let reverted = judged(&request.scope, &records);
            let shared = &self.shared;
            shared
                .learning
                .taken_back(shared, &records, &reverted)
                .await;
        }
        Ok(report)
    }
}

/// Whether what becomes of a task is learned from.
pub(crate) fn learns(records: &[Record]) -> bool {
    let new = records
        .iter()
        .find_map(|record| match &record.envelope.event {
            Event::TaskCreated(new) => Some(new.settings.learning),
            _ => None,
        });
    new.unwrap_or(false)
}

/// The subtasks whose work somebody takes back as a whole. A single file, what is done
/// again by a task that continues, or a revert of a revert say nothing of that kind.
fn judged(scope: &RevertScope, records: &[Record]) -> BTreeSet<SubtaskId> {
    match scope {
        RevertScope::Task => records
            .iter()
            .filter(|record| match &record.envelope.event {
                Event::FileChanged { change, .. } => change.origin != Origin::User,
                _ => false,
            })
            .filter_map(|record| record.envelope.subtask_id.clone())
            .collect(),
        RevertScope::Subtask(id) => BTreeSet::from([id.clone()]),
        RevertScope::Subtasks(_)
        | RevertScope::After(_)
        | RevertScope::File(_)
        | RevertScope::Entry(_)
        | RevertScope::LastRevert => BTreeSet::new(),
    }
}

/// The changes that are to be taken back, oldest first.
fn wanted(scope: &RevertScope, records: &[Record], earlier: &[RevertRecord]) -> Vec<FileChange> {
    let mut wanted = within(scope, records, earlier);
    // What the user did by hand is theirs: only when it is named is it taken back.
    if !matches!(scope, RevertScope::Entry(_) | RevertScope::LastRevert) {
        wanted.retain(|change| change.origin != Origin::User);
    }
    wanted
}

fn within(scope: &RevertScope, records: &[Record], earlier: &[RevertRecord]) -> Vec<FileChange> {
    match scope {
        RevertScope::Task => all(changes(records, None), earlier),
        RevertScope::Subtask(id) => changes(records, Some(id)),
        RevertScope::Subtasks(ids) => {
            let of = |r: &Record| {
                r.envelope
                    .subtask_id
                    .as_ref()
                    .is_some_and(|id| ids.contains(id))
            };
            changes_where(records, of)
        }
        RevertScope::After(seq) => {
            let mut after = changes_where(records, |r| r.envelope.seq > *seq);
            after.extend(earlier.iter().flat_map(|r| r.changes.iter().cloned()));
            after
        }
        RevertScope::File(path) => touching(all(changes(records, None), earlier), path),
        RevertScope::Entry(seq) => entry(records, *seq).into_iter().collect(),
        RevertScope::LastRevert => last_reverts(earlier).next().unwrap_or_default(),
    }
}

/// What reverts did, the last one first. One that was killed and then run again is one, since each
/// half did a part of it.
fn last_reverts(reverts: &[RevertRecord]) -> impl Iterator<Item = Vec<FileChange>> {
    let groups: Vec<&[RevertRecord]> = reverts.chunk_by(goes_on).collect();
    let changes = |group: &[RevertRecord]| group.iter().flat_map(|r| r.changes.clone()).collect();
    groups.into_iter().rev().map(changes)
}

/// Whether a revert only finishes what the one before it had set out to do.
fn goes_on(first: &RevertRecord, then: &RevertRecord) -> bool {
    let wanted: Vec<_> = first.changes.iter().flat_map(results).collect();
    let mut done = then.changes.iter().flat_map(results);
    first.scope == then.scope && done.all(|result| wanted.contains(&result))
}

/// The paths of a change with what is there after it.
fn results(change: &FileChange) -> Vec<(&str, Option<&FileState>)> {
    let after = change.after.as_ref();
    match &change.new_path {
        Some(to) => vec![(&change.path, None), (to, after)],
        None => vec![(&change.path, after)],
    }
}

/// A revert is recorded before it happens: one that a crash prevented has left nothing to take
/// back, and then the one before it is meant.
fn first_that_does(
    workspace: &Workspace,
    candidates: Vec<Vec<FileChange>>,
    choices: &Choices,
) -> Result<UndoPlan, FsError> {
    let mut plan = UndoPlan::default();
    for changes in candidates {
        plan = workspace.undo_plan_with(&changes, choices)?;
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
    let touching = |change: &FileChange| touches(change, path);
    changes.into_iter().filter(touching).collect()
}

fn entry(records: &[Record], seq: Seq) -> Option<FileChange> {
    let record = records.iter().find(|r| r.envelope.seq == seq)?;
    match &record.envelope.event {
        Event::FileChanged { change, .. } => Some(change.clone()),
        _ => None,
    }
}

/// The conflicts, said to be the task's own where nobody else changed the file: when a part of its
/// work is taken back, a later part may stand on it.
fn named(workspace: &Workspace, plan: &UndoPlan, history: &[FileChange]) -> Vec<Conflict> {
    let own = |conflict: &Conflict| {
        let touched = matches!(
            conflict.kind,
            ConflictKind::Changed | ConflictKind::Removed | ConflictKind::Appeared
        );
        touched
            && latest(history, &conflict.path)
                .is_some_and(|left| workspace.state(&conflict.path).ok() == Some(left))
    };
    let mut conflicts = plan.conflicts().to_vec();
    for conflict in &mut conflicts {
        if own(conflict) {
            conflict.why =
                "a later change of the task, or an earlier revert, stands on it".to_owned();
        }
    }
    conflicts
}

/// What the last change of a path left there.
fn latest(history: &[FileChange], path: &str) -> Option<Option<FileState>> {
    history.iter().rev().find_map(|change| {
        if change.new_path.as_deref() == Some(path) {
            Some(change.after.clone())
        } else if change.path == path {
            let stays = change.new_path.is_none();
            Some(change.after.clone().filter(|_| stays))
        } else {
            None
        }
    })
}
