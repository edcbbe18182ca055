//! Taking changes back: what is asked for, what was done, and what was left alone, with everything
//! that somebody needs to decide about it.

use crate::{FileChange, FileDiff, Seq, SubtaskId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What to take back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub enum RevertScope {
    /// Everything that the task changed.
    #[default]
    Task,
    /// What one subtask changed.
    Subtask(SubtaskId),
    /// One path, or everything in a directory.
    File(String),
    /// One entry of the changelog, by its place in the journal.
    Entry(Seq),
    /// What several subtasks changed.
    Subtasks(BTreeSet<SubtaskId>),
    /// Everything that the task changed after an event.
    After(Seq),
    /// The last revert itself, as a whole or not at all. Done twice, it is done again: to and fro,
    /// never a step further back.
    LastRevert,
}

impl std::fmt::Display for RevertScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Task => f.write_str("task"),
            Self::Subtask(id) => write!(f, "subtask {id}"),
            Self::Subtasks(ids) => {
                let ids: Vec<&str> = ids.iter().map(SubtaskId::as_str).collect();
                write!(f, "subtasks {}", ids.join(", "))
            }
            Self::After(seq) => write!(f, "after {seq}"),
            Self::File(path) => f.write_str(path),
            Self::Entry(seq) => write!(f, "entry {seq}"),
            Self::LastRevert => f.write_str("last revert"),
        }
    }
}

/// A revert that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RevertRequest {
    /// What to take back.
    pub scope: RevertScope,
    /// What to do about paths that the user changed since.
    pub choices: Choices,
    /// Whether nothing is done, only said.
    pub dry_run: bool,
}

impl From<RevertScope> for RevertRequest {
    fn from(scope: RevertScope) -> Self {
        Self {
            scope,
            choices: Choices::default(),
            dry_run: false,
        }
    }
}

/// What a revert did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevertReport {
    /// What changed on disk, in order.
    pub changes: Vec<FileChange>,
    /// What was left alone, and why.
    pub conflicts: Vec<Conflict>,
    /// The conflicts that were settled as asked for.
    pub settled: Vec<Settled>,
}

/// A conflict that was settled as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settled {
    /// The path.
    pub path: String,
    /// What was done about it.
    pub how: How,
}

/// How a conflict was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Somebody's changes stay, Loom's are gone.
    Merged,
    /// Both versions are in the file, between conflict marks.
    Marked,
    /// The old version is back.
    Overwritten,
}

/// A path that an undo leaves alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Conflict {
    /// The path.
    pub path: String,
    /// What stands in the way.
    pub kind: ConflictKind,
    /// The same in one sentence.
    pub why: String,
    /// What somebody changed since, against what Loom had left. None when there is nothing to
    /// compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<FileDiff>,
    /// What a merge would make of it.
    pub merge: Offer,
    /// Whether [`Settle::Overwrite`] would take the old version.
    pub can_overwrite: bool,
}

/// What stands in the way of taking a path back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// It was changed since.
    Changed,
    /// It was removed since.
    Removed,
    /// Something is there now where nothing was left.
    Appeared,
    /// Somebody changed it between two changes that are taken back.
    Between,
    /// It is a device now.
    Special,
    /// Its directory is closed to us.
    Closed,
    /// Its earlier state cannot be made again.
    NotKept,
    /// Its present state cannot be kept.
    CannotBeKept,
    /// The directory that it was in is something else now.
    NoDirectory,
    /// A directory that holds something else.
    Occupied,
}

/// What a merge of somebody's changes with the old version would make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Offer {
    /// There is nothing to merge: not text, not there, another kind.
    None,
    /// It comes out clean.
    Clean {
        /// From what is there now to the merged file.
        patch: String,
    },
    /// Somebody changed what is taken back.
    Marked {
        /// Places where that is so.
        places: usize,
        /// The merged file with conflict marks in it.
        text: String,
    },
}

/// What is done about a path that somebody changed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Settle {
    /// It is left alone.
    #[default]
    Leave,
    /// Somebody's changes stay and Loom's go, where that comes out clean.
    Merge,
    /// As `Merge`; where it does not come out clean, both versions between conflict marks.
    Mark,
    /// The old version comes back. What is there now is kept in the store.
    Overwrite,
}

/// How conflicts are settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Choices {
    /// Of every path that is not named.
    pub rest: Settle,
    /// Of single paths.
    pub paths: BTreeMap<String, Settle>,
}

impl Choices {
    /// The same for all.
    #[must_use]
    pub const fn all(rest: Settle) -> Self {
        let paths = BTreeMap::new();
        Self { rest, paths }
    }

    /// What is done about a path.
    #[must_use]
    pub fn of(&self, path: &str) -> Settle {
        self.paths.get(path).copied().unwrap_or(self.rest)
    }
}

impl ConflictKind {
    /// In one sentence.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::Changed => "it was changed since",
            Self::Removed => "it was removed since",
            Self::Appeared => "something else is there now",
            Self::Between => "somebody else changed it while the task ran",
            Self::Special => "it is a device now",
            Self::Closed => "its directory is closed to us; undo again once it is open",
            Self::NotKept => "its earlier content was not kept",
            Self::CannotBeKept => "its present content cannot be kept",
            Self::NoDirectory => "the directory that it was in is something else now",
            Self::Occupied => "it holds something else, so it stays",
        }
    }

    /// The conflict of a path that has nothing more to say.
    #[must_use]
    pub fn at(self, path: &str) -> Conflict {
        Conflict {
            path: path.to_owned(),
            kind: self,
            why: self.why().to_owned(),
            since: None,
            merge: Offer::None,
            can_overwrite: false,
        }
    }
}
