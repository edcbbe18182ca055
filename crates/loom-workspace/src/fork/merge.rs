//! Bringing the result of a fork back into the workspace.
//!
//! A plan is made from three manifests: what the fork began with, what it holds now, and what the
//! workspace holds now. It either has conflicts, and then nothing is done, or it is a set of steps
//! like that of any other edit: recorded first, checked against the disk, then carried out. After a
//! run that was cut off the workspace is put back to what it was before, and planned again.

use super::Fork;
use super::states::{Decided, MergeConflict, MergeConflictKind, decide, either};
use super::text;
use crate::changes::{Step, to_changes};
use crate::edit::new_directory;
use crate::scan::Entries;
use crate::store::{Batch, MAX_KEPT, StoreError};
use crate::{FsError, Guard, Manifest, Store, WhyLeftOut, Workspace, guard, name};
use loom_events::{Digest, FileChange, FileKind, FileState, Origin};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a merge will do, or why it cannot be done.
#[derive(Clone, Debug)]
pub struct MergePlan {
    steps: Vec<Step>,
    changes: Vec<FileChange>,
    conflicts: Vec<MergeConflict>,
    left_alone: Vec<LeftAlone>,
    before: Manifest,
    base_moved: bool,
}

/// A change of the fork that is never merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// The path.
    pub path: String,
    /// Why, in one sentence.
    pub why: &'static str,
}

/// Why a merge was not done.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The sides do not fit; nothing was changed.
    #[error("the fork does not fit the workspace any more, at {}", paths.join(", "))]
    Conflicts {
        /// Where.
        paths: Vec<String>,
    },
    /// A file operation was refused or failed.
    #[error(transparent)]
    Fs(#[from] FsError),
}

impl MergePlan {
    /// What [`Workspace::merge`] will change; the content before each is safe already.
    /// [`Workspace::undo_plan`] takes the merge back with them and leaves alone what the user
    /// changed since.
    #[must_use]
    pub fn changes(&self) -> &[FileChange] {
        &self.changes
    }

    /// Where the sides do not fit. While there is one, nothing is merged.
    #[must_use]
    pub fn conflicts(&self) -> &[MergeConflict] {
        &self.conflicts
    }

    /// What is not merged though the fork changed it.
    #[must_use]
    pub fn left_alone(&self) -> &[LeftAlone] {
        &self.left_alone
    }

    /// The workspace before the merge: [`Workspace::restore`] to it takes the merge back, with
    /// everything else that happened since.
    #[must_use]
    pub const fn before(&self) -> &Manifest {
        &self.before
    }

    /// Whether the workspace is not what the fork was made from: the checks that passed in the fork
    /// say nothing about the merged tree then.
    #[must_use]
    pub const fn base_moved(&self) -> bool {
        self.base_moved
    }
}

impl Fork {
    /// Plans to bring what the fork holds now into the workspace that it was made from.
    ///
    /// # Errors
    /// As [`Workspace::merge_plan`].
    pub fn merge_plan(&self, workspace: &Workspace) -> Result<MergePlan, FsError> {
        let mut plan = workspace.merge_plan(self.base(), &self.result()?)?;
        // What the fork lacks is no change of the original.
        plan.base_moved = plan.before.root() != self.origin_root();
        Ok(plan)
    }
}

impl Workspace {
    /// Plans to bring in what differs between two manifests of a fork. Changes nothing; when this
    /// returns, every content that the plan takes away or brings is safe.
    ///
    /// # Errors
    /// When the present state cannot be looked at, or content cannot be read or saved.
    pub fn merge_plan(&self, base: &Manifest, fork: &Manifest) -> Result<MergePlan, FsError> {
        let before = self.manifest(Some(base))?;
        let failed = |source| FsError::store(".", source);
        let mut batch = self.store().batch();
        let mut planner = Planner::new(self.store(), (base, &before, fork), &mut batch);
        planner.plan().map_err(failed)?;
        let Planner {
            steps,
            conflicts,
            left_alone,
            ..
        } = planner;
        batch.finish().map_err(failed)?;
        let steps: Vec<Step> = steps.into_values().collect();
        Ok(MergePlan {
            changes: to_changes(&steps, Origin::Loom, self.store()),
            steps,
            conflicts,
            left_alone,
            base_moved: before.all() != base.all(),
            before,
        })
    }

    /// Carries a plan out, all of it or, when it has conflicts, nothing; returns what it changed.
    /// Journal [`MergePlan::changes`] first.
    ///
    /// # Errors
    /// With nothing done when there are conflicts or a path changed since the plan. When an
    /// operation fails in the middle, [`Workspace::restore`] to [`MergePlan::before`] clears up.
    pub fn merge(&self, plan: &MergePlan) -> Result<Vec<FileChange>, MergeError> {
        if !plan.conflicts.is_empty() {
            let paths = plan.conflicts.iter().map(|conflict| conflict.path.clone());
            return Err(MergeError::Conflicts {
                paths: paths.collect(),
            });
        }
        self.apply(&plan.steps)?;
        Ok(plan.changes.clone())
    }
}

/// Makes a plan. `ours` is the workspace's side, `theirs` the fork's.
struct Planner<'a, 'b> {
    store: &'a Store,
    batch: &'a mut Batch<'b>,
    base: &'a Entries,
    ours: &'a Entries,
    theirs: &'a Entries,
    /// What is in the workspace and in no manifest.
    unseen: BTreeSet<&'a str>,
    steps: BTreeMap<String, Step>,
    conflicts: Vec<MergeConflict>,
    left_alone: Vec<LeftAlone>,
}

impl<'a, 'b> Planner<'a, 'b> {
    fn new(
        store: &'a Store,
        (base, ours, theirs): (&'a Manifest, &'a Manifest, &'a Manifest),
        batch: &'a mut Batch<'b>,
    ) -> Self {
        let unseen = |why| {
            matches!(
                why,
                WhyLeftOut::Derived | WhyLeftOut::Git | WhyLeftOut::Special
            )
        };
        let left_out = ours.left_out().iter().filter(|left| unseen(left.why));
        Self {
            store,
            batch,
            base: base.all(),
            ours: ours.all(),
            theirs: theirs.all(),
            unseen: left_out.map(|left| left.path.as_str()).collect(),
            steps: BTreeMap::new(),
            conflicts: Vec::new(),
            left_alone: Vec::new(),
        }
    }

    fn plan(&mut self) -> Result<(), StoreError> {
        let moved = Moved::new(self.base, self.ours, self.theirs);
        let (base, theirs) = (self.base, self.theirs);
        let changed = base.keys().chain(theirs.keys());
        let changed: BTreeSet<&str> = changed
            .map(String::as_str)
            .filter(|path| base.get(*path) != theirs.get(*path))
            .collect();
        let mut followed = Vec::new();
        for path in changed {
            if let Guard::Never(why) = guard(path) {
                let path = path.to_owned();
                self.left_alone.push(LeftAlone { path, why });
            } else if !moved.settles(self, path, &mut followed)? {
                let (ours, theirs) = (self.ours.get(path), self.theirs.get(path));
                self.path(path, self.base.get(path), ours, theirs)?;
            }
        }
        for step in followed {
            self.steps.insert(step.path.clone(), step);
        }
        self.check_unseen();
        self.make_parents();
        self.keep_occupied();
        self.check_kept();
        self.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(())
    }

    /// Merges the states of one path.
    fn path(
        &mut self,
        path: &str,
        base: Option<&FileState>,
        ours: Option<&FileState>,
        theirs: Option<&FileState>,
    ) -> Result<(), StoreError> {
        let to = match decide(base, ours, theirs) {
            Decided::Keep => return Ok(()),
            Decided::Take(state) => state,
            Decided::Lines { mode } => match self.lines(base, ours, theirs)? {
                Some((digest, size)) => Some(FileState {
                    kind: FileKind::File,
                    digest: Some(digest),
                    mode,
                    size,
                }),
                None => {
                    self.conflict(path, MergeConflictKind::Content);
                    return Ok(());
                }
            },
            Decided::Conflict(kind) => {
                self.conflict(path, kind);
                return Ok(());
            }
        };
        if to.as_ref() != ours {
            let step = Step::new(path, ours.cloned(), to);
            self.steps.insert(path.to_owned(), step);
        }
        Ok(())
    }

    /// The lines of both sides as one content, if that can be had.
    fn lines(
        &mut self,
        base: Option<&FileState>,
        ours: Option<&FileState>,
        theirs: Option<&FileState>,
    ) -> Result<Option<(Digest, u64)>, StoreError> {
        let mut sides = Vec::with_capacity(3);
        for state in [base, ours, theirs] {
            let kept = state.filter(|state| state.size <= MAX_KEPT);
            let Some(digest) = kept.and_then(|state| state.digest.as_ref()) else {
                return Ok(None);
            };
            sides.push(self.store.get(digest)?);
        }
        let [base, ours, theirs] = sides.as_slice() else {
            return Ok(None);
        };
        let Some(merged) = text::merged(base, ours, theirs) else {
            return Ok(None);
        };
        let size = merged.len() as u64;
        Ok(Some((self.batch.add(&merged)?, size)))
    }

    fn conflict(&mut self, path: &str, kind: MergeConflictKind) {
        if self.conflicts.iter().any(|known| known.path == path) {
            return;
        }
        self.conflicts.push(MergeConflict {
            path: path.to_owned(),
            kind,
            base: self.base.get(path).cloned(),
            ours: self.ours.get(path).cloned(),
            theirs: self.theirs.get(path).cloned(),
        });
    }

    /// What is in no manifest must not be written over.
    fn check_unseen(&mut self) {
        let paths: Vec<String> = self.steps.keys().cloned().collect();
        for path in paths {
            let mut here = name::ancestors(&path).chain([path.as_str()]);
            if here.any(|dir| self.unseen.contains(dir)) {
                self.conflict(&path, MergeConflictKind::Unseen);
            }
        }
    }

    /// What comes needs its directories: the workspace may have lost them.
    fn make_parents(&mut self) {
        let coming = self.steps.values().filter(|step| step.to.is_some());
        let coming: Vec<String> = coming.map(|step| step.path.clone()).collect();
        for path in coming {
            for dir in name::ancestors(&path) {
                match self.merged_kind(dir) {
                    Some(FileKind::Directory) => {}
                    Some(
                        FileKind::File | FileKind::Symlink | FileKind::Pipe | FileKind::Socket,
                    ) => {
                        self.conflict(&path, MergeConflictKind::Parent);
                    }
                    None => {
                        let mut step = new_directory(dir);
                        if let Some(state) = self.theirs.get(dir) {
                            step.to = Some(state.clone());
                        }
                        self.steps.insert(dir.to_owned(), step);
                    }
                }
            }
        }
    }

    /// A directory in which something of the workspace's stays is not removed.
    fn keep_occupied(&mut self) {
        let going = self.steps.values().rev();
        let going = going.filter(|step| step.removes(FileKind::Directory));
        let going: Vec<String> = going.map(|step| step.path.clone()).collect();
        for path in going {
            if !self.is_occupied(&path) {
                continue;
            }
            let replaced = self.steps.get(&path).is_some_and(|step| step.to.is_some());
            if replaced {
                self.conflict(&path, MergeConflictKind::Occupied);
            } else {
                self.steps.remove(&path);
            }
        }
    }

    fn is_occupied(&self, dir: &str) -> bool {
        let below = (format!("{dir}/"), format!("{dir}0"));
        let range = below.0.clone()..below.1.clone();
        let stays = |path: &String| self.merged_kind(path).is_some();
        let unseen = self.unseen.range(below.0.as_str()..below.1.as_str());
        self.ours.range(range.clone()).any(|(path, _)| stays(path))
            || self.steps.range(range).any(|(path, _)| stays(path))
            || unseen.count() > 0
    }

    /// What a path will be.
    fn merged_kind(&self, path: &str) -> Option<FileKind> {
        let state = match self.steps.get(path) {
            Some(step) => step.to.as_ref(),
            None => self.ours.get(path),
        };
        state.map(|state| state.kind)
    }

    /// No content goes that is not safe, and none comes that nobody has.
    fn check_kept(&mut self) {
        let kept = |state: &FileState| match (&state.kind, &state.digest) {
            (FileKind::Directory, _) => true,
            (_, Some(digest)) => self.store.contains(digest) || self.batch.has(digest),
            (_, None) => false,
        };
        let fine = |state: &Option<FileState>| state.as_ref().is_none_or(kept);
        let same = |step: &Step| match (&step.from, &step.to) {
            (Some(from), Some(to)) => from.digest.is_some() && from.digest == to.digest,
            _ => false,
        };
        let steps = self.steps.values();
        let lost = steps.filter(|step| !(same(step) || fine(&step.from) && fine(&step.to)));
        let lost: Vec<String> = lost.map(|step| step.path.clone()).collect();
        for path in lost {
            self.conflict(&path, MergeConflictKind::NotKept);
        }
    }
}

/// Files that have another name on a side, and nothing else: old name → new name.
struct Moved<'a> {
    ours: HashMap<&'a str, &'a str>,
    theirs: HashMap<&'a str, &'a str>,
}

impl<'a> Moved<'a> {
    fn new(base: &'a Entries, ours: &'a Entries, theirs: &'a Entries) -> Self {
        Self {
            ours: moves(base, ours),
            theirs: moves(base, theirs),
        }
    }

    /// Whether a path was renamed on a side while the other changed or renamed it; then it is
    /// settled here. Steps for other paths go to `followed`, since those have theirs already.
    fn settles(
        &self,
        planner: &mut Planner<'_, '_>,
        path: &str,
        followed: &mut Vec<Step>,
    ) -> Result<bool, StoreError> {
        let (base, ours, theirs) = (planner.base, planner.ours, planner.theirs);
        let (here, there) = (ours.get(path), theirs.get(path));
        match (self.ours.get(path), self.theirs.get(path)) {
            (Some(our_name), Some(their_name)) if our_name != their_name => {
                planner.conflict(path, MergeConflictKind::Renamed);
            }
            // The workspace renamed what the fork changed: the change goes to the new name.
            (Some(new), None) if there.is_some() && !theirs.contains_key(*new) => {
                planner.path(new, base.get(path), ours.get(*new), there)?;
            }
            // The fork renamed what the workspace changed.
            (None, Some(new))
                if here.is_some() && here != base.get(path) && !ours.contains_key(*new) =>
            {
                let sides = (base.get(path), here, theirs.get(*new));
                let Some(state) = moved_state(sides) else {
                    planner.conflict(path, MergeConflictKind::Renamed);
                    return Ok(true);
                };
                followed.push(Step::new(path, here.cloned(), None));
                followed.push(Step::new(new, None, Some(state)));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The workspace's content under the fork's name.
fn moved_state(
    (base, ours, theirs): (Option<&FileState>, Option<&FileState>, Option<&FileState>),
) -> Option<FileState> {
    let (base, ours, theirs) = (base?, ours?, theirs?);
    let mode = either(&base.mode, &ours.mode, &theirs.mode)?;
    (ours.kind == FileKind::File).then(|| FileState {
        mode: *mode,
        ..ours.clone()
    })
}

/// Contents that went away at one path and appeared at one other. Where there are several, nobody
/// can say which is which.
fn moves<'a>(base: &'a Entries, side: &'a Entries) -> HashMap<&'a str, &'a str> {
    let gone = only_in(base, side);
    let new = only_in(side, base);
    let pairs = gone.into_iter().filter_map(|(digest, old)| {
        let (Some(old), Some(Some(new))) = (old, new.get(digest)) else {
            return None;
        };
        Some((old, *new))
    });
    pairs.collect()
}

/// Contents of files that one tree has at paths where the other has nothing: with the path, or none
/// when there are several.
fn only_in<'a>(tree: &'a Entries, other: &Entries) -> HashMap<&'a Digest, Option<&'a str>> {
    let mut found: HashMap<&Digest, Option<&str>> = HashMap::new();
    for (path, state) in tree.iter().filter(|(path, _)| !other.contains_key(*path)) {
        if state.kind == FileKind::File
            && state.size > 0
            && let Some(digest) = &state.digest
        {
            found
                .entry(digest)
                .and_modify(|several| *several = None)
                .or_insert(Some(path.as_str()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bounds, ForkBounds, Forks, Store};
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    fn write(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn lines(changed: &[(usize, &str)]) -> String {
        let line = |n| {
            let new = changed.iter().find(|(at, _)| *at == n);
            new.map_or(format!("line {n}\n"), |(_, text)| format!("{text}\n"))
        };
        (0..9).map(line).collect()
    }

    /// A fork and a workspace that both went on from the same tree.
    fn both_changed() -> (tempfile::TempDir, Workspace, Fork) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("project");
        for name in [
            "text",
            "moved",
            "gone/a",
            "gone/b",
            "becomes/file",
            "changed",
        ] {
            write(&root, name, &lines(&[(0, name)]));
        }
        let store = Arc::new(Store::open(&dir.path().join("data")).unwrap());
        let workspace = Workspace::open(&root, &Bounds::default(), Arc::clone(&store)).unwrap();
        let base = workspace.take_manifest().unwrap();
        let forks = Forks::open(&dir.path().join("data/forks"), store).unwrap();
        let made = forks.create("one", &workspace, &base, &ForkBounds::default());
        let fork = made.unwrap();

        let there = fork.workspace().path();
        write(there, "text", &lines(&[(0, "text"), (7, "fork")]));
        write(there, "changed", "fork\n");
        write(there, "new/deep/file", "fork\n");
        fs::rename(there.join("moved"), there.join("new/name")).unwrap();
        for name in ["gone", "becomes"] {
            fs::remove_dir_all(there.join(name)).unwrap();
        }
        write(there, "becomes", "file\n");
        write(&root, "text", &lines(&[(0, "text"), (2, "user")]));
        write(&root, "moved", &lines(&[(0, "moved"), (2, "user")]));
        write(&root, "mine", "user\n");
        (dir, workspace, fork)
    }

    /// The steps one by one, in an order in which they can be done.
    fn in_order(plan: &MergePlan) -> Vec<Step> {
        let (gone, rest): (Vec<_>, Vec<_>) = plan
            .steps
            .iter()
            .cloned()
            .partition(|step| step.to.is_none());
        gone.into_iter().rev().chain(rest).collect()
    }

    #[test]
    fn a_merge_that_was_cut_off_anywhere_is_put_back_and_done_again() {
        let (_dir, workspace, fork) = both_changed();
        let plan = fork.merge_plan(&workspace).unwrap();
        assert_eq!(plan.conflicts(), []);
        workspace.merge(&plan).unwrap();
        let merged = workspace.tree_hash().unwrap();
        workspace.restore(plan.before()).unwrap();

        let steps = in_order(&plan);
        assert!(steps.len() > 10, "{steps:?}");
        for done in 0..=steps.len() {
            for step in &steps[..done] {
                workspace.apply(std::slice::from_ref(step)).unwrap();
            }
            workspace.restore(plan.before()).unwrap();
            assert_eq!(&workspace.tree_hash().unwrap(), plan.before().root());
            let again = fork.merge_plan(&workspace).unwrap();
            assert_eq!(again.steps, plan.steps);
            workspace.merge(&again).unwrap();
            assert_eq!(workspace.tree_hash().unwrap(), merged, "after {done} steps");
            workspace.restore(plan.before()).unwrap();
        }
    }

    #[test]
    fn both_sides_are_in_the_merged_tree() {
        let (dir, workspace, fork) = both_changed();
        let plan = fork.merge_plan(&workspace).unwrap();
        workspace.merge(&plan).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join("project").join(name)).unwrap();
        assert_eq!(
            read("text"),
            lines(&[(0, "text"), (2, "user"), (7, "fork")])
        );
        assert_eq!(read("new/name"), lines(&[(0, "moved"), (2, "user")]));
        assert_eq!(
            (read("mine"), read("becomes")),
            ("user\n".into(), "file\n".into())
        );
        assert!(!dir.path().join("project/gone").exists());
        assert!(plan.base_moved());
    }
}
