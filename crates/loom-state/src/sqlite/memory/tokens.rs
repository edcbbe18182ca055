//! What an entry has, as the full-text index has it: words, and beside them its kind, step and tags.
//! Tokens are ASCII, so nothing depends on what a tokenizer takes for a letter.

use super::super::column::{limit, uint};
use super::super::reader::Result;
use crate::search;
use loom_events::{MemoryKind, SubtaskId};
use rusqlite::{Connection, OptionalExtension, params};

/// Entries up to which the index is asked for all words that begin so. It reads the list of each of
/// them; beyond this only the lists of the most frequent ones are read, and only their newest part.
const ALL_SPELLINGS: u64 = 5_000;

/// Words that stand for all that begin like a frequent one.
const SPELLINGS: usize = 16;

/// Words with the same beginning that are looked at.
const VOCABULARY: usize = 1_000;

/// A word as the index has it: beginning like the token of a word that it begins like.
pub(super) fn token(word: &str) -> String {
    match word.is_ascii() {
        true => word.to_owned(),
        false => format!("=x={}", hex(word)),
    }
}

pub(super) fn of_kind(kind: MemoryKind) -> String {
    format!("=kind={}", kind.name().replace('_', "="))
}

pub(super) fn of_subtask(subtask: &SubtaskId) -> String {
    format!("=step={}", hex(subtask.as_str()))
}

pub(super) fn of_tag(tag: &str) -> String {
    format!("=tag={}", hex(tag))
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A token in the language of the index. It has no quotes.
pub(super) fn quoted(token: &str) -> String {
    format!("\"{token}\"")
}

/// How many entries have a token that is no word.
pub(super) fn count(conn: &Connection, token: &str) -> Result<u64> {
    let mut statement = conn.prepare_cached("SELECT entries FROM memory_words WHERE word = ?1")?;
    let found = statement
        .query_row([token], |row| uint(row, 0))
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// The words that are or begin like a word, with the number of entries that have them.
pub(super) fn spelled(conn: &Connection, word: &str) -> Result<Vec<(String, u64)>> {
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
pub(super) fn any_of(word: &str, mut spelled: Vec<(String, u64)>, with: u64) -> String {
    let many = spelled.len() > SPELLINGS;
    if many && with <= ALL_SPELLINGS && spelled.len() < VOCABULARY {
        return format!("{}*", quoted(&token(word)));
    }
    spelled.sort_by_key(|(other, entries)| (other != word, std::cmp::Reverse(*entries)));
    let words = spelled.iter().take(SPELLINGS);
    let words: Vec<String> = words.map(|(word, _)| quoted(&token(word))).collect();
    match words.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(" OR ")),
    }
}
