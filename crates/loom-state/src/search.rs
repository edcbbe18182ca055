//! Words of a memory search. What a person or a model types is taken as words; none of it can be
//! syntax of a query language.

use crate::{MemoryQuery, MemoryRow};
use std::collections::BTreeSet;

/// Most words of a query that are looked for: more never make a result better, and each costs a
/// term of the full-text query.
const MAX_WORDS: usize = 32;

/// Longest word looked for; the index has none that a person would type beyond this.
const MAX_WORD_CHARS: usize = 64;

/// The words of a text, in lower case, each once, in order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    split(text)
        .filter(|word| seen.insert(word.clone()))
        .take(MAX_WORDS)
        .collect()
}

/// The full-text query for a text: any entry with a word that begins like one of its words. None
/// when the text has no words.
pub(crate) fn fts_query(text: &str) -> Option<String> {
    let terms: Vec<String> = words(text)
        .iter()
        .map(|word| format!("\"{word}\"*"))
        .collect();
    (!terms.is_empty()).then(|| terms.join(" OR "))
}

/// A tag in the form in which tags are compared.
pub(crate) fn tag(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The digits of a part of a task id, in lower case and without hyphens; none when the text cannot
/// be a part of one.
pub(crate) fn id_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| digits.to_ascii_lowercase())
}

/// How well an entry fits: none when it does not, otherwise higher is better. What the full-text
/// index does with statistics is done here by counting, which is enough for the twin.
pub(crate) fn score(row: &MemoryRow, query: &MemoryQuery) -> Option<usize> {
    let entry = &row.entry;
    let tags: BTreeSet<String> = entry.tags.iter().map(|t| tag(t)).collect();
    let wanted = query.task.is_none_or(|task| task == row.task)
        && (query.subtask.is_none() || query.subtask == entry.subtask)
        && (query.kinds.is_empty() || query.kinds.contains(&entry.kind))
        && query.tags.iter().all(|t| tags.contains(&tag(t)));
    if !wanted {
        return None;
    }
    let Some(text) = &query.text else {
        return Some(0);
    };
    let indexed = [&entry.summary, &entry.detail, &entry.relevance_to]
        .into_iter()
        .chain(&entry.tags)
        .flat_map(|part| split(part))
        .collect::<BTreeSet<_>>();
    let hits = words(text)
        .iter()
        .filter(|word| indexed.iter().any(|have| have.starts_with(*word)))
        .count();
    (hits > 0).then_some(hits)
}

fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(MAX_WORD_CHARS).collect::<String>())
        .map(|word| word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_syntax() {
        assert_eq!(
            fts_query("a\" OR b* NEAR(c) -d:e").as_deref(),
            Some("\"a\"* OR \"or\"* OR \"b\"* OR \"near\"* OR \"c\"* OR \"d\"* OR \"e\"*")
        );
        assert_eq!(fts_query("\"'*^():;--\0"), None);
        assert_eq!(fts_query(""), None);
    }

    #[test]
    fn the_number_of_words_is_bounded() {
        let text = (0..1000).map(|i| format!("w{i} ")).collect::<String>();
        assert_eq!(words(&text).len(), MAX_WORDS);
    }
}
