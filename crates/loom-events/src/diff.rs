//! What is different in the workspace, file by file.

use serde::{Deserialize, Serialize};

/// The net difference of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Unified patch, valid for `git apply`: binary content is a `GIT binary patch`, unless it is
    /// too large to be shown (`Binary files … differ`, which git only reports). Empty when git
    /// would not see a difference, such as of other permission bits than the executable one.
    pub patch: String,
}

/// What happened to a file on balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
