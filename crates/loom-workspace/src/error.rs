//! Why an operation on the user's files was refused or failed. Never names anything outside.

use crate::StoreError;
use crate::root::shown;
use std::io;

/// A file operation that was refused or failed.
///
/// Every sentence names only the path that the caller gave or one inside the workspace.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// The text cannot be a path of this workspace.
    #[error("`{path}` is not a usable path: {why}")]
    BadPath {
        /// As given, shortened.
        path: String,
        /// What is wrong, and what to give instead.
        why: &'static str,
    },
    /// The path leads out of the workspace, by `..`, an absolute path or a link.
    #[error("`{path}` leads outside of the workspace: use a path relative to it")]
    Outside {
        /// As given, shortened.
        path: String,
    },
    /// Nobody may change this through a file tool.
    #[error("`{path}` is protected: {why}")]
    Protected {
        /// The resolved path.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// A human has to agree before this is changed; see [`crate::Workspace::intend_approved`].
    #[error("changing `{path}` needs an approval: {why}")]
    NeedsApproval {
        /// The resolved path.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// Nothing is there.
    #[error("`{path}` does not exist")]
    NotFound {
        /// The path.
        path: String,
    },
    /// Something is there already.
    #[error("`{path}` exists already")]
    Exists {
        /// The path.
        path: String,
    },
    /// A directory that should be empty is not.
    #[error("`{path}` is a directory with something in it")]
    NotEmpty {
        /// The path.
        path: String,
    },
    /// A directory, a pipe, a device: not what the operation works on.
    #[error("`{path}` is not {wanted}")]
    WrongKind {
        /// The path.
        path: String,
        /// What it should have been: `a regular file`, `a directory`.
        wanted: &'static str,
    },
    /// More bytes than the caller takes or the snapshot store keeps.
    #[error("`{path}` has {size} bytes, more than the limit of {max}")]
    TooLarge {
        /// The path.
        path: String,
        /// Bytes found.
        size: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// A tree has more entries or levels than is handled.
    #[error("`{path}` has more than {max} {what}")]
    TooMany {
        /// The directory.
        path: String,
        /// `entries` or `levels`.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// It cannot be saved first, so it is not changed.
    #[error("`{path}` cannot be saved before the change: {why}")]
    CannotBeKept {
        /// The path.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// Somebody changed it between the intent and the commit; nothing was done.
    #[error("`{path}` was changed by somebody else meanwhile: read it again")]
    ChangedMeanwhile {
        /// The path.
        path: String,
    },
    /// The snapshot store failed.
    #[error("the snapshot of `{path}` failed")]
    Store {
        /// The path.
        path: String,
        /// Cause.
        #[source]
        source: StoreError,
    },
    /// It failed half way, and what was done could not be put back.
    #[error("the change failed and a part of it is in place; reverting takes it back: {source}")]
    HalfDone {
        /// What failed first.
        #[source]
        source: Box<Self>,
    },
    /// The operating system refused.
    #[error("`{path}`: {source}")]
    Io {
        /// The path.
        path: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

impl FsError {
    pub(crate) fn bad(path: &str, why: &'static str) -> Self {
        let path = shown(path);
        Self::BadPath { path, why }
    }

    pub(crate) fn outside(path: &str) -> Self {
        Self::Outside { path: shown(path) }
    }

    pub(crate) fn not_found(path: &str) -> Self {
        Self::NotFound { path: shown(path) }
    }

    pub(crate) fn exists(path: &str) -> Self {
        Self::Exists { path: shown(path) }
    }

    pub(crate) fn wrong_kind(path: &str, wanted: &'static str) -> Self {
        let path = shown(path);
        Self::WrongKind { path, wanted }
    }

    pub(crate) fn changed(path: &str) -> Self {
        Self::ChangedMeanwhile { path: shown(path) }
    }

    pub(crate) fn store(path: &str, source: StoreError) -> Self {
        let path = shown(path);
        Self::Store { path, source }
    }

    pub(crate) fn half_done(self) -> Self {
        let source = Box::new(self);
        Self::HalfDone { source }
    }

    /// Whether the operating system refused for lack of permission.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    pub(crate) fn io(path: &str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::not_found(path),
            _ => Self::Io {
                path: shown(path),
                source,
            },
        }
    }
}
