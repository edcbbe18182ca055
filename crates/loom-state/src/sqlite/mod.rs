//! The journal in SQLite: write-ahead log, one thread that writes, a pool that reads.

mod blobs;
mod column;
mod lessons;
mod memory;
mod outbox;
mod reader;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use crate::journal::{blob_id, check_numbering};
use crate::{
    AppendError, ApprovalRow, BlobError, Claim, Delivery, DeliveryTried, Journal, Lesson,
    MemoryQuery, MemoryRow, ModelFacts, NewDelivery, NewVector, ReadError, RevertRecord,
    SimilarQuery, StorageError, SubtaskRow, TaskFilter, TaskRow, Taught, Unembedded, subscribe,
};
use async_trait::async_trait;
use blobs::{Packed, PendingBlobs};
use loom_events::{BlobId, EncodeError, Encoded, Envelope, Record, Seq, TaskId, Time, encode};
use reader::Readers;
use rusqlite::Connection;
pub use schema::OpenError;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use writer::{Append, Feeds, Job, Writer};

/// Name of the database in the data directory.
pub const DATABASE_FILE: &str = "loom.db";

/// What an acknowledged append survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// A power cut: one fsync a commit, shared by everything that waits for it.
    #[default]
    Full,
    /// The end of the process, not a power cut. For benchmarks and laptops.
    Normal,
}

/// How a journal is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What an acknowledged append survives.
    pub durability: Durability,
}

/// The journal of a data directory.
///
/// Whoever opens it holds the [`DataDirLock`](crate::DataDirLock) of the directory. Dropping it
/// commits what waits, as [`Journal::close`] does, but blocks the thread meanwhile.
#[derive(Debug)]
pub struct SqliteJournal {
    readers: Readers,
    pending: Arc<PendingBlobs>,
    /// None once it is closed, or when it was opened for reading only.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    tail: watch::Receiver<u64>,
    /// Weak: the writer's going away is what ends those who listen.
    live: broadcast::WeakSender<Arc<[Arc<Record>]>>,
}

impl SqliteJournal {
    /// Opens the journal of a directory, making or migrating it where needed.
    ///
    /// # Errors
    /// [`OpenError::Newer`] when a newer Loom has been here; otherwise what stands in the way.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let conn = schema::open(dir, options.durability)?;
        Self::start(dir, conn).map_err(|source| OpenError::Storage {
            path: dir.join(DATABASE_FILE),
            source,
        })
    }

    /// Opens the journal of a directory for reading only, beside the process that writes it: nothing
    /// is made or migrated, every write is answered with `Closed`, and feeds end with what is there.
    ///
    /// # Errors
    /// [`OpenError::Missing`] and [`OpenError::Older`] besides those of [`SqliteJournal::open`].
    pub fn open_read_only(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(DATABASE_FILE);
        let conn = schema::open_existing(dir)?;
        let opened = reader::last_id(&conn)
            .map_err(StorageError::new)
            .and_then(|last_id| Ok((last_id, Readers::open(&path)?)));
        let (last_id, readers) = opened.map_err(|source| OpenError::Storage { path, source })?;
        Ok(Self {
            readers,
            pending: Arc::default(),
            jobs: Mutex::default(),
            thread: Mutex::default(),
            tail: watch::channel(last_id).1,
            live: broadcast::Sender::new(1).downgrade(),
        })
    }

    fn start(dir: &Path, conn: Connection) -> Result<Self, StorageError> {
        let readers = Readers::open(&dir.join(DATABASE_FILE))?;
        let last_id = reader::last_id(&conn).map_err(StorageError::new)?;
        let (tail_sender, tail) = watch::channel(last_id);
        let live_sender = broadcast::Sender::new(subscribe::RING);
        let live = live_sender.downgrade();
        let pending = Arc::new(PendingBlobs::default());
        let feeds = Feeds {
            tail: tail_sender,
            live: live_sender,
        };
        let (jobs, thread) =
            Writer::start(conn, feeds, Arc::clone(&pending)).map_err(StorageError::new)?;
        Ok(Self {
            readers,
            pending,
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            tail,
            live,
        })
    }

    fn jobs(&self) -> Option<mpsc::Sender<Job>> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.clone()
    }

    /// Ends the queue; the writer commits what is in it and goes.
    fn stop(&self) -> Option<JoinHandle<()>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.take();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.take()
    }

    /// Gives a job to the writer and waits for its answer.
    async fn ask<T>(&self, job: impl FnOnce(writer::Reply<T>) -> Job) -> Result<T, AppendError> {
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs().ok_or(AppendError::Closed)?;
        jobs.send(job(reply))
            .await
            .map_err(|_| AppendError::Closed)?;
        // Kept while waiting the sender would keep a closing writer alive.
        drop(jobs);
        answer.await.unwrap_or(Err(AppendError::Closed))
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        if let Some(thread) = self.stop() {
            // Its panic, if it had one, is in the log; nothing more can be done about it here.
            thread.join().ok();
        }
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn append_with(
        &self,
        task: TaskId,
        expected: Seq,
        events: Vec<Envelope>,
        outbox: Vec<NewDelivery>,
    ) -> Result<Vec<Record>, AppendError> {
        check_numbering(task, expected, &events)?;
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let events = encoded(events)?;
        self.ask(|reply| {
            Job::Append(Append {
                task,
                expected,
                events,
                outbox: outbox.into_iter().map(|new| new.begun(task)).collect(),
                imported: None,
                reply,
            })
        })
        .await
    }

    async fn import(
        &self,
        task: TaskId,
        events: Vec<Envelope>,
        at: Time,
    ) -> Result<Vec<Record>, AppendError> {
        check_numbering(task, Seq::ZERO, &events)?;
        let events = encoded(events)?;
        self.ask(|reply| {
            Job::Append(Append {
                task,
                expected: Seq::ZERO,
                events,
                outbox: Vec::new(),
                imported: Some(at),
                reply,
            })
        })
        .await
    }

    async fn imported(&self, task: TaskId) -> Result<Option<Time>, ReadError> {
        self.readers
            .run(move |conn| reader::imported(conn, task))
            .await
    }

    async fn read(&self, task: TaskId, after: Seq, limit: usize) -> Result<Vec<Record>, ReadError> {
        self.readers
            .run(move |conn| reader::read(conn, task, after, limit))
            .await
    }

    async fn read_all(&self, after_id: u64, limit: usize) -> Result<Vec<Record>, ReadError> {
        self.readers
            .run(move |conn| reader::read_all(conn, after_id, limit))
            .await
    }

    async fn tasks(&self, filter: TaskFilter) -> Result<Vec<TaskRow>, ReadError> {
        self.readers
            .run(move |conn| reader::tasks(conn, &filter))
            .await
    }

    async fn task(&self, task: TaskId) -> Result<Option<TaskRow>, ReadError> {
        self.readers.run(move |conn| reader::task(conn, task)).await
    }

    async fn find_task(&self, prefix_or_suffix: &str) -> Result<Vec<TaskId>, ReadError> {
        let part = prefix_or_suffix.to_owned();
        self.readers
            .run(move |conn| reader::find_task(conn, &part))
            .await
    }

    async fn unfinished(&self) -> Result<Vec<TaskId>, ReadError> {
        self.readers.run(reader::unfinished).await
    }

    async fn subtasks(&self, task: TaskId) -> Result<Vec<SubtaskRow>, ReadError> {
        self.readers
            .run(move |conn| reader::subtasks(conn, task))
            .await
    }

    async fn approvals(&self, task: TaskId) -> Result<Vec<ApprovalRow>, ReadError> {
        self.readers
            .run(move |conn| Ok(store::approvals(conn, task)?))
            .await
    }

    async fn open_approvals(&self) -> Result<Vec<ApprovalRow>, ReadError> {
        self.readers.run(reader::open_approvals).await
    }

    fn tail(&self) -> watch::Receiver<u64> {
        self.tail.clone()
    }

    fn live(&self) -> broadcast::Receiver<Arc<[Arc<Record>]>> {
        match self.live.upgrade() {
            Some(live) => live.subscribe(),
            // Closed: a channel whose sender is gone says so at once.
            None => broadcast::channel(1).1,
        }
    }

    async fn put_blob(&self, bytes: Vec<u8>) -> Result<BlobId, BlobError> {
        let packing = tokio::task::spawn_blocking(move || (blob_id(&bytes), Packed::new(&bytes)));
        let storage = |e| BlobError::Storage(e);
        let (id, packed) = packing.await.map_err(|e| storage(StorageError::new(e)))?;
        let packed = Arc::new(packed.map_err(|e| storage(StorageError::new(e)))?);
        let jobs = self.jobs().ok_or(BlobError::Closed)?;
        // A place in the queue first: from here to the send nothing can be dropped half-way, so
        // what is readable is always on its way to the disk.
        let place = jobs.reserve().await.map_err(|_| BlobError::Closed)?;
        self.pending.put(id.clone(), Arc::clone(&packed));
        place.send(Job::Blob {
            id: id.clone(),
            packed,
        });
        Ok(id)
    }

    async fn blob(&self, id: &BlobId) -> Result<Option<Vec<u8>>, BlobError> {
        // First those that wait: what has left them is in the database.
        let waiting = self.pending.get(id);
        let wanted = id.clone();
        let found = self
            .readers
            .run(move |conn| {
                let packed = match waiting {
                    Some(packed) => Some(packed),
                    None => reader::blob(conn, &wanted)?.map(Arc::new),
                };
                Ok(packed.map(|packed| packed.unpack(&wanted)))
            })
            .await;
        match found {
            Ok(Some(None)) => Err(BlobError::Damaged(id.clone())),
            Ok(found) => Ok(found.flatten()),
            Err(error) => Err(BlobError::Storage(StorageError::new(error))),
        }
    }

    async fn search_memory(&self, query: MemoryQuery) -> Result<Vec<MemoryRow>, ReadError> {
        self.readers
            .run(move |conn| memory::search(conn, &query))
            .await
    }

    async fn unembedded(&self, model: &str, limit: usize) -> Result<Vec<Unembedded>, ReadError> {
        let model = model.to_owned();
        self.readers
            .run(move |conn| memory::vectors::unembedded(conn, &model, limit))
            .await
    }

    async fn keep_vectors(&self, model: &str, vectors: Vec<NewVector>) -> Result<(), AppendError> {
        let model = model.to_owned();
        self.ask(|reply| Job::Vectors {
            model,
            vectors,
            reply,
        })
        .await
    }

    async fn similar_memory(&self, query: SimilarQuery) -> Result<Vec<MemoryRow>, ReadError> {
        self.readers
            .run(move |conn| memory::vectors::similar(conn, &query))
            .await
    }

    async fn record_revert(&self, task: TaskId, revert: RevertRecord) -> Result<(), AppendError> {
        self.ask(|reply| Job::Revert {
            task,
            revert,
            reply,
        })
        .await
    }

    async fn reverts(&self, task: TaskId) -> Result<Vec<RevertRecord>, ReadError> {
        self.readers
            .run(move |conn| reader::reverts(conn, task))
            .await
    }

    async fn record_collection(&self, tasks: Vec<TaskId>, at: Time) -> Result<(), AppendError> {
        self.ask(|reply| Job::Collection { tasks, at, reply }).await
    }

    async fn collected(&self, task: TaskId) -> Result<Option<Time>, ReadError> {
        self.readers
            .run(move |conn| reader::collected(conn, task))
            .await
    }

    async fn waiting_deliveries(&self, limit: usize) -> Result<Vec<Delivery>, ReadError> {
        self.readers
            .run(move |conn| Ok(outbox::waiting(conn, limit)?))
            .await
    }

    async fn deliveries(&self, task: TaskId) -> Result<Vec<Delivery>, ReadError> {
        self.readers
            .run(move |conn| Ok(outbox::of_task(conn, task)?))
            .await
    }

    async fn record_delivery(&self, tried: DeliveryTried) -> Result<(), AppendError> {
        self.ask(|reply| Job::Delivery { tried, reply }).await
    }

    async fn forget_deliveries(&self, before: Time) -> Result<(), AppendError> {
        self.ask(|reply| Job::Forget { before, reply }).await
    }

    async fn put_model_facts(&self, facts: ModelFacts) -> Result<(), AppendError> {
        self.ask(|reply| Job::ModelFacts { facts, reply }).await
    }

    async fn model_facts(&self) -> Result<Vec<ModelFacts>, ReadError> {
        self.readers.run(reader::model_facts).await
    }

    async fn keep_lessons(&self, taught: Taught) -> Result<bool, AppendError> {
        self.ask(|reply| Job::Taught { taught, reply }).await
    }

    async fn lessons(&self) -> Result<Vec<Lesson>, ReadError> {
        self.readers.run(|conn| Ok(lessons::all(conn)?)).await
    }

    async fn forget_lessons(&self) -> Result<(), AppendError> {
        self.ask(|reply| Job::ForgetLessons { reply }).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claim, AppendError> {
        self.ask(|reply| Job::Claim { claim, reply }).await
    }

    async fn close(&self) {
        let thread = self.stop();
        let mut tail = self.tail.clone();
        // The writer holds the other side until it has committed everything.
        while tail.changed().await.is_ok() {}
        // All that is left of the thread is its return.
        drop(thread.map(|thread| tokio::task::spawn_blocking(move || thread.join())));
    }
}

/// Events with their stored forms. They are made here, not by the writer: its time is everybody's.
fn encoded(events: Vec<Envelope>) -> Result<Vec<(Envelope, Encoded)>, EncodeError> {
    let encoded = events
        .into_iter()
        .map(|envelope| encode(&envelope.event).map(|encoded| (envelope, encoded)));
    encoded.collect()
}
