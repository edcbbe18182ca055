//! Single changes by file tools: intent (content before is safe), then commit.

use crate::changes::{NO_LINES, Step, to_changes};
use crate::root::Last;
use crate::scan::{Part, Scanned};
use crate::spot::{NEW_DIRECTORY, NEW_FILE};
use crate::store::{Batch, MAX_KEPT};
use crate::{FsError, Guard, WhyLeftOut, Workspace, guard, name, store};
use loom_events::{FileChange, FileKind, FileState, Operation, Origin};
use std::sync::Arc;

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
    steps: Vec<Step>,
    /// For a rename: what is checked, and then moved in one piece once the steps are done.
    rename: Option<Rename>,
}

#[derive(Debug)]
struct Rename {
    from: String,
    to: String,
    before: Vec<(String, FileState)>,
}

impl Pending {
    /// What will change, in order: parents made before a file, children removed before a directory.
    /// Empty when there is nothing to do (a write of what is there already).
    #[must_use]
    pub fn changes(&self) -> &[FileChange] {
        &self.changes
    }
}

/// Who vouches for an edit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consent {
    None,
    Human,
}

impl Workspace {
    /// Saves what is there now, durably, and says what would change. Changes nothing.
    ///
    /// # Errors
    /// When the edit is refused or the content before cannot be saved.
    pub fn intend(&self, edit: Edit) -> Result<Pending, FsError> {
        self.plan(edit, Consent::None)
    }

    /// As [`Self::intend`], for an edit that a human agreed to after [`FsError::NeedsApproval`].
    ///
    /// # Errors
    /// As [`Self::intend`]; what is protected stays protected.
    pub fn intend_approved(&self, edit: Edit) -> Result<Pending, FsError> {
        self.plan(edit, Consent::Human)
    }

    /// Carries the edit out, if what is there is still what was there at the intent.
    ///
    /// # Errors
    /// [`FsError::ChangedMeanwhile`] with nothing done, or the failure of the operation.
    pub fn commit(&self, pending: Pending) -> Result<(), FsError> {
        let Some(rename) = &pending.rename else {
            return self.apply(&pending.steps);
        };
        for (path, before) in &rename.before {
            let now = self.look(path, &mut |bytes| Ok(store::hash(bytes)))?;
            if now.as_ref() != Some(before) {
                return Err(FsError::changed(path));
            }
        }
        self.apply(&pending.steps)?;
        self.rename(&rename.from, &rename.to)
            .map_err(|error| self.take_back(&pending.steps, error))
    }

    fn plan(&self, edit: Edit, consent: Consent) -> Result<Pending, FsError> {
        let mut batch = self.store().batch();
        let pending = match edit {
            Edit::Write { path, bytes } => self.plan_write(&path, &bytes, consent, &mut batch)?,
            Edit::Delete { path, recursive } => {
                self.plan_delete(&path, recursive, consent, &mut batch)?
            }
            Edit::Rename { from, to } => self.plan_rename(&from, &to, consent, &mut batch)?,
            Edit::MakeDir { path } => self.plan_make_dir(&path, consent)?,
        };
        let finished = batch.finish();
        finished.map_err(|source| FsError::store(".", source))?;
        Ok(pending.with_changes(self))
    }

    fn plan_write(
        &self,
        typed: &str,
        bytes: &[u8],
        consent: Consent,
        batch: &mut Batch<'_>,
    ) -> Result<Pending, FsError> {
        let path = self.root.resolve(typed, Last::Follow)?;
        if path.is_empty() || typed.ends_with('/') || typed.ends_with("/.") {
            return Err(FsError::wrong_kind(typed, "the name of a file"));
        }
        allow(&path, consent)?;
        check_size(&path, bytes.len() as u64)?;
        let before = self.look(&path, &mut |bytes| batch.add(bytes))?;
        if let Some(before) = &before {
            check_replaceable(&path, before)?;
        }
        let digest = batch.add(bytes);
        let after = FileState {
            kind: FileKind::File,
            digest: Some(digest.map_err(|source| FsError::store(&path, source))?),
            mode: before.as_ref().map_or(NEW_FILE, |state| state.mode),
            size: bytes.len() as u64,
        };
        let mut steps = self.missing_parents(&path)?;
        if before.as_ref() != Some(&after) {
            steps.push(Step::new(&path, before, Some(after)));
        }
        Ok(Pending::of(steps))
    }

    fn plan_delete(
        &self,
        typed: &str,
        recursive: bool,
        consent: Consent,
        batch: &mut Batch<'_>,
    ) -> Result<Pending, FsError> {
        let path = self.entry(typed, consent)?;
        let before = self.existing(&path, batch)?;
        let mut steps = Vec::new();
        if before.kind == FileKind::Directory {
            let below = self.scan_movable(&path, batch)?;
            if !recursive && !below.entries.is_empty() {
                return Err(FsError::NotEmpty { path });
            }
            refuse_left_out(&below, &[])?;
            let gone = |(path, state): (String, FileState)| Step::new(&path, Some(state), None);
            steps.extend(Arc::unwrap_or_clone(below.entries).into_iter().map(gone));
        } else if before.kind == FileKind::Socket {
            return Err(FsError::CannotBeKept { path, why: SPECIAL });
        } else {
            check_size(&path, before.size)?;
        }
        steps.insert(0, Step::new(&path, Some(before), None));
        Ok(Pending::of(steps))
    }

    fn plan_rename(
        &self,
        from: &str,
        to: &str,
        consent: Consent,
        batch: &mut Batch<'_>,
    ) -> Result<Pending, FsError> {
        let (from, to) = (self.entry(from, consent)?, self.entry(to, consent)?);
        let before = self.existing(&from, batch)?;
        if name::is_below(&to, &from) {
            return Err(FsError::bad(&to, "a directory cannot be moved into itself"));
        }
        if self
            .look(&to, &mut |bytes| Ok(store::hash(bytes)))?
            .is_some()
        {
            return Err(FsError::exists(&to));
        }
        let mut moved = vec![(from.clone(), before.clone())];
        if before.kind == FileKind::Directory {
            let below = self.scan_movable(&from, batch)?;
            // What is too large to be kept is not lost by being moved.
            refuse_left_out(&below, &[WhyLeftOut::TooLarge])?;
            moved.extend(Arc::unwrap_or_clone(below.entries));
        }
        let steps = self.missing_parents(&to)?;
        let mut pending = Pending::of(steps);
        let before = moved;
        pending.rename = Some(Rename { from, to, before });
        Ok(pending)
    }

    fn plan_make_dir(&self, typed: &str, consent: Consent) -> Result<Pending, FsError> {
        let path = self.root.resolve(typed, Last::Follow)?;
        if path.is_empty() {
            return Ok(Pending::of(Vec::new()));
        }
        allow(&path, consent)?;
        let steps = match self.look(&path, &mut |bytes| Ok(store::hash(bytes)))? {
            None => {
                let mut steps = self.missing_parents(&path)?;
                steps.push(new_directory(&path));
                steps
            }
            Some(state) if state.kind == FileKind::Directory => Vec::new(),
            Some(_) => return Err(FsError::exists(&path)),
        };
        Ok(Pending::of(steps))
    }

    /// The recorded path of an entry that may be changed; a link is the entry, not its target.
    fn entry(&self, typed: &str, consent: Consent) -> Result<String, FsError> {
        let path = self.root.resolve(typed, Last::Keep)?;
        if path.is_empty() {
            return Err(FsError::bad(typed, "it is the workspace itself"));
        }
        allow(&path, consent)?;
        Ok(path)
    }

    fn existing(&self, path: &str, batch: &mut Batch<'_>) -> Result<FileState, FsError> {
        self.look(path, &mut |bytes| batch.add(bytes))?
            .ok_or_else(|| FsError::not_found(path))
    }

    /// Everything in a directory that is about to go or to be moved.
    fn scan_movable(&self, dir: &str, batch: &mut Batch<'_>) -> Result<Scanned, FsError> {
        let scanned = self.scan(dir, Part::Everything, batch)?;
        let protected = scanned.entries.keys().find_map(|path| match guard(path) {
            Guard::Never(why) => Some((path.clone(), why)),
            Guard::Free | Guard::Ask(_) => None,
        });
        match protected {
            Some((path, why)) => Err(FsError::Protected { path, why }),
            None => Ok(scanned),
        }
    }

    /// Steps that make the directories above a path.
    pub(crate) fn missing_parents(&self, path: &str) -> Result<Vec<Step>, FsError> {
        let mut steps = Vec::new();
        for dir in name::ancestors(path) {
            if self
                .look(dir, &mut |bytes| Ok(store::hash(bytes)))?
                .is_none()
            {
                steps.push(new_directory(dir));
            }
        }
        Ok(steps)
    }
}

impl Pending {
    const fn of(steps: Vec<Step>) -> Self {
        Self {
            changes: Vec::new(),
            steps,
            rename: None,
        }
    }

    fn with_changes(mut self, workspace: &Workspace) -> Self {
        self.changes = to_changes(&self.steps, Origin::Tool, workspace.store());
        if let Some(rename) = &self.rename {
            self.changes.extend(rename.changes());
        }
        self
    }
}

impl Rename {
    /// Directories are made there and removed here; everything in them has another name then.
    fn changes(&self) -> Vec<FileChange> {
        let (mut made, mut moved, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for (path, state) in &self.before {
            let new_path = format!("{}{}", self.to, &path[self.from.len()..]);
            let change = FileChange {
                operation: Operation::Rename,
                path: path.clone(),
                new_path: None,
                before: None,
                after: None,
                lines: NO_LINES,
                origin: Origin::Tool,
            };
            if state.kind == FileKind::Directory {
                made.push(FileChange {
                    operation: Operation::Create,
                    path: new_path,
                    after: Some(state.clone()),
                    ..change.clone()
                });
                removed.push(FileChange {
                    operation: Operation::Delete,
                    before: Some(state.clone()),
                    ..change
                });
            } else {
                moved.push(FileChange {
                    new_path: Some(new_path),
                    before: Some(state.clone()),
                    after: Some(state.clone()),
                    ..change
                });
            }
        }
        removed.reverse();
        [made, moved, removed].concat()
    }
}

/// The step that makes a directory.
pub(crate) fn new_directory(path: &str) -> Step {
    let state = FileState {
        kind: FileKind::Directory,
        digest: None,
        mode: NEW_DIRECTORY,
        size: 0,
    };
    Step::new(path, None, Some(state))
}

fn allow(path: &str, consent: Consent) -> Result<(), FsError> {
    let path = path.to_owned();
    match guard(&path) {
        Guard::Never(why) => Err(FsError::Protected { path, why }),
        Guard::Ask(why) if consent == Consent::None => Err(FsError::NeedsApproval { path, why }),
        Guard::Free | Guard::Ask(_) => Ok(()),
    }
}

fn check_size(path: &str, size: u64) -> Result<(), FsError> {
    if size <= MAX_KEPT {
        return Ok(());
    }
    Err(FsError::TooLarge {
        path: path.to_owned(),
        size,
        max: MAX_KEPT,
    })
}

fn check_replaceable(path: &str, before: &FileState) -> Result<(), FsError> {
    match before.kind {
        FileKind::Directory | FileKind::Pipe | FileKind::Socket => {
            Err(FsError::wrong_kind(path, "a regular file"))
        }
        // The path was resolved: a link that is there now was put there since.
        FileKind::Symlink => Err(FsError::changed(path)),
        FileKind::File if before.digest.is_none() => Err(FsError::CannotBeKept {
            path: path.to_owned(),
            why: UNREADABLE,
        }),
        FileKind::File => check_size(path, before.size),
    }
}

fn refuse_left_out(scanned: &Scanned, fine: &[WhyLeftOut]) -> Result<(), FsError> {
    let Some(left) = scanned
        .left_out
        .iter()
        .find(|left| !fine.contains(&left.why))
    else {
        return Ok(());
    };
    Err(FsError::CannotBeKept {
        path: left.path.clone(),
        why: match left.why {
            WhyLeftOut::Special => SPECIAL,
            WhyLeftOut::TooLarge => "it is larger than what is kept",
            WhyLeftOut::TooDeep => "it is below too many levels",
            WhyLeftOut::Unreadable | WhyLeftOut::Derived | WhyLeftOut::Git => UNREADABLE,
        },
    })
}

const UNREADABLE: &str = "it cannot be read";

const SPECIAL: &str = "it is a socket or a device";

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
    let hash_only = |path: &str| workspace.look(path, &mut |bytes| Ok(store::hash(bytes)));
    let here = hash_only(&change.path)?;
    let Some(new_path) = &change.new_path else {
        return Ok(match here {
            state if state == change.after => Applied::Yes,
            state if state == change.before => Applied::No,
            _ => Applied::Neither,
        });
    };
    let there = hash_only(new_path)?;
    Ok(match (here, there) {
        (None, state) if state == change.after => Applied::Yes,
        (state, None) if state == change.before => Applied::No,
        _ => Applied::Neither,
    })
}
