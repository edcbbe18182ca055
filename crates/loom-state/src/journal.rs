//! The seam between Loom and whatever keeps its journal: the [`Journal`] trait, its errors, and the
//! words of its questions. No back end lives here.
//!
//! **Invariant:** an acknowledged append is durable; what a reader sees was committed.

use crate::{
    ApprovalRow, Claim, Delivery, DeliveryTried, Lesson, MemoryQuery, MemoryRow, ModelFacts,
    NewDelivery, NewVector, RevertRecord, SimilarQuery, SubtaskRow, TaskFilter, TaskRow, Taught,
    Unembedded,
};
use async_trait::async_trait;
use loom_events::{BlobId, DecodeError, EncodeError, Envelope, Record, Seq, TaskId, Time};
use std::sync::Arc;
use tokio::sync::{broadcast, watch};

/// The one source of truth: what happened, in order, with the views that are derived from it.
///
/// Any number of tasks may use it at once. A back end orders all appends; the views (`tasks`,
/// `subtasks`, `approvals`, memory) change in the same transaction as the events they come from.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends a batch whose first event has the seq after `expected`, all of it or nothing, and
    /// answers once it is durable. An empty batch is acknowledged at once.
    ///
    /// Dropping the future does not take the batch back: it may be committed or not.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] when somebody else wrote first. After [`AppendError::Storage`]
    /// nobody knows whether the batch is there, and every later write is answered with
    /// [`AppendError::Closed`]: open the journal again and read.
    async fn append(
        &self,
        task: TaskId,
        expected: Seq,
        events: Vec<Envelope>,
    ) -> Result<Vec<Record>, AppendError> {
        self.append_with(task, expected, events, Vec::new()).await
    }

    /// The same with messages to receivers outside, which report events of the batch: they are there
    /// when the batch is, and not when it is not.
    ///
    /// # Errors
    /// As [`Journal::append`].
    async fn append_with(
        &self,
        task: TaskId,
        expected: Seq,
        events: Vec<Envelope>,
        outbox: Vec<NewDelivery>,
    ) -> Result<Vec<Record>, AppendError>;

    /// Takes the whole journal of a task that is not here, as history: it is never among the
    /// unfinished ones. All of it or nothing, durable when it returns.
    ///
    /// # Errors
    /// As [`Journal::append`]; [`AppendError::Conflict`] when the task is here.
    async fn import(
        &self,
        task: TaskId,
        events: Vec<Envelope>,
        at: Time,
    ) -> Result<Vec<Record>, AppendError>;

    /// When a task was imported, if it was.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn imported(&self, task: TaskId) -> Result<Option<Time>, ReadError>;

    /// The events of a task after a seq, in order, at most `limit`.
    ///
    /// # Errors
    /// [`ReadError::Undecodable`] when one of them was written by another build.
    async fn read(&self, task: TaskId, after: Seq, limit: usize) -> Result<Vec<Record>, ReadError>;

    /// The events of all tasks after a record id, in order, at most `limit`; empty at the end.
    ///
    /// One unreadable task must not silence all others, so what cannot be decoded is left out here
    /// (and logged); [`Journal::read`] refuses it.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn read_all(&self, after_id: u64, limit: usize) -> Result<Vec<Record>, ReadError>;

    /// Rows of the task list, newest first.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn tasks(&self, filter: TaskFilter) -> Result<Vec<TaskRow>, ReadError>;

    /// One row of the task list.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn task(&self, task: TaskId) -> Result<Option<TaskRow>, ReadError>;

    /// Tasks whose id begins or ends with the text (hyphens do not matter), newest first; at most
    /// [`MAX_FOUND`](crate::MAX_FOUND), which is enough to say that it is ambiguous.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn find_task(&self, prefix_or_suffix: &str) -> Result<Vec<TaskId>, ReadError>;

    /// Every task without a terminal event that was not imported, oldest first.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn unfinished(&self) -> Result<Vec<TaskId>, ReadError>;

    /// The subtasks of a task, in the order of its newest plan.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn subtasks(&self, task: TaskId) -> Result<Vec<SubtaskRow>, ReadError>;

    /// Every question of a task, oldest first.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn approvals(&self, task: TaskId) -> Result<Vec<ApprovalRow>, ReadError>;

    /// Every question that waits for an answer in any task, oldest first.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn open_approvals(&self) -> Result<Vec<ApprovalRow>, ReadError>;

    /// The highest committed record id. Ends (the sender is dropped) when the journal closes.
    fn tail(&self) -> watch::Receiver<u64>;

    /// Batches as they are committed, in order. A slow receiver loses the oldest and is told so;
    /// [`subscribe`](crate::subscribe()) closes that gap from the journal.
    fn live(&self) -> broadcast::Receiver<Arc<[Arc<Record>]>>;

    /// Keeps a payload under the hash of its bytes. It is readable at once, and durable no later
    /// than any append that is begun after this returned.
    ///
    /// # Errors
    /// [`BlobError::Closed`] after a failed commit.
    async fn put_blob(&self, bytes: Vec<u8>) -> Result<BlobId, BlobError>;

    /// A payload, if it is kept.
    ///
    /// # Errors
    /// [`BlobError::Damaged`] when what is stored does not have the hash it is stored under.
    async fn blob(&self, id: &BlobId) -> Result<Option<Vec<u8>>, BlobError>;

    /// Memory entries, the most relevant first.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read; never because of the query's text.
    async fn search_memory(&self, query: MemoryQuery) -> Result<Vec<MemoryRow>, ReadError>;

    /// The newest entries of all tasks that have no vector of a model, the newest first; none that is
    /// older than the newest [`VECTORS`](crate::VECTORS).
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn unembedded(&self, model: &str, limit: usize) -> Result<Vec<Unembedded>, ReadError>;

    /// Keeps vectors that a model made, in place of those of another one. Durable when it returns.
    ///
    /// # Errors
    /// As [`Journal::append`], without conflicts.
    async fn keep_vectors(&self, model: &str, vectors: Vec<NewVector>) -> Result<(), AppendError>;

    /// Entries that mean the like, the closest first.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn similar_memory(&self, query: SimilarQuery) -> Result<Vec<MemoryRow>, ReadError>;

    /// Keeps the record of a revert, which may come after the end of the task and so has a stream
    /// of its own. Durable when it returns.
    ///
    /// # Errors
    /// As [`Journal::append`], without conflicts.
    async fn record_revert(&self, task: TaskId, revert: RevertRecord) -> Result<(), AppendError>;

    /// The reverts of a task, oldest first.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn reverts(&self, task: TaskId) -> Result<Vec<RevertRecord>, ReadError>;

    /// Notes that the snapshots of tasks are about to be removed. Durable when it returns.
    ///
    /// # Errors
    /// As [`Journal::append`], without conflicts.
    async fn record_collection(&self, tasks: Vec<TaskId>, at: Time) -> Result<(), AppendError>;

    /// When the snapshots of a task were removed, if they were.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn collected(&self, task: TaskId) -> Result<Option<Time>, ReadError>;

    /// Messages that wait to be sent, in the order in which they are due; at most `limit`.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn waiting_deliveries(&self, limit: usize) -> Result<Vec<Delivery>, ReadError>;

    /// Every message that reports an event of a task, in the order of the events.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn deliveries(&self, task: TaskId) -> Result<Vec<Delivery>, ReadError>;

    /// Notes what came of a try. Durable when it returns; a message that is not there stays so.
    ///
    /// # Errors
    /// As [`Journal::append`], without conflicts.
    async fn record_delivery(&self, tried: DeliveryTried) -> Result<(), AppendError>;

    /// Forgets messages that wait for nothing any more and were last tried before a time. Durable when
    /// it returns.
    ///
    /// # Errors
    /// As [`Journal::append`], without conflicts.
    async fn forget_deliveries(&self, before: Time) -> Result<(), AppendError>;

    /// Keeps what was found out about a model, in place of what was known of it. Durable when it
    /// returns.
    ///
    /// # Errors
    /// As [`Journal::append`], without conflicts.
    async fn put_model_facts(&self, facts: ModelFacts) -> Result<(), AppendError>;

    /// What is known of every model, by server and model.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn model_facts(&self) -> Result<Vec<ModelFacts>, ReadError>;

    /// Keeps what was taught, all of it or nothing, and answers whether it did: a task or a revert that
    /// has taught before changes nothing. Durable when it returns.
    ///
    /// # Errors
    /// As [`Journal::append`], without conflicts.
    async fn keep_lessons(&self, taught: Taught) -> Result<bool, AppendError>;

    /// Everything that was learned, by section and name.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the storage cannot be read.
    async fn lessons(&self) -> Result<Vec<Lesson>, ReadError>;

    /// Forgets everything that was learned; the tasks that taught it teach no second time. Durable
    /// when it returns.
    ///
    /// # Errors
    /// As [`Journal::append`], without conflicts.
    async fn forget_lessons(&self) -> Result<(), AppendError>;

    /// Claims a key for the task that is about to begin, and answers with the claim that counts: an
    /// earlier one whose task exists, else this one. Durable when it returns. Claims older than
    /// [`Claim::KEPT`] are forgotten.
    ///
    /// # Errors
    /// As [`Journal::append`], without conflicts.
    async fn claim(&self, claim: Claim) -> Result<Claim, AppendError>;

    /// Commits what waits and takes nothing more; reading goes on. Feeds end.
    async fn close(&self);
}

/// A batch that was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended first; nothing was written.
    #[error("append after event {expected}: the journal of this task is at {found}")]
    Conflict {
        /// What the caller thought was last.
        expected: Seq,
        /// What is last.
        found: Seq,
    },
    /// The batch is not what its caller says it is; nothing was written.
    #[error("append event {seq} of task {task} where event {wanted} of the named task must be")]
    Misnumbered {
        /// The task that the event names.
        task: TaskId,
        /// The seq that the event has.
        seq: Seq,
        /// The seq that belongs here.
        wanted: Seq,
    },
    /// An event has no stored form; nothing was written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The journal takes nothing more: it was closed, or an earlier commit failed.
    #[error("append to a journal that is closed")]
    Closed,
    /// The commit failed. Whether the batch is there must be read from the journal, opened again.
    #[error("commit to the journal")]
    Storage(#[source] StorageError),
}

/// A question that the journal could not answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// An event that this build cannot read: the task is refused, the process goes on.
    #[error("read event {seq} of task {task}")]
    Undecodable {
        /// Its task.
        task: TaskId,
        /// Its seq.
        seq: Seq,
        /// What it is.
        #[source]
        source: DecodeError,
    },
    /// The storage failed, or holds what Loom never writes.
    #[error("read from the journal")]
    Storage(#[source] StorageError),
}

/// A payload that could not be kept or given back.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The journal takes nothing more: it was closed, or an earlier commit failed.
    #[error("store a payload in a journal that is closed")]
    Closed,
    /// What is stored does not have the hash it is stored under.
    #[error("read payload {0}: its content is damaged")]
    Damaged(BlobId),
    /// The payload could not be compressed, or the storage could not be read.
    #[error("reach the stored payloads")]
    Storage(#[source] StorageError),
}

/// A failure of the storage below a journal, whatever that is.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageError(Arc<dyn std::error::Error + Send + Sync>);

impl StorageError {
    /// Wraps the cause.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Arc::from(cause.into()))
    }
}

/// Refuses a batch that does not continue the named task.
pub(crate) fn check_numbering(
    task: TaskId,
    expected: Seq,
    events: &[Envelope],
) -> Result<(), AppendError> {
    let mut wanted = expected;
    for envelope in events {
        wanted = wanted.next();
        if envelope.task_id != task || envelope.seq != wanted {
            return Err(AppendError::Misnumbered {
                task: envelope.task_id,
                seq: envelope.seq,
                wanted,
            });
        }
    }
    Ok(())
}

/// The name of a payload.
pub(crate) fn blob_id(bytes: &[u8]) -> BlobId {
    BlobId::from_hex(blake3::hash(bytes).to_hex().as_str()).expect("BUG: a hash is 64 hex digits")
}
