//! The statements that read, and the pool of connections that they run on. They see only what is
//! committed, never wait for the writer, and never run on a thread of the async runtime.

use super::blobs::Packed;
use super::column::{from_json, from_word, int, limit, text, time, uint};
use super::schema::{configure_reader, reader_flags};
use super::store::{self, APPROVAL_COLUMNS, SUBTASK_COLUMNS, TASK_COLUMNS};
use crate::{
    ApprovalRow, MAX_FOUND, ModelFacts, ReadError, RevertRecord, StorageError, SubtaskRow,
    TaskFilter, TaskRow, search,
};
use loom_events::{BlobId, DecodeError, Envelope, Event, Record, Seq, TaskId, Time, decode};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Connections that read: queries take microseconds, so more would only wait for the same disk.
const CONNECTIONS: u32 = 4;

/// How long a connection may take to be opened. Only a database that is gone takes long at all, and
/// whoever asks should be told so while he still waits.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Columns of an event, in the order in which [`stored`] reads them.
const EVENT_COLUMNS: &str =
    "id, task_id, seq, ts, type, version, subtask_id, attempt, correlation_id, data";

/// What stops a query.
#[derive(Debug)]
pub(super) enum Fault {
    /// The database.
    Sqlite(rusqlite::Error),
    /// An event that this build cannot read.
    Undecodable {
        task: TaskId,
        seq: Seq,
        source: DecodeError,
    },
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sqlite(error) => Self::Storage(StorageError::new(error)),
            Fault::Undecodable { task, seq, source } => Self::Undecodable { task, seq, source },
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, Fault>;

/// The connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    pool: r2d2::Pool<SqliteConnectionManager>,
    /// As many permits as connections: who waits for one waits without holding a thread.
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Opens the pool; connections are made when they are needed.
    pub(super) fn open(path: &Path) -> std::result::Result<Self, StorageError> {
        let manager = SqliteConnectionManager::file(path)
            .with_flags(reader_flags())
            .with_init(|conn| configure_reader(conn));
        let pool = r2d2::Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(0))
            .connection_timeout(OPEN_TIMEOUT)
            // The file is local: a connection cannot go bad, and asking costs as much as a query.
            .test_on_check_out(false)
            .build(manager)
            .map_err(StorageError::new)?;
        Ok(Self {
            pool,
            permits: Arc::new(Semaphore::new(CONNECTIONS as usize)),
        })
    }

    /// Runs a query on a thread that may block.
    pub(super) async fn run<T, F>(&self, query: F) -> std::result::Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let storage = |error| ReadError::Storage(error);
        let permits = Arc::clone(&self.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|e| storage(StorageError::new(e)))?;
        let pool = self.pool.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let conn = pool
                .get()
                .map_err(|e| ReadError::Storage(StorageError::new(e)))?;
            query(&conn).map_err(ReadError::from)
        });
        work.await.map_err(|e| storage(StorageError::new(e)))?
    }
}

/// An event as it is stored.
struct Stored {
    id: u64,
    task_id: TaskId,
    seq: Seq,
    event_type: String,
    version: u32,
    data: String,
    around: Around,
}

/// The parts of an envelope that have a column of their own.
struct Around {
    timestamp: loom_events::Time,
    subtask_id: Option<loom_events::SubtaskId>,
    attempt: Option<u32>,
    correlation_id: Seq,
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: uint(row, 0)?,
        task_id: text(row, 1)?,
        seq: Seq(uint(row, 2)?),
        event_type: row.get(4)?,
        version: row.get(5)?,
        data: row.get(9)?,
        around: Around {
            timestamp: time(row, 3)?,
            subtask_id: from_word(row, 6)?,
            attempt: row.get(7)?,
            correlation_id: Seq(uint(row, 8)?),
        },
    })
}

impl Stored {
    fn event(&self) -> Result<Event> {
        decode(&self.event_type, self.version, &self.data).map_err(|source| Fault::Undecodable {
            task: self.task_id,
            seq: self.seq,
            source,
        })
    }

    fn record(self) -> Result<Record> {
        let event = self.event()?;
        Ok(Record {
            id: self.id,
            envelope: Envelope {
                task_id: self.task_id,
                seq: self.seq,
                timestamp: self.around.timestamp,
                subtask_id: self.around.subtask_id,
                attempt: self.around.attempt,
                correlation_id: self.around.correlation_id,
                event,
            },
        })
    }
}

/// The highest record id; 0 in an empty journal.
pub(super) fn last_id(conn: &Connection) -> rusqlite::Result<u64> {
    conn.query_row("SELECT coalesce(max(id), 0) FROM events", [], |row| {
        uint(row, 0)
    })
}

/// One event.
pub(super) fn record(conn: &Connection, id: u64) -> Result<Option<Record>> {
    let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE id = ?1");
    let found = conn
        .prepare_cached(&sql)?
        .query_row([int(id)], stored)
        .optional()?;
    found.map(Stored::record).transpose()
}

/// Events of a task.
pub(super) fn read(
    conn: &Connection,
    task: TaskId,
    after: Seq,
    most: usize,
) -> Result<Vec<Record>> {
    let sql = format!(
        "SELECT {EVENT_COLUMNS} FROM events WHERE task_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(params![task.to_string(), int(after.0), limit(most)], stored)?;
    rows.map(|row| row?.record()).collect()
}

/// Events of all tasks, without those that this build cannot read.
pub(super) fn read_all(conn: &Connection, after: u64, most: usize) -> Result<Vec<Record>> {
    let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE id > ?1 ORDER BY id");
    let mut query = conn.prepare_cached(&sql)?;
    let mut rows = query.query_map([int(after)], stored)?;
    let mut records = Vec::new();
    // No LIMIT in the query: a page must not be empty only because what is in it is unreadable.
    while records.len() < most {
        let Some(row) = rows.next() else { break };
        match row?.record() {
            Ok(record) => records.push(record),
            Err(Fault::Undecodable { task, seq, source }) => {
                tracing::warn!(%task, %seq, %source, "left out an event that cannot be read");
            }
            Err(fault @ Fault::Sqlite(_)) => return Err(fault),
        }
    }
    Ok(records)
}

/// Rows of the task list.
pub(super) fn tasks(conn: &Connection, filter: &TaskFilter) -> Result<Vec<TaskRow>> {
    let sql = format!(
        "SELECT {TASK_COLUMNS} FROM tasks WHERE (?1 IS NULL OR status = ?1) \
         AND (?2 IS NULL OR workspace = ?2) AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(
        params![
            filter.status.map(crate::RowStatus::name),
            filter.workspace,
            filter.before.map(|task| task.to_string()),
            limit(filter.limit),
        ],
        store::task_row,
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One row of the task list.
pub(super) fn task(conn: &Connection, task: TaskId) -> Result<Option<TaskRow>> {
    let sql = format!("SELECT {TASK_COLUMNS} FROM tasks WHERE id = ?1");
    let mut query = conn.prepare_cached(&sql)?;
    let row = query.query_row([task.to_string()], store::task_row);
    Ok(row.optional()?)
}

/// Tasks by a part of their id.
pub(super) fn find_task(conn: &Connection, part: &str) -> Result<Vec<TaskId>> {
    let Some(digits) = search::id_digits(part) else {
        return Ok(Vec::new());
    };
    // Digits hold no wildcard, so nothing needs to be escaped.
    let mut query = conn.prepare_cached(
        "SELECT id FROM tasks WHERE replace(id, '-', '') LIKE ?1 || '%' \
         OR replace(id, '-', '') LIKE '%' || ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let rows = query.query_map(params![digits, limit(MAX_FOUND)], |row| text(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Tasks without a terminal event.
pub(super) fn unfinished(conn: &Connection) -> Result<Vec<TaskId>> {
    let mut query = conn.prepare_cached(
        "SELECT id FROM tasks WHERE phase NOT IN ('completed', 'failed', 'cancelled') \
         AND id NOT IN (SELECT task_id FROM imports) ORDER BY id",
    )?;
    let rows = query.query_map([], |row| text(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The subtasks of a task.
pub(super) fn subtasks(conn: &Connection, task: TaskId) -> Result<Vec<SubtaskRow>> {
    let sql = format!(
        "SELECT {SUBTASK_COLUMNS} FROM subtasks WHERE task_id = ?1 \
         ORDER BY plan_version DESC, position, id"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map([task.to_string()], store::subtask_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Questions that wait.
pub(super) fn open_approvals(conn: &Connection) -> Result<Vec<ApprovalRow>> {
    let sql = format!(
        "SELECT {APPROVAL_COLUMNS} FROM approvals WHERE closed_how IS NULL \
         ORDER BY asked, task_id, id"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map([], store::approval_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A compressed payload.
pub(super) fn blob(conn: &Connection, id: &BlobId) -> Result<Option<Packed>> {
    let mut query = conn.prepare_cached("SELECT size, zstd FROM blobs WHERE id = ?1")?;
    let found = query.query_row([id.as_str()], |row| {
        let size = uint(row, 0)?;
        Ok(Packed {
            size: usize::try_from(size).unwrap_or(usize::MAX),
            zstd: row.get(1)?,
        })
    });
    Ok(found.optional()?)
}

/// The reverts of a task.
pub(super) fn reverts(conn: &Connection, task: TaskId) -> Result<Vec<RevertRecord>> {
    let mut query = conn
        .prepare_cached("SELECT scope, changes, ts FROM reverts WHERE task_id = ?1 ORDER BY id")?;
    let rows = query.query_map([task.to_string()], |row| {
        Ok(RevertRecord {
            scope: row.get(0)?,
            changes: from_json(row, 1)?,
            at: time(row, 2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// When the snapshots of a task were removed.
pub(super) fn collected(conn: &Connection, task: TaskId) -> Result<Option<Time>> {
    let mut query = conn.prepare_cached("SELECT ts FROM collections WHERE task_id = ?1")?;
    let found = query.query_row([task.to_string()], |row| time(row, 0));
    Ok(found.optional()?)
}

/// When a task was imported.
pub(super) fn imported(conn: &Connection, task: TaskId) -> Result<Option<Time>> {
    let mut query = conn.prepare_cached("SELECT ts FROM imports WHERE task_id = ?1")?;
    let found = query.query_row([task.to_string()], |row| time(row, 0));
    Ok(found.optional()?)
}

pub(super) fn model_facts(conn: &Connection) -> Result<Vec<ModelFacts>> {
    let mut query = conn.prepare_cached(
        "SELECT server, model, facts, seen FROM model_facts ORDER BY server, model",
    )?;
    let rows = query.query_map([], |row| {
        Ok(ModelFacts {
            server: row.get(0)?,
            model: row.get(1)?,
            facts: from_json(row, 2)?,
            seen: time(row, 3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
