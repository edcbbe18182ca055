//! One look at a whole tree: states, content into the store, what had to be left out.
//!
//! A file is read only when its stat differs from the last look's. A stat proves nothing when the
//! file was changed about when it was taken: a second change within the same tick of the file
//! system's clock would look the same. So stats that young are not remembered.
//!
//! A look stands before every command, and mostly nothing has changed: several threads take the
//! stats (`visit` says what becomes of one directory), they are compared with those of the last look
//! directory by directory, and where all are as they were its states are taken over as a whole.

mod crew;
mod files;
#[cfg(test)]
mod tests;
mod visit;

use crate::spot::names;
use crate::store::Batch;
use crate::{FsError, LeftOut, Manifest, WhyLeftOut, Workspace, name};
use crew::Crew;
use files::{Files, Seen};
use loom_events::{Digest, FileState};
use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use visit::{Opened, Scanner, Task};

/// Threads that look; each holds directories open, and more are soon in each other's way.
const MAX_THREADS: usize = 4;

pub(crate) type Entries = BTreeMap<String, FileState>;

/// What the last look found.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) entries: Arc<Entries>,
    pub(crate) root: Option<Digest>,
    listings: Arc<Listings>,
}

/// By path of the directory, the start of the look and what was closed to us included.
type Listings = HashMap<String, Arc<Listing>>;

/// A directory as it was seen.
#[derive(Debug)]
struct Listing {
    /// Its own state; none for the start of the look.
    own: Option<FileState>,
    /// What is in it and is no directory, in order of names.
    files: Vec<Seen>,
    /// It could not be read.
    closed: bool,
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
    /// Those of the last look themselves when nothing changed since.
    pub(crate) entries: Arc<Entries>,
    /// In order of paths.
    pub(crate) left_out: Vec<LeftOut>,
    listings: Arc<Listings>,
}

impl Scanned {
    pub(crate) fn into_index(self, root: Digest) -> (Index, Vec<LeftOut>) {
        let index = Index {
            entries: self.entries,
            root: Some(root),
            listings: self.listings,
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
        self.look_at_time(dir, part, reading, present.0)
    }

    fn look_at_time(
        &self,
        dir: &str,
        part: Part<'_>,
        reading: Reading<'_, '_>,
        present: i64,
    ) -> Result<Scanned, FsError> {
        let index = self.index();
        let files = Files::new(reading, present);
        let scanner = Scanner::new(&index, part, &self.trees, files);
        let fd = Arc::new(self.directory(dir)?);
        let children = names(&fd).map_err(|e| FsError::io(dir, e))?;
        let mut found = Found::default();
        let start = Opened::start(dir, fd, children);
        let tasks = scanner.directory(start, &mut found)?;
        found.merge(everywhere(&scanner, tasks)?);
        Ok(found.against(&index))
    }
}

/// Does the tasks and all that they make, in several threads.
fn everywhere(scanner: &Scanner<'_, '_>, tasks: Vec<Task>) -> Result<Found, FsError> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let others = threads.min(MAX_THREADS).min(tasks.len()).saturating_sub(1);
    let crew = Crew::new(tasks);
    let gathered = Mutex::new(Ok(Found::default()));
    let work = || {
        let mut found = Found::default();
        let done = crew.work(|task| scanner.task(task, &mut found));
        let mut gathered = lock(&gathered);
        match (&mut *gathered, done) {
            (Ok(all), Ok(())) => all.merge(found),
            // The first failure is the one that is told.
            (Err(_), _) => {}
            (ok, Err(error)) => *ok = Err(error),
        }
    };
    thread::scope(|scope| {
        for _ in 0..others {
            // Where no thread is to be had, this one does it all.
            thread::Builder::new().spawn_scoped(scope, work).ok();
        }
        work();
    });
    gathered
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

/// What was found in some directories.
#[derive(Default)]
struct Found {
    listings: Vec<(String, Arc<Listing>)>,
    /// States that are not those of the last look, and those of what could not be looked at.
    fresh: Vec<(String, FileState)>,
    left_out: Vec<LeftOut>,
    /// Something is not as it was.
    changed: bool,
}

impl Found {
    fn add(&mut self, dir: String, listing: Arc<Listing>, changed: bool) {
        self.listings.push((dir, listing));
        self.changed |= changed;
    }

    fn leave_out(&mut self, path: &str, why: WhyLeftOut) {
        let path = path.to_owned();
        self.left_out.push(LeftOut { path, why });
    }

    fn merge(&mut self, other: Self) {
        self.listings.extend(other.listings);
        self.fresh.extend(other.fresh);
        self.left_out.extend(other.left_out);
        self.changed |= other.changed;
    }

    /// Puts it together with what the last look found.
    fn against(mut self, last: &Index) -> Scanned {
        // Which thread came first must not be seen.
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
        let left_out = self.left_out;
        // As many directories, and each of them as it was: then none is gone either.
        if !self.changed && self.listings.len() == last.listings.len() {
            return Scanned {
                entries: Arc::clone(&last.entries),
                left_out,
                listings: Arc::clone(&last.listings),
            };
        }
        let mut states = Vec::new();
        for (dir, listing) in &self.listings {
            states.extend(listing.own.clone().map(|own| (dir.clone(), own)));
            for seen in &listing.files {
                let path = name::join(dir, &seen.name);
                // What was not there is among the fresh ones.
                if let Some(state) = last.entries.get(&path) {
                    states.push((path, state.clone()));
                }
            }
        }
        let mut entries: Entries = states.into_iter().collect();
        entries.extend(self.fresh);
        Scanned {
            entries: Arc::new(entries),
            left_out,
            listings: Arc::new(self.listings.into_iter().collect()),
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in one thread ends the whole look, so what it left behind is not used.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
