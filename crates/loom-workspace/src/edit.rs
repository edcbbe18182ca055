//! Single changes by file tools: intent (content before is safe), then commit.

use crate::{FsError, Workspace};
use loom_events::FileChange;

/// A change that a file tool wants.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Write a whole file; parents are made, the mode of an existing file is kept.
    Write {
        /// Where.
        path: String,
        /// The new content.
        bytes: Vec<u8>,
    },
    /// Remove a file, a link, or a directory.
    Delete {
        /// What.
        path: String,
        /// Whether a directory goes with everything in it; otherwise it must be empty.
        recursive: bool,
    },
    /// Give another name; parents are made, nothing is overwritten.
    Rename {
        /// What.
        from: String,
        /// The new path.
        to: String,
    },
    /// Make a directory and its parents.
    MakeDir {
        /// Where.
        path: String,
    },
}

/// An edit whose before-content is safe. Journal [`Pending::changes`], then commit.
#[derive(Debug)]
#[must_use = "nothing is changed before `Workspace::commit`"]
pub struct Pending {
    changes: Vec<FileChange>,
}

impl Pending {
    /// What will change, in order: parents made before a file, children removed before a directory.
    /// Empty when there is nothing to do (a write of what is there already).
    #[must_use]
    pub fn changes(&self) -> &[FileChange] {
        &self.changes
    }
}

impl Workspace {
    /// Saves what is there now, durably, and says what would change. Changes nothing.
    ///
    /// # Errors
    /// When the edit is refused or the content before cannot be saved.
    pub fn intend(&self, edit: Edit) -> Result<Pending, FsError> {
        let _ = edit;
        unimplemented!()
    }

    /// As [`Self::intend`], for an edit that a human agreed to after [`FsError::NeedsApproval`].
    ///
    /// # Errors
    /// As [`Self::intend`]; what is protected stays protected.
    pub fn intend_approved(&self, edit: Edit) -> Result<Pending, FsError> {
        let _ = edit;
        unimplemented!()
    }

    /// Carries the edit out, if what is there is still what was there at the intent.
    ///
    /// # Errors
    /// [`FsError::ChangedMeanwhile`] with nothing done, or the failure of the operation.
    pub fn commit(&self, pending: Pending) -> Result<(), FsError> {
        drop(pending);
        unimplemented!()
    }
}

/// Whether a recorded change is in the workspace: the question after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The state is the one after.
    Yes,
    /// The state is the one before.
    No,
    /// It is neither: somebody else changed it.
    Neither,
}

/// Compares the workspace with a recorded change.
///
/// # Errors
/// When the path cannot be looked at.
pub fn applied(workspace: &Workspace, change: &FileChange) -> Result<Applied, FsError> {
    let _ = (workspace, change);
    unimplemented!()
}
