//! The twin of the database in memory: the same behaviour, nothing durable. For tests of everything
//! that needs a journal and not a disk.

use crate::archive::Archive;
use crate::journal::{blob_id, check_numbering};
use crate::projection::{Projection, Touched};
use crate::vectors::closest;
use crate::{
    AppendError, ApprovalRow, BlobError, Claim, Delivery, DeliveryState, DeliveryTried, Journal,
    Lesson, MAX_FOUND, MemoryQuery, MemoryRow, ModelFacts, NewDelivery, NewVector, ReadError,
    RevertRecord, SimilarQuery, SubtaskRow, TaskFilter, TaskRow, Taught, Unembedded, VECTORS,
    Vector,
};
use crate::{archive, search};
use async_trait::async_trait;
use loom_events::{BlobId, Envelope, Record, Seq, TaskId, Time, encode};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, watch};

/// A journal in memory.
#[derive(Debug)]
pub struct MemoryJournal {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    records: Vec<Record>,
    tasks: BTreeMap<TaskId, Projection>,
    memory: BTreeMap<TaskId, Archive>,
    /// By record, with who made it.
    vectors: BTreeMap<u64, (String, Vector)>,
    blobs: BTreeMap<BlobId, Vec<u8>>,
    outbox: Vec<Delivery>,
    reverts: BTreeMap<TaskId, Vec<RevertRecord>>,
    /// By server and model.
    collected: BTreeMap<TaskId, Time>,
    imported: BTreeMap<TaskId, Time>,
    model_facts: BTreeMap<(String, String), ModelFacts>,
    claims: BTreeMap<String, Claim>,
    /// By section and name.
    lessons: BTreeMap<(String, String), Lesson>,
    harvests: BTreeMap<String, Time>,
    feeds: Option<Feeds>,
    tail: watch::Receiver<u64>,
}

/// The sending sides; dropped when the journal closes, which ends what hangs on them.
#[derive(Debug)]
struct Feeds {
    tail: watch::Sender<u64>,
    live: broadcast::Sender<Arc<[Arc<Record>]>>,
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        let (sender, tail) = watch::channel(0);
        let inner = Inner {
            records: Vec::new(),
            tasks: BTreeMap::new(),
            memory: BTreeMap::new(),
            vectors: BTreeMap::new(),
            blobs: BTreeMap::new(),
            outbox: Vec::new(),
            reverts: BTreeMap::new(),
            collected: BTreeMap::new(),
            imported: BTreeMap::new(),
            model_facts: BTreeMap::new(),
            claims: BTreeMap::new(),
            lessons: BTreeMap::new(),
            harvests: BTreeMap::new(),
            feeds: Some(Feeds {
                tail: sender,
                live: broadcast::Sender::new(crate::subscribe::RING),
            }),
            tail,
        };
        Self {
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing below panics half-way through a change, so a poisoned lock guards whole data.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn append(
        &mut self,
        task: TaskId,
        expected: Seq,
        events: Vec<Envelope>,
        outbox: Vec<NewDelivery>,
    ) -> Result<Vec<Record>, AppendError> {
        let feeds = self.feeds.as_ref().ok_or(AppendError::Closed)?;
        let found = self.tasks.get(&task).map_or(Seq::ZERO, |p| p.task.last_seq);
        if found != expected {
            return Err(AppendError::Conflict { expected, found });
        }
        let mut id = self.records.last().map_or(0, |r| r.id);
        let records: Vec<Record> = events
            .into_iter()
            .map(|envelope| {
                id += 1;
                Record { id, envelope }
            })
            .collect();
        let projection = self
            .tasks
            .entry(task)
            .or_insert_with(|| Projection::new(task));
        for record in &records {
            projection.apply(&record.envelope, &mut Touched::default());
            self.memory.entry(task).or_default().note(record);
        }
        self.records.extend_from_slice(&records);
        self.outbox
            .extend(outbox.into_iter().map(|new| new.begun(task)));
        feeds.tail.send_replace(id);
        // Nobody listening is no failure.
        let told = records.iter().cloned().map(Arc::new).collect();
        feeds.live.send(told).ok();
        Ok(records)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append_with(
        &self,
        task: TaskId,
        expected: Seq,
        events: Vec<Envelope>,
        outbox: Vec<NewDelivery>,
    ) -> Result<Vec<Record>, AppendError> {
        check_numbering(task, expected, &events)?;
        for envelope in &events {
            encode(&envelope.event)?;
        }
        if events.is_empty() {
            return Ok(Vec::new());
        }
        self.lock().append(task, expected, events, outbox)
    }

    async fn read(&self, task: TaskId, after: Seq, limit: usize) -> Result<Vec<Record>, ReadError> {
        let inner = self.lock();
        let of_task = |r: &&Record| r.envelope.task_id == task && r.envelope.seq > after;
        Ok(inner
            .records
            .iter()
            .filter(of_task)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn read_all(&self, after_id: u64, limit: usize) -> Result<Vec<Record>, ReadError> {
        let inner = self.lock();
        let from = inner.records.partition_point(|r| r.id <= after_id);
        Ok(inner.records[from..].iter().take(limit).cloned().collect())
    }

    async fn tasks(&self, filter: TaskFilter) -> Result<Vec<TaskRow>, ReadError> {
        let inner = self.lock();
        let rows = inner.tasks.values().rev().map(|p| &p.task);
        let wanted = rows.filter(|row| {
            filter.status.is_none_or(|status| status == row.status)
                && (filter.workspace.is_none() || filter.workspace == row.workspace)
                && filter.before.is_none_or(|before| row.id < before)
        });
        Ok(wanted.take(filter.limit).cloned().collect())
    }

    async fn task(&self, task: TaskId) -> Result<Option<TaskRow>, ReadError> {
        Ok(self.lock().tasks.get(&task).map(|p| p.task.clone()))
    }

    async fn find_task(&self, prefix_or_suffix: &str) -> Result<Vec<TaskId>, ReadError> {
        let Some(digits) = search::id_digits(prefix_or_suffix) else {
            return Ok(Vec::new());
        };
        let inner = self.lock();
        let fits = |id: &&TaskId| {
            let id = id.to_string().replace('-', "");
            id.starts_with(&digits) || id.ends_with(&digits)
        };
        let found = inner.tasks.keys().rev().filter(fits);
        Ok(found.take(MAX_FOUND).copied().collect())
    }

    async fn unfinished(&self) -> Result<Vec<TaskId>, ReadError> {
        let inner = self.lock();
        let open = inner.tasks.values().filter(|p| !p.phase.is_final());
        let open = open.map(|p| p.task.id);
        Ok(open.filter(|id| !inner.imported.contains_key(id)).collect())
    }

    async fn subtasks(&self, task: TaskId) -> Result<Vec<SubtaskRow>, ReadError> {
        let inner = self.lock();
        Ok(inner
            .tasks
            .get(&task)
            .map(Projection::subtask_rows)
            .unwrap_or_default())
    }

    async fn approvals(&self, task: TaskId) -> Result<Vec<ApprovalRow>, ReadError> {
        let inner = self.lock();
        let rows = inner.tasks.get(&task).into_iter();
        Ok(rows.flat_map(|p| p.approvals.values().cloned()).collect())
    }

    async fn open_approvals(&self) -> Result<Vec<ApprovalRow>, ReadError> {
        let inner = self.lock();
        let rows = inner.tasks.values().flat_map(|p| p.approvals.values());
        let mut open: Vec<_> = rows.filter(|a| a.closed.is_none()).cloned().collect();
        open.sort_by_key(|a| (a.asked, a.task, a.id));
        Ok(open)
    }

    fn tail(&self) -> watch::Receiver<u64> {
        self.lock().tail.clone()
    }

    fn live(&self) -> broadcast::Receiver<Arc<[Arc<Record>]>> {
        match &self.lock().feeds {
            Some(feeds) => feeds.live.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    async fn put_blob(&self, bytes: Vec<u8>) -> Result<BlobId, BlobError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(BlobError::Closed);
        }
        let id = blob_id(&bytes);
        inner.blobs.insert(id.clone(), bytes);
        Ok(id)
    }

    async fn blob(&self, id: &BlobId) -> Result<Option<Vec<u8>>, BlobError> {
        Ok(self.lock().blobs.get(id).cloned())
    }

    async fn search_memory(&self, query: MemoryQuery) -> Result<Vec<MemoryRow>, ReadError> {
        Ok(archive::find(&self.lock().memory, &query))
    }

    async fn unembedded(&self, model: &str, limit: usize) -> Result<Vec<Unembedded>, ReadError> {
        let inner = self.lock();
        let rows = archive::all(&inner.memory);
        let newest = rows.iter().rev();
        let newest = newest.take(usize::try_from(VECTORS).unwrap_or(usize::MAX));
        let without = newest.filter(|row| {
            let known = inner.vectors.get(&row.id);
            known.is_none_or(|(made_by, _)| made_by != model)
        });
        let without = without.map(|row| Unembedded {
            number: row.id,
            entry: row.entry.clone(),
        });
        Ok(without.take(limit).collect())
    }

    async fn keep_vectors(&self, model: &str, vectors: Vec<NewVector>) -> Result<(), AppendError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(AppendError::Closed);
        }
        for NewVector { number, vector } in vectors {
            inner.vectors.insert(number, (model.to_owned(), vector));
        }
        Ok(())
    }

    async fn similar_memory(&self, query: SimilarQuery) -> Result<Vec<MemoryRow>, ReadError> {
        let inner = self.lock();
        let rows = archive::all(&inner.memory);
        let close = |row: &MemoryRow| {
            let (model, vector) = inner.vectors.get(&row.id)?;
            let closeness = query.vector.closeness(vector)?;
            let fits = *model == query.model && archive::fits(row, &query.within);
            fits.then(|| (closeness, i64::try_from(row.id).unwrap_or(i64::MAX)))
        };
        let scored = rows.iter().filter_map(close).collect();
        let found = closest(scored, query.least, query.within.limit);
        let by_id = |id: i64| rows.iter().find(|row| i64::try_from(row.id) == Ok(id));
        Ok(found.into_iter().filter_map(by_id).cloned().collect())
    }

    async fn record_revert(&self, task: TaskId, revert: RevertRecord) -> Result<(), AppendError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(AppendError::Closed);
        }
        inner.reverts.entry(task).or_default().push(revert);
        Ok(())
    }

    async fn reverts(&self, task: TaskId) -> Result<Vec<RevertRecord>, ReadError> {
        Ok(self.lock().reverts.get(&task).cloned().unwrap_or_default())
    }

    async fn record_collection(&self, tasks: Vec<TaskId>, at: Time) -> Result<(), AppendError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(AppendError::Closed);
        }
        for task in tasks {
            inner.collected.entry(task).or_insert(at);
        }
        Ok(())
    }

    async fn import(
        &self,
        task: TaskId,
        events: Vec<Envelope>,
        at: Time,
    ) -> Result<Vec<Record>, AppendError> {
        check_numbering(task, Seq::ZERO, &events)?;
        let mut inner = self.lock();
        let records = inner.append(task, Seq::ZERO, events, Vec::new())?;
        inner.imported.insert(task, at);
        Ok(records)
    }

    async fn imported(&self, task: TaskId) -> Result<Option<Time>, ReadError> {
        Ok(self.lock().imported.get(&task).copied())
    }

    async fn collected(&self, task: TaskId) -> Result<Option<Time>, ReadError> {
        Ok(self.lock().collected.get(&task).copied())
    }

    async fn waiting_deliveries(&self, limit: usize) -> Result<Vec<Delivery>, ReadError> {
        let inner = self.lock();
        let waiting = inner
            .outbox
            .iter()
            .filter(|d| d.state == DeliveryState::Waiting);
        let mut waiting: Vec<_> = waiting.cloned().collect();
        waiting.sort_by(|a, b| (a.due, &a.id).cmp(&(b.due, &b.id)));
        waiting.truncate(limit);
        Ok(waiting)
    }

    async fn deliveries(&self, task: TaskId) -> Result<Vec<Delivery>, ReadError> {
        let inner = self.lock();
        let mut of_task: Vec<_> = inner
            .outbox
            .iter()
            .filter(|d| d.task == task)
            .cloned()
            .collect();
        of_task.sort_by(|a, b| (a.seq, &a.id).cmp(&(b.seq, &b.id)));
        Ok(of_task)
    }

    async fn record_delivery(&self, tried: DeliveryTried) -> Result<(), AppendError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(AppendError::Closed);
        }
        for delivery in inner.outbox.iter_mut().filter(|d| d.id == tried.id) {
            delivery.state = tried.state;
            delivery.tries = tried.tries;
            delivery.due = tried.due;
            delivery.outcome.clone_from(&tried.outcome);
            delivery.updated = tried.at;
        }
        Ok(())
    }

    async fn forget_deliveries(&self, before: Time) -> Result<(), AppendError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(AppendError::Closed);
        }
        let is_kept = |d: &Delivery| d.state == DeliveryState::Waiting || d.updated >= before;
        inner.outbox.retain(is_kept);
        Ok(())
    }

    async fn put_model_facts(&self, facts: ModelFacts) -> Result<(), AppendError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(AppendError::Closed);
        }
        let key = (facts.server.clone(), facts.model.clone());
        inner.model_facts.insert(key, facts);
        Ok(())
    }

    async fn model_facts(&self) -> Result<Vec<ModelFacts>, ReadError> {
        Ok(self.lock().model_facts.values().cloned().collect())
    }

    async fn keep_lessons(&self, taught: Taught) -> Result<bool, AppendError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(AppendError::Closed);
        }
        if let Some(teacher) = taught.teacher() {
            if inner.harvests.contains_key(&teacher) {
                return Ok(false);
            }
            inner.harvests.insert(teacher, taught.at);
        }
        for name in &taught.forgotten {
            inner.lessons.remove(name);
        }
        for lesson in taught.kept {
            let name = (lesson.section.clone(), lesson.name.clone());
            inner.lessons.insert(name, lesson);
        }
        Ok(true)
    }

    async fn lessons(&self) -> Result<Vec<Lesson>, ReadError> {
        Ok(self.lock().lessons.values().cloned().collect())
    }

    async fn forget_lessons(&self) -> Result<(), AppendError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(AppendError::Closed);
        }
        inner.lessons.clear();
        Ok(())
    }

    async fn claim(&self, claim: Claim) -> Result<Claim, AppendError> {
        let mut inner = self.lock();
        if inner.feeds.is_none() {
            return Err(AppendError::Closed);
        }
        let forgotten = claim.forgotten_before();
        inner.claims.retain(|_, earlier| earlier.at >= forgotten);
        match inner.claims.get(&claim.key) {
            Some(earlier) if inner.tasks.contains_key(&earlier.task) => Ok(earlier.clone()),
            _ => {
                inner.claims.insert(claim.key.clone(), claim.clone());
                Ok(claim)
            }
        }
    }

    async fn close(&self) {
        self.lock().feeds = None;
    }
}
