//! Why a fork could not be made or found.

use crate::{FsError, ManifestError, StoreError};
use std::io;
use std::path::PathBuf;

/// A fork that could not be made, opened or removed.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// Not a name for one.
    #[error("`{0}` is no name for a fork: use letters, digits, `-` and `_`, at most 64 of them")]
    BadName(String),
    /// One with this name is there.
    #[error("there is a fork {0} already")]
    Exists(String),
    /// Forks would lie inside of what is forked.
    #[error("forks cannot be made in {place}: it lies in the workspace {workspace} itself")]
    Inside {
        /// Where forks would live.
        place: PathBuf,
        /// What is to be forked.
        workspace: PathBuf,
    },
    /// The disk is too full.
    #[error("a fork takes {needed} bytes, and {free} are free: make room, or work without forks")]
    NoRoom {
        /// Bytes to be copied.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Its content is not what the manifest says, and too large to be in the snapshots.
    #[error("`{path}` was changed while it was copied: fork again")]
    Changed {
        /// The path.
        path: String,
    },
    /// Content of it is gone from the snapshots.
    #[error("the snapshot of `{path}` cannot be used")]
    Store {
        /// The path.
        path: String,
        /// Cause.
        #[source]
        source: StoreError,
    },
    /// What was written down about it cannot be read.
    #[error("the record of fork {name} cannot be read")]
    Record {
        /// The fork.
        name: String,
        /// Cause.
        #[source]
        source: ManifestError,
    },
    /// A file operation was refused.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The operating system refused.
    #[error("`{path}` in a fork: {source}")]
    Io {
        /// The path.
        path: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

impl ForkError {
    /// Wraps what the operating system said about a path.
    pub fn io<E: Into<io::Error>>(path: &str) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        |error| Self::Io {
            path,
            source: error.into(),
        }
    }
}
