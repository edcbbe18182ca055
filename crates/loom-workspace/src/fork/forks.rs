//! Where the forks of a task live, how they come and how they go.
//!
//! A fork is made under a hidden name and gets its own when it is whole and durable, and it loses
//! that name before it is removed. So what has a plain name is whole, whatever crashed, and
//! [`Forks::sweep`] knows the rest by its name.

use super::error::ForkError;
use super::links::Links;
use super::making::Making;
use super::{ForkBounds, ForkReport, WhyNotForked, removal};
use crate::root::Root;
use crate::spot::names;
use crate::{FsError, Manifest, ManifestError, Store, Trees, Workspace, name};
use loom_events::{Digest, FileKind};
use rustix::fd::OwnedFd;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What the name of a fork under way starts with.
const MAKING: &str = ".making-";

/// What the name of a fork on its way out starts with.
const REMOVING: &str = ".removing-";

/// Longest name of a fork.
const MAX_NAME: usize = 64;

/// The workspace of a fork, below its own directory: links that climb out of it end there.
const TREE: &str = "tree";

/// What is written down about a fork, beside it.
const RECORD: &str = "fork.json";

/// The forks of one task, in a directory of Loom's own.
#[derive(Debug)]
pub struct Forks {
    path: PathBuf,
    dir: Arc<OwnedFd>,
    store: Arc<Store>,
    /// What the original leaves out its forks leave out, too: a result is compared with it.
    trees: Trees,
}

/// A copy of a workspace, in which one attempt runs alone.
#[derive(Debug)]
pub struct Fork {
    name: String,
    workspace: Arc<Workspace>,
    base: Manifest,
    origin_root: Digest,
    report: ForkReport,
    links: Links,
}

/// What has to be known of a fork after a restart.
#[derive(Serialize, Deserialize)]
struct Record {
    /// Path of the original, as file names are recorded.
    origin: String,
    /// State of the original.
    origin_root: Digest,
    /// State of the fork when it was made.
    base: String,
    report: ForkReport,
}

impl Forks {
    /// Opens the forks of a task; the directory is made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made or opened.
    pub fn open(dir: &Path, store: Arc<Store>) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let root = Root::open(dir)?;
        Ok(Self {
            path: root.path().to_owned(),
            dir: Arc::new(root.directory("")?),
            store,
            trees: Trees::default(),
        })
    }

    /// The forks of a workspace, which leave out of their manifests what it leaves out.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(origin: &Workspace, dir: &Path) -> io::Result<Self> {
        let mut forks = Self::open(dir, Arc::clone(origin.store()))?;
        forks.trees = origin.trees.clone();
        Ok(forks)
    }

    /// Makes a fork that equals a manifest of the original, whatever happens there meanwhile.
    /// Durable when this returns; nothing is left when it fails.
    ///
    /// # Errors
    /// [`ForkError`].
    pub fn create(
        &self,
        name: &str,
        origin: &Workspace,
        base: &Manifest,
        bounds: &ForkBounds,
    ) -> Result<Fork, ForkError> {
        check(name)?;
        if self.path.starts_with(origin.path()) {
            return Err(ForkError::Inside {
                place: self.path.clone(),
                workspace: origin.path().to_owned(),
            });
        }
        if self.path.join(name).symlink_metadata().is_ok() {
            return Err(ForkError::Exists(name.to_owned()));
        }
        let making = format!("{MAKING}{name}");
        let made = self
            .remove_entry(&making)
            .map_err(ForkError::io(name))
            .and_then(|()| self.make(name, &making, (origin, base), bounds));
        if let Err(error) = made {
            // Its failure would be the same again; the next sweep tries once more.
            self.remove_entry(&making).ok();
            return Err(error);
        }
        let made = self.get(name)?;
        made.ok_or_else(|| ForkError::io(name)(io::Error::from(io::ErrorKind::NotFound)))
    }

    fn make(
        &self,
        name: &str,
        making: &str,
        (origin, base): (&Workspace, &Manifest),
        bounds: &ForkBounds,
    ) -> Result<(), ForkError> {
        let started = Instant::now();
        let place = self.path.join(making);
        let tree = place.join(TREE);
        for dir in [&place, &tree] {
            let made = DirBuilder::new().mode(0o700).create(dir);
            made.map_err(ForkError::io(name))?;
        }
        let under_way = Making {
            origin,
            base,
            tree: Root::open(&tree).map_err(ForkError::io(name))?,
            links: Links {
                origin: origin.path().to_owned(),
                tree: self.path.join(name).join(TREE),
            },
            bounds,
        };
        let (strategy, done) = under_way.fill()?;
        let copied = started.elapsed();
        let forked = Workspace::of_fork(&tree, &self.store).map_err(ForkError::io(name))?;
        forked.sync_everything()?;
        let report = ForkReport {
            strategy,
            files: done.files,
            bytes: done.bytes,
            from_snapshots: done.from_snapshots,
            borrowed: done.borrowed,
            left_out: done.left_out,
            copied,
            elapsed: started.elapsed(),
        };
        let origin_root = base.root().clone();
        let base = without(base, &report, &self.store)?;
        let record = Record {
            origin: name::to_text(origin.path().as_os_str()),
            origin_root,
            base: String::from_utf8_lossy(&forked.save_manifest(&base)).into_owned(),
            report,
        };
        self.finish(name, making, &record)
            .map_err(ForkError::io(name))
    }

    /// Writes the record and gives the fork its name.
    fn finish(&self, name: &str, making: &str, record: &Record) -> io::Result<()> {
        let place = self.path.join(making);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(place.join(RECORD))?;
        serde_json::to_writer(&mut file, record)?;
        file.flush()?;
        file.sync_all()?;
        fs::File::open(&place)?.sync_all()?;
        rustix::fs::renameat(&*self.dir, making, &*self.dir, name)?;
        Ok(rustix::fs::fsync(&*self.dir)?)
    }

    /// A fork by its name, if there is one.
    ///
    /// # Errors
    /// When it is there and cannot be opened.
    pub fn get(&self, name: &str) -> Result<Option<Fork>, ForkError> {
        check(name)?;
        let place = self.path.join(name);
        let text = match fs::read(place.join(RECORD)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ForkError::io(name)(error)),
        };
        let unreadable = |source| ForkError::Record {
            name: name.to_owned(),
            source,
        };
        let record: Record = serde_json::from_slice(&text)
            .map_err(ManifestError::Unreadable)
            .map_err(unreadable)?;
        let tree = place.join(TREE);
        let workspace = Workspace::of_fork(&tree, &self.store).map_err(ForkError::io(name))?;
        let workspace = workspace.with_trees(self.trees.clone());
        let base = workspace.load_manifest(record.base.as_bytes());
        Ok(Some(Fork {
            name: name.to_owned(),
            base: base.map_err(unreadable)?,
            workspace: Arc::new(workspace),
            origin_root: record.origin_root,
            report: record.report,
            links: Links {
                origin: name::to_os(&record.origin).into(),
                tree,
            },
        }))
    }

    /// The names of the forks that are whole, in order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = names(&self.dir)?;
        names.retain(|name| check(name).is_ok());
        Ok(names)
    }

    /// Removes a fork with everything in it; nothing happens when there is none.
    ///
    /// # Errors
    /// When something in it cannot be removed; calling it again goes on.
    pub fn remove(&self, name: &str) -> Result<(), ForkError> {
        check(name)?;
        let removing = format!("{REMOVING}{name}");
        let remove = || {
            // What is left of an earlier try.
            self.remove_entry(&removing)?;
            match rustix::fs::renameat(&*self.dir, name, &*self.dir, &removing) {
                Ok(()) => self.remove_entry(&removing),
                Err(rustix::io::Errno::NOENT) => Ok(()),
                Err(error) => Err(error.into()),
            }
        };
        remove().map_err(ForkError::io(name))
    }

    /// Removes what a crash left half made or half removed, and every fork that is not to be kept;
    /// how many. Only while none is being made.
    ///
    /// # Errors
    /// When something cannot be removed, after the rest was.
    pub fn sweep(&self, keep: impl Fn(&str) -> bool) -> Result<usize, ForkError> {
        let mut failed = None;
        let mut removed = 0;
        for name in names(&self.dir).map_err(ForkError::io("."))? {
            let done = match check(&name) {
                Ok(()) if keep(&name) => continue,
                Ok(()) => self.remove(&name),
                Err(_) => self.remove_entry(&name).map_err(ForkError::io(&name)),
            };
            match done {
                Ok(()) => removed += 1,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(removed), Err)
    }

    fn remove_entry(&self, name: &str) -> io::Result<()> {
        removal::remove(&self.dir, &name::to_os(name))
    }
}

impl Fork {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where an attempt works. The sandbox takes its path as the workspace.
    #[must_use]
    pub const fn workspace(&self) -> &Arc<Workspace> {
        &self.workspace
    }

    /// What the fork held when it was made, as the original would have it: the base of a merge.
    #[must_use]
    pub const fn base(&self) -> &Manifest {
        &self.base
    }

    /// Names the state that the original had when the fork was made.
    #[must_use]
    pub const fn origin_root(&self) -> &Digest {
        &self.origin_root
    }

    /// How it was made, and what it lacks.
    #[must_use]
    pub const fn report(&self) -> &ForkReport {
        &self.report
    }

    /// What has to be readable in a sandbox beside the fork itself: objects that it borrows.
    #[must_use]
    pub fn readable(&self) -> Vec<PathBuf> {
        let borrowed = self.report.borrowed.iter();
        borrowed
            .map(|path| self.links.origin.join(name::to_os(path)))
            .collect()
    }

    /// What the fork holds now, as the original would have it: links that name the fork name the
    /// original. The result of an attempt, to be merged or compared.
    ///
    /// # Errors
    /// As [`Workspace::take_manifest`].
    pub fn result(&self) -> Result<Manifest, FsError> {
        let now = self.workspace.manifest(Some(&self.base))?;
        let links = now.entries().filter(|(path, state)| {
            state.kind == FileKind::Symlink && self.base.state(path) != Some(*state)
        });
        let store = self.workspace.store();
        let mut renamed = Vec::new();
        for (path, state) in links {
            let Some(digest) = &state.digest else {
                continue;
            };
            let failed = |source| FsError::store(path, source);
            let target = store.get(digest).map_err(failed)?;
            if let Some(target) = self.links.back(&target) {
                let mut state = state.clone();
                state.digest = Some(store.put(&target).map_err(failed)?);
                state.size = target.len() as u64;
                renamed.push((path.to_owned(), state));
            }
        }
        if renamed.is_empty() {
            return Ok(now);
        }
        let mut entries = now.all().clone();
        entries.extend(renamed);
        Manifest::of(entries, now.left_out().to_vec(), store)
            .map_err(|source| FsError::store(".", source))
    }
}

impl Workspace {
    /// Opens the tree of a fork. It lies in Loom's own data, which no path of a user's may name:
    /// that is why [`Workspace::open`] would refuse it, and why this asks for no bounds.
    fn of_fork(tree: &Path, store: &Arc<Store>) -> io::Result<Self> {
        Ok(Self::pinned(Root::open(tree)?, Arc::clone(store)))
    }
}

/// The state of the fork: the manifest without what was left out.
fn without(base: &Manifest, report: &ForkReport, store: &Store) -> Result<Manifest, FsError> {
    // The others were no entries.
    let entry = |why| {
        matches!(
            why,
            WhyNotForked::LeadsBack | WhyNotForked::RepositoryElsewhere | WhyNotForked::Unreadable
        )
    };
    let gone = report.left_out.iter().filter(|left| entry(left.why));
    let gone: BTreeSet<&str> = gone.map(|left| left.path.as_str()).collect();
    if !gone.iter().any(|path| base.state(path).is_some()) {
        return Ok(base.clone());
    }
    let mut entries = base.all().clone();
    entries.retain(|path, _| !gone.contains(path.as_str()));
    Manifest::of(entries, base.left_out().to_vec(), store)
        .map_err(|source| FsError::store(".", source))
}

fn check(name: &str) -> Result<(), ForkError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain) {
        Ok(())
    } else {
        Err(ForkError::BadName(name.to_owned()))
    }
}
