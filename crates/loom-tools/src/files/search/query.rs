//! One search: the walk in one thread, the files in all others.
//!
//! Files are opened in the directory in which the walk found them, by handle. They are handed out
//! in small batches with numbers, so that the result is in the order of the walk whoever was faster.

use super::super::content::Places;
use super::found::{Found, InFile};
use crate::secrets::is_secret;
use globset::GlobMatcher;
use grep::matcher::LineTerminator;
use grep::regex::RegexMatcher;
use grep::searcher::{BinaryDetection, Searcher, SearcherBuilder};
use loom_events::FileKind;
use loom_redact::Redactor;
use loom_workspace::{Walk, Walked};
use std::collections::BTreeMap;
use std::fs::File;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Larger files are data.
const MAX_FILE: u64 = 32 << 20;

/// Threads that search; more only wait for the disk.
const MAX_THREADS: usize = 8;

/// Files that are handed to a thread at once: enough that handing over costs nothing, and few enough
/// that their directories, which stay open, are far from the limit of open files.
const BATCH: usize = 16;

/// Batches that wait for each thread.
const WAITING: usize = 1;

/// What is searched, where, for what.
pub(super) struct Query {
    pub(super) places: Places,
    pub(super) path: String,
    pub(super) glob: Option<GlobMatcher>,
    /// None lists the files.
    pub(super) matcher: Option<RegexMatcher>,
    pub(super) cancel: CancellationToken,
    /// Leaves secrets out of the lines that are shown.
    pub(super) redactor: Arc<Redactor>,
}

/// A directory to walk, or one file.
enum Where {
    Tree(Walk),
    File(String),
}

type Batch = (usize, Vec<Walked>);

type Searched = (usize, Vec<InFile>);

impl Query {
    pub(super) fn run(&self) -> Result<Found, String> {
        let place = self.place()?;
        Ok(match (place, &self.matcher) {
            (Where::File(path), Some(matcher)) => self.one(path, matcher),
            (Where::File(path), None) => Found::of([InFile::named(path)]),
            (Where::Tree(walk), None) => {
                let names = self
                    .wanted(walk)
                    .take_while(|_| !self.cancel.is_cancelled());
                Found::of(names.map(|file| InFile::named(file.path().to_owned())))
            }
            (Where::Tree(walk), Some(matcher)) => self.tree(walk, matcher),
        })
    }

    fn place(&self) -> Result<Where, String> {
        let workspace = &self.places.workspace;
        let path = workspace
            .resolve(&self.path)
            .map_err(|error| error.to_string())?;
        let is_file = !path.is_empty()
            && workspace
                .state(&path)
                .map_err(|error| error.to_string())?
                .is_some_and(|state| state.kind == FileKind::File);
        if is_file {
            return Ok(Where::File(path));
        }
        let walk = workspace.walk_from(&self.path);
        walk.map(Where::Tree).map_err(|error| error.to_string())
    }

    fn one(&self, path: String, matcher: &RegexMatcher) -> Found {
        if is_secret(&path) {
            return Found::of([InFile::secret(path)]);
        }
        let mut inside = InFile::shown(path, &self.redactor);
        // A file that is gone by now or cannot be read has no matches.
        if let Ok(file) = self.places.workspace.open_file(&inside.path) {
            look(&mut searcher(), matcher, &file, &mut inside);
        }
        Found::of([inside])
    }

    fn wanted(&self, walk: Walk) -> impl Iterator<Item = Walked> {
        let fits = |file: &Walked| {
            let glob = self.glob.as_ref();
            glob.is_none_or(|glob| glob.is_match(file.path()))
        };
        walk.files().filter(fits)
    }

    fn tree(&self, walk: Walk, matcher: &RegexMatcher) -> Found {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = threads.min(MAX_THREADS);
        let enough = AtomicBool::new(false);
        let (give, take) = sync_channel(threads * WAITING);
        let take = Mutex::new(take);
        let (tell, told) = channel();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let tell = tell.clone();
                let (take, enough) = (&take, &enough);
                scope.spawn(move || {
                    let mut searcher = searcher();
                    // Batches that nobody needs are taken and dropped, so that the walk never waits.
                    while let Some((at, files)) = next(take) {
                        if !enough.load(Ordering::Relaxed) {
                            let search =
                                |file| search(&mut searcher, (matcher, &self.redactor), file);
                            let found = files.into_iter().filter_map(search).collect();
                            // Nobody listens any more when there is enough.
                            tell.send((at, found)).ok();
                        }
                    }
                });
            }
            drop(tell);
            let enough = &enough;
            scope.spawn(move || self.hand_out(walk, give, enough));
            self.collect(&told, enough)
        })
    }

    fn hand_out(&self, walk: Walk, give: SyncSender<Batch>, enough: &AtomicBool) {
        let mut files = self.wanted(walk);
        for at in 0.. {
            let batch: Vec<Walked> = files.by_ref().take(BATCH).collect();
            let over = batch.is_empty() || enough.load(Ordering::Relaxed);
            if over || self.cancel.is_cancelled() || give.send((at, batch)).is_err() {
                break;
            }
        }
    }

    /// Puts the batches into order, up to where it is enough.
    fn collect(&self, told: &Receiver<Searched>, enough: &AtomicBool) -> Found {
        let (mut found, mut waiting, mut next) = (Found::default(), BTreeMap::new(), 0);
        while let Ok((at, files)) = told.recv() {
            waiting.insert(at, files);
            while let Some(files) = waiting.remove(&next) {
                next += 1;
                if !files.into_iter().all(|file| found.add(file)) {
                    enough.store(true, Ordering::Relaxed);
                    return found;
                }
            }
        }
        found.more |= self.cancel.is_cancelled();
        found
    }
}

fn next(take: &Mutex<Receiver<Batch>>) -> Option<Batch> {
    // A receiver is whole whoever panicked beside it.
    let take = take.lock().unwrap_or_else(PoisonError::into_inner);
    take.recv().ok()
}

/// What is found in one file of a walk, if anything is to be said of it.
fn search(
    searcher: &mut Searcher,
    (matcher, redactor): (&RegexMatcher, &Arc<Redactor>),
    file: Walked,
) -> Option<InFile> {
    if is_secret(file.path()) {
        return Some(InFile::secret(file.path().to_owned()));
    }
    // A file that is gone by now or cannot be read has no matches.
    let (opened, size) = file.open().ok()?;
    if size > MAX_FILE {
        return None;
    }
    let mut inside = InFile::shown(file.path().to_owned(), redactor);
    look(searcher, matcher, &opened, &mut inside);
    (!inside.is_empty()).then_some(inside)
}

fn look(searcher: &mut Searcher, matcher: &RegexMatcher, file: &File, inside: &mut InFile) {
    // An error in the middle of a file leaves what was found before it.
    searcher.search_file(matcher, file, inside).ok();
}

fn searcher() -> Searcher {
    SearcherBuilder::new()
        .binary_detection(BinaryDetection::quit(0))
        .line_terminator(LineTerminator::byte(b'\n'))
        .line_number(true)
        .build()
}
