//! The workspace: a pinned directory and everything that may be asked of it.

use crate::root::{Last, Root};
use crate::scan::Index;
use crate::spot::{self, Keep};
use crate::{Bounds, FsError, OpenError, Store, Trees, name, store};
use loom_events::{FileKind, FileState};
use rustix::fd::OwnedFd;
use rustix::fs::FileType;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A directory of the user's that Loom works in. All paths are confined to it.
#[derive(Debug)]
pub struct Workspace {
    pub(crate) root: Root,
    store: Arc<Store>,
    pub(crate) trees: Trees,
    /// What the last look at the tree found, so that the next one reads only what changed.
    index: Mutex<Arc<Index>>,
}

impl Workspace {
    /// Opens and pins a directory; refuses what must not be a workspace.
    ///
    /// # Errors
    /// [`OpenError`], one clear sentence each.
    pub fn open(dir: &Path, bounds: &Bounds, store: Arc<Store>) -> Result<Self, OpenError> {
        let path = bounds.check(dir)?;
        let root = Root::open(dir).map_err(|source| OpenError::Io {
            path: dir.to_owned(),
            source,
        })?;
        // It may have been exchanged for another since the check.
        if root.path() != path {
            return Err(OpenError::Missing(path));
        }
        Ok(Self::pinned(root, store))
    }

    /// A workspace over a directory that is pinned already.
    pub(crate) fn pinned(root: Root, store: Arc<Store>) -> Self {
        Self {
            root,
            store,
            trees: Trees::default(),
            index: Mutex::default(),
        }
    }

    /// With what the user says about directories.
    #[must_use]
    pub fn with_trees(mut self, trees: Trees) -> Self {
        self.trees = trees;
        self
    }

    #[cfg(test)]
    pub(crate) fn with_resolver(mut self, resolver: crate::resolve::Resolver) -> Self {
        self.root = self.root.with_resolver(resolver);
        self
    }

    /// The absolute path, links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Where the snapshots are.
    #[must_use]
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Reads a whole regular file of at most `max_bytes`.
    ///
    /// # Errors
    /// When it is outside, missing, no regular file or larger.
    pub fn read(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, FsError> {
        let path = self.resolve(path)?;
        self.file_spot(&path)?.read(max_bytes)
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// When it is outside, missing or no regular file.
    pub fn open_file(&self, path: &str) -> Result<File, FsError> {
        let path = self.resolve(path)?;
        Ok(self.file_spot(&path)?.open_file()?.0)
    }

    fn file_spot(&self, path: &str) -> Result<spot::Spot, FsError> {
        if path.is_empty() {
            return Err(FsError::wrong_kind(".", "a regular file"));
        }
        self.root.spot(path)
    }

    /// The state of a path, the last link not followed; none when nothing is there.
    ///
    /// # Errors
    /// When it is outside or cannot be read.
    pub fn state(&self, path: &str) -> Result<Option<FileState>, FsError> {
        let path = self.root.resolve(path, Last::Keep)?;
        self.look(&path, &mut |bytes| Ok(store::hash(bytes)))
    }

    /// The path as it is recorded: relative, links and `..` resolved, the last link followed;
    /// the workspace itself is `""`. What does not exist yet is resolved as far as it exists.
    ///
    /// # Errors
    /// When it is outside.
    pub fn resolve(&self, path: &str) -> Result<String, FsError> {
        self.root.resolve(path, Last::Follow)
    }

    /// Removes temporary files that a crash left behind; only while nothing is being committed.
    ///
    /// # Errors
    /// When the tree cannot be walked.
    pub fn remove_leftovers(&self) -> Result<usize, FsError> {
        let failed = |error| FsError::io(".", error);
        let mut removed = 0;
        let mut todo = vec![String::new()];
        while let Some(dir) = todo.pop() {
            // A directory that is gone or closed to us holds nothing that we could remove.
            let Ok(fd) = self.root.directory(&dir).map(Arc::new) else {
                continue;
            };
            for entry in spot::names(&fd).map_err(failed)? {
                let path = name::join(&dir, &entry);
                let spot = spot::Spot::new(Arc::clone(&fd), name::to_os(&entry), path.clone());
                let kind = spot.stat()?.map(|s| FileType::from_raw_mode(s.st_mode));
                match kind {
                    Some(FileType::RegularFile | FileType::Symlink)
                        if spot::is_temporary(&entry) =>
                    {
                        spot.remove(FileKind::File)?;
                        removed += 1;
                    }
                    // One of ours is empty; one that is not is somebody else's.
                    Some(FileType::Directory) if spot::is_temporary(&entry) => {
                        removed += usize::from(spot.remove(FileKind::Directory).is_ok());
                    }
                    Some(FileType::Directory) if entry != ".git" => todo.push(path),
                    _ => {}
                }
            }
        }
        Ok(removed)
    }

    /// The state of a recorded path; content goes through `keep`.
    pub(crate) fn look(&self, path: &str, keep: Keep<'_>) -> Result<Option<FileState>, FsError> {
        if path.is_empty() {
            return Err(FsError::wrong_kind(".", "something in the workspace"));
        }
        match self.root.spot(path) {
            Ok(spot) => spot.look(keep),
            Err(FsError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a recorded directory.
    pub(crate) fn directory(&self, path: &str) -> Result<OwnedFd, FsError> {
        let shown = if path.is_empty() { "." } else { path };
        self.root
            .directory(path)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotADirectory => FsError::wrong_kind(shown, "a directory"),
                _ => FsError::io(shown, error),
            })
    }

    pub(crate) fn index(&self) -> Arc<Index> {
        // The index is replaced as a whole, so it is whole whatever panicked beside it.
        Arc::clone(&self.index.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_index(&self, index: Arc<Index>) {
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = index;
    }
}
