//! Taking changes back without overwriting what somebody else changed since.

use crate::apply::OPEN;
use crate::changes::{Net, Step, net, to_changes};
use crate::edit::new_directory;
use crate::store::Batch;
use crate::{FsError, Workspace, name};
use loom_events::{FileChange, FileKind, FileState, Origin};
use std::collections::BTreeMap;

/// What an undo will do, and what it leaves alone.
#[derive(Clone, Debug, Default)]
pub struct UndoPlan {
    steps: Vec<Step>,
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
    /// A path goes back to what it was before the first of them, if it is still what the last of
    /// them made of it. The content that is there now is safe when this returns.
    ///
    /// # Errors
    /// When the present state cannot be looked at or saved.
    pub fn undo_plan(&self, changes: &[FileChange]) -> Result<UndoPlan, FsError> {
        let mut batch = self.store().batch();
        let mut planner = Planner {
            workspace: self,
            steps: BTreeMap::new(),
            conflicts: Vec::new(),
        };
        for (path, net) in net(changes) {
            planner.path(&path, net, &mut batch)?;
        }
        planner.find_parents()?;
        planner.keep_occupied()?;
        let finished = batch.finish();
        finished.map_err(|source| FsError::store(".", source))?;
        let steps: Vec<Step> = planner.steps.into_values().collect();
        Ok(UndoPlan {
            changes: to_changes(&steps, Origin::Loom, self.store()),
            steps,
            conflicts: planner.conflicts,
        })
    }

    /// Carries a plan out; returns what it changed, which can be undone in turn.
    ///
    /// # Errors
    /// When a path changed since the plan, or an operation fails; planning again goes on.
    pub fn undo(&self, plan: &UndoPlan) -> Result<Vec<FileChange>, FsError> {
        self.put_back(&plan.steps)?;
        Ok(plan.changes.clone())
    }
}

struct Planner<'a> {
    workspace: &'a Workspace,
    steps: BTreeMap<String, Step>,
    conflicts: Vec<Conflict>,
}

impl Planner<'_> {
    fn path(&mut self, path: &str, net: Net, batch: &mut Batch<'_>) -> Result<(), FsError> {
        let Net {
            original,
            latest,
            before_latest,
            ..
        } = net;
        let now = match self.workspace.look(path, &mut |bytes| batch.add(bytes)) {
            Ok(now) => now,
            Err(FsError::WrongKind { .. }) => {
                self.conflict(path, "it is a pipe, a socket or a device now");
                return Ok(());
            }
            Err(error) if error.is_denied() => {
                self.conflict(
                    path,
                    "its directory is closed to us; undo again once it is open",
                );
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let is = |known: &Option<FileState>| now == *known || is_open_form(&now, known);
        let ours = is(&latest)
            || is(&before_latest)
            || is_open_form(&now, &original)
            // Nothing is there between the two steps of such a change.
            || (now.is_none() && changes_kind(&before_latest, &latest));
        if now == original || (original == latest && !ours) {
            return Ok(());
        }
        if !ours {
            self.conflict(path, changed_since(now.as_ref(), latest.as_ref()));
        } else if original
            .as_ref()
            .is_some_and(|state| !self.workspace.is_kept(state))
        {
            self.conflict(path, "its earlier content was not kept");
        } else if now
            .as_ref()
            .is_some_and(|state| !self.workspace.is_kept(state))
        {
            // `is_kept` looks into the store, where what is in the batch is not yet.
            self.check_saved(path, now, original, batch);
        } else {
            self.steps
                .insert(path.to_owned(), Step::new(path, now, original));
        }
        Ok(())
    }

    fn check_saved(
        &mut self,
        path: &str,
        now: Option<FileState>,
        original: Option<FileState>,
        batch: &Batch<'_>,
    ) {
        let saved = now.as_ref().and_then(|state| state.digest.as_ref());
        if saved.is_some_and(|digest| batch.has(digest)) {
            self.steps
                .insert(path.to_owned(), Step::new(path, now, original));
        } else {
            self.conflict(path, "its present content cannot be kept");
        }
    }

    fn conflict(&mut self, path: &str, why: &str) {
        self.conflicts.push(Conflict {
            path: path.to_owned(),
            why: why.to_owned(),
        });
    }

    /// What comes back needs its directories.
    fn find_parents(&mut self) -> Result<(), FsError> {
        let coming: Vec<String> = self
            .steps
            .values()
            .filter(|step| step.to.is_some())
            .map(|step| step.path.clone())
            .collect();
        for path in coming {
            for dir in name::ancestors(&path) {
                if !self.find_parent(dir)? {
                    self.steps.remove(&path);
                    self.conflict(&path, "the directory that it was in is something else now");
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether a directory is there or will be.
    fn find_parent(&mut self, dir: &str) -> Result<bool, FsError> {
        let is_dir = |state: &FileState| state.kind == FileKind::Directory;
        if let Some(step) = self.steps.get(dir) {
            return Ok(step.to.as_ref().is_some_and(is_dir));
        }
        let now = self
            .workspace
            .look(dir, &mut |bytes| Ok(crate::store::hash(bytes)));
        match now {
            Ok(Some(state)) => Ok(is_dir(&state)),
            Ok(None) => {
                self.steps.insert(dir.to_owned(), new_directory(dir));
                Ok(true)
            }
            Err(FsError::WrongKind { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A directory that holds something of the user's stays.
    fn keep_occupied(&mut self) -> Result<(), FsError> {
        let steps: Vec<Step> = self.steps.values().cloned().collect();
        for path in self.workspace.occupied(&steps)? {
            self.steps.remove(&path);
            self.conflict(&path, "it holds something else, so it stays");
        }
        Ok(())
    }
}

/// Whether a directory gives way to something else, or something else to it: not in one step.
fn changes_kind(from: &Option<FileState>, to: &Option<FileState>) -> bool {
    let is_dir = |state: &FileState| state.kind == FileKind::Directory;
    match (from, to) {
        (Some(from), Some(to)) => is_dir(from) != is_dir(to),
        _ => false,
    }
}

/// Whether a directory is one that we opened to work in it, and then were killed.
fn is_open_form(now: &Option<FileState>, known: &Option<FileState>) -> bool {
    match (now, known) {
        (Some(now), Some(known)) => {
            now.kind == FileKind::Directory
                && known.kind == FileKind::Directory
                && now.mode == known.mode | OPEN
        }
        _ => false,
    }
}

fn changed_since(now: Option<&FileState>, latest: Option<&FileState>) -> &'static str {
    match (now, latest) {
        (None, _) => "it was removed since",
        (Some(_), None) => "something else is there now",
        (Some(_), Some(_)) => "it was changed since",
    }
}
