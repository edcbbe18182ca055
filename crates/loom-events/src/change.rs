//! Changes to the user's files, as recorded before they happen.

use crate::Digest;
use serde::{Deserialize, Serialize};

/// One change of one path. Its place in the journal is its place in the changelog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileChange {
    /// What happens.
    pub operation: Operation,
    /// Path relative to the workspace, with `/`.
    pub path: String,
    /// Where it goes, for a rename.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_path: Option<String>,
    /// What was there; its content is in the snapshot store. None for a creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<FileState>,
    /// What will be there. None for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileState>,
    /// Lines added and removed, when both sides are text.
    #[serde(default)]
    pub lines: LineCount,
    /// What made the change.
    pub origin: Origin,
}

/// Lines added and removed by a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LineCount {
    /// Lines that are new.
    pub added: u32,
    /// Lines that are gone.
    pub removed: u32,
}

/// What happens to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Nothing was there.
    Create,
    /// Content or mode changes.
    Modify,
    /// It goes away.
    Delete,
    /// It gets another name.
    Rename,
}

/// What made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A file tool; recorded before the change.
    Tool,
    /// A shell command; found afterwards by comparing with the snapshot taken before it.
    Shell,
    /// Loom itself: a restore, a merge, a revert.
    Loom,
    /// The user's own hands, in a step that they took over; found by comparing with the snapshot
    /// taken when it was handed to them.
    User,
}

/// One state of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileState {
    /// What it is.
    pub kind: FileKind,
    /// Hash of the content (of the target, for a link); none for what has no content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Permission bits.
    pub mode: u32,
    /// Bytes.
    pub size: u64,
}

/// Kinds of entries that Loom keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A symbolic link; its content is its target.
    Symlink,
    /// A directory.
    Directory,
    /// A named pipe; it can be made again.
    Pipe,
    /// The name of a socket: only the program that listens on it can make it again.
    Socket,
}
