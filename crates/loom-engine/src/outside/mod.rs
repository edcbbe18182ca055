//! Those who are told of every task beside its work: the user's own command (`hook.rs`) and a collector
//! of OpenTelemetry (`spans.rs`, `otlp.rs`). Each follows the journal at its own speed, so nobody who
//! works on a task waits for it, and what it says is a fold of events like every other view.
//!
//! Unlike webhooks nothing of it is kept: what a process has not said when it dies is not said.

mod hook;
mod otlp;
mod settings;
mod spans;

pub(crate) use settings::Outside;
pub use settings::TelemetryError;

use crate::shared::Shared;
use async_trait::async_trait;
use futures_util::StreamExt as _;
use loom_events::{Record, TaskId};
use loom_state::{Follow, subscribe};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// How long a process that ends waits for those who are told.
const FAREWELL: Duration = Duration::from_secs(3);

/// Somebody who is told of every event.
#[async_trait]
trait Watcher: Send {
    /// An event was committed. All of them, each once, in order.
    async fn note(&mut self, record: &Record);
    /// Nothing happened for [`PAUSE`], or much did.
    async fn pause(&mut self);
    /// Nothing more comes.
    async fn finish(&mut self);
}

/// After so long without an event a watcher may do what it has put off.
const PAUSE: Duration = Duration::from_secs(2);

/// The watchers at work; they die when this is dropped.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Vec<AbortOnDropHandle<()>>>);

impl Watchers {
    /// Starts those that are configured, from what is committed from now on.
    pub(crate) fn start(shared: &Arc<Shared>) -> Self {
        let outside = shared.webhooks.outside();
        let mut jobs = Vec::new();
        if let Some(hook) = outside.hook.clone() {
            let watcher = hook::Hooks::new(hook, Arc::clone(shared));
            jobs.push(spawn(shared, watcher));
        }
        if let Some(collector) = outside.collector.clone() {
            let watcher = otlp::Exporter::new(collector, Arc::clone(shared));
            jobs.push(spawn(shared, watcher));
        }
        Self(Mutex::new(jobs))
    }

    /// Waits until they have said what there is to say, or soon. The journal must be closed.
    pub(crate) async fn stop(&self) {
        let jobs = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = async {
            for job in jobs {
                if let Err(died) = job.await {
                    tracing::error!(%died, "one who is told of tasks died");
                }
            }
        };
        // What is not said by then is not said.
        let _late = tokio::time::timeout(FAREWELL, ended).await;
    }
}

fn spawn(shared: &Arc<Shared>, mut watcher: impl Watcher + 'static) -> AbortOnDropHandle<()> {
    let after = *shared.journal.tail().borrow();
    let shared = Arc::clone(shared);
    let follow = async move {
        let journal = Arc::clone(&shared.journal);
        let mut records = Box::pin(subscribe(journal, Follow::All { after }));
        let mut foreign = Foreign::default();
        loop {
            match tokio::time::timeout(PAUSE, records.next()).await {
                Ok(Some(Ok(record))) => {
                    // History of another machine has been told there.
                    if !foreign.is(&shared, &record).await {
                        watcher.note(&record).await;
                    }
                }
                Ok(Some(Err(error))) => {
                    tracing::warn!(%error, "nobody outside is told any more: the journal cannot be read");
                    return;
                }
                Ok(None) => break,
                Err(_) => watcher.pause().await,
            }
        }
        watcher.finish().await;
    };
    AbortOnDropHandle::new(tokio::spawn(follow))
}

/// Which tasks were imported, as far as they were met.
#[derive(Default)]
struct Foreign(HashMap<TaskId, bool>);

/// Tasks whose origin is remembered.
const MAX_KNOWN: usize = 1_024;

impl Foreign {
    async fn is(&mut self, shared: &Shared, record: &Record) -> bool {
        let task = record.envelope.task_id;
        if let Some(known) = self.0.get(&task) {
            return *known;
        }
        let imported = shared.journal.imported(task).await;
        let is = imported.is_ok_and(|at| at.is_some());
        if self.0.len() >= MAX_KNOWN {
            self.0.clear();
        }
        self.0.insert(task, is);
        is
    }
}
