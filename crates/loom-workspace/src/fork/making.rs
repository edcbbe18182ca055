//! Fills a fork from a manifest of the original.
//!
//! The fork must equal the manifest, whatever happens to the original meanwhile: each file is
//! hashed after it was copied, and one that is not what the manifest says is taken from the
//! snapshots.

use super::aside::{Copier, Kind, Size, make_dir, measure, names_its_place};
use super::content::{self, finish, times};
use super::error::ForkError;
use super::links::{Fate, Links};
use super::{ForkBounds, NotForked, Strategy, WhyNotForked};
use crate::root::Root;
use crate::spot::{Spot, size_of};
use crate::{Manifest, StoreError, WhyLeftOut, Workspace, name, store};
use loom_events::{Digest, FileKind, FileState};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Stat, Timestamps};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// Up to this size a file is read and written: copy and hash then share one read, and shared
/// blocks would save nothing.
const SMALL: u64 = 128 << 10;

/// Threads that copy. Making files is work of the kernel on one directory at a time, and more
/// threads than this only wait for one another.
const MAX_WORKERS: usize = 8;

/// What was put into a fork.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) from_snapshots: u64,
    pub(super) borrowed: Vec<String>,
    pub(super) left_out: Vec<NotForked>,
}

impl Tally {
    pub(super) fn leave_out(&mut self, path: &str, why: WhyNotForked) {
        let path = path.to_owned();
        self.left_out.push(NotForked { path, why });
    }

    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.from_snapshots += other.from_snapshots;
        self.borrowed.extend(other.borrowed);
        self.left_out.extend(other.left_out);
    }
}

/// A fork that is being made.
pub(super) struct Making<'a> {
    pub(super) origin: &'a Workspace,
    pub(super) base: &'a Manifest,
    pub(super) tree: Root,
    pub(super) links: Links,
    pub(super) bounds: &'a ForkBounds,
}

/// A directory of a fork that is open for us still, and what it gets at the end.
struct MadeDirectory<'a> {
    path: &'a str,
    mode: u32,
    times: Option<Timestamps>,
}

impl Making<'_> {
    /// Makes everything; what was put in, and how.
    pub(super) fn fill(&self) -> Result<(Strategy, Tally), ForkError> {
        let strategy = self.probe()?;
        self.check_room(strategy)?;
        let times = self.directories()?;
        let mut done = self.files(strategy)?;
        self.asides(strategy, &mut done)?;
        self.finish_directories(&times)?;
        done.left_out.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((strategy, done))
    }

    /// Tries to share blocks with some file of the original.
    fn probe(&self) -> Result<Strategy, ForkError> {
        let here = self.tree.directory("").map_err(ForkError::io("."))?;
        let with_bytes = |state: &FileState| state.kind == FileKind::File && state.size > 0;
        let files = self.base.entries().filter(|(_, state)| with_bytes(state));
        let mut opened =
            files.filter_map(|(path, _)| self.origin.root.spot(path).ok()?.open_file().ok());
        let Some((file, _)) = opened.next() else {
            return Ok(Strategy::Copy);
        };
        let probe = OsStr::new("probe");
        if content::cloned(&file, &here, probe).is_err() {
            return Ok(Strategy::Copy);
        }
        rustix::fs::unlinkat(&here, probe, AtFlags::empty()).map_err(ForkError::io("."))?;
        Ok(Strategy::Reflink)
    }

    /// Refuses to begin what cannot end well.
    fn check_room(&self, strategy: Strategy) -> Result<(), ForkError> {
        if strategy == Strategy::Reflink {
            return Ok(());
        }
        let needed = self.base.entries().map(|(_, state)| state.size).sum();
        let here = self.tree.directory("").map_err(ForkError::io("."))?;
        let found = rustix::fs::fstatvfs(&here).map_err(ForkError::io("."))?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        if needed > free {
            return Err(ForkError::NoRoom { needed, free });
        }
        Ok(())
    }

    /// Makes the directories, open for us; their times, as far as they are there still.
    fn directories(&self) -> Result<Vec<MadeDirectory<'_>>, ForkError> {
        let (mut from, mut to) = (Opened::new(&self.origin.root), Opened::new(&self.tree));
        let mut made = Vec::new();
        let is_dir = |state: &FileState| state.kind == FileKind::Directory;
        for (path, state) in self.base.entries().filter(|(_, state)| is_dir(state)) {
            let (dir, name) = split(path);
            let parent = to.directory(dir).map_err(ForkError::io(path))?;
            make_dir(&parent, &name).map_err(ForkError::io(path))?;
            let stat = from.stat(dir, &name);
            made.push(MadeDirectory {
                path,
                mode: state.mode,
                times: stat.as_ref().map(times),
            });
        }
        Ok(made)
    }

    /// Gives the directories their modes and times, the deepest first: what is done in a directory
    /// changes its time, and what it is closed to must be done before.
    fn finish_directories(&self, made: &[MadeDirectory<'_>]) -> Result<(), ForkError> {
        for MadeDirectory { path, mode, times } in made.iter().rev() {
            let dir = self.tree.directory(path).map_err(ForkError::io(path))?;
            finish(&dir, *mode, times.as_ref()).map_err(ForkError::io(path))?;
        }
        Ok(())
    }

    /// Copies files and links, several at a time.
    fn files(&self, strategy: Strategy) -> Result<Tally, ForkError> {
        let is_dir = |state: &FileState| state.kind == FileKind::Directory;
        let entries = self.base.entries().filter(|(_, state)| !is_dir(state));
        let entries: Vec<_> = entries.collect();
        let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
        let share = entries.len().div_ceil(workers.min(MAX_WORKERS)).max(1);
        std::thread::scope(|scope| {
            let one = |share| scope.spawn(move || Worker::new(self, strategy).run(share));
            let workers: Vec<_> = entries.chunks(share).map(one).collect();
            let mut all = Tally::default();
            for worker in workers {
                let done = worker.join();
                all.add(done.expect("BUG: a worker copies files and does not panic")?);
            }
            Ok(all)
        })
    }

    /// Copies what manifests leave out.
    fn asides(&self, strategy: Strategy, done: &mut Tally) -> Result<(), ForkError> {
        let mut derived = Size {
            entries: self.bounds.derived_entries,
            bytes: allowed_bytes(strategy, self.bounds.derived_bytes),
        };
        for left in self.base.left_out() {
            let path = left.path.as_str();
            let why = match left.why {
                WhyLeftOut::Derived => {
                    self.derived(path, strategy, &mut derived, done)?;
                    continue;
                }
                WhyLeftOut::Git => {
                    self.repository(path, strategy, done)?;
                    continue;
                }
                // It is among the entries, and was copied with them.
                WhyLeftOut::TooLarge => continue,
                WhyLeftOut::Special => WhyNotForked::Special,
                // A closed directory is an entry, with what was known of it.
                WhyLeftOut::Unreadable => continue,
                WhyLeftOut::TooDeep => WhyNotForked::TooDeep,
            };
            done.leave_out(path, why);
        }
        Ok(())
    }

    fn derived(
        &self,
        path: &str,
        strategy: Strategy,
        allowed: &mut Size,
        done: &mut Tally,
    ) -> Result<(), ForkError> {
        let Ok(from) = self.origin.root.directory(path).map(Arc::new) else {
            return Ok(());
        };
        if names_its_place(&from) {
            done.leave_out(path, WhyNotForked::NamesItsPlace);
            return Ok(());
        }
        let size = measure(&from, Kind::Derived, *allowed);
        let Some(rest) = size.and_then(|size| allowed.without(size)) else {
            done.leave_out(path, WhyNotForked::Bulky);
            return Ok(());
        };
        *allowed = rest;
        self.aside(path, &from, (strategy, Kind::Derived), done)
    }

    fn repository(
        &self,
        path: &str,
        strategy: Strategy,
        done: &mut Tally,
    ) -> Result<(), ForkError> {
        let Ok(from) = self.origin.root.directory(path).map(Arc::new) else {
            return Ok(());
        };
        if works_elsewhere(&from) {
            done.leave_out(path, WhyNotForked::NamesItsPlace);
            return Ok(());
        }
        let allowed = Size {
            entries: self.bounds.git_entries,
            bytes: allowed_bytes(strategy, self.bounds.git_bytes),
        };
        let whole = Kind::Git { bare: false };
        if measure(&from, whole, allowed).is_some() {
            return self.aside(path, &from, (strategy, whole), done);
        }
        let bare = Kind::Git { bare: true };
        let objects = self.origin.path().join(name::to_os(path)).join("objects");
        let Some(line) = alternate(objects.as_os_str().as_bytes()) else {
            done.leave_out(path, WhyNotForked::NamesItsPlace);
            return Ok(());
        };
        self.aside(path, &from, (strategy, bare), done)?;
        let borrow = || -> io::Result<()> {
            let made = self.tree.directory(path)?;
            let objects = make_dir(&made, OsStr::new("objects"))?;
            make_dir(&objects, OsStr::new("pack"))?;
            let info = make_dir(&objects, OsStr::new("info"))?;
            content::create(&info, OsStr::new("alternates"))?.write_all(&line)
        };
        borrow().map_err(ForkError::io(path))?;
        done.borrowed.push(name::join(path, "objects"));
        Ok(())
    }

    /// Copies one tree that manifests leave out.
    fn aside(
        &self,
        path: &str,
        from: &Arc<OwnedFd>,
        (strategy, kind): (Strategy, Kind),
        done: &mut Tally,
    ) -> Result<(), ForkError> {
        let stat = rustix::fs::fstat(from).map_err(ForkError::io(path))?;
        let (dir, name) = split(path);
        let parent = self.tree.directory(dir).map_err(ForkError::io(path))?;
        let to = make_dir(&parent, &name).map_err(ForkError::io(path))?;
        let mut copier = Copier {
            strategy,
            links: &self.links,
            tree: self.tree.path(),
            kind,
            done,
        };
        copier.copy((from, &to), path, "")?;
        let mode = crate::spot::mode_of(&stat);
        finish(&to, mode, Some(&times(&stat))).map_err(ForkError::io(path))
    }
}

/// One thread that copies a share of the files.
struct Worker<'a> {
    making: &'a Making<'a>,
    strategy: Strategy,
    from: Opened<'a>,
    to: Opened<'a>,
    buffer: Vec<u8>,
    done: Tally,
}

impl<'a> Worker<'a> {
    fn new(making: &'a Making<'a>, strategy: Strategy) -> Self {
        Self {
            making,
            strategy,
            from: Opened::new(&making.origin.root),
            to: Opened::new(&making.tree),
            buffer: Vec::new(),
            done: Tally::default(),
        }
    }

    fn run(mut self, share: &[(&str, &FileState)]) -> Result<Tally, ForkError> {
        for (path, state) in share {
            if matches!(state.kind, FileKind::Pipe | FileKind::Socket) {
                self.done.leave_out(path, WhyNotForked::Special);
                continue;
            }
            let Some(digest) = &state.digest else {
                self.done.leave_out(path, WhyNotForked::Unreadable);
                continue;
            };
            let repository = split(path).1 == ".git";
            if repository && self.leads_elsewhere(path, state, digest)? {
                self.done.leave_out(path, WhyNotForked::RepositoryElsewhere);
                continue;
            }
            match state.kind {
                FileKind::File => self.file(path, state, digest)?,
                FileKind::Symlink => self.link(path, digest)?,
                FileKind::Directory | FileKind::Pipe | FileKind::Socket => {}
            }
        }
        Ok(self.done)
    }

    fn file(&mut self, path: &str, state: &FileState, digest: &Digest) -> Result<(), ForkError> {
        let (dir, name) = split(path);
        let to = self.to.directory(dir).map_err(ForkError::io(path))?;
        let copied = self.copy(path, (state, digest), (&to, &name));
        let (file, stat) = match copied.map_err(ForkError::io(path))? {
            Some((file, stat)) => (file, Some(stat)),
            None => (self.write_snapshot(path, digest, (&to, &name))?, None),
        };
        let times = stat.as_ref().map(times);
        finish(&file.into(), state.mode, times.as_ref()).map_err(ForkError::io(path))?;
        self.done.files += 1;
        self.done.bytes += state.size;
        Ok(())
    }

    /// Copies a file if it is still what the manifest says.
    fn copy(
        &mut self,
        path: &str,
        (state, digest): (&FileState, &Digest),
        (to, name): (&OwnedFd, &OsStr),
    ) -> io::Result<Option<(File, Stat)>> {
        let Some((mut from, stat)) = self.from.open(path) else {
            return Ok(None);
        };
        if size_of(&stat) != state.size {
            return Ok(None);
        }
        if state.size <= SMALL {
            self.buffer.clear();
            (&mut from).take(SMALL + 1).read_to_end(&mut self.buffer)?;
            if store::hash(&self.buffer) != *digest {
                return Ok(None);
            }
            let mut file = content::create(to, name)?;
            file.write_all(&self.buffer)?;
            return Ok(Some((file, stat)));
        }
        let mut file = content::copied(&from, to, name, self.strategy)?;
        file.rewind()?;
        if store::hash_reader(&file)? == *digest {
            return Ok(Some((file, stat)));
        }
        rustix::fs::unlinkat(to, name, AtFlags::empty())?;
        Ok(None)
    }

    fn write_snapshot(
        &mut self,
        path: &str,
        digest: &Digest,
        (to, name): (&OwnedFd, &OsStr),
    ) -> Result<File, ForkError> {
        let bytes = self.snapshot(path, digest)?;
        let mut file = content::create(to, name).map_err(ForkError::io(path))?;
        file.write_all(&bytes).map_err(ForkError::io(path))?;
        self.done.from_snapshots += 1;
        Ok(file)
    }

    fn snapshot(&self, path: &str, digest: &Digest) -> Result<Vec<u8>, ForkError> {
        let path = path.to_owned();
        let content = self.making.origin.store().get(digest);
        content.map_err(|source| match source {
            // Larger than what is kept.
            StoreError::Missing(_) => ForkError::Changed { path },
            StoreError::Damaged(_) | StoreError::Io { .. } => ForkError::Store { path, source },
        })
    }

    fn link(&mut self, path: &str, digest: &Digest) -> Result<(), ForkError> {
        let (dir, name) = split(path);
        let target = self.snapshot(path, digest)?;
        let place = self.making.tree.path();
        let target = match self.making.links.fate(&target, dir, place) {
            Fate::Kept => target,
            Fate::Retargeted(target) => target,
            Fate::LeftOut => {
                self.done.leave_out(path, WhyNotForked::LeadsBack);
                return Ok(());
            }
        };
        let to = self.to.directory(dir).map_err(ForkError::io(path))?;
        let made = rustix::fs::symlinkat(OsStr::from_bytes(&target), &*to, &name);
        made.map_err(ForkError::io(path))?;
        self.done.files += 1;
        self.done.bytes += target.len() as u64;
        Ok(())
    }

    /// Whether a `.git` that is no directory names a repository outside of the workspace (a linked
    /// work tree, or a submodule that is a workspace by itself): git in the fork would then change
    /// the original's.
    fn leads_elsewhere(
        &self,
        path: &str,
        state: &FileState,
        digest: &Digest,
    ) -> Result<bool, ForkError> {
        let content = self.snapshot(path, digest)?;
        let target = match state.kind {
            FileKind::Symlink => content.as_slice(),
            FileKind::File | FileKind::Directory | FileKind::Pipe | FileKind::Socket => content
                .strip_prefix(b"gitdir:")
                .map_or(&[][..], <[u8]>::trim_ascii),
        };
        Ok(!stays_inside(split(path).0, target))
    }
}

/// Whether a relative path from a recorded directory stays in the workspace, going by its text.
fn stays_inside(dir: &str, target: &[u8]) -> bool {
    let mut level = dir.split('/').filter(|name| !name.is_empty()).count();
    for name in target.split(|byte| *byte == b'/') {
        match name {
            b"." => {}
            // An absolute path has an empty name first; two slashes in a row are as rare as wrong.
            b"" => return false,
            b".." if level == 0 => return false,
            b".." => level -= 1,
            _ => level += 1,
        }
    }
    true
}

/// Whether a repository says in full where its files are: git in a copy would change those.
fn works_elsewhere(git: &Arc<OwnedFd>) -> bool {
    ["config", "config.worktree"].iter().any(|name| {
        let spot = Spot::new(Arc::clone(git), OsString::from(name), (*name).to_owned());
        let text = spot.read(1 << 20).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().any(|line| {
            let (key, value) = line.split_once('=').unwrap_or_default();
            let value = value.trim_start().trim_start_matches('"');
            key.trim().eq_ignore_ascii_case("worktree") && value.starts_with('/')
        })
    })
}

/// The line that makes git read objects from elsewhere; none where it has no form for the path.
fn alternate(objects: &[u8]) -> Option<Vec<u8>> {
    let plain = !objects.contains(&b'\n') && objects.starts_with(b"/");
    plain.then(|| [objects, b"\n"].concat())
}

/// Shared blocks cost nothing.
const fn allowed_bytes(strategy: Strategy, bytes: u64) -> u64 {
    match strategy {
        Strategy::Reflink => u64::MAX,
        Strategy::Copy => bytes,
    }
}

/// The recorded directory that something is in, and its name there.
fn split(path: &str) -> (&str, OsString) {
    let (dir, name) = name::split(path).expect("BUG: the root is no entry");
    (dir, name::to_os(name))
}

/// The directory that was opened last: entries come in order, so the next is mostly in it too.
struct Opened<'a> {
    root: &'a Root,
    last: Option<(String, Arc<OwnedFd>)>,
}

impl<'a> Opened<'a> {
    const fn new(root: &'a Root) -> Self {
        Self { root, last: None }
    }

    fn directory(&mut self, path: &str) -> io::Result<Arc<OwnedFd>> {
        if let Some((last, fd)) = &self.last
            && last == path
        {
            return Ok(Arc::clone(fd));
        }
        let fd = Arc::new(self.root.directory(path)?);
        self.last = Some((path.to_owned(), Arc::clone(&fd)));
        Ok(fd)
    }

    fn open(&mut self, path: &str) -> Option<(File, Stat)> {
        let (dir, name) = split(path);
        let fd = self.directory(dir).ok()?;
        Spot::new(fd, name, path.to_owned()).open_file().ok()
    }

    fn stat(&mut self, dir: &str, name: &OsStr) -> Option<Stat> {
        let fd = self.directory(dir).ok()?;
        rustix::fs::statat(&*fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()
    }
}
