//! Listing and walking for people and models: ignores as git does, follows no link.

use crate::spot::{Spot, entries, size_of};
use crate::{FsError, Workspace, name, spot};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use loom_events::FileKind;
use rustix::fd::OwnedFd;
use rustix::fs::FileType;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec::IntoIter;

/// Levels below which a walk does not go, whatever was asked for: each holds a directory open.
const MAX_LEVELS: usize = 256;

/// Largest file of ignore rules that is read.
const MAX_RULES: u64 = 1 << 20;

/// One entry of a listing or a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// Path relative to the workspace.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes, for a file.
    pub size: u64,
    /// 0 for what is directly in the directory that was asked for.
    pub depth: usize,
}

/// A regular file that a walk came to, in the open directory in which it was found: it is opened
/// there, so nothing that is rearranged above it leads elsewhere.
#[derive(Debug)]
pub struct Walked(Spot);

impl Walked {
    /// Path relative to the workspace.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// Opens it, with its size.
    ///
    /// # Errors
    /// When it is gone, is something else by now, or cannot be read.
    pub fn open(&self) -> Result<(File, u64), FsError> {
        let (file, stat) = self.0.open_file()?;
        Ok((file, size_of(&stat)))
    }
}

/// Walks a tree in order of names, depth first. Skips what git ignores, and `.git`.
#[derive(Debug)]
pub struct Walk {
    levels: Vec<Level>,
    /// Rules above the directory where the walk started, and git's own list; weakest first.
    above: Vec<Gitignore>,
    max_levels: usize,
}

/// A directory that is being walked.
#[derive(Debug)]
struct Level {
    fd: Arc<OwnedFd>,
    path: String,
    entries: IntoIter<(String, FileType)>,
    rules: Gitignore,
}

impl Level {
    fn new(fd: OwnedFd, path: String) -> std::io::Result<Self> {
        let fd = Arc::new(fd);
        let entries = entries(&fd)?;
        let has_rules = entries.iter().any(|(name, _)| name == ".gitignore");
        let rules = match has_rules {
            true => rules_in(&fd, ".gitignore", &path),
            false => Gitignore::empty(),
        };
        let entries = entries.into_iter();
        Ok(Self {
            fd,
            path,
            entries,
            rules,
        })
    }
}

impl Iterator for Walk {
    type Item = ListEntry;

    fn next(&mut self) -> Option<ListEntry> {
        loop {
            let Step { spot, kind, depth } = self.step()?;
            let size = match kind {
                // It may be gone since its name was read.
                FileKind::File => match spot.stat() {
                    Ok(Some(stat)) => size_of(&stat),
                    Ok(None) | Err(_) => continue,
                },
                FileKind::Directory | FileKind::Symlink | FileKind::Pipe | FileKind::Socket => 0,
            };
            let path = spot.path().to_owned();
            return Some(ListEntry {
                path,
                kind,
                size,
                depth,
            });
        }
    }
}

/// What a walk came to.
struct Step {
    spot: Spot,
    kind: FileKind,
    depth: usize,
}

impl Walk {
    /// Only the regular files, each with the directory in which it was found.
    pub fn files(mut self) -> impl Iterator<Item = Walked> + Send {
        std::iter::from_fn(move || {
            loop {
                let step = self.step()?;
                if step.kind == FileKind::File {
                    return Some(Walked(step.spot));
                }
            }
        })
    }

    fn step(&mut self) -> Option<Step> {
        loop {
            let level = self.levels.last_mut()?;
            let Some((name, kind)) = level.entries.next() else {
                self.levels.pop();
                continue;
            };
            if name == ".git" || spot::is_temporary(&name) {
                continue;
            }
            let path = name::join(&level.path, &name);
            let spot = Spot::new(Arc::clone(&level.fd), name::to_os(&name), path);
            if let Some(step) = self.enter(spot, kind) {
                return Some(step);
            }
        }
    }

    fn enter(&mut self, spot: Spot, kind: FileType) -> Option<Step> {
        let kind = match kind {
            // The directory does not know.
            FileType::Unknown => FileType::from_raw_mode(spot.stat().ok()??.st_mode),
            known => known,
        };
        let kind = match kind {
            FileType::RegularFile => FileKind::File,
            FileType::Symlink => FileKind::Symlink,
            FileType::Directory => FileKind::Directory,
            _ => return None,
        };
        if self.is_ignored(spot.path(), kind == FileKind::Directory) {
            return None;
        }
        let depth = self.levels.len() - 1;
        if kind == FileKind::Directory
            && self.levels.len() < self.max_levels
            && let Ok(fd) = spot.open_dir()
            && let Ok(level) = Level::new(fd, spot.path().to_owned())
        {
            self.levels.push(level);
        }
        Some(Step { spot, kind, depth })
    }

    /// The nearest rule decides.
    fn is_ignored(&self, path: &str, is_dir: bool) -> bool {
        let path = rooted(path);
        let inner = self.levels.iter().rev().map(|level| &level.rules);
        for rules in inner.chain(self.above.iter().rev()) {
            match rules.matched(&path, is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}

impl Workspace {
    /// The entries of a directory down to a number of levels (1: only its own).
    ///
    /// # Errors
    /// When it is not a directory inside the workspace.
    pub fn list(&self, path: &str, depth: usize) -> Result<Vec<ListEntry>, FsError> {
        let mut walk = self.walk_from(path)?;
        walk.max_levels = depth.clamp(1, MAX_LEVELS);
        Ok(walk.collect())
    }

    /// Walks everything. What cannot be read is skipped.
    #[must_use]
    pub fn walk(&self) -> Walk {
        // The workspace itself is pinned; should it be unreadable, there is nothing to be seen.
        self.walk_from(".").unwrap_or_else(|_| Walk {
            levels: Vec::new(),
            above: Vec::new(),
            max_levels: MAX_LEVELS,
        })
    }

    /// Walks everything in a directory.
    ///
    /// # Errors
    /// When it is not a directory inside the workspace.
    pub fn walk_from(&self, path: &str) -> Result<Walk, FsError> {
        let path = self.resolve(path)?;
        let fd = self.directory(&path)?;
        let mut above = Vec::new();
        if let Ok(fd) = self.directory(".git/info") {
            above.push(rules_in(&Arc::new(fd), "exclude", ""));
        }
        let start = (!path.is_empty()).then_some("");
        for dir in start.into_iter().chain(name::ancestors(&path)) {
            let fd = Arc::new(self.directory(dir)?);
            above.push(rules_in(&fd, ".gitignore", dir));
        }
        let level = Level::new(fd, path.clone()).map_err(|error| FsError::io(&path, error))?;
        Ok(Walk {
            levels: vec![level],
            above,
            max_levels: MAX_LEVELS,
        })
    }
}

/// The rules in a file, for paths below a directory. What cannot be read or understood does not
/// count, as with git.
fn rules_in(fd: &Arc<OwnedFd>, file: &str, dir: &str) -> Gitignore {
    let spot = Spot::new(Arc::clone(fd), file.into(), name::join(dir, file));
    let Ok(bytes) = spot.read(MAX_RULES) else {
        return Gitignore::empty();
    };
    let mut builder = GitignoreBuilder::new(rooted(dir));
    for line in String::from_utf8_lossy(&bytes).lines() {
        // A bad pattern is skipped; the others hold.
        builder.add_line(None, line).ok();
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// A path as the matcher wants it: absolute, the workspace being the root.
fn rooted(path: &str) -> PathBuf {
    Path::new("/").join(name::to_os(path))
}
