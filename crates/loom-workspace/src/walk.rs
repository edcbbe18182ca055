//! Listing and walking for people and models: ignores as git does, follows no link.

use crate::{FsError, Workspace};
use loom_events::FileKind;

/// One entry of a listing or a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// Path relative to the workspace.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes, for a file.
    pub size: u64,
    /// 0 for what is directly in the directory that was asked for.
    pub depth: usize,
}

/// Walks a tree in order of names, depth first. Skips what git ignores, and `.git`.
#[derive(Debug)]
pub struct Walk {}

impl Iterator for Walk {
    type Item = ListEntry;

    fn next(&mut self) -> Option<ListEntry> {
        unimplemented!()
    }
}

impl Workspace {
    /// The entries of a directory down to a number of levels (1: only its own).
    ///
    /// # Errors
    /// When it is not a directory inside the workspace.
    pub fn list(&self, path: &str, depth: usize) -> Result<Vec<ListEntry>, FsError> {
        let _ = (path, depth);
        unimplemented!()
    }

    /// Walks everything. What cannot be read is skipped.
    #[must_use]
    pub fn walk(&self) -> Walk {
        unimplemented!()
    }

    /// Walks everything in a directory.
    ///
    /// # Errors
    /// When it is not a directory inside the workspace.
    pub fn walk_from(&self, path: &str) -> Result<Walk, FsError> {
        let _ = path;
        unimplemented!()
    }
}
