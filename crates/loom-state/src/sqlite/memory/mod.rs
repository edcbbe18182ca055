//! The memory archive in the database: how an entry is made findable, and how it is found.
//!
//! Time is bounded whatever is sought and however much there is. The entries of one task are all
//! looked at. Among those of all tasks the full-text index gives, for each of the rarest words, the
//! newest entries that have it (`everywhere.rs`); only the best of these are read and ranked, by the same
//! measure. So an entry with a rare word is always found, and of a word that is everywhere the newest are.

mod everywhere;
mod filter;
mod tokens;
pub(super) mod vectors;

use super::column::{int, limit, time, uint};
use super::reader::{self, Fault, Result};
use crate::search::{self, Indexed, Rarity, Sought};
use crate::{MemoryQuery, MemoryRow};
use everywhere::everywhere;
use filter::Filter;
use loom_events::{Envelope, Event, MemoryEntry, SubtaskId, TaskId};
use loom_view::memory::{statement, subject};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use std::collections::BTreeSet;
use tokens::{of_kind, of_subtask, of_tag, token};

/// Most entries of a task that are looked at, the newest. A plan of 500 steps gives 4,000.
const OF_TASK: usize = 20_000;

/// More tags than any entry has.
const MAX_TAGS: usize = 64;

/// Adds an entry, or counts that it was noted again.
pub(super) fn insert(
    conn: &Connection,
    id: u64,
    envelope: &Envelope,
    entry: &MemoryEntry,
) -> rusqlite::Result<()> {
    let task = envelope.task_id.to_string();
    let said = blake3::hash(statement(entry).as_bytes());
    let said = said.as_bytes().get(..16).unwrap_or_default();
    let at = envelope.timestamp.as_millis();
    let again = conn
        .prepare_cached(
            "UPDATE memory SET seen = seen + 1, last = max(last, ?3) \
             WHERE task_id = ?1 AND statement = ?2",
        )?
        .execute(params![task, said, at])?;
    if again > 0 {
        return Ok(());
    }
    let number = int(entries(conn)? + 1);
    let indexed = Indexed::of(entry);
    conn.prepare_cached(
        "INSERT INTO memory (task_id, number, id, subtask, kind, statement, subject, seen, last, \
         words) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9)",
    )?
    .execute(params![
        task,
        number,
        int(id),
        entry.subtask.as_ref().map(SubtaskId::as_str),
        entry.kind.name(),
        said,
        subject(entry),
        at,
        indexed.text(),
    ])?;
    let tags: BTreeSet<String> = entry.tags.iter().map(|name| search::tag(name)).collect();
    let mut tag = conn.prepare_cached("INSERT INTO memory_tags (tag, number) VALUES (?1, ?2)")?;
    for name in &tags {
        tag.execute(params![name, number])?;
    }
    let mut count = conn.prepare_cached(
        "INSERT INTO memory_words (word, entries) VALUES (?1, 1) \
         ON CONFLICT (word) DO UPDATE SET entries = entries + 1",
    )?;
    let mut others = vec![of_kind(entry.kind)];
    others.extend(entry.subtask.as_ref().map(of_subtask));
    others.extend(tags.iter().map(|tag| of_tag(tag)));
    for word in indexed.words().chain(others.iter().map(String::as_str)) {
        count.execute([word])?;
    }
    let mut tokens: Vec<String> = indexed.words().map(token).collect();
    tokens.extend(others);
    conn.prepare_cached("INSERT INTO memory_fts (rowid, tokens) VALUES (?1, ?2)")?
        .execute(params![number, tokens.join(" ")])?;
    Ok(())
}

/// Makes entries findable that were noted under an earlier schema, all of them or none.
pub(super) fn read_again(conn: &mut Connection) -> rusqlite::Result<()> {
    let waiting = conn
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'unread_memory'")?
        .exists([])?;
    if !waiting {
        return Ok(());
    }
    let change = conn.transaction()?;
    {
        let mut ids = change.prepare("SELECT id FROM unread_memory ORDER BY id")?;
        let mut ids = ids.query([])?;
        while let Some(row) = ids.next()? {
            let id = uint(row, 0)?;
            match reader::record(&change, id) {
                Ok(Some(record)) => {
                    if let Event::MemoryEntryCreated { entry, .. } = &record.envelope.event {
                        insert(&change, id, &record.envelope, entry)?;
                    }
                }
                Ok(None) => {}
                Err(Fault::Undecodable { task, seq, .. }) => {
                    tracing::warn!(%task, %seq, "an entry of another build cannot be found any more");
                }
                Err(Fault::Sqlite(error)) => return Err(error),
            }
        }
    }
    change.execute_batch("DROP TABLE unread_memory")?;
    change.commit()
}

/// Memory entries, best first, or the newest first where nothing is sought.
pub(super) fn search(conn: &Connection, query: &MemoryQuery) -> Result<Vec<MemoryRow>> {
    if query.tags.len() > MAX_TAGS {
        return Ok(Vec::new());
    }
    // Several statements: what one finds must be there for the next.
    let snapshot = conn.unchecked_transaction()?;
    let filter = Filter::of(query);
    let sought = query.text.as_deref().map(Sought::of);
    let numbers = match (sought, query.task) {
        // A text without a word.
        (Some(None), _) => Vec::new(),
        (Some(Some(sought)), Some(task)) => in_task(&snapshot, task, &filter, &sought)?,
        (Some(Some(sought)), None) => everywhere(&snapshot, &filter, &sought)?,
        (None, Some(task)) => newest_of(&snapshot, task, &filter, query.limit)?,
        (None, None) => newest(&snapshot, &filter, query.limit)?,
    };
    let numbers = match &query.text {
        None => numbers,
        Some(_) => search::together(&numbers, query.limit, |number| alike(&snapshot, number))?,
    };
    let mut found = Vec::new();
    for number in numbers {
        found.extend(row(&snapshot, number)?);
    }
    Ok(found)
}

/// All entries of a task that fit, best first.
fn in_task(conn: &Connection, task: TaskId, filter: &Filter, sought: &Sought) -> Result<Vec<i64>> {
    let sql = format!(
        "SELECT m.number, m.words FROM memory m WHERE m.task_id = ?{} \
         ORDER BY m.number DESC LIMIT {OF_TASK}",
        filter.sql
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(filter.after([task.to_string().into()])))?;
    let mut looked = 0;
    let mut fits = Vec::new();
    while let Some(row) = rows.next()? {
        looked += 1;
        let words = row.get_ref(1)?.as_bytes().map_err(rusqlite::Error::from)?;
        if let Some(hits) = sought.look(words) {
            fits.push((row.get(0)?, hits));
        }
    }
    let rarity = sought.rarity(looked, fits.iter().map(|(_, hits)| hits));
    Ok(ranked(&rarity, fits))
}

/// Best first; among equals the newest.
fn ranked(rarity: &Rarity, fits: Vec<(i64, search::Hits)>) -> Vec<i64> {
    let worths = rarity.worths();
    let scored = fits
        .into_iter()
        .map(|(number, hits)| (search::score(&worths, &hits), number));
    search::best(scored.collect())
}

fn newest_of(conn: &Connection, task: TaskId, filter: &Filter, most: usize) -> Result<Vec<i64>> {
    let sql = format!(
        "SELECT m.number FROM memory m WHERE m.task_id = ?{} ORDER BY m.number DESC LIMIT {}",
        filter.sql,
        limit(most)
    );
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map(
        params_from_iter(filter.after([task.to_string().into()])),
        |row| row.get(0),
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn newest(conn: &Connection, filter: &Filter, most: usize) -> Result<Vec<i64>> {
    if !filter.is_empty() {
        return matching(conn, &filter.with([]), 0, most);
    }
    let mut statement =
        conn.prepare_cached("SELECT number FROM memory ORDER BY number DESC LIMIT ?1")?;
    let rows = statement.query_map([limit(most)], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest entries that the full-text index has for a query of its own.
fn matching(conn: &Connection, tokens: &str, after: u64, most: usize) -> Result<Vec<i64>> {
    let mut statement = conn.prepare_cached(
        "SELECT rowid FROM memory_fts WHERE memory_fts MATCH ?1 AND rowid > ?2 \
         ORDER BY rowid DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(params![tokens, int(after), limit(most)], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest statements of the same task about the same, by when they were said last; the oldest
/// first.
///
/// The index is named: without statistics SQLite takes that of the task, and looks at all its entries.
fn alike(conn: &Connection, number: i64) -> Result<Vec<i64>> {
    let mut statement = conn.prepare_cached(
        "SELECT o.number FROM memory m JOIN memory o INDEXED BY memory_by_subject \
         ON o.task_id = m.task_id AND o.subject = m.subject \
         WHERE m.number = ?1 ORDER BY o.last DESC, o.number DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![number, limit(search::TOLD)], |row| row.get(0))?;
    let mut numbers: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    numbers.reverse();
    Ok(numbers)
}

fn row(conn: &Connection, number: i64) -> Result<Option<MemoryRow>> {
    let mut statement = conn.prepare_cached(
        "SELECT m.id, m.seen, m.last, CASE WHEN EXISTS (SELECT 1 FROM memory o INDEXED BY memory_by_subject \
           WHERE o.task_id = m.task_id AND o.subject = m.subject AND o.number <> m.number) \
           THEN m.subject END \
         FROM memory m WHERE m.number = ?1",
    )?;
    let known = statement
        .query_row([number], |row| {
            Ok((uint(row, 0)?, row.get(1)?, time(row, 2)?, row.get(3)?))
        })
        .optional()?;
    let Some((id, seen, last, about)) = known else {
        return Ok(None);
    };
    let Some(record) = reader::record(conn, id)? else {
        return Ok(None);
    };
    let Event::MemoryEntryCreated { entry, .. } = record.envelope.event else {
        return Ok(None);
    };
    Ok(Some(MemoryRow {
        id,
        task: record.envelope.task_id,
        seq: record.envelope.seq,
        at: record.envelope.timestamp,
        entry,
        seen,
        last,
        about,
    }))
}

/// How many entries there are.
fn entries(conn: &Connection) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT coalesce(max(number), 0) FROM memory")?
        .query_row([], |row| uint(row, 0))
}
