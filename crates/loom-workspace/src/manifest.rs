//! The state of the whole tree at one moment, and what changed since.

use crate::changes::{Step, steps_between, to_changes};
use crate::edit::new_directory;
use crate::scan::{Entries, Part};
use crate::{FsError, Live, Store, Workspace, tree};
use loom_events::{Digest, FileChange, FileState, Origin, WhyLeftOut};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The whole tree at one moment; the content of every file in it is in the store.
#[derive(Clone, Debug)]
pub struct Manifest {
    root: Digest,
    entries: Arc<Entries>,
    left_out: Vec<LeftOut>,
}

impl Manifest {
    /// Names the whole state: equal trees have equal roots.
    #[must_use]
    pub const fn root(&self) -> &Digest {
        &self.root
    }

    /// The states by path.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &FileState)> {
        self.entries
            .iter()
            .map(|(path, state)| (path.as_str(), state))
    }

    /// The manifest of a tree that is known in another way than by looking at it.
    pub(crate) fn of(
        entries: Entries,
        left_out: Vec<LeftOut>,
        store: &crate::Store,
    ) -> Result<Self, crate::StoreError> {
        let mut batch = store.batch();
        let root = tree::save(&entries, &mut batch)?;
        batch.finish()?;
        Ok(Self {
            root,
            entries: Arc::new(entries),
            left_out,
        })
    }

    /// All states, by path.
    pub(crate) fn all(&self) -> &Entries {
        &self.entries
    }

    /// The state of a recorded path.
    #[must_use]
    pub fn state(&self, path: &str) -> Option<&FileState> {
        self.entries.get(path)
    }

    /// What is not in it, to be told to the user.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Whether something could not be looked at.
    fn has_closed(&self) -> bool {
        let closed = |left: &LeftOut| left.why == WhyLeftOut::Unreadable;
        self.left_out.iter().any(closed)
    }

    /// The directories that were not looked into.
    pub(crate) fn left_out_paths(&self) -> BTreeSet<&str> {
        let whole = |why| matches!(why, WhyLeftOut::Derived | WhyLeftOut::Git);
        let left_out = self.left_out.iter().filter(|left| whole(left.why));
        left_out.map(|left| left.path.as_str()).collect()
    }
}

/// A directory that was closed to us hides what is in it until its mode is put back, so a restore
/// takes another pass; this many levels of them are more than an accident.
const MAX_PASSES: usize = 16;

/// What stands for a manifest: its tree is in the store.
#[derive(Serialize, Deserialize)]
struct Saved {
    root: Digest,
    left_out: Vec<LeftOut>,
}

/// Something that a manifest leaves out: its changes are neither seen nor undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The path.
    pub path: String,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the encoding of one.
    #[error("the bytes are not a manifest")]
    Unreadable(#[source] serde_json::Error),
    /// A part of it is gone.
    #[error("a part of the manifest is not in the store")]
    Store(#[from] crate::StoreError),
}

impl Store {
    /// Adds everything that the bytes of a saved manifest refer to.
    ///
    /// # Errors
    /// When they are no manifest, or a part of it is gone.
    pub fn mark_manifest(&self, bytes: &[u8], live: &mut Live) -> Result<(), ManifestError> {
        let saved: Saved = serde_json::from_slice(bytes).map_err(ManifestError::Unreadable)?;
        tree::mark(&saved.root, self, live)
    }
}

impl Workspace {
    /// Takes the state of the whole tree; unchanged files are not read again.
    ///
    /// # Errors
    /// When the tree cannot be walked or content cannot be saved.
    pub fn take_manifest(&self) -> Result<Manifest, FsError> {
        self.manifest(None)
    }

    /// What changed since, and the state now.
    ///
    /// # Errors
    /// As [`Self::take_manifest`].
    pub fn changes_since(&self, before: &Manifest) -> Result<(Manifest, Vec<FileChange>), FsError> {
        let now = self.manifest(Some(before))?;
        if now.root == before.root {
            return Ok((now, Vec::new()));
        }
        let steps = steps_between(&before.entries, &now.entries);
        let changes = to_changes(&steps, Origin::Shell, self.store());
        Ok((now, changes))
    }

    /// Puts the tree back to what it was, whatever happened since; returns what it did.
    ///
    /// What a manifest leaves out is left as it is, and so is a new directory that holds such. Only
    /// a pipe, a socket or a device in the place of something gives way to it.
    ///
    /// # Errors
    /// When something cannot be put back; calling it again goes on.
    pub fn restore(&self, to: &Manifest) -> Result<Vec<FileChange>, FsError> {
        let mut done = Vec::new();
        for _ in 0..MAX_PASSES {
            let now = self.manifest(Some(to))?;
            let changes = self.restore_from(&now, to)?;
            let opened_some = !changes.is_empty() && now.has_closed();
            done.extend(changes);
            if !opened_some {
                break;
            }
        }
        Ok(done)
    }

    fn restore_from(&self, now: &Manifest, to: &Manifest) -> Result<Vec<FileChange>, FsError> {
        for left in now.left_out.iter().filter(|l| l.why == WhyLeftOut::Special) {
            // It has no content that could be lost, and it stands where something of ours was.
            if to.state(&left.path).is_some() {
                self.root.spot(&left.path)?.remove_special()?;
            }
        }
        let mut steps = steps_between(&now.entries, &to.entries);
        // Content that could not be read when the manifest was taken cannot be put back.
        steps.retain(|step| step.to.as_ref().is_none_or(|state| self.is_kept(state)));
        self.keep_occupied(&mut steps)?;
        self.put_back(&steps)?;
        Ok(to_changes(&steps, Origin::Loom, self.store()))
    }

    /// Puts some paths back to what they were, and nothing else; none means that nothing was there.
    /// Directories that are missing on the way are made.
    ///
    /// # Errors
    /// As [`Self::restore`].
    pub fn restore_paths(
        &self,
        paths: &BTreeMap<String, Option<FileState>>,
    ) -> Result<Vec<FileChange>, FsError> {
        let now = self.manifest(None)?;
        let mut to = (*now.entries).clone();
        for (path, state) in paths {
            match state {
                Some(state) => {
                    for (at, _) in path.match_indices('/') {
                        let made = new_directory(&path[..at]).to;
                        if let Some(made) = made.filter(|_| !to.contains_key(&path[..at])) {
                            to.insert(path[..at].to_owned(), made);
                        }
                    }
                    to.insert(path.clone(), state.clone());
                }
                None => {
                    to.remove(path);
                }
            }
        }
        let mut steps = steps_between(&now.entries, &to);
        steps.retain(|step| step.to.as_ref().is_none_or(|state| self.is_kept(state)));
        self.put_back(&steps)?;
        Ok(to_changes(&steps, Origin::Loom, self.store()))
    }

    /// A few bytes that stand for a manifest; its parts are in the store already.
    #[must_use]
    pub fn save_manifest(&self, manifest: &Manifest) -> Vec<u8> {
        let saved = Saved {
            root: manifest.root.clone(),
            left_out: manifest.left_out.clone(),
        };
        serde_json::to_vec(&saved).expect("BUG: text can be encoded")
    }

    /// The manifest that the bytes stand for.
    ///
    /// # Errors
    /// When they are not one, or its parts are gone.
    pub fn load_manifest(&self, bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let saved: Saved = serde_json::from_slice(bytes).map_err(ManifestError::Unreadable)?;
        let entries = Arc::new(tree::load(&saved.root, self.store())?);
        Ok(Manifest {
            root: saved.root,
            entries,
            left_out: saved.left_out,
        })
    }

    /// Names the state of the whole tree.
    ///
    /// # Errors
    /// As [`Self::take_manifest`].
    pub fn tree_hash(&self) -> Result<Digest, FsError> {
        Ok(self.take_manifest()?.root)
    }

    pub(crate) fn manifest(&self, earlier: Option<&Manifest>) -> Result<Manifest, FsError> {
        let stored = |source| FsError::store(".", source);
        let mut batch = self.store().batch();
        let scanned = self.scan("", Part::Sources(earlier), &mut batch)?;
        let last = self.index();
        let root = match &last.root {
            Some(root) if last.entries == scanned.entries => root.clone(),
            _ => tree::save(&scanned.entries, &mut batch).map_err(stored)?,
        };
        batch.finish().map_err(stored)?;
        let (index, left_out) = scanned.into_index(root.clone());
        let entries = Arc::clone(&index.entries);
        self.set_index(Arc::new(index));
        Ok(Manifest {
            root,
            entries,
            left_out,
        })
    }

    /// Takes out of the steps the removal of directories that hold something else.
    fn keep_occupied(&self, steps: &mut Vec<Step>) -> Result<(), FsError> {
        for path in self.occupied(steps)? {
            steps.retain(|step| step.path != path);
        }
        Ok(())
    }
}
