//! Net differences for people and for `git apply`.

use crate::changes::{Net, net};
use crate::patch::{self, Side};
use crate::renames::{Sides, renames};
use crate::store::{self, MAX_KEPT};
use crate::{FsError, Workspace, lines};
use loom_events::{DiffStatus, FileChange, FileDiff, FileState};

impl Workspace {
    /// The net effect of changes: from the state before the first of each path to the state now.
    /// Directories, pipes and sockets are not among them, since git has none.
    ///
    /// # Errors
    /// When a state before is not in the store, or the state now cannot be read.
    pub fn diff(&self, changes: &[FileChange]) -> Result<Vec<FileDiff>, FsError> {
        self.diff_to(changes, |path, _| self.present(path))
    }

    /// As [`Self::diff`], to the state after the last change of each path instead of the disk's.
    ///
    /// # Errors
    /// When a state is not in the store.
    pub fn diff_recorded(&self, changes: &[FileChange]) -> Result<Vec<FileDiff>, FsError> {
        self.diff_to(changes, |path, net| self.stored(path, net.latest.as_ref()))
    }

    fn diff_to(
        &self,
        changes: &[FileChange],
        after: impl Fn(&str, &Net) -> Result<Option<Side>, FsError>,
    ) -> Result<Vec<FileDiff>, FsError> {
        let nets = net(changes);
        let mut sides = Sides::new();
        for (path, net) in &nets {
            let old = self.stored(path, net.original.as_ref())?;
            let new = after(path, net)?;
            if old.as_ref().map(Side::state) != new.as_ref().map(Side::state) {
                sides.insert(path, (old, new));
            }
        }
        let renames = renames(&nets, &sides);
        let mut diffs = Vec::new();
        for (path, (old, new)) in &sides {
            if renames.values().any(|from| from == path) {
                continue;
            }
            let from = renames.get(path);
            let old = match from {
                Some(from) => sides.get(from).and_then(|(old, _)| old.as_ref()),
                None => old.as_ref(),
            };
            diffs.extend(one(path, from.copied(), old, new.as_ref()));
        }
        Ok(diffs)
    }

    /// A recorded state with its content; none for a directory.
    fn stored(&self, path: &str, state: Option<&FileState>) -> Result<Option<Side>, FsError> {
        let Some(state) = state.filter(|state| lines::has_content(state.kind)) else {
            return Ok(None);
        };
        let content = match &state.digest {
            Some(digest) if state.size <= MAX_KEPT => {
                let content = self.store().get(digest);
                Some(content.map_err(|source| FsError::store(path, source))?)
            }
            _ => None,
        };
        Ok(Some(Side::new(state.clone(), content)))
    }

    /// What is there now, with its content; none for a directory.
    fn present(&self, path: &str) -> Result<Option<Side>, FsError> {
        let mut content = None;
        let state = self.look(path, &mut |bytes| {
            content = Some(bytes.to_vec());
            Ok(store::hash(bytes))
        })?;
        let state = state.filter(|state| lines::has_content(state.kind));
        Ok(state.map(|state| Side::new(state, content)))
    }
}

pub(crate) fn one(
    path: &str,
    from: Option<&str>,
    old: Option<&Side>,
    new: Option<&Side>,
) -> Option<FileDiff> {
    let status = match (old, new) {
        (None, None) => return None,
        (Some(_), Some(_)) if from.is_some() => DiffStatus::Renamed,
        (None, Some(_)) => DiffStatus::Added,
        (Some(_), None) => DiffStatus::Deleted,
        (Some(_), Some(_)) => DiffStatus::Modified,
    };
    let patch = patch::between(from.unwrap_or(path), path, old, new);
    Some(FileDiff {
        path: path.to_owned(),
        old_path: from.map(str::to_owned),
        status,
        added: patch.lines.added,
        removed: patch.lines.removed,
        binary: patch.binary,
        patch: patch.text,
    })
}
