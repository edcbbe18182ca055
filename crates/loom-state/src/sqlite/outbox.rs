//! The statements about messages to receivers outside.

use super::column::{int, limit, must_word, text, time, uint, word};
use crate::{Delivery, DeliveryTried};
use loom_events::{Seq, TaskId, Time};
use rusqlite::{Connection, Result, Row, params};

/// Columns of a message, in the order in which [`delivery`] reads them.
const COLUMNS: &str = "id, task_id, seq, url, state, tries, due, outcome, updated";

/// Adds a message.
pub(super) fn insert(conn: &Connection, new: &Delivery) -> Result<()> {
    let sql = format!("INSERT INTO outbox ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    conn.prepare_cached(&sql)?.execute(params![
        new.id,
        new.task.to_string(),
        int(new.seq.0),
        new.url,
        word(&new.state)?,
        new.tries,
        new.due.as_millis(),
        new.outcome,
        new.updated.as_millis(),
    ])?;
    Ok(())
}

/// Notes what came of a try.
pub(super) fn note(conn: &Connection, tried: &DeliveryTried) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET state = ?2, tries = ?3, due = ?4, outcome = ?5, updated = ?6 WHERE id = ?1",
    )?
    .execute(params![
        tried.id,
        word(&tried.state)?,
        tried.tries,
        tried.due.as_millis(),
        tried.outcome,
        tried.at.as_millis(),
    ])?;
    Ok(())
}

/// Removes what waits for nothing and was last tried before a time.
pub(super) fn forget(conn: &Connection, before: Time) -> Result<()> {
    conn.prepare_cached("DELETE FROM outbox WHERE state <> 'waiting' AND updated < ?1")?
        .execute([before.as_millis()])?;
    Ok(())
}

/// What waits, by when it is due.
pub(super) fn waiting(conn: &Connection, most: usize) -> Result<Vec<Delivery>> {
    let sql =
        format!("SELECT {COLUMNS} FROM outbox WHERE state = 'waiting' ORDER BY due, id LIMIT ?1");
    conn.prepare_cached(&sql)?
        .query_map([limit(most)], delivery)?
        .collect()
}

/// Every message about a task.
pub(super) fn of_task(conn: &Connection, task: TaskId) -> Result<Vec<Delivery>> {
    let sql = format!("SELECT {COLUMNS} FROM outbox WHERE task_id = ?1 ORDER BY seq, id");
    conn.prepare_cached(&sql)?
        .query_map([task.to_string()], delivery)?
        .collect()
}

fn delivery(row: &Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        task: text(row, 1)?,
        seq: Seq(uint(row, 2)?),
        url: row.get(3)?,
        state: must_word(row, 4)?,
        tries: row.get(5)?,
        due: time(row, 6)?,
        outcome: row.get(7)?,
        updated: time(row, 8)?,
    })
}
