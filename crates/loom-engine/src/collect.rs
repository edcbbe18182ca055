//! Collecting snapshots: what no unfinished or kept task refers to is removed from the store, and with
//! it the forks that nothing works in any more.
//!
//! An unfinished task keeps everything that its snapshots and changes refer to. An ended one keeps what
//! its changes and reverts refer to, for as long as the configuration says; after that it can be looked
//! at and not be undone any more, and that is in the journal before the first object goes.

use crate::engine::Engine;
use crate::ledger::Ledger;
use crate::reader::{QueryError, Reader};
use loom_events::{BlobId, Event, Record, TaskId, Time};
use loom_state::{RowStatus, TaskRow};
use loom_workspace::{Collected, Collecting, Live, Store};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Objects this young stay, whatever refers to them: what was kept a moment ago may be about to be
/// journaled. An hour is more than any effect takes between the two.
const GRACE: Duration = Duration::from_secs(60 * 60);

/// Tasks listed at once; more than a data directory ever has.
const ALL: usize = 1_000_000;

/// What a collection did, or would do.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[non_exhaustive]
pub struct Collection {
    /// Tasks that cannot be undone any more from now on, oldest first.
    pub expired: Vec<TaskId>,
    /// Objects and bytes.
    #[serde(flatten)]
    pub objects: Collected,
}

/// Why snapshots were not collected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// What a task refers to must not change meanwhile.
    #[error("collect snapshots while task {0} runs: let it end, or stop it first")]
    Running(TaskId),
    /// A task cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// What an unfinished task refers to cannot be found out, so nothing may be removed.
    #[error("collect snapshots: those of unfinished task {task} cannot be read")]
    Unreadable {
        /// The task.
        task: TaskId,
        /// Cause.
        #[source]
        source: loom_workspace::ManifestError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] loom_workspace::StoreError),
    /// The collection could not be recorded, so nothing was removed.
    #[error(transparent)]
    Record(#[from] loom_state::AppendError),
    /// The forks of a task cannot be removed.
    #[error("remove what is left of the forks of task {task}")]
    Forks {
        /// The task.
        task: TaskId,
        /// Cause.
        #[source]
        source: loom_workspace::ForkError,
    },
    /// The work died.
    #[error("collect snapshots")]
    Died(#[from] tokio::task::JoinError),
}

impl Engine {
    /// Removes the snapshots that nothing needs any more, or counts them.
    ///
    /// # Errors
    /// While a task runs, or when it cannot be told what is needed; nothing is removed then.
    pub async fn collect(&self, remove: bool) -> Result<Collection, CollectError> {
        if let Some(task) = self.running().into_iter().next() {
            return Err(CollectError::Running(task));
        }
        let now = self.now();
        let Plan {
            live,
            expired,
            forks,
        } = self.plan(now).await?;
        if remove && !expired.is_empty() {
            self.record_collection(expired.clone(), now).await?;
        }
        let how = Collecting {
            now: UNIX_EPOCH + Duration::from_millis(now.as_millis().unsigned_abs()),
            grace: GRACE,
            remove,
        };
        if remove {
            for (task, kept) in forks {
                let swept = self.sweep_forks(task, kept).await;
                swept.map_err(|source| CollectError::Forks { task, source })?;
            }
        }
        let store = self.store();
        let objects = tokio::task::spawn_blocking(move || store.collect(&live, how)).await??;
        Ok(Collection { expired, objects })
    }

    async fn plan(&self, now: Time) -> Result<Plan, CollectError> {
        let reader = self.reader();
        let state = &self.config().state;
        let mut plan = Plan::default();
        let mut room = state.max_snapshots;
        // The newest first: the oldest give way when there is no room for all.
        for row in reader.tasks(ALL).await? {
            // Of an imported one no file was ever here.
            let is_here = reader.imported(row.id).await?.is_none();
            if !is_here || reader.collected(row.id).await?.is_some() {
                continue;
            }
            let records = reader.records(row.id).await?;
            plan.forks.push((row.id, live_forks(&row, &records)));
            let live = referred(reader, &self.store(), &row, &records).await?;
            if !has_ended(&row) {
                plan.live.extend(live);
                continue;
            }
            let bytes = new_bytes(self.store(), &live, &plan.live)?;
            let aged = state
                .keep_snapshots_ms
                .is_some_and(|keep| now.since(row.updated) > Duration::from_millis(keep));
            if aged || bytes > room {
                // Whatever is older goes, too: a gap in the middle would be hard to explain.
                room = 0;
                if changed_something(&records) {
                    plan.expired.push(row.id);
                }
            } else {
                room -= bytes;
                plan.live.extend(live);
            }
        }
        plan.expired.reverse();
        Ok(plan)
    }
}

#[derive(Default)]
struct Plan {
    live: Live,
    expired: Vec<TaskId>,
    /// The forks of each task that are to be kept.
    forks: Vec<(TaskId, BTreeSet<String>)>,
}

/// The forks that an unfinished task goes on in. One whose journal makes no sense keeps none: it
/// cannot go on.
fn live_forks(row: &TaskRow, records: &[Record]) -> BTreeSet<String> {
    let mut ledger = Ledger::new(row.id);
    match has_ended(row) || ledger.replay(records).is_err() {
        true => BTreeSet::new(),
        false => ledger.live_forks(),
    }
}

const fn has_ended(row: &TaskRow) -> bool {
    matches!(
        row.status,
        RowStatus::Completed | RowStatus::Failed | RowStatus::Cancelled
    )
}

fn changed_something(records: &[Record]) -> bool {
    let change = |record: &Record| matches!(record.envelope.event, Event::FileChanged { .. });
    records.iter().any(change)
}

/// What a task refers to.
async fn referred(
    reader: &Reader,
    store: &Arc<Store>,
    row: &TaskRow,
    records: &[Record],
) -> Result<Live, CollectError> {
    let mut live = Live::default();
    for revert in reader.reverts(row.id).await? {
        revert.changes.iter().for_each(|change| live.add(change));
    }
    for record in records {
        match &record.envelope.event {
            Event::FileChanged { change, .. } => live.add(change),
            // What is done in a fork is looked up after a crash, and merged by the state it began with.
            Event::ForkChanged { change, .. } if !has_ended(row) => live.add(change),
            Event::AttemptPrepared { prepared, .. } if !has_ended(row) => {
                if let Some(base) = &prepared.base {
                    mark(reader, store, row.id, (base, &mut live)).await?;
                }
            }
            // An ended task is never put back to a snapshot: its changes are enough to undo it.
            Event::SnapshotTaken { manifest, .. } if !has_ended(row) => {
                mark(reader, store, row.id, (manifest, &mut live)).await?;
            }
            _ => {}
        }
    }
    Ok(live)
}

/// Keeps everything that a manifest refers to.
async fn mark(
    reader: &Reader,
    store: &Arc<Store>,
    task: TaskId,
    (manifest, live): (&BlobId, &mut Live),
) -> Result<(), CollectError> {
    let bytes = reader.blob(manifest).await?.unwrap_or_default();
    store
        .mark_manifest(&bytes, live)
        .map_err(|source| CollectError::Unreadable { task, source })
}

/// Bytes on disk that are needed for this and for nothing before.
fn new_bytes(store: Arc<Store>, live: &Live, before: &Live) -> Result<u64, CollectError> {
    let mut sum = 0;
    for digest in live.beyond(before) {
        sum += store.bytes_of(digest)?.unwrap_or(0);
    }
    Ok(sum)
}
