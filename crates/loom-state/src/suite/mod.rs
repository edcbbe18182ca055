//! What every journal must do, run on both of them.

mod append;
mod beside;
mod follow;
mod memory;
mod rows;

use crate::fixtures::change;
use crate::{Journal, RevertRecord};
use loom_events::{Record, Seq, TaskId, Time};
use std::sync::Arc;

type J = Arc<dyn Journal>;

macro_rules! suite {
    ($($name:ident)*) => {
        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(std::sync::Arc::new(crate::MemoryJournal::new())).await;
            })*
        }
        mod in_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let dir = tempfile::tempdir().unwrap();
                let options = crate::Options { durability: crate::Durability::Normal };
                let journal = crate::SqliteJournal::open(dir.path(), options).unwrap();
                super::$name(std::sync::Arc::new(journal)).await;
            })*
        }
    };
}

use suite;

async fn read(journal: &J, task: TaskId) -> Vec<Record> {
    journal.read(task, Seq::ZERO, 10_000).await.unwrap()
}

fn seqs(records: &[Record]) -> Vec<u64> {
    records.iter().map(|r| r.envelope.seq.0).collect()
}

fn revert(scope: &str) -> RevertRecord {
    RevertRecord {
        scope: scope.into(),
        changes: vec![change("src/main.rs")],
        at: Time::from_millis(5),
    }
}
