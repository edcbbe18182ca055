//! The statements that write: events, the rows derived from them, payloads, reverts. All of them
//! run inside a transaction that somebody else begins and commits.

use super::column::{from_json, int, json, must_word, text, time, uint, word};
use crate::projection::{Projection, SubtaskState, Touched};
use crate::{ApprovalRow, Claim, Closed, ModelFacts, RevertRecord, SubtaskRow, TaskRow};
use loom_events::{
    AttemptId, BlobId, Encoded, Event, QuestionId, Record, Seq, SubtaskId, TaskId, Tier, Time,
};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Result, Row, params};

/// Columns of a task's row, in the order in which [`task_row`] reads them.
pub(super) const TASK_COLUMNS: &str = "id, goal, workspace, status, created, updated, last_seq, \
     subtasks_done, subtasks_total, tokens, waiting";

/// Columns of a subtask's row, in the order in which [`subtask_row`] reads them.
pub(super) const SUBTASK_COLUMNS: &str =
    "id, position, plan_version, title, status, attempts, tier, updated, reason";

/// Columns of a question, in the order in which [`approval_row`] reads them.
pub(super) const APPROVAL_COLUMNS: &str = "task_id, id, subtask_id, question, asked, deadline, \
     on_expiry, closed_how, closed_by, closed_at";

/// Adds an event to the journal.
pub(super) fn insert_event(conn: &Connection, record: &Record, encoded: &Encoded) -> Result<()> {
    let Record { id, envelope } = record;
    let mut insert = conn.prepare_cached(
        "INSERT INTO events (id, task_id, seq, ts, type, version, subtask_id, attempt, \
         correlation_id, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    insert.execute(params![
        int(*id),
        envelope.task_id.to_string(),
        int(envelope.seq.0),
        envelope.timestamp.as_millis(),
        encoded.event_type,
        encoded.version,
        envelope.subtask_id.as_ref().map(SubtaskId::as_str),
        envelope.attempt,
        int(envelope.correlation_id.0),
        encoded.data,
    ])?;
    match &envelope.event {
        Event::MemoryEntryCreated { entry, .. } => {
            super::memory::insert(conn, *id, envelope, entry)
        }
        _ => Ok(()),
    }
}

/// Keeps a compressed payload; one that is there already is left alone.
pub(super) fn insert_blob(conn: &Connection, id: &BlobId, size: usize, zstd: &[u8]) -> Result<()> {
    conn.prepare_cached("INSERT OR IGNORE INTO blobs (id, size, zstd) VALUES (?1, ?2, ?3)")?
        .execute(params![id.as_str(), super::column::limit(size), zstd])?;
    Ok(())
}

/// Adds a revert to the stream of its task.
pub(super) fn insert_revert(conn: &Connection, task: TaskId, revert: &RevertRecord) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO reverts (task_id, ts, scope, changes) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        task.to_string(),
        revert.at.as_millis(),
        revert.scope,
        json(&revert.changes)?,
    ])?;
    Ok(())
}

/// Notes that the snapshots of tasks are about to be removed; the first time counts.
pub(super) fn insert_collection(conn: &Connection, tasks: &[TaskId], at: Time) -> Result<()> {
    let mut insert =
        conn.prepare_cached("INSERT OR IGNORE INTO collections (task_id, ts) VALUES (?1, ?2)")?;
    for task in tasks {
        insert.execute(params![task.to_string(), at.as_millis()])?;
    }
    Ok(())
}

/// Notes that a task came from another data directory.
pub(super) fn insert_import(conn: &Connection, task: TaskId, at: Time) -> Result<()> {
    conn.prepare_cached("INSERT INTO imports (task_id, ts) VALUES (?1, ?2)")?
        .execute(params![task.to_string(), at.as_millis()])?;
    Ok(())
}

/// Keeps what was found out about a model, in place of what was known.
pub(super) fn replace_model_facts(conn: &Connection, known: &ModelFacts) -> Result<()> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO model_facts (server, model, facts, seen) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        known.server,
        known.model,
        json(&known.facts)?,
        known.seen.as_millis(),
    ])?;
    Ok(())
}

/// Keeps a claim, unless an earlier one of the key has a task; gives the one that counts.
pub(super) fn claim(conn: &Connection, claim: &Claim) -> Result<Claim> {
    conn.prepare_cached("DELETE FROM claims WHERE ts < ?1")?
        .execute([claim.forgotten_before().as_millis()])?;
    let earlier = conn
        .prepare_cached(
            "SELECT key, digest, task_id, ts FROM claims WHERE key = ?1 \
             AND EXISTS (SELECT 1 FROM tasks WHERE tasks.id = claims.task_id)",
        )?
        .query_row([&claim.key], |row| {
            Ok(Claim {
                key: row.get(0)?,
                digest: row.get(1)?,
                task: text(row, 2)?,
                at: time(row, 3)?,
            })
        })
        .optional()?;
    if let Some(earlier) = earlier {
        return Ok(earlier);
    }
    conn.prepare_cached(
        "INSERT OR REPLACE INTO claims (key, digest, task_id, ts) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        claim.key,
        claim.digest,
        claim.task.to_string(),
        claim.at.as_millis(),
    ])?;
    Ok(claim.clone())
}

/// Stores what a batch of events changed in the rows of its task.
pub(super) fn save(conn: &Connection, projection: &Projection, touched: &Touched) -> Result<()> {
    save_task(conn, projection)?;
    for state in touched
        .subtasks
        .iter()
        .filter_map(|id| projection.subtasks.get(id))
    {
        save_subtask(conn, projection.task.id, state)?;
    }
    for row in touched
        .approvals
        .iter()
        .filter_map(|id| projection.approvals.get(id))
    {
        save_approval(conn, row)?;
    }
    Ok(())
}

fn save_task(conn: &Connection, projection: &Projection) -> Result<()> {
    let row = &projection.task;
    conn.prepare_cached(
        "INSERT INTO tasks (id, status, phase, paused, created, updated, last_seq, plan_version, \
         in_flight, subtasks_done, subtasks_total, tokens, waiting, workspace, goal, queued) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
         ON CONFLICT (id) DO UPDATE SET status = ?2, phase = ?3, paused = ?4, created = ?5, \
         updated = ?6, last_seq = ?7, plan_version = ?8, in_flight = ?9, subtasks_done = ?10, \
         subtasks_total = ?11, tokens = ?12, waiting = ?13, workspace = ?14, goal = ?15, \
         queued = ?16",
    )?
    .execute(params![
        row.id.to_string(),
        row.status.name(),
        projection.phase.name(),
        projection.paused,
        row.created.as_millis(),
        row.updated.as_millis(),
        int(row.last_seq.0),
        projection.plan_version,
        json(&projection.in_flight)?,
        row.subtasks_done,
        row.subtasks_total,
        int(row.tokens),
        row.waiting,
        row.workspace,
        row.goal,
        projection.queued,
    ])?;
    Ok(())
}

fn save_subtask(conn: &Connection, task: TaskId, state: &SubtaskState) -> Result<()> {
    let row = &state.row;
    conn.prepare_cached(
        "INSERT OR REPLACE INTO subtasks (task_id, id, position, plan_version, title, status, \
         phase, attempt, attempts, tier, updated, reason) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        task.to_string(),
        row.id.as_str(),
        row.position,
        row.plan_version,
        row.title,
        row.status.name(),
        state.phase.name(),
        state.attempt.map(|attempt| int(attempt.0.0)),
        row.attempts,
        u8::from(row.tier),
        row.updated.as_millis(),
        row.reason,
    ])?;
    Ok(())
}

fn save_approval(conn: &Connection, row: &ApprovalRow) -> Result<()> {
    let closed = row.closed.as_ref();
    conn.prepare_cached(
        "INSERT OR REPLACE INTO approvals (task_id, id, subtask_id, question, asked, deadline, \
         on_expiry, closed_how, closed_by, closed_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        row.task.to_string(),
        int(row.id.0.0),
        row.subtask.as_ref().map(SubtaskId::as_str),
        json(&row.question)?,
        row.asked.as_millis(),
        row.deadline.map(loom_events::Time::as_millis),
        word(&row.on_expiry)?,
        closed.map(|c| word(&c.how)).transpose()?,
        closed.map(|c| &c.by),
        closed.map(|c| c.at.as_millis()),
    ])?;
    Ok(())
}

/// The stored rows of a task, ready to fold on; an empty projection when there are none.
pub(super) fn load(conn: &Connection, task: TaskId) -> Result<Projection> {
    let id = task.to_string();
    let sql = format!(
        "SELECT {TASK_COLUMNS}, phase, paused, plan_version, in_flight, queued FROM tasks WHERE id = ?1"
    );
    let found = conn
        .prepare_cached(&sql)?
        .query_row([&id], |row| {
            Ok(Projection {
                task: task_row(row)?,
                phase: must_word(row, 11)?,
                paused: row.get(12)?,
                plan_version: row.get(13)?,
                in_flight: from_json(row, 14)?,
                queued: row.get(15)?,
                ..Projection::new(task)
            })
        })
        .optional()?;
    let Some(mut projection) = found else {
        return Ok(Projection::new(task));
    };
    let sql = format!("SELECT {SUBTASK_COLUMNS}, phase, attempt FROM subtasks WHERE task_id = ?1");
    let mut query = conn.prepare_cached(&sql)?;
    for state in query.query_map([&id], subtask_state)? {
        let state = state?;
        projection.subtasks.insert(state.row.id.clone(), state);
    }
    for row in approvals(conn, task)? {
        projection.approvals.insert(row.id, row);
    }
    Ok(projection)
}

/// Every question of a task, oldest first.
pub(super) fn approvals(conn: &Connection, task: TaskId) -> Result<Vec<ApprovalRow>> {
    let sql = format!("SELECT {APPROVAL_COLUMNS} FROM approvals WHERE task_id = ?1 ORDER BY id");
    conn.prepare_cached(&sql)?
        .query_map([task.to_string()], approval_row)?
        .collect()
}

/// Reads [`TASK_COLUMNS`].
pub(super) fn task_row(row: &Row<'_>) -> Result<TaskRow> {
    Ok(TaskRow {
        id: text(row, 0)?,
        goal: row.get(1)?,
        workspace: row.get(2)?,
        status: must_word(row, 3)?,
        created: time(row, 4)?,
        updated: time(row, 5)?,
        last_seq: Seq(uint(row, 6)?),
        subtasks_done: row.get(7)?,
        subtasks_total: row.get(8)?,
        tokens: uint(row, 9)?,
        waiting: row.get(10)?,
    })
}

/// Reads [`SUBTASK_COLUMNS`].
pub(super) fn subtask_row(row: &Row<'_>) -> Result<SubtaskRow> {
    let tier: u8 = row.get(6)?;
    Ok(SubtaskRow {
        id: must_word(row, 0)?,
        position: row.get(1)?,
        plan_version: row.get(2)?,
        title: row.get(3)?,
        status: must_word(row, 4)?,
        attempts: row.get(5)?,
        tier: Tier::try_from(tier)
            .map_err(|e| Error::FromSqlConversionFailure(6, Type::Integer, e.to_string().into()))?,
        updated: time(row, 7)?,
        reason: row.get(8)?,
    })
}

fn subtask_state(row: &Row<'_>) -> Result<SubtaskState> {
    let attempt: Option<i64> = row.get(10)?;
    Ok(SubtaskState {
        row: subtask_row(row)?,
        phase: must_word(row, 9)?,
        attempt: match attempt {
            Some(_) => Some(AttemptId(Seq(uint(row, 10)?))),
            None => None,
        },
    })
}

/// Reads [`APPROVAL_COLUMNS`].
pub(super) fn approval_row(row: &Row<'_>) -> Result<ApprovalRow> {
    let how = super::column::from_word(row, 7)?;
    Ok(ApprovalRow {
        task: text(row, 0)?,
        id: QuestionId(Seq(uint(row, 1)?)),
        subtask: super::column::from_word(row, 2)?,
        question: from_json(row, 3)?,
        asked: time(row, 4)?,
        deadline: row
            .get::<_, Option<i64>>(5)?
            .map(loom_events::Time::from_millis),
        on_expiry: must_word(row, 6)?,
        closed: match how {
            Some(how) => Some(Closed {
                how,
                by: row.get(8)?,
                at: time(row, 9)?,
            }),
            None => None,
        },
    })
}
