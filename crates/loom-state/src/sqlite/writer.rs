//! The one thread that writes. Everything that waits is committed in one transaction, so that under
//! load the price of an fsync is shared, and what is acknowledged is durable.
//!
//! **Invariant:** after a failed write nothing is acknowledged any more. The state of the file is
//! then unknown to this process (a second fsync would claim success for pages that the kernel has
//! dropped), so the thread ends, and only opening the database again can tell what is there.

use super::blobs::{Packed, PendingBlobs};
use super::{lessons, memory, outbox, store};
use crate::projection::{Projection, Touched};
use crate::{
    AppendError, Claim, Delivery, DeliveryTried, ModelFacts, NewVector, RevertRecord, StorageError,
    Taught,
};
use loom_events::{BlobId, Encoded, Envelope, Record, Seq, TaskId, Time};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Jobs that wait for the writer. When so many do, callers wait in line instead of in memory; it is
/// a few times the number of tasks that are expected to run at once.
const QUEUE: usize = 512;

/// Jobs in one transaction: large enough that an fsync is shared by everything that waits, small
/// enough that the first of them is not kept waiting by the work of the others.
const MAX_GROUP: usize = 256;

/// Bytes of payloads held back for the append that will name them. Beyond this they are committed
/// by themselves, to bound memory and what a commit has to write at once.
const MAX_HELD_BYTES: usize = 4 * 1024 * 1024;

/// Tasks whose rows are kept to fold on: more than run at once. When there are more the memory is
/// emptied, since reading a task's rows again is a matter of microseconds.
const MAX_CACHED: usize = 256;

/// Something to write.
pub(super) enum Job {
    /// A batch of events.
    Append(Append),
    /// A payload that is readable already and made durable with whatever comes next.
    Blob {
        /// Its name.
        id: BlobId,
        /// Its content.
        packed: Arc<Packed>,
    },
    /// A revert.
    Revert {
        /// Its task.
        task: TaskId,
        /// What was done.
        revert: RevertRecord,
        /// Where the answer goes.
        reply: Reply<()>,
    },
    /// Tasks whose snapshots are about to be removed.
    Collection {
        /// The tasks.
        tasks: Vec<TaskId>,
        /// When.
        at: Time,
        /// Where the answer goes.
        reply: Reply<()>,
    },
    /// A key of a request that begins a task.
    Claim {
        /// What is claimed.
        claim: Claim,
        /// Where the claim that counts goes.
        reply: Reply<Claim>,
    },
    /// What came of sending a message.
    Delivery {
        /// What.
        tried: DeliveryTried,
        /// Where the answer goes.
        reply: Reply<()>,
    },
    /// Messages that wait for nothing any more.
    Forget {
        /// Those that were last tried before it.
        before: Time,
        /// Where the answer goes.
        reply: Reply<()>,
    },
    /// What was found out about a model.
    ModelFacts {
        /// The facts.
        facts: ModelFacts,
        /// Where the answer goes.
        reply: Reply<()>,
    },
    /// What a task taught.
    Taught {
        /// What.
        taught: Taught,
        /// Where it goes whether that was new.
        reply: Reply<bool>,
    },
    /// Vectors of memory entries.
    Vectors {
        /// Who made them.
        model: String,
        /// The vectors.
        vectors: Vec<NewVector>,
        /// Where the answer goes.
        reply: Reply<()>,
    },
    /// Everything that was learned is forgotten.
    ForgetLessons {
        /// Where the answer goes.
        reply: Reply<()>,
    },
}

/// A batch of events to append.
pub(super) struct Append {
    /// The task.
    pub(super) task: TaskId,
    /// What its caller thinks is last.
    pub(super) expected: Seq,
    /// The events with their stored forms, numbered from there.
    pub(super) events: Vec<(Envelope, Encoded)>,
    /// The messages that report them.
    pub(super) outbox: Vec<Delivery>,
    /// When they came from another data directory.
    pub(super) imported: Option<Time>,
    /// Where the answer goes.
    pub(super) reply: Reply<Vec<Record>>,
}

/// Where an answer goes; nobody may be waiting for it any more.
pub(super) type Reply<T> = oneshot::Sender<Result<T, AppendError>>;

/// The sides of the channels on which commits are told; when they go, the journal is closed.
pub(super) struct Feeds {
    /// The highest committed record id.
    pub(super) tail: watch::Sender<u64>,
    /// Committed batches.
    pub(super) live: broadcast::Sender<Arc<[Arc<Record>]>>,
}

/// The writer: owns the only connection that writes. The connection comes first, so that it is closed
/// before the feeds end and say that the journal is.
pub(super) struct Writer {
    conn: Connection,
    feeds: Feeds,
    pending: Arc<PendingBlobs>,
    projections: HashMap<TaskId, Projection>,
    last_id: u64,
}

/// What was written for a job, to be told once it is committed.
enum Written {
    Appended(Vec<Record>),
    Conflict(AppendError),
    Claimed(Claim),
    Taught(bool),
    Done,
}

impl Writer {
    /// Starts the thread. It ends when the sender is dropped, after it has committed what waits.
    pub(super) fn start(
        conn: Connection,
        feeds: Feeds,
        pending: Arc<PendingBlobs>,
    ) -> io::Result<(mpsc::Sender<Job>, JoinHandle<()>)> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let last_id = *feeds.tail.borrow();
        let writer = Self {
            conn,
            feeds,
            pending,
            projections: HashMap::new(),
            last_id,
        };
        // A name of its own: faults are injected, and stacks are read, by the name of the thread.
        let thread = std::thread::Builder::new().name("loom-journal".into());
        let handle = thread.spawn(move || writer.run(jobs))?;
        Ok((sender, handle))
    }

    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::new();
        while gather(&mut jobs, &mut group) {
            if let Err(error) = self.commit(&mut group) {
                self.fail(group, &error);
                return;
            }
        }
    }

    /// Writes a group in one transaction, then tells everybody.
    fn commit(&mut self, group: &mut Vec<Job>) -> rusqlite::Result<()> {
        let mut written = Vec::with_capacity(group.len());
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut ledger = Ledger {
            tx: &tx,
            projections: &mut self.projections,
            last_id: &mut self.last_id,
        };
        for job in group.iter_mut() {
            written.push(ledger.write(job)?);
        }
        tx.commit()?;
        self.feeds.tail.send_if_modified(|tail| {
            let grown = *tail != self.last_id;
            *tail = self.last_id;
            grown
        });
        for (job, written) in group.drain(..).zip(written) {
            self.tell(job, written);
        }
        Ok(())
    }

    fn tell(&self, job: Job, written: Written) {
        match (job, written) {
            (Job::Append(append), Written::Appended(records)) => {
                if self.feeds.live.receiver_count() > 0 {
                    // Nobody listening is no failure, here and below.
                    let told = records.iter().cloned().map(Arc::new).collect();
                    self.feeds.live.send(told).ok();
                }
                append.reply.send(Ok(records)).ok();
            }
            (Job::Append(append), Written::Conflict(conflict)) => {
                append.reply.send(Err(conflict)).ok();
            }
            (
                Job::Revert { reply, .. }
                | Job::Collection { reply, .. }
                | Job::Delivery { reply, .. }
                | Job::Forget { reply, .. }
                | Job::ForgetLessons { reply }
                | Job::Vectors { reply, .. }
                | Job::ModelFacts { reply, .. },
                _,
            ) => {
                reply.send(Ok(())).ok();
            }
            (Job::Claim { reply, .. }, Written::Claimed(claim)) => {
                reply.send(Ok(claim)).ok();
            }
            (Job::Taught { reply, .. }, Written::Taught(new)) => {
                reply.send(Ok(new)).ok();
            }
            (Job::Blob { id, .. }, _) => self.pending.stored(&id),
            // What a job does not write, it is not told.
            (Job::Append(_), Written::Claimed(_) | Written::Taught(_) | Written::Done)
            | (Job::Claim { .. } | Job::Taught { .. }, _) => {}
        }
    }

    /// Answers a group whose commit failed. Those that wait behind it find the queue gone.
    fn fail(self, group: Vec<Job>, error: &rusqlite::Error) {
        tracing::error!(%error, "the journal takes nothing more: a commit failed");
        // Closing the last connection would copy the log into the database and sync again.
        self.conn
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .ok();
        let cause = StorageError::new(error.to_string());
        for job in group {
            match job {
                Job::Append(append) => {
                    append
                        .reply
                        .send(Err(AppendError::Storage(cause.clone())))
                        .ok();
                }
                Job::Revert { reply, .. }
                | Job::Collection { reply, .. }
                | Job::Delivery { reply, .. }
                | Job::Forget { reply, .. }
                | Job::ForgetLessons { reply }
                | Job::Vectors { reply, .. }
                | Job::ModelFacts { reply, .. } => {
                    reply.send(Err(AppendError::Storage(cause.clone()))).ok();
                }
                Job::Taught { reply, .. } => {
                    reply.send(Err(AppendError::Storage(cause.clone()))).ok();
                }
                Job::Claim { reply, .. } => {
                    reply.send(Err(AppendError::Storage(cause.clone()))).ok();
                }
                Job::Blob { .. } => {}
            }
        }
    }
}

/// Waits for jobs and takes all that are there; false when there is nothing left and the queue is
/// closed. Payloads alone are held back: the append that names them is usually next, and shares
/// its commit with them.
fn gather(jobs: &mut mpsc::Receiver<Job>, group: &mut Vec<Job>) -> bool {
    loop {
        let room = MAX_GROUP.saturating_sub(group.len());
        let open = room > 0 && jobs.blocking_recv_many(group, room) > 0;
        let held: usize = group.iter().map(Job::held_bytes).sum();
        let only_blobs = group.iter().all(|job| matches!(job, Job::Blob { .. }));
        if !open || !only_blobs || held > MAX_HELD_BYTES {
            return !group.is_empty();
        }
    }
}

impl Job {
    fn held_bytes(&self) -> usize {
        match self {
            Self::Blob { packed, .. } => packed.zstd.len(),
            Self::Append(_)
            | Self::Claim { .. }
            | Self::Revert { .. }
            | Self::Collection { .. }
            | Self::Delivery { .. }
            | Self::Forget { .. }
            | Self::ModelFacts { .. }
            | Self::Taught { .. }
            | Self::Vectors { .. }
            | Self::ForgetLessons { .. } => 0,
        }
    }
}

/// One transaction under way.
struct Ledger<'a> {
    tx: &'a Transaction<'a>,
    projections: &'a mut HashMap<TaskId, Projection>,
    last_id: &'a mut u64,
}

impl Ledger<'_> {
    fn write(&mut self, job: &mut Job) -> rusqlite::Result<Written> {
        match job {
            Job::Append(append) => self.append(append),
            Job::Blob { id, packed } => {
                store::insert_blob(self.tx, id, packed.size, &packed.zstd)?;
                Ok(Written::Done)
            }
            Job::Revert { task, revert, .. } => {
                store::insert_revert(self.tx, *task, revert)?;
                Ok(Written::Done)
            }
            Job::Collection { tasks, at, .. } => {
                store::insert_collection(self.tx, tasks, *at)?;
                Ok(Written::Done)
            }
            Job::Claim { claim, .. } => Ok(Written::Claimed(store::claim(self.tx, claim)?)),
            Job::Delivery { tried, .. } => {
                outbox::note(self.tx, tried)?;
                Ok(Written::Done)
            }
            Job::Forget { before, .. } => {
                outbox::forget(self.tx, *before)?;
                Ok(Written::Done)
            }
            Job::Taught { taught, .. } => Ok(Written::Taught(lessons::keep(self.tx, taught)?)),
            Job::Vectors { model, vectors, .. } => {
                memory::vectors::keep(self.tx, model, vectors)?;
                Ok(Written::Done)
            }
            Job::ForgetLessons { .. } => {
                lessons::forget(self.tx)?;
                Ok(Written::Done)
            }
            Job::ModelFacts { facts, .. } => {
                store::replace_model_facts(self.tx, facts)?;
                Ok(Written::Done)
            }
        }
    }

    fn append(&mut self, append: &mut Append) -> rusqlite::Result<Written> {
        let expected = append.expected;
        let mut projection = self.take_projection(append.task)?;
        let found = projection.task.last_seq;
        if found != expected {
            self.keep_projection(projection);
            return Ok(Written::Conflict(AppendError::Conflict { expected, found }));
        }
        let mut touched = Touched::default();
        let mut records = Vec::with_capacity(append.events.len());
        for (envelope, encoded) in std::mem::take(&mut append.events) {
            *self.last_id += 1;
            let id = *self.last_id;
            let record = Record { id, envelope };
            store::insert_event(self.tx, &record, &encoded)?;
            projection.apply(&record.envelope, &mut touched);
            records.push(record);
        }
        store::save(self.tx, &projection, &touched)?;
        for delivery in &append.outbox {
            outbox::insert(self.tx, delivery)?;
        }
        if let Some(at) = append.imported {
            store::insert_import(self.tx, append.task, at)?;
        }
        self.keep_projection(projection);
        Ok(Written::Appended(records))
    }

    fn take_projection(&mut self, task: TaskId) -> rusqlite::Result<Projection> {
        match self.projections.remove(&task) {
            Some(projection) => Ok(projection),
            None => store::load(self.tx, task),
        }
    }

    fn keep_projection(&mut self, projection: Projection) {
        if projection.phase.is_final() {
            return;
        }
        if self.projections.len() >= MAX_CACHED {
            self.projections.clear();
        }
        self.projections.insert(projection.task.id, projection);
    }
}
