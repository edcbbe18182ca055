//! Net differences for people and for `git apply`.

use crate::{FsError, Workspace};
use loom_events::FileChange;
use serde::{Deserialize, Serialize};

/// The net difference of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    /// Its path now (before, for a deletion).
    pub path: String,
    /// Its path before, for a rename.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<String>,
    /// What happened to it.
    pub status: DiffStatus,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// Whether a side is not text.
    pub binary: bool,
    /// Unified patch, valid for `git apply`.
    pub patch: String,
}

/// What happened to a file on balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffStatus {
    /// It is new.
    Added,
    /// Its content, kind or mode is different.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another path.
    Renamed,
}

impl Workspace {
    /// The net effect of changes: from the state before the first of each path to the state now.
    ///
    /// # Errors
    /// When a state before is not in the store, or the state now cannot be read.
    pub fn diff(&self, changes: &[FileChange]) -> Result<Vec<FileDiff>, FsError> {
        let _ = changes;
        unimplemented!()
    }

    /// As [`Self::diff`], to the state after the last change of each path instead of the disk's.
    ///
    /// # Errors
    /// When a state is not in the store.
    pub fn diff_recorded(&self, changes: &[FileChange]) -> Result<Vec<FileDiff>, FsError> {
        let _ = changes;
        unimplemented!()
    }
}
