//! The memory archive in the database: how an entry is made findable, and how it is found.
//!
//! Time is bounded whatever is sought and however much there is. The entries of one task are all
//! looked at. Among those of all tasks the full-text index gives, for each of the rarest words, the
//! newest entries that have it ([`CANDIDATES`]); only these are ranked, by the same measure. So an
//! entry with a rare word is always found, and of a word that is everywhere the newest are.

use super::column::{int, limit, time, uint};
use super::reader::{self, Fault, Result};
use crate::search::{self, Indexed, Rarity, Sought};
use crate::{MemoryQuery, MemoryRow};
use loom_events::{Envelope, Event, MemoryEntry, MemoryKind, SubtaskId, TaskId};
use loom_view::memory::{statement, subject};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use std::collections::BTreeSet;

/// Entries that are ranked for each word. Ranking one costs a few microseconds.
const CANDIDATES: usize = 100;

/// Words whose entries are fetched, the rarest first: the others say little beside them.
const DRIVERS: usize = 6;

/// Entries up to which the index is asked for all words that begin so. It reads the list of each of
/// them; beyond this only the lists of the most frequent ones are read, and only their newest part.
const ALL_SPELLINGS: u64 = 5_000;

/// Words that stand for all that begin like a frequent one.
const SPELLINGS: usize = 16;

/// Words with the same beginning that are looked at.
const VOCABULARY: usize = 1_000;

/// What is in more entries than that is looked for among the newest entries only, where several
/// lists have to be gone through together: they might have nothing in common.
const FREQUENT: u64 = 20_000;

/// These newest entries.
const NEWEST: u64 = 100_000;

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
    for word in indexed.words() {
        count.execute([word])?;
    }
    let mut tokens: Vec<String> = indexed.words().map(token).collect();
    tokens.push(of_kind(entry.kind));
    tokens.extend(entry.subtask.as_ref().map(of_subtask));
    tokens.extend(tags.iter().map(|tag| of_tag(tag)));
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

/// What must hold beside the text, in the two languages that it is asked in.
struct Filter {
    /// Conditions on `m`, each with `AND` in front.
    sql: String,
    values: Vec<Value>,
    /// The tokens that say the same.
    tokens: Vec<String>,
}

impl Filter {
    fn of(query: &MemoryQuery) -> Self {
        let (mut sql, mut values, mut tokens) = (String::new(), Vec::new(), Vec::new());
        if let Some(subtask) = &query.subtask {
            sql.push_str(" AND m.subtask = ?");
            values.push(subtask.as_str().to_owned().into());
            tokens.push(quoted(&of_subtask(subtask)));
        }
        if !query.kinds.is_empty() {
            // Names of Loom's own, never text of a query.
            let names = query.kinds.iter().map(|kind| format!("'{}'", kind.name()));
            let names: Vec<String> = names.collect();
            sql.push_str(&format!(" AND m.kind IN ({})", names.join(", ")));
            let kinds = query.kinds.iter().map(|kind| quoted(&of_kind(*kind)));
            let kinds: Vec<String> = kinds.collect();
            tokens.push(format!("({})", kinds.join(" OR ")));
        }
        for tag in query.tags.iter().map(|tag| search::tag(tag)) {
            sql.push_str(
                " AND EXISTS (SELECT 1 FROM memory_tags t WHERE t.tag = ? AND t.number = m.number)",
            );
            tokens.push(quoted(&of_tag(&tag)));
            values.push(tag.into());
        }
        Self {
            sql,
            values,
            tokens,
        }
    }

    /// The values of a statement that begins with others of its own.
    fn after(&self, first: impl IntoIterator<Item = Value>) -> Vec<Value> {
        first.into_iter().chain(self.values.clone()).collect()
    }

    /// The tokens with others.
    fn with(&self, others: impl IntoIterator<Item = String>) -> String {
        let all: Vec<String> = self.tokens.iter().cloned().chain(others).collect();
        all.join(" AND ")
    }
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
        let words = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        if let Some(hits) = sought.look(words) {
            fits.push((row.get(0)?, hits));
        }
    }
    let rarity = sought.rarity(looked, fits.iter().map(|(_, hits)| hits));
    Ok(ranked(&rarity, fits))
}

/// Entries of all tasks, best first.
fn everywhere(conn: &Connection, filter: &Filter, sought: &Sought) -> Result<Vec<i64>> {
    let mut rarity = Rarity {
        entries: entries(conn)?,
        with: Vec::new(),
    };
    let mut lists = Vec::new();
    for word in sought.words() {
        let spelled = spelled(conn, word)?;
        let with = spelled.iter().map(|(_, entries)| entries).sum();
        rarity.with.push(with);
        if with > 0 {
            lists.push((with, any_of(word, spelled, with)));
        }
    }
    lists.sort_by_key(|(with, _)| *with);
    lists.truncate(DRIVERS);
    let mut candidates = BTreeSet::new();
    let newest = rarity.entries.saturating_sub(NEWEST);
    for (with, any) in &lists {
        let from = match *with > FREQUENT && !filter.tokens.is_empty() {
            true => newest,
            false => 0,
        };
        let tokens = filter.with([any.clone()]);
        candidates.extend(matching(conn, &tokens, from, CANDIDATES)?);
    }
    // Entries with two frequent words may be older than the newest with each of them.
    let pairs = lists.iter().zip(lists.iter().skip(1));
    for ((_, one), (with, other)) in pairs {
        let from = if *with > FREQUENT { newest } else { 0 };
        let tokens = filter.with([one.clone(), other.clone()]);
        candidates.extend(matching(conn, &tokens, from, CANDIDATES)?);
    }
    if lists.len() > 2 {
        let tokens = filter.with(lists.iter().map(|(_, any)| any.clone()));
        candidates.extend(matching(conn, &tokens, newest, CANDIDATES)?);
    }
    let sql = format!(
        "SELECT m.words FROM memory m WHERE m.number = ?{}",
        filter.sql
    );
    let mut words = conn.prepare_cached(&sql)?;
    let mut fits = Vec::new();
    for number in candidates {
        let mut rows = words.query(params_from_iter(filter.after([number.into()])))?;
        let Some(row) = rows.next()? else {
            continue;
        };
        let words = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        fits.extend(sought.look(words).map(|hits| (number, hits)));
    }
    Ok(ranked(&rarity, fits))
}

/// Best first; among equals the newest.
fn ranked(rarity: &Rarity, fits: Vec<(i64, search::Hits)>) -> Vec<i64> {
    let scored = fits
        .into_iter()
        .map(|(number, hits)| (rarity.score(&hits), number));
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
    if !filter.tokens.is_empty() {
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

/// The words that are or begin like a word, with the number of entries that have them.
fn spelled(conn: &Connection, word: &str) -> Result<Vec<(String, u64)>> {
    // No word goes on with the last of all characters, since that is no letter.
    let end = match search::finds_beginnings(word) {
        true => format!("{word}{}", char::MAX),
        false => format!("{word}\0"),
    };
    let mut statement = conn.prepare_cached(
        "SELECT word, entries FROM memory_words WHERE word >= ?1 AND word < ?2 LIMIT ?3",
    )?;
    let rows = statement.query_map(params![word, end, limit(VOCABULARY)], |row| {
        Ok((row.get(0)?, uint(row, 1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What the index is asked for, for a word that so many entries have.
fn any_of(word: &str, mut spelled: Vec<(String, u64)>, with: u64) -> String {
    if with <= ALL_SPELLINGS && search::finds_beginnings(word) && spelled.len() < VOCABULARY {
        return format!("{}*", quoted(&token(word)));
    }
    spelled.sort_by_key(|(other, entries)| (other != word, std::cmp::Reverse(*entries)));
    let words = spelled.iter().take(SPELLINGS);
    let words: Vec<String> = words.map(|(word, _)| quoted(&token(word))).collect();
    format!("({})", words.join(" OR "))
}

/// The newest statements of the same task about the same, by when they were said last; the oldest
/// first.
fn alike(conn: &Connection, number: i64) -> Result<Vec<i64>> {
    let mut statement = conn.prepare_cached(
        "SELECT o.number FROM memory m JOIN memory o ON o.task_id = m.task_id AND o.subject = m.subject \
         WHERE m.number = ?1 ORDER BY o.last DESC, o.number DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![number, limit(search::TOLD)], |row| row.get(0))?;
    let mut numbers: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    numbers.reverse();
    Ok(numbers)
}

fn row(conn: &Connection, number: i64) -> Result<Option<MemoryRow>> {
    let mut statement = conn.prepare_cached(
        "SELECT m.id, m.seen, m.last, CASE WHEN EXISTS (SELECT 1 FROM memory o \
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

/// A word as the index has it: ASCII, and beginning like the token of a word that it begins like.
fn token(word: &str) -> String {
    match word.is_ascii() {
        true => word.to_owned(),
        false => format!("=x={}", hex(word)),
    }
}

fn of_kind(kind: MemoryKind) -> String {
    format!("=kind={}", kind.name().replace('_', "="))
}

fn of_subtask(subtask: &SubtaskId) -> String {
    format!("=step={}", hex(subtask.as_str()))
}

fn of_tag(tag: &str) -> String {
    format!("=tag={}", hex(tag))
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A token in the language of the index. It has no quotes.
fn quoted(token: &str) -> String {
    format!("\"{token}\"")
}
