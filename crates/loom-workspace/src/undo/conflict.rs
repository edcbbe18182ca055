//! What an undo leaves alone, with everything that somebody needs to decide about it.

use crate::FileDiff;
use serde::Serialize;
use std::collections::BTreeMap;

/// A path that an undo leaves alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The path.
    pub path: String,
    /// What stands in the way.
    pub kind: ConflictKind,
    /// The same in one sentence.
    pub why: String,
    /// What somebody changed since, against what Loom had left. None when there is nothing to
    /// compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<FileDiff>,
    /// What a merge would make of it.
    pub merge: Offer,
    /// Whether [`Settle::Overwrite`] would take the old version.
    pub can_overwrite: bool,
}

/// What stands in the way of taking a path back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    pub(super) fn of(&self, path: &str) -> Settle {
        self.paths.get(path).copied().unwrap_or(self.rest)
    }
}

impl ConflictKind {
    /// In one sentence.
    pub(super) const fn why(self) -> &'static str {
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

    pub(super) fn at(self, path: &str) -> Conflict {
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
