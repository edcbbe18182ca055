//! What was learned, in the database.

use super::column::{from_json, json, time};
use crate::{Lesson, Taught};
use rusqlite::{Connection, Result, params};

/// Keeps what was taught; false when whoever teaches has taught before.
pub(super) fn keep(conn: &Connection, taught: &Taught) -> Result<bool> {
    if let Some(teacher) = taught.teacher() {
        let new = conn
            .prepare_cached("INSERT OR IGNORE INTO harvests (task_id, ts) VALUES (?1, ?2)")?
            .execute(params![teacher, taught.at.as_millis()])?;
        if new == 0 {
            return Ok(false);
        }
    }
    let mut forget = conn.prepare_cached("DELETE FROM lessons WHERE section = ?1 AND name = ?2")?;
    for (section, name) in &taught.forgotten {
        forget.execute([section, name])?;
    }
    let mut keep = conn.prepare_cached(
        "INSERT OR REPLACE INTO lessons (section, name, value, ts) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for lesson in &taught.kept {
        keep.execute(params![
            lesson.section,
            lesson.name,
            json(&lesson.value)?,
            lesson.last.as_millis(),
        ])?;
    }
    Ok(true)
}

/// Forgets everything but who has taught.
pub(super) fn forget(conn: &Connection) -> Result<()> {
    conn.prepare_cached("DELETE FROM lessons")?.execute([])?;
    Ok(())
}

/// Everything that was learned.
pub(super) fn all(conn: &Connection) -> Result<Vec<Lesson>> {
    let mut query =
        conn.prepare_cached("SELECT section, name, value, ts FROM lessons ORDER BY section, name")?;
    let rows = query.query_map([], |row| {
        Ok(Lesson {
            section: row.get(0)?,
            name: row.get(1)?,
            value: from_json(row, 2)?,
            last: time(row, 3)?,
        })
    })?;
    rows.collect()
}
