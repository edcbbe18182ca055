//! What one attempt has read and written: a tool changes nothing that was not looked at.

use loom_events::{Digest, FileChange, Operation, SeenFile};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Digits of a hash that are kept: enough to notice a change, few enough to repeat to a model.
const DIGITS: usize = 8;

/// The first digits of a content's hash.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..DIGITS].to_owned()
}

/// Paths read or written in this attempt with the hash of what was there, and edits that failed.
#[derive(Debug, Default)]
pub struct Seen {
    facts: Arc<Mutex<Facts>>,
    /// What came to be known through this handle.
    news: Mutex<BTreeMap<String, Option<String>>>,
}

#[derive(Debug, Default)]
struct Facts {
    contents: HashMap<String, String>,
    failed_edits: HashMap<String, u32>,
}

/// What the attempt knows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It has never been read or written.
    Not,
    /// It has, but there is something else now.
    Outdated,
    /// It is what was read or written.
    Yes,
}

impl Seen {
    /// What the results of earlier calls said, in their order.
    pub fn of<'a>(files: impl IntoIterator<Item = &'a SeenFile>) -> Self {
        let seen = Self::default();
        for file in files {
            seen.set(&file.path, file.hash.clone());
        }
        Self {
            facts: seen.facts,
            news: Mutex::default(),
        }
    }

    /// The same facts for one call, whose result says what it added to them.
    #[must_use]
    pub fn for_call(&self) -> Self {
        Self {
            facts: Arc::clone(&self.facts),
            news: Mutex::default(),
        }
    }

    /// What came to be known through this handle, one line a path.
    #[must_use]
    pub fn news(&self) -> Vec<SeenFile> {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let news = news.iter().map(|(path, hash)| SeenFile {
            path: path.clone(),
            hash: hash.clone(),
        });
        news.collect()
    }

    /// A file tool made a change, and its own word of it was lost.
    pub fn made(&self, change: &FileChange) {
        match (&change.operation, &change.new_path) {
            (Operation::Rename, Some(to)) => self.moved(&change.path, to),
            (Operation::Delete, _) => self.forget(&change.path),
            (Operation::Create | Operation::Modify | Operation::Rename, _) => {
                let after = change.after.as_ref();
                if let Some(digest) = after.and_then(|state| state.digest.as_ref()) {
                    self.note(&change.path, short(digest));
                }
            }
        }
    }

    /// The file was read or written; this is the hash of its content.
    pub(crate) fn note(&self, path: &str, hash: &str) {
        self.set(path, Some(hash.to_owned()));
    }

    /// The file went away.
    pub(crate) fn forget(&self, path: &str) {
        if self.facts().contents.contains_key(path) {
            self.set(path, None);
        }
    }

    /// The file has another name now.
    pub(crate) fn moved(&self, from: &str, to: &str) {
        let known = self.facts().contents.get(from).cloned();
        if let Some(hash) = known {
            self.set(from, None);
            self.set(to, Some(hash));
        }
    }

    pub(crate) fn knows(&self, path: &str, hash: &str) -> Known {
        match self.facts().contents.get(path) {
            None => Known::Not,
            Some(known) if known == hash => Known::Yes,
            Some(_) => Known::Outdated,
        }
    }

    /// An edit of the file failed; how many did in a row.
    pub(crate) fn edit_failed(&self, path: &str) -> u32 {
        let mut facts = self.facts();
        let failed = facts.failed_edits.entry(path.to_owned()).or_default();
        *failed = failed.saturating_add(1);
        *failed
    }

    pub(crate) fn edit_worked(&self, path: &str) {
        self.facts().failed_edits.remove(path);
    }

    fn set(&self, path: &str, hash: Option<String>) {
        let mut facts = self.facts();
        match &hash {
            Some(hash) => facts.contents.insert(path.to_owned(), hash.clone()),
            None => facts.contents.remove(path),
        };
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        news.insert(path.to_owned(), hash);
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        // Each entry is whole by itself, whatever panicked beside it.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn short(digest: &Digest) -> &str {
    &digest.as_str()[..DIGITS]
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{FileKind, FileState, LineCount, Origin};

    fn made(operation: Operation, path: &str, to: Option<&str>) -> FileChange {
        let digest = Digest::from_hex(blake3::hash(b"text").to_hex().to_string()).unwrap();
        let after = FileState {
            kind: FileKind::File,
            digest: Some(digest),
            mode: 0o644,
            size: 4,
        };
        FileChange {
            operation,
            path: path.to_owned(),
            new_path: to.map(str::to_owned),
            before: None,
            after: (operation != Operation::Delete).then_some(after),
            lines: LineCount::default(),
            origin: Origin::Tool,
        }
    }

    #[test]
    fn the_news_of_calls_make_the_same_facts_again() {
        let seen = Seen::default();
        let first = seen.for_call();
        first.note("a", "1");
        first.note("b", "2");
        first.note("gone", "3");
        let second = seen.for_call();
        second.moved("b", "c");
        second.forget("gone");
        second.forget("never");
        assert_eq!(second.news().len(), 3, "{:?}", second.news());
        let news = [first.news(), second.news()].concat();
        let again = Seen::of(&news);
        for (path, hash, known) in [
            ("a", "1", Known::Yes),
            ("a", "2", Known::Outdated),
            ("b", "2", Known::Not),
            ("c", "2", Known::Yes),
            ("gone", "3", Known::Not),
        ] {
            assert_eq!(seen.knows(path, hash), known, "{path}");
            assert_eq!(again.knows(path, hash), known, "{path}");
        }
        assert!(again.news().is_empty());
    }

    #[test]
    fn what_a_lost_call_made_is_known_like_what_it_would_have_said() {
        let seen = Seen::default();
        seen.made(&made(Operation::Create, "a", None));
        assert_eq!(seen.knows("a", &short_hash(b"text")), Known::Yes);
        seen.made(&made(Operation::Rename, "a", Some("b")));
        assert_eq!(seen.knows("b", &short_hash(b"text")), Known::Yes);
        seen.made(&made(Operation::Delete, "b", None));
        assert_eq!(seen.knows("b", &short_hash(b"text")), Known::Not);
    }
}
