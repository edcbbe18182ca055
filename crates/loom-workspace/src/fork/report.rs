//! What a fork is made of, and how far a copy may go.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How content gets into a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Large files share their blocks with the original until one of the two is changed (btrfs,
    /// XFS, APFS).
    Reflink,
    /// Content is copied.
    Copy,
}

/// How much of what manifests leave out is copied into a fork. Sources are always copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkBounds {
    /// Entries of build trees and caches, all together.
    pub derived_entries: u64,
    /// Their bytes, where each must be copied. Shared blocks are not counted.
    pub derived_bytes: u64,
    /// Entries of a repository.
    pub git_entries: u64,
    /// Its bytes, where each must be copied; beyond it, its objects are borrowed.
    pub git_bytes: u64,
}

impl Default for ForkBounds {
    /// A fork should cost seconds, not minutes: a plain copy makes some 20,000 files a second, and
    /// a warm build of a small project is worth a few of them. A repository is needed more than a
    /// warm build, and most have few and large files.
    fn default() -> Self {
        Self {
            derived_entries: 20_000,
            derived_bytes: 256 << 20,
            git_entries: 20_000,
            git_bytes: 512 << 20,
        }
    }
}

/// How a fork was made, to be told to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkReport {
    /// How content got into it.
    pub strategy: Strategy,
    /// Files and links in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that the original had changed meanwhile, so that their content came from the
    /// snapshots.
    pub from_snapshots: u64,
    /// Repositories whose objects are the original's, only read.
    pub borrowed: Vec<String>,
    /// What the original has and the fork has not.
    pub left_out: Vec<NotForked>,
    /// How long the copying took.
    pub copied: Duration,
    /// How long it took until the copy was durable.
    pub elapsed: Duration,
}

/// Something that is not in a fork. A merge leaves it as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotForked {
    /// The path.
    pub path: String,
    /// Why.
    pub why: WhyNotForked,
}

/// Why something is not in a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNotForked {
    /// A build tree or cache beyond the bounds: a build in the fork starts cold.
    Bulky,
    /// It names the place where it is, so that a copy would work on the original.
    NamesItsPlace,
    /// A link into the original by another name.
    LeadsBack,
    /// A repository, or a part of one, that lies elsewhere.
    RepositoryElsewhere,
    /// A pipe, a socket or a device.
    Special,
    /// It cannot be read.
    Unreadable,
    /// Below more levels than are walked.
    TooDeep,
}

impl fmt::Display for WhyNotForked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bulky => "it is derived and too large to copy, so builds start without it",
            Self::NamesItsPlace => "it names its own place, so a copy would work on the original",
            Self::LeadsBack => "it leads back into the original",
            Self::RepositoryElsewhere => "its repository lies elsewhere, so git does not work here",
            Self::Special => "it is a pipe, a socket or a device",
            Self::Unreadable => "it cannot be read",
            Self::TooDeep => "it is below too many levels",
        })
    }
}
