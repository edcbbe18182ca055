//! What becomes of one directory in a look.

use super::files::{Compared, Files};
use super::{Found, Index, Listing, Part, lock};
use crate::root::MAX_DEPTH;
use crate::spot::{Spot, names};
use crate::{FsError, Trees, WhyLeftOut, derived, name, spot};
use loom_events::{FileKind, FileState};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Stat};
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Entries of one tree; a tree beyond it is not a project, and its states would not fit in memory.
const MAX_ENTRIES: usize = 1_000_000;

/// Below so many levels one thread walks at a time. Every level of every thread holds a directory
/// open, and a tree as deep as is allowed must not use up what a process may open.
const SHARED_LEVELS: usize = 64;

pub(super) struct Scanner<'a, 'b> {
    index: &'a Index,
    part: Part<'a>,
    earlier_left_out: BTreeSet<&'a str>,
    trees: &'a Trees,
    files: Files<'a, 'b>,
    entries: AtomicUsize,
    deep: Mutex<()>,
}

/// A directory that is to be looked at.
pub(super) struct Task {
    spot: Spot,
    state: FileState,
    siblings: Arc<[String]>,
    depth: usize,
}

/// A directory whose names are read.
pub(super) struct Opened {
    pub(super) path: String,
    fd: Arc<OwnedFd>,
    children: Arc<[String]>,
    /// None for the start, which is not a part of what is found.
    pub(super) own: Option<FileState>,
    depth: usize,
}

impl Opened {
    pub(super) fn start(dir: &str, fd: Arc<OwnedFd>, children: Vec<String>) -> Self {
        Self {
            path: dir.to_owned(),
            fd,
            children: children.into(),
            own: None,
            depth: 1,
        }
    }

    pub(super) fn spot(&self, child: &str) -> Spot {
        let path = name::join(&self.path, child);
        Spot::new(Arc::clone(&self.fd), name::to_os(child), path)
    }

    fn task(&self, child: &str, stat: &Stat) -> Task {
        Task {
            spot: self.spot(child),
            state: spot::bare_state(FileKind::Directory, stat),
            siblings: Arc::clone(&self.children),
            depth: self.depth,
        }
    }
}

impl<'a, 'b> Scanner<'a, 'b> {
    pub(super) fn new(
        index: &'a Index,
        part: Part<'a>,
        trees: &'a Trees,
        files: Files<'a, 'b>,
    ) -> Self {
        Self {
            index,
            part,
            earlier_left_out: match part {
                Part::Sources(Some(earlier)) => earlier.left_out_paths(),
                Part::Sources(None) | Part::Everything => BTreeSet::new(),
            },
            trees,
            files,
            entries: AtomicUsize::new(0),
            deep: Mutex::new(()),
        }
    }

    /// Does a task; what it makes is given back, unless it is deep.
    pub(super) fn task(&self, task: Task, found: &mut Found) -> Result<Vec<Task>, FsError> {
        if task.depth < SHARED_LEVELS {
            return self.enter(task, found);
        }
        let _others_wait = lock(&self.deep);
        let mut todo = vec![task];
        while let Some(task) = todo.pop() {
            todo.extend(self.enter(task, found)?);
        }
        Ok(todo)
    }

    fn enter(&self, task: Task, found: &mut Found) -> Result<Vec<Task>, FsError> {
        let Task {
            spot,
            state,
            siblings,
            depth,
        } = task;
        let path = spot.path();
        let opened = spot.open_dir().and_then(|fd| Ok((names(&fd)?, fd)));
        let (children, fd) = match opened {
            Ok(opened) => opened,
            // It vanished or was exchanged since its name was read: the next look sees what is
            // there then.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(Vec::new());
            }
            Err(_) => {
                self.closed(path, state, found);
                return Ok(Vec::new());
            }
        };
        let (_, name) = name::split(path).expect("BUG: only the start has no name");
        if let Some(why) = self.why_left_out(path, (name, &siblings), &fd, &children) {
            found.leave_out(path, why);
            return Ok(Vec::new());
        }
        let mut opened = Opened {
            path: path.to_owned(),
            fd: Arc::new(fd),
            children: children.into(),
            own: Some(state),
            depth: depth + 1,
        };
        if depth >= MAX_DEPTH {
            found.leave_out(path, WhyLeftOut::TooDeep);
            opened.children = Arc::default();
        }
        self.directory(opened, found)
    }

    fn why_left_out(
        &self,
        path: &str,
        (name, siblings): (&str, &[String]),
        fd: &OwnedFd,
        children: &[String],
    ) -> Option<WhyLeftOut> {
        let Part::Sources(earlier) = self.part else {
            return None;
        };
        let found = derived::why_left_out(name, siblings, fd, children, self.trees);
        if self.earlier_left_out.contains(path) {
            return found.or(Some(WhyLeftOut::Derived));
        }
        let known = earlier.is_some_and(|manifest| manifest.state(path).is_some());
        // Git's own directory is never a part of the tree, whatever was there before.
        found.filter(|why| !known || *why == WhyLeftOut::Git)
    }

    /// A directory that cannot be read: what was in it is taken to be there still, since nothing
    /// says that it is gone.
    fn closed(&self, path: &str, own: FileState, found: &mut Found) {
        found.leave_out(path, WhyLeftOut::Unreadable);
        if let Part::Sources(Some(earlier)) = self.part {
            let below = earlier
                .entries()
                .filter(|(entry, _)| name::is_below(entry, path))
                .map(|(entry, state)| (entry.to_owned(), state.clone()));
            found.fresh.extend(below);
        }
        let listing = Listing {
            own: Some(own),
            files: Vec::new(),
            closed: true,
        };
        found.add(path.to_owned(), Arc::new(listing), true);
    }

    /// Looks at all that is in a directory; the directories among it are given back.
    pub(super) fn directory(&self, dir: Opened, found: &mut Found) -> Result<Vec<Task>, FsError> {
        self.count(&dir)?;
        let mut compared = Compared::with(self.index.listings.get(&dir.path), dir.own.as_ref());
        let mut below = Vec::new();
        for child in dir.children.iter().filter(|name| !spot::is_temporary(name)) {
            let stat = match spot::stat_in(&dir.fd, &name::as_os(child)) {
                Ok(Some(stat)) => stat,
                // It vanished since the directory was read.
                Ok(None) => continue,
                Err(error) => return self.no_stat(&dir, child, error.into(), found),
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => below.push(dir.task(child, &stat)),
                FileType::RegularFile | FileType::Symlink | FileType::Fifo | FileType::Socket => {
                    let seen = compared.seen(child);
                    compared.add(seen, self.files.look(&dir, child, &stat, seen)?);
                }
                _ => found.leave_out(&name::join(&dir.path, child), WhyLeftOut::Special),
            }
        }
        compared.finish(dir, found);
        Ok(below)
    }

    fn count(&self, dir: &Opened) -> Result<(), FsError> {
        let more = dir.children.len();
        match self.entries.fetch_add(more, Ordering::Relaxed) + more > MAX_ENTRIES {
            true => Err(FsError::TooMany {
                path: dir.path.clone(),
                what: "entries",
                max: MAX_ENTRIES,
            }),
            false => Ok(()),
        }
    }

    fn no_stat(
        &self,
        dir: &Opened,
        child: &str,
        error: io::Error,
        found: &mut Found,
    ) -> Result<Vec<Task>, FsError> {
        match &dir.own {
            // The names can be read, but nothing behind them.
            Some(own) if error.kind() == ErrorKind::PermissionDenied => {
                self.closed(&dir.path, own.clone(), found);
                Ok(Vec::new())
            }
            _ => Err(FsError::io(&name::join(&dir.path, child), error)),
        }
    }
}
