//! The forks of one task: opened once each, made and removed off the async threads. Which attempt
//! works in which is in the ledger; how a fork is made and merged is the workspace's part.

use loom_workspace::{Fork, ForkBounds, ForkError, Forks, Manifest, Store, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The directory of a task's forks, below its own.
const DIR: &str = "forks";

/// The forks of one task.
pub(crate) struct TaskForks {
    dir: PathBuf,
    open: Arc<Mutex<BTreeMap<String, Arc<Fork>>>>,
    /// Held while Loom itself writes the workspace for a merge, and while a fork's base is read:
    /// no fork begins with half a merge in it.
    pub(crate) lane: tokio::sync::Mutex<()>,
}

impl TaskForks {
    /// Forks below the directory of a task; nothing is made yet.
    pub(crate) fn new(task_dir: &Path) -> Self {
        Self {
            dir: task_dir.join(DIR),
            open: Arc::default(),
            lane: tokio::sync::Mutex::default(),
        }
    }

    /// Makes a fork that equals a manifest; what has its name gives way.
    pub(crate) async fn create(
        &self,
        name: &str,
        origin: &Arc<Workspace>,
        base: Manifest,
    ) -> Result<Arc<Fork>, ForkError> {
        self.lock().remove(name);
        let (dir, origin, own_name) = (self.dir.clone(), Arc::clone(origin), name.to_owned());
        let made = blocking(move || {
            let forks = open(&origin, &dir)?;
            forks.remove(&own_name)?;
            forks.create(&own_name, &origin, &base, &ForkBounds::default())
        });
        let fork = Arc::new(made.await?);
        self.lock().insert(name.to_owned(), Arc::clone(&fork));
        Ok(fork)
    }

    /// A fork that was made before; none when it is gone.
    pub(crate) async fn get(
        &self,
        name: &str,
        origin: &Arc<Workspace>,
    ) -> Result<Option<Arc<Fork>>, ForkError> {
        if let Some(fork) = self.lock().get(name) {
            return Ok(Some(Arc::clone(fork)));
        }
        let (dir, origin, own_name) = (self.dir.clone(), Arc::clone(origin), name.to_owned());
        let found = blocking(move || open(&origin, &dir)?.get(&own_name)).await?;
        let found = found.map(Arc::new);
        let mut known = self.lock();
        // Two that asked at once share one: what it knows of the tree is worth keeping.
        Ok(found.map(|fork| Arc::clone(known.entry(name.to_owned()).or_insert(fork))))
    }

    /// Removes those of some forks that are there.
    pub(crate) async fn remove(
        &self,
        dead: BTreeSet<String>,
        origin: &Arc<Workspace>,
    ) -> Result<(), ForkError> {
        self.lock().retain(|name, _| !dead.contains(name));
        let (dir, origin) = (self.dir.clone(), Arc::clone(origin));
        blocking(move || {
            if !dir.exists() {
                return Ok(());
            }
            let forks = open(&origin, &dir)?;
            let mut there = forks.names().map_err(ForkError::io(DIR))?;
            there.retain(|name| dead.contains(name));
            there.iter().try_for_each(|name| forks.remove(name))
        })
        .await
    }

    /// Removes every fork but those to be kept, and what a crash left of others. Only while none is
    /// being made.
    pub(crate) async fn sweep(
        &self,
        store: Arc<Store>,
        keep: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<usize, ForkError> {
        self.lock().retain(|name, _| keep(name));
        let dir = self.dir.clone();
        blocking(move || sweep(store, &dir, keep)).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Fork>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(origin: &Workspace, dir: &Path) -> Result<Forks, ForkError> {
    Forks::of(origin, dir).map_err(ForkError::io(DIR))
}

fn sweep(store: Arc<Store>, dir: &Path, keep: impl Fn(&str) -> bool) -> Result<usize, ForkError> {
    if !dir.exists() {
        return Ok(0);
    }
    let forks = Forks::open(dir, store).map_err(ForkError::io(DIR))?;
    let swept = forks.sweep(keep)?;
    // It stays while something is in it.
    let _not_empty = std::fs::remove_dir(dir);
    Ok(swept)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ForkError> + Send + 'static,
) -> Result<T, ForkError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|died| Err(ForkError::io(DIR)(std::io::Error::other(died))))
}
