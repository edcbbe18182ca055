//! What one attempt has read and written: a tool changes nothing that was not looked at.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Paths read or written in this attempt with the hash of what was there, and edits that failed.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Facts>);

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
    /// The file was read or written; this is the hash of its content.
    pub(crate) fn note(&self, path: &str, hash: &str) {
        self.facts().contents.insert(path.into(), hash.into());
    }

    /// The file went away.
    pub(crate) fn forget(&self, path: &str) {
        self.facts().contents.remove(path);
    }

    /// The file has another name now.
    pub(crate) fn moved(&self, from: &str, to: &str) {
        let mut facts = self.facts();
        if let Some(hash) = facts.contents.remove(from) {
            facts.contents.insert(to.to_owned(), hash);
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

    fn facts(&self) -> MutexGuard<'_, Facts> {
        // Each entry is whole by itself, whatever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
