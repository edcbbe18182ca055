//! What manifests leave out and a fork wants all the same: repositories, and build trees as far as
//! they are cheap. Nobody knows their content by hash, so they are copied as they are.

use super::content::{self, finish, times};
use super::error::ForkError;
use super::links::{Fate, Links};
use super::making::Tally;
use super::{Strategy, WhyNotForked};
use crate::name;
use crate::root::MAX_DEPTH;
use crate::spot::{Spot, mode_of, names, size_of};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, Stat};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// What a tree beside the sources is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A build tree or a cache.
    Derived,
    /// The inside of a repository.
    Git {
        /// Without its objects.
        bare: bool,
    },
}

impl Kind {
    /// Whether a part of it is not copied; `inside` is its path in the tree.
    fn skips(self, inside: &str) -> bool {
        match self {
            Self::Derived => false,
            // A lock that is held in the original would never be released in the copy, and other
            // work trees of the repository are none of the fork's business.
            Self::Git { bare } => {
                inside.ends_with(".lock") || inside == "worktrees" || (bare && inside == "objects")
            }
        }
    }
}

/// How much a tree holds, or may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

impl Size {
    /// What is left when another is taken away; none when it does not fit.
    pub(super) fn without(self, other: Self) -> Option<Self> {
        Some(Self {
            entries: self.entries.checked_sub(other.entries)?,
            bytes: self.bytes.checked_sub(other.bytes)?,
        })
    }
}

/// What a tree holds, if that is no more than allowed.
pub(super) fn measure(dir: &Arc<OwnedFd>, kind: Kind, allowed: Size) -> Option<Size> {
    let mut left = allowed;
    measure_in(dir, kind, "", &mut left).then_some(())?;
    allowed.without(left)
}

fn measure_in(dir: &Arc<OwnedFd>, kind: Kind, inside: &str, left: &mut Size) -> bool {
    // What cannot be read is not copied either.
    for name in names(dir).unwrap_or_default() {
        let path = name::join(inside, &name);
        if kind.skips(&path) || path.split('/').count() > MAX_DEPTH {
            continue;
        }
        let spot = Spot::new(Arc::clone(dir), name::to_os(&name), path);
        let Ok(Some(stat)) = spot.stat() else {
            continue;
        };
        let of_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let one = Size {
            entries: 1,
            bytes: if of_file { size_of(&stat) } else { 0 },
        };
        let Some(rest) = left.without(one) else {
            return false;
        };
        *left = rest;
        if let Ok(fd) = spot.open_dir()
            && !measure_in(&Arc::new(fd), kind, spot.path(), left)
        {
            return false;
        }
    }
    true
}

/// Copies trees.
pub(super) struct Copier<'a> {
    pub(super) strategy: Strategy,
    pub(super) links: &'a Links,
    /// Where the fork is while it is made.
    pub(super) tree: &'a Path,
    pub(super) kind: Kind,
    pub(super) done: &'a mut Tally,
}

impl Copier<'_> {
    /// Copies what is in a directory into another. `path` is where it is in the workspace,
    /// `inside` where in the tree that is copied.
    pub(super) fn copy(
        &mut self,
        (from, to): (&Arc<OwnedFd>, &Arc<OwnedFd>),
        path: &str,
        inside: &str,
    ) -> Result<(), ForkError> {
        if inside.split('/').count() > MAX_DEPTH {
            self.done.leave_out(path, WhyNotForked::TooDeep);
            return Ok(());
        }
        let Ok(mut names) = names(from) else {
            self.done.leave_out(path, WhyNotForked::Unreadable);
            return Ok(());
        };
        // A reference that appears meanwhile must not name an object that was not copied.
        names.sort_by_key(|name| inside.is_empty() && name == "objects");
        for name in names {
            let inside = name::join(inside, &name);
            if self.kind.skips(&inside) {
                continue;
            }
            let spot = Spot::new(
                Arc::clone(from),
                name::to_os(&name),
                name::join(path, &name),
            );
            // It may be gone since the names were read.
            if let Ok(Some(stat)) = spot.stat() {
                self.entry(&spot, &stat, to, &inside)?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        spot: &Spot,
        stat: &Stat,
        to: &Arc<OwnedFd>,
        inside: &str,
    ) -> Result<(), ForkError> {
        let (_, name) = name::split(inside).unwrap_or_default();
        let name = name::to_os(name);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.directory(spot, stat, (to, &name), inside),
            FileType::RegularFile => self.file(spot, to, &name),
            FileType::Symlink => self.link(spot, to, &name),
            _ => {
                self.done.leave_out(spot.path(), WhyNotForked::Special);
                Ok(())
            }
        }
    }

    fn directory(
        &mut self,
        spot: &Spot,
        stat: &Stat,
        (to, name): (&Arc<OwnedFd>, &OsStr),
        inside: &str,
    ) -> Result<(), ForkError> {
        let path = spot.path();
        let Ok(from) = spot.open_dir().map(Arc::new) else {
            self.done.leave_out(path, WhyNotForked::Unreadable);
            return Ok(());
        };
        if names_its_place(&from) {
            self.done.leave_out(path, WhyNotForked::NamesItsPlace);
            return Ok(());
        }
        let made = make_dir(to, name).map_err(ForkError::io(path))?;
        self.copy((&from, &made), path, inside)?;
        finish(&made, mode_of(stat), Some(&times(stat))).map_err(ForkError::io(path))
    }

    fn file(&mut self, spot: &Spot, to: &Arc<OwnedFd>, name: &OsStr) -> Result<(), ForkError> {
        let path = spot.path();
        let Ok((from, stat)) = spot.open_file() else {
            self.done.leave_out(path, WhyNotForked::Unreadable);
            return Ok(());
        };
        let made = content::copied(&from, to, name, self.strategy).map_err(ForkError::io(path))?;
        let finished = finish(&made.into(), mode_of(&stat), Some(&times(&stat)));
        finished.map_err(ForkError::io(path))?;
        self.done.files += 1;
        self.done.bytes += size_of(&stat);
        Ok(())
    }

    fn link(&mut self, spot: &Spot, to: &Arc<OwnedFd>, name: &OsStr) -> Result<(), ForkError> {
        let path = spot.path();
        let target = spot.link_target()?;
        let (dir, _) = name::split(path).unwrap_or_default();
        let target = match self.links.fate(&target, dir, self.tree) {
            Fate::Kept => target,
            Fate::Retargeted(target) => target,
            Fate::LeftOut => {
                self.done.leave_out(path, WhyNotForked::LeadsBack);
                return Ok(());
            }
        };
        rustix::fs::symlinkat(OsStr::from_bytes(&target), &**to, name)
            .map_err(ForkError::io(path))?;
        self.done.files += 1;
        Ok(())
    }
}

/// Makes a directory, open for us while it is filled.
pub(super) fn make_dir(dir: &OwnedFd, name: &OsStr) -> rustix::io::Result<Arc<OwnedFd>> {
    rustix::fs::mkdirat(dir, name, Mode::RWXU)?;
    let opened = rustix::fs::openat(dir, name, crate::root::DIRECTORY, Mode::empty());
    opened.map(Arc::new)
}

/// Whether a directory is an environment of Python: its programs start with its full path, so a
/// copy would run and change the original's.
pub(super) fn names_its_place(dir: &OwnedFd) -> bool {
    rustix::fs::statat(dir, "pyvenv.cfg", rustix::fs::AtFlags::SYMLINK_NOFOLLOW).is_ok()
}
