//! Taking changes back without overwriting what somebody else changed since.

use crate::{FsError, Workspace};
use loom_events::FileChange;

/// What an undo will do, and what it leaves alone.
#[derive(Clone, Debug, Default)]
pub struct UndoPlan {
    changes: Vec<FileChange>,
    conflicts: Vec<Conflict>,
}

impl UndoPlan {
    /// What [`Workspace::undo`] will change; the content before each is safe already.
    #[must_use]
    pub fn changes(&self) -> &[FileChange] {
        &self.changes
    }

    /// What it will leave alone.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }
}

/// A path that an undo leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The path.
    pub path: String,
    /// Why, in one sentence.
    pub why: String,
}

impl Workspace {
    /// Plans to take changes back; `changes` in the order in which they were made.
    ///
    /// # Errors
    /// When the present state cannot be looked at or saved.
    pub fn undo_plan(&self, changes: &[FileChange]) -> Result<UndoPlan, FsError> {
        let _ = changes;
        unimplemented!()
    }

    /// Carries a plan out; returns what it changed, which can be undone in turn.
    ///
    /// # Errors
    /// When a path changed since the plan, or an operation fails; planning again goes on.
    pub fn undo(&self, plan: &UndoPlan) -> Result<Vec<FileChange>, FsError> {
        let _ = plan;
        unimplemented!()
    }
}
