//! The state of the whole tree at one moment, and what changed since.

use crate::{FsError, Workspace};
use loom_events::{Digest, FileChange, FileState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole tree at one moment; the content of every file in it is in the store.
#[derive(Clone, Debug)]
pub struct Manifest {
    root: Digest,
    entries: BTreeMap<String, FileState>,
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
        self.entries.iter().map(|(path, state)| (path.as_str(), state))
    }

    /// What is not in it, to be told to the user.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}

/// Something that a manifest leaves out: its changes are neither seen nor undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The path.
    pub path: String,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why something is left out of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyLeftOut {
    /// Derived from the rest and bulky, such as `target` or `node_modules`.
    Derived,
    /// Internals of a git repository.
    Git,
    /// A pipe, a socket or a device.
    Special,
    /// It cannot be read.
    Unreadable,
    /// Larger than the store keeps: changes are seen but cannot be undone.
    TooLarge,
    /// Below more levels than are walked.
    TooDeep,
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

impl Workspace {
    /// Takes the state of the whole tree; unchanged files are not read again.
    ///
    /// # Errors
    /// When the tree cannot be walked or content cannot be saved.
    pub fn take_manifest(&self) -> Result<Manifest, FsError> {
        unimplemented!()
    }

    /// What changed since, and the state now.
    ///
    /// # Errors
    /// As [`Self::take_manifest`].
    pub fn changes_since(&self, before: &Manifest) -> Result<(Manifest, Vec<FileChange>), FsError> {
        let _ = before;
        unimplemented!()
    }

    /// Puts the tree back to what it was, whatever happened since; returns what it did.
    ///
    /// # Errors
    /// When something cannot be put back; calling it again goes on.
    pub fn restore(&self, to: &Manifest) -> Result<Vec<FileChange>, FsError> {
        let _ = to;
        unimplemented!()
    }

    /// A few bytes that stand for a manifest; its parts are in the store.
    #[must_use]
    pub fn save_manifest(&self, manifest: &Manifest) -> Vec<u8> {
        let _ = manifest;
        unimplemented!()
    }

    /// The manifest that the bytes stand for.
    ///
    /// # Errors
    /// When they are not one, or its parts are gone.
    pub fn load_manifest(&self, bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let _ = bytes;
        unimplemented!()
    }

    /// Names the state of the whole tree.
    ///
    /// # Errors
    /// As [`Self::take_manifest`].
    pub fn tree_hash(&self) -> Result<Digest, FsError> {
        unimplemented!()
    }
}
