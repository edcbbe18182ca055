//! What must hold of an entry beside the words that are sought, in the two languages that it is asked
//! in: SQL for rows, tokens for the full-text index.

use super::super::reader::Result;
use super::tokens::{count, of_kind, of_subtask, of_tag, quoted};
use crate::{MemoryQuery, search};
use rusqlite::Connection;
use rusqlite::types::Value;

/// What must hold.
pub(super) struct Filter {
    /// Conditions on `m`, each with `AND` in front.
    pub(super) sql: String,
    values: Vec<Value>,
    /// For each condition the tokens of which one must be there.
    tokens: Vec<Vec<String>>,
}

impl Filter {
    pub(super) fn of(query: &MemoryQuery) -> Self {
        let (mut sql, mut values, mut tokens) = (String::new(), Vec::new(), Vec::new());
        if let Some(subtask) = &query.subtask {
            sql.push_str(" AND m.subtask = ?");
            values.push(subtask.as_str().to_owned().into());
            tokens.push(vec![of_subtask(subtask)]);
        }
        if !query.kinds.is_empty() {
            // Names of Loom's own, never text of a query.
            let names = query.kinds.iter().map(|kind| format!("'{}'", kind.name()));
            let names: Vec<String> = names.collect();
            sql.push_str(&format!(" AND m.kind IN ({})", names.join(", ")));
            tokens.push(query.kinds.iter().map(|kind| of_kind(*kind)).collect());
        }
        for tag in query.tags.iter().map(|tag| search::tag(tag)) {
            sql.push_str(
                " AND EXISTS (SELECT 1 FROM memory_tags t WHERE t.tag = ? AND t.number = m.number)",
            );
            tokens.push(vec![of_tag(&tag)]);
            values.push(tag.into());
        }
        Self {
            sql,
            values,
            tokens,
        }
    }

    /// Whether anything must hold.
    pub(super) const fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The values of a statement that begins with others of its own.
    pub(super) fn after(&self, first: impl IntoIterator<Item = Value>) -> Vec<Value> {
        first.into_iter().chain(self.values.clone()).collect()
    }

    /// What the index is asked for: that all of this holds, and all of those others.
    pub(super) fn with<'a>(&self, others: impl IntoIterator<Item = &'a str>) -> String {
        let own = self.tokens.iter().map(|tokens| any(tokens));
        let all: Vec<String> = own.chain(others.into_iter().map(str::to_owned)).collect();
        all.join(" AND ")
    }

    /// For each condition how many entries meet it, with what the index is asked for then.
    pub(super) fn counts(&self, conn: &Connection) -> Result<Vec<(u64, String)>> {
        let mut counts = Vec::new();
        for tokens in &self.tokens {
            let mut with = 0;
            for token in tokens {
                with += count(conn, token)?;
            }
            counts.push((with, any(tokens)));
        }
        Ok(counts)
    }
}

/// One of these tokens.
fn any(tokens: &[String]) -> String {
    let tokens: Vec<String> = tokens.iter().map(|token| quoted(token)).collect();
    match tokens.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(" OR ")),
    }
}
