//! Bringing the result of a fork into the workspace, and taking it out again. Either is announced
//! change by change before it happens, and put back to the snapshot before it when it is cut off.

use super::{Cx, Known};
use crate::broken::{Broken, chain};
use crate::ledger::Ledger;
use loom_events::{AttemptId, FailureClass, FileChange, Note, Outcome};
use loom_workspace::{Choices, Manifest, MergePlan, Settle, Workspace};
use std::sync::Arc;

/// A merge that is to be made.
pub(super) struct Merge {
    fork: Option<String>,
}

impl Merge {
    pub(super) fn new(ledger: &Ledger, attempt: AttemptId) -> Self {
        let log = ledger.attempts.get(&attempt);
        let prepared = log.and_then(|log| log.prepared.as_ref());
        Self {
            fork: prepared.and_then(|prepared| prepared.fork.clone()),
        }
    }
}

/// Merges all of a fork, or nothing.
pub(super) async fn merge(task: Merge, cx: Cx) -> Result<Outcome, Broken> {
    let gone = || Broken::new(FailureClass::Environment, "the fork to be merged is gone");
    let workspace = cx.place.workspace.clone().ok_or_else(gone)?;
    let name = task.fork.ok_or_else(gone)?;
    let fork = cx.place.forks.get(&name, &workspace).await;
    let fork = fork
        .map_err(|error| Broken::environment("the fork could not be opened", &error))?
        .ok_or_else(gone)?;
    let _lane = cx.place.forks.lane.lock().await;
    let planned = cx
        .files("the merge could not be planned", move |workspace| {
            fork.merge_plan(workspace)
        })
        .await?;
    let plan = planned.ok_or_else(gone)?;
    if !plan.conflicts().is_empty() {
        let paths = plan.conflicts().iter().map(|c| c.path.clone()).collect();
        return Ok(Outcome::Conflicted { paths });
    }
    announce(&plan, &workspace, &cx).await?;
    let base_moved = plan.base_moved();
    let before = workspace.save_manifest(plan.before());
    let merged = tokio::task::spawn_blocking(move || workspace.merge(&plan)).await;
    let why = match merged {
        Ok(Ok(_)) => return Ok(Outcome::Merged { base_moved }),
        Ok(Err(error)) => chain(&error),
        Err(died) => chain(&died),
    };
    // A part of it may be in place.
    let known = cx.signals.recorded();
    let snapshot = cx.put(before).await?;
    cx.put_back(&snapshot, Known::Snapshot(&known)).await?;
    Err(Broken::new(
        FailureClass::Environment,
        format!("the result could not be merged: {why}"),
    ))
}

/// What is needed to put the merge back, and each of its changes, before any of them happens.
async fn announce(plan: &MergePlan, workspace: &Arc<Workspace>, cx: &Cx) -> Result<(), Broken> {
    let manifest = cx.put(workspace.save_manifest(plan.before())).await?;
    cx.signals.must_note(Note::Snapshot { manifest }).await?;
    let left = plan.left_alone().iter();
    let left: Vec<String> = left
        .map(|left| format!("`{}` was not brought in: {}", left.path, left.why))
        .collect();
    cx.signals.degraded(&left).await?;
    for change in plan.changes() {
        cx.signals.must_change(change.clone()).await?;
    }
    Ok(())
}

/// A merge that is to be taken back.
pub(super) struct Unmerge {
    changes: Vec<FileChange>,
}

impl Unmerge {
    pub(super) fn new(ledger: &Ledger, attempt: AttemptId) -> Self {
        Self {
            changes: ledger.changes_by(attempt),
        }
    }
}

/// Takes back what an attempt changed in the workspace. What somebody else changed meanwhile stays,
/// as far as the two can be told apart.
pub(super) async fn unmerge(task: Unmerge, cx: Cx) -> Result<Outcome, Broken> {
    let _lane = cx.place.forks.lane.lock().await;
    cx.snapshot().await?;
    let planned = cx
        .files("a merge could not be taken back", move |workspace| {
            workspace.undo_plan_with(&task.changes, &Choices::all(Settle::Merge))
        })
        .await?;
    let Some(plan) = planned else {
        return Ok(Outcome::Unmerged);
    };
    let stays = plan.conflicts().iter();
    let stays: Vec<String> = stays
        .map(|c| format!("`{}` keeps a result that did not pass: {}", c.path, c.why))
        .collect();
    cx.signals.degraded(&stays).await?;
    for change in plan.changes() {
        cx.signals.must_change(change.clone()).await?;
    }
    cx.files("a merge could not be taken back", move |workspace| {
        workspace.undo(&plan).map(drop)
    })
    .await?;
    Ok(Outcome::Unmerged)
}

/// The state of the workspace, not while a merge writes it.
pub(super) async fn settled_manifest(
    workspace: &Arc<Workspace>,
    cx: &Cx,
) -> Result<Manifest, Broken> {
    let _lane = cx.place.forks.lane.lock().await;
    let workspace = Arc::clone(workspace);
    let taken = tokio::task::spawn_blocking(move || workspace.take_manifest()).await;
    let failed = |error: &dyn std::error::Error| {
        Broken::environment("the workspace could not be snapshotted", error)
    };
    match taken {
        Ok(Ok(manifest)) => Ok(manifest),
        Ok(Err(error)) => Err(failed(&error)),
        Err(died) => Err(failed(&died)),
    }
}
