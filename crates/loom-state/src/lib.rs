//! Where Loom keeps what happened: the journal, the views derived from it, payloads, memory, lock.
//!
//! Start at [`Journal`], the seam; [`SqliteJournal`] is what a machine uses and [`MemoryJournal`]
//! its twin for tests. [`subscribe()`] follows a journal. Nothing here decides what an event means
//! for a task: the rows of lists are a fold of their own, for display only.

#![deny(missing_docs)]

mod archive;
mod check;
#[cfg(test)]
mod fixtures;
mod journal;
mod lessons;
mod lock;
mod memory_journal;
mod outbox;
mod projection;
mod rows;
mod search;
mod sqlite;
mod subscribe;
#[cfg(test)]
mod suite;
mod vectors;

pub use check::{Mismatch, check_projections};
pub use journal::{AppendError, BlobError, Journal, ReadError, StorageError};
pub use lessons::{Lesson, Taught, Teacher};
pub use lock::{DataDirLock, Holder, LOCK_FILE, LockError};
pub use memory_journal::MemoryJournal;
pub use outbox::{Delivery, DeliveryState, DeliveryTried, NewDelivery};
pub use rows::{
    ApprovalRow, Claim, Closed, Closing, MAX_FOUND, MemoryQuery, MemoryRow, ModelFacts,
    RevertRecord, RowStatus, SubtaskRow, TaskFilter, TaskRow,
};
pub use sqlite::{DATABASE_FILE, Durability, OpenError, Options, SqliteJournal};
pub use subscribe::{Follow, subscribe};
pub use vectors::{NewVector, SimilarQuery, Unembedded, VECTORS, Vector, merge};
