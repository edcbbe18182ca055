//! One look at a whole tree: states, content into the store, what had to be left out.
//!
//! A file is read only when its stat differs from the last look's. A stat proves nothing when the
//! file was changed about when it was taken: a second change within the same tick of the file
//! system's clock would look the same. So stats that young are not remembered.

use crate::root::MAX_DEPTH;
use crate::spot::{Spot, names, size_of};
use crate::store::{Batch, MAX_KEPT};
use crate::{FsError, LeftOut, Manifest, Trees, WhyLeftOut, Workspace, derived, name, spot};
use loom_events::{Digest, FileKind, FileState};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Stat};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Entries of one tree; a tree beyond it is not a project, and its states would not fit in memory.
const MAX_ENTRIES: usize = 1_000_000;

/// A stat must be older than this to be remembered: covers file systems with time stamps of two
/// seconds (FAT) and servers whose clock is somewhat behind.
const YOUNG_SECONDS: i64 = 2;

pub(crate) type Entries = BTreeMap<String, FileState>;

/// What the last look found.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) entries: Arc<Entries>,
    pub(crate) root: Option<Digest>,
    stamps: HashMap<String, Stamp>,
}

/// The part of a stat that changes when content or mode do. The change time cannot be set back
/// by anybody, unlike the modification time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    mode: u32,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[expect(
    clippy::unnecessary_cast,
    reason = "the widths of these fields differ between systems"
)]
fn stamp_of(stat: &Stat) -> Stamp {
    Stamp {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        mode: stat.st_mode as u32,
        size: size_of(stat),
        modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
    }
}

/// Which parts of a tree are looked at.
#[derive(Clone, Copy)]
pub(crate) enum Part<'a> {
    /// The workspace without what is derived. Decisions of an earlier manifest hold: a directory
    /// does not drop out because a command put a cache mark into it, nor come in because one
    /// took it away.
    Sources(Option<&'a Manifest>),
    /// Everything in a directory, which is about to be removed or moved.
    Everything,
}

/// What is done with the content of files.
pub(crate) enum Reading<'a, 'b> {
    /// It goes into the batch.
    Keep(&'a mut Batch<'b>),
    /// It is not looked at, only counted.
    Count,
}

pub(crate) struct Scanned {
    pub(crate) entries: Entries,
    pub(crate) left_out: Vec<LeftOut>,
    stamps: HashMap<String, Stamp>,
}

impl Scanned {
    pub(crate) fn into_index(self, root: Digest) -> (Index, Vec<LeftOut>) {
        let index = Index {
            entries: Arc::new(self.entries),
            root: Some(root),
            stamps: self.stamps,
        };
        (index, self.left_out)
    }
}

impl Workspace {
    /// Looks at everything below a recorded directory; contents go into the batch.
    pub(crate) fn scan(
        &self,
        dir: &str,
        part: Part<'_>,
        batch: &mut Batch<'_>,
    ) -> Result<Scanned, FsError> {
        self.look_around(dir, part, Reading::Keep(batch))
    }

    /// As [`Self::scan`], without a look into files where they are only counted: their states have
    /// no digest then, and nothing of it may be remembered.
    pub(crate) fn look_around(
        &self,
        dir: &str,
        part: Part<'_>,
        reading: Reading<'_, '_>,
    ) -> Result<Scanned, FsError> {
        let present = self.store().present().map_err(|e| FsError::io(".", e))?;
        let earlier_left_out = match part {
            Part::Sources(Some(earlier)) => earlier.left_out_paths(),
            Part::Sources(None) | Part::Everything => BTreeSet::new(),
        };
        let mut scanner = Scanner {
            index: self.index(),
            part,
            earlier_left_out,
            trees: &self.trees,
            reading,
            young: present.0 - YOUNG_SECONDS,
            found: Scanned {
                entries: Entries::new(),
                left_out: Vec::new(),
                stamps: HashMap::new(),
            },
        };
        let fd = Arc::new(self.directory(dir)?);
        let children = names(&fd).map_err(|e| FsError::io(dir, e))?;
        scanner.directory(dir, &fd, &children, 1)?;
        Ok(scanner.found)
    }
}

struct Scanner<'a, 'b> {
    index: Arc<Index>,
    part: Part<'a>,
    earlier_left_out: BTreeSet<&'a str>,
    trees: &'a Trees,
    reading: Reading<'a, 'b>,
    young: i64,
    found: Scanned,
}

impl Scanner<'_, '_> {
    fn directory(
        &mut self,
        dir: &str,
        fd: &Arc<OwnedFd>,
        children: &[String],
        depth: usize,
    ) -> Result<(), FsError> {
        for child in children.iter().filter(|name| !spot::is_temporary(name)) {
            let path = name::join(dir, child);
            if self.found.entries.len() >= MAX_ENTRIES {
                return Err(FsError::TooMany {
                    path: dir.to_owned(),
                    what: "entries",
                    max: MAX_ENTRIES,
                });
            }
            let spot = Spot::new(Arc::clone(fd), name::to_os(child), path);
            let stat = match spot.stat() {
                Ok(Some(stat)) => stat,
                // It vanished since the directory was read.
                Ok(None) => continue,
                Err(error) if error.is_denied() && !dir.is_empty() => {
                    // The names can be read, but nothing behind them.
                    self.closed(dir);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => self.subdirectory(&spot, &stat, (child, children), depth)?,
                FileType::RegularFile | FileType::Symlink => self.file(&spot, &stat)?,
                FileType::Fifo => self.special(FileKind::Pipe, &spot, &stat),
                FileType::Socket => {
                    // A command that removes it is found out; it cannot be brought back.
                    self.special(FileKind::Socket, &spot, &stat);
                    self.leave_out(spot.path(), WhyLeftOut::Special);
                }
                _ => self.leave_out(spot.path(), WhyLeftOut::Special),
            }
        }
        Ok(())
    }

    fn subdirectory(
        &mut self,
        spot: &Spot,
        stat: &Stat,
        (name, siblings): (&str, &[String]),
        depth: usize,
    ) -> Result<(), FsError> {
        let path = spot.path();
        let opened = spot
            .open_dir()
            .and_then(|fd| Ok((names(&fd)?, Arc::new(fd))));
        let left_out = match &opened {
            Ok((children, fd)) => self.why_left_out(path, (name, siblings), fd, children),
            Err(_) => None,
        };
        if let Some(why) = left_out {
            self.leave_out(path, why);
            return Ok(());
        }
        let state = spot::bare_state(FileKind::Directory, stat);
        self.found.entries.insert(path.to_owned(), state);
        match opened {
            Ok(_) if depth >= MAX_DEPTH => self.leave_out(path, WhyLeftOut::TooDeep),
            Ok((children, fd)) => self.directory(path, &fd, &children, depth + 1)?,
            Err(_) => self.closed(path),
        }
        Ok(())
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
    fn closed(&mut self, path: &str) {
        self.leave_out(path, WhyLeftOut::Unreadable);
        if let Part::Sources(Some(earlier)) = self.part {
            let below = earlier
                .entries()
                .filter(|(entry, _)| name::is_below(entry, path))
                .map(|(entry, state)| (entry.to_owned(), state.clone()));
            self.found.entries.extend(below);
        }
    }

    fn special(&mut self, kind: FileKind, spot: &Spot, stat: &Stat) {
        let state = spot::bare_state(kind, stat);
        self.found.entries.insert(spot.path().to_owned(), state);
    }

    fn file(&mut self, spot: &Spot, stat: &Stat) -> Result<(), FsError> {
        let path = spot.path();
        let Reading::Keep(batch) = &mut self.reading else {
            self.count(spot, stat);
            return Ok(());
        };
        let stamp = stamp_of(stat);
        let known = self.index.entries.get(path);
        let state = match known.filter(|_| self.index.stamps.get(path) == Some(&stamp)) {
            Some(state) => state.clone(),
            None => {
                match spot.look_at(stat, &mut |bytes| batch.add(bytes)) {
                    Ok(state) => state,
                    // It vanished or was exchanged while we looked: the next look sees what is
                    // there then.
                    Err(FsError::NotFound { .. } | FsError::WrongKind { .. }) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        if state.digest.is_none() {
            self.leave_out(path, WhyLeftOut::Unreadable);
        } else if state.size > MAX_KEPT {
            self.leave_out(path, WhyLeftOut::TooLarge);
        }
        if stamp.changed.0 < self.young {
            self.found.stamps.insert(path.to_owned(), stamp);
        }
        self.found.entries.insert(path.to_owned(), state);
        Ok(())
    }

    fn count(&mut self, spot: &Spot, stat: &Stat) {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => FileKind::Symlink,
            _ => FileKind::File,
        };
        let state = FileState {
            size: size_of(stat),
            ..spot::bare_state(kind, stat)
        };
        if state.size > MAX_KEPT {
            self.leave_out(spot.path(), WhyLeftOut::TooLarge);
        } else if !spot.is_readable() {
            self.leave_out(spot.path(), WhyLeftOut::Unreadable);
        }
        self.found.entries.insert(spot.path().to_owned(), state);
    }

    fn leave_out(&mut self, path: &str, why: WhyLeftOut) {
        let path = path.to_owned();
        self.found.left_out.push(LeftOut { path, why });
    }
}
