//! Puts paths into given states: the only code that changes the user's tree.
//!
//! Everything is checked before anything is done, and a state that has been reached already costs
//! nothing, so a run that was cut off is finished by running it again.

use crate::changes::Step;
use crate::spot::{Spot, Staged, mode_of};
use crate::{FsError, Workspace, lines, name, spot, store};
use loom_events::{FileKind, FileState};
use rustix::fs::FileType;
use std::collections::BTreeSet;

/// Files that are written before they get their names together; bounds the temporary files that
/// a crash can leave, while one sync serves them all.
const TOGETHER: usize = 256;

/// From this many paths on one sync of the file system is cheaper than one for each.
const SYNC_EACH: usize = 16;

/// A directory that was closed to us, and the mode that it had.
struct Opened {
    dir: String,
    mode: u32,
}

/// What the owner needs to work in a directory.
pub(crate) const OPEN: u32 = 0o700;

const NOT_KEPT: &str = "its content was not kept";

impl Workspace {
    /// Brings every path from its state to its new one, or leaves all of them as they were.
    ///
    /// Nothing is done when a path is not in the state that it should be in.
    pub(crate) fn apply(&self, steps: &[Step]) -> Result<(), FsError> {
        self.check(steps, &[])?;
        self.carry_out(steps)
            .map_err(|error| self.take_back(steps, error))
    }

    fn apply_opened(&self, steps: &[Step], opened: &[Opened]) -> Result<(), FsError> {
        self.check(steps, opened)?;
        self.carry_out(steps)
    }

    /// Puts back what was done of steps of which one failed. What somebody else made of a path
    /// meanwhile is theirs.
    pub(crate) fn take_back(&self, steps: &[Step], error: FsError) -> FsError {
        let now = |step: &Step| self.look(&step.path, &mut |bytes| Ok(store::hash(bytes)));
        let done: Result<Vec<Step>, FsError> = steps
            .iter()
            .filter_map(|step| match now(step) {
                Ok(now) if now == step.to && now != step.from => {
                    Some(Ok(Step::new(&step.path, now, step.from.clone())))
                }
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            })
            .collect();
        match done.and_then(|done| self.carry_out(&done)) {
            Ok(()) => error,
            Err(_) => error.half_done(),
        }
    }

    fn carry_out(&self, steps: &[Step]) -> Result<(), FsError> {
        self.remove_old(steps)?;
        self.make_directories(steps)?;
        self.write_files(steps)?;
        self.make_pipes(steps)?;
        self.set_modes(steps)?;
        self.sync_parents(steps)
    }

    /// As [`Self::apply`], also in directories that are closed to us: to put things back, where
    /// a new edit would be refused.
    pub(crate) fn put_back(&self, steps: &[Step]) -> Result<(), FsError> {
        let opened = self.open_closed(steps)?;
        let done = self.apply_opened(steps, &opened);
        // What has a step of its own has its new mode by now, unless something failed.
        let own = |dir: &str| done.is_ok() && steps.iter().any(|step| step.path == dir);
        let closed = self.close_again(opened.iter().filter(|opened| !own(&opened.dir)));
        done.and(closed)
    }

    fn check(&self, steps: &[Step], opened: &[Opened]) -> Result<(), FsError> {
        for step in steps {
            let mut now = self.look(&step.path, &mut |bytes| Ok(store::hash(bytes)))?;
            let ours = opened.iter().find(|opened| opened.dir == step.path);
            if let (Some(now), Some(ours)) = (&mut now, ours) {
                now.mode = ours.mode;
            }
            if now != step.from {
                return Err(FsError::changed(&step.path));
            }
            if let Some(state) = &step.to
                && !self.is_kept(state)
            {
                return Err(FsError::CannotBeKept {
                    path: step.path.clone(),
                    why: NOT_KEPT,
                });
            }
        }
        Ok(())
    }

    /// Whether a state can be reached: its content is in the store.
    pub(crate) fn is_kept(&self, state: &FileState) -> bool {
        let kept = |digest| self.store().contains(digest);
        match state.kind {
            FileKind::Directory => true,
            FileKind::Pipe => cfg!(target_os = "linux"),
            FileKind::Socket => false,
            FileKind::File | FileKind::Symlink => state.digest.as_ref().is_some_and(kept),
        }
    }

    /// Removes what gives way, children before their directories.
    fn remove_old(&self, steps: &[Step]) -> Result<(), FsError> {
        let mut order: Vec<&Step> = steps.iter().collect();
        order.sort_by(|a, b| b.path.cmp(&a.path));
        for step in order {
            // What is no directory gives way to a file or a link by being replaced.
            if let Some(from) = &step.from
                && step.removes(from.kind)
                && !replaces(step)
            {
                self.root.spot(&step.path)?.remove(from.kind)?;
            }
        }
        Ok(())
    }

    fn make_directories(&self, steps: &[Step]) -> Result<(), FsError> {
        let mut order: Vec<&Step> = steps
            .iter()
            .filter(|s| s.makes(FileKind::Directory))
            .collect();
        order.sort_by(|a, b| a.path.cmp(&b.path));
        for step in order {
            // Open for us while we fill it; if it is to be closed, that comes last.
            let mode = step.to.as_ref().map_or(0, |state| state.mode);
            self.root.spot(&step.path)?.make_dir(mode | OPEN)?;
        }
        Ok(())
    }

    fn write_files(&self, steps: &[Step]) -> Result<(), FsError> {
        let written: Vec<(&Step, &FileState)> = steps
            .iter()
            .filter_map(|step| Some((step, step.to.as_ref()?)))
            .filter(|(step, to)| lines::has_content(to.kind) && !only_mode_differs(step))
            .collect();
        for group in written.chunks(TOGETHER) {
            self.write_group(group)?;
        }
        Ok(())
    }

    fn make_pipes(&self, steps: &[Step]) -> Result<(), FsError> {
        for step in steps.iter().filter(|step| step.makes(FileKind::Pipe)) {
            if let Some(to) = &step.to {
                self.root.spot(&step.path)?.make_pipe(to.mode)?;
            }
        }
        Ok(())
    }

    fn write_group(&self, group: &[(&Step, &FileState)]) -> Result<(), FsError> {
        let each = group.len() <= SYNC_EACH;
        let mut staged: Vec<(&Step, Staged)> = Vec::with_capacity(group.len());
        for (step, to) in group {
            match self.stage(step, to, each) {
                Ok(file) => staged.push((step, file)),
                Err(error) => {
                    self.discard(&staged);
                    return Err(error);
                }
            }
        }
        if !each {
            self.sync_everything()?;
        }
        for (at, (step, file)) in staged.iter().enumerate() {
            let placed = self
                .root
                .spot(&step.path)
                .and_then(|spot| spot.place(file, replaces(step)));
            if let Err(error) = placed {
                self.discard(&staged[at..]);
                return Err(error);
            }
        }
        Ok(())
    }

    fn stage(&self, step: &Step, to: &FileState, sync: bool) -> Result<Staged, FsError> {
        let digest = to.digest.as_ref().ok_or_else(|| FsError::CannotBeKept {
            path: step.path.clone(),
            why: NOT_KEPT,
        })?;
        let bytes = self
            .store()
            .get(digest)
            .map_err(|source| FsError::store(&step.path, source))?;
        let spot = self.root.spot(&step.path)?;
        if to.kind == FileKind::Symlink {
            return spot.stage_link(&bytes);
        }
        let owner = if replaces(step) { spot.stat()? } else { None };
        spot.stage(&bytes, to.mode, owner.as_ref(), sync)
    }

    fn discard(&self, staged: &[(&Step, Staged)]) {
        for (step, file) in staged {
            if let Ok(spot) = self.root.spot(&step.path) {
                spot.discard(file);
            }
        }
    }

    /// Modes of files that keep their content, then of directories, the deepest first.
    fn set_modes(&self, steps: &[Step]) -> Result<(), FsError> {
        let mut order: Vec<&Step> = steps.iter().collect();
        order.sort_by(|a, b| b.path.cmp(&a.path));
        for step in order {
            if let Some(to) = &step.to
                && (to.kind == FileKind::Directory || only_mode_differs(step))
            {
                self.root.spot(&step.path)?.set_mode(to.mode)?;
            }
            if let (Some(from), Some(to)) = (&step.from, &step.to)
                && [from.kind, to.kind] == [FileKind::Pipe; 2]
            {
                self.root.spot(&step.path)?.set_mode_unopened(to.mode)?;
            }
        }
        Ok(())
    }

    /// Directories that we may not write into, opened for as long as it takes; with their modes.
    fn open_closed(&self, steps: &[Step]) -> Result<Vec<Opened>, FsError> {
        let mut opened = Vec::new();
        if rustix::process::geteuid().is_root() {
            return Ok(opened);
        }
        let parents: BTreeSet<&str> = steps
            .iter()
            .filter_map(|step| Some(name::split(&step.path)?.0))
            .filter(|dir| !dir.is_empty())
            .collect();
        for dir in parents {
            let Ok(spot) = self.root.spot(dir) else {
                continue;
            };
            let Some(stat) = spot.stat()? else { continue };
            let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            let mode = mode_of(&stat);
            if is_dir && mode & OPEN != OPEN {
                spot.set_mode(mode | OPEN)?;
                let dir = dir.to_owned();
                opened.push(Opened { dir, mode });
            }
        }
        Ok(opened)
    }

    fn close_again<'a>(
        &self,
        opened: impl DoubleEndedIterator<Item = &'a Opened>,
    ) -> Result<(), FsError> {
        for Opened { dir, mode } in opened.rev() {
            match self.root.spot(dir) {
                Ok(spot) if spot.open_dir().is_ok() => spot.set_mode(*mode)?,
                // It is gone.
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes what was done to names durable.
    fn sync_parents(&self, steps: &[Step]) -> Result<(), FsError> {
        let parent = |step| Some(name::split(step)?.0);
        let parents: BTreeSet<&str> = steps.iter().filter_map(|step| parent(&step.path)).collect();
        if parents.len() > SYNC_EACH {
            return self.sync_everything();
        }
        for dir in parents {
            // One that is gone needs no sync of its own: its parent is among them.
            if let Ok(fd) = self.root.directory(dir) {
                rustix::fs::fsync(&fd).map_err(|error| FsError::io(dir, error.into()))?;
            }
        }
        Ok(())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn sync_everything(&self) -> Result<(), FsError> {
        let fd = self.directory("")?;
        rustix::fs::syncfs(&fd).map_err(|error| FsError::io(".", error.into()))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn sync_everything(&self) -> Result<(), FsError> {
        rustix::fs::sync();
        Ok(())
    }

    /// Directories that the steps would remove, or put a file in the place of, although something
    /// stays in them.
    pub(crate) fn occupied(&self, steps: &[Step]) -> Result<Vec<String>, FsError> {
        let mut gone: BTreeSet<String> = steps
            .iter()
            .filter(|step| step.to.is_none())
            .map(|step| step.path.clone())
            .collect();
        let mut occupied = Vec::new();
        let emptied = |step: &&Step| step.removes(FileKind::Directory);
        for step in steps.iter().filter(emptied).rev() {
            let dir = match self.directory(&step.path) {
                // What is in a closed directory cannot be seen: taking it away will tell, since only
                // an empty one goes.
                Err(error) if error.is_denied() => continue,
                opened => opened?,
            };
            let children = spot::names(&dir).map_err(|error| FsError::io(&step.path, error))?;
            if !children
                .iter()
                .all(|child| gone.contains(&name::join(&step.path, child)))
            {
                gone.remove(&step.path);
                occupied.push(step.path.clone());
            }
        }
        Ok(occupied)
    }

    /// Renames and makes it durable, or leaves it as it was; nothing is replaced.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        let (old, new): (Spot, Spot) = (self.root.spot(from)?, self.root.spot(to)?);
        old.rename(&new)?;
        // The new name first: a crash between the two leaves both, not none.
        new.sync()
            .and_then(|()| old.sync())
            .map_err(|error| match new.rename(&old) {
                Ok(()) => error,
                Err(_) => error.half_done(),
            })
    }
}

/// Whether a file or link takes the place of what is no directory, in one atomic rename.
fn replaces(step: &Step) -> bool {
    let gives_way = |state: &FileState| state.kind != FileKind::Directory;
    let takes = |state: &FileState| lines::has_content(state.kind);
    step.from.as_ref().is_some_and(gives_way) && step.to.as_ref().is_some_and(takes)
}

fn only_mode_differs(step: &Step) -> bool {
    match (&step.from, &step.to) {
        (Some(from), Some(to)) => {
            from.kind == FileKind::File
                && to.kind == FileKind::File
                && from.digest == to.digest
                && from.digest.is_some()
        }
        _ => false,
    }
}
