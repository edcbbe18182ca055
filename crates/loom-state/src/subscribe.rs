//! Following a journal: first what is there, then what comes, each record exactly once.
//!
//! A follower reads pages until there is nothing more and then takes the batches that are committed
//! from a bounded ring. One that is too slow for the ring reads pages again; it never slows the
//! writer, and nobody has to read the storage while he keeps up.

use crate::{Journal, ReadError};
use futures_util::{Stream, stream};
use loom_events::{Record, Seq, TaskId};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};

/// Records read at a time while catching up: large enough that a journal of 100,000 events takes
/// few queries, small enough that a page of large events stays in the megabytes.
const PAGE: usize = 256;

/// Batches that wait for a slow follower before it has to read pages: some seconds of a busy
/// journal, and not so many that their records weigh on memory.
pub(crate) const RING: usize = 1024;

/// What to follow, and after what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// One task; ends after its terminal event.
    Task {
        /// The task.
        task: TaskId,
        /// The last event that is known already.
        after: Seq,
    },
    /// All tasks, by record id; ends only with the journal.
    All {
        /// The last record that is known already.
        after: u64,
    },
}

/// Follows a journal without gap or duplicate; all who keep up share the records. Ends after the terminal event of a followed task,
/// after an error, and when the journal is closed and everything in it was given.
pub fn subscribe(
    journal: Arc<dyn Journal>,
    follow: Follow,
) -> impl Stream<Item = Result<Arc<Record>, ReadError>> + Send + 'static {
    // The ring is entered before the first page is read: what is committed in between is in both.
    let live = journal.live();
    let follower = Follower {
        journal,
        live,
        follow,
        ready: VecDeque::new(),
        mode: Mode::CatchUp,
    };
    stream::unfold(follower, |mut follower| async move {
        let item = follower.next().await?;
        if item.is_err() {
            follower.mode = Mode::Over;
        }
        Some((item, follower))
    })
}

struct Follower {
    journal: Arc<dyn Journal>,
    live: broadcast::Receiver<Arc<[Arc<Record>]>>,
    follow: Follow,
    ready: VecDeque<Arc<Record>>,
    mode: Mode,
}

enum Mode {
    /// Pages are read until one is empty.
    CatchUp,
    /// Batches are taken from the ring.
    Live,
    /// The journal is closed: the rest is read, then it is over.
    Rest,
    /// Nothing more is given.
    Over,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Arc<Record>, ReadError>> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                if self.accept(&record) {
                    return Some(Ok(record));
                }
                continue;
            }
            match self.mode {
                Mode::CatchUp => match self.page().await {
                    Ok(true) => {}
                    Ok(false) => match self.is_over().await {
                        Ok(true) => self.mode = Mode::Over,
                        Ok(false) => self.mode = Mode::Live,
                        Err(error) => return Some(Err(error)),
                    },
                    Err(error) => return Some(Err(error)),
                },
                Mode::Live => self.wait().await,
                Mode::Rest => match self.page().await {
                    Ok(true) => {}
                    Ok(false) => self.mode = Mode::Over,
                    Err(error) => return Some(Err(error)),
                },
                Mode::Over => return None,
            }
        }
    }

    /// Reads the next page; false when there is none.
    async fn page(&mut self) -> Result<bool, ReadError> {
        let page = match self.follow {
            Follow::Task { task, after } => self.journal.read(task, after, PAGE).await?,
            Follow::All { after } => self.journal.read_all(after, PAGE).await?,
        };
        self.ready = page.into_iter().map(Arc::new).collect();
        Ok(!self.ready.is_empty())
    }

    /// Whether the follower knows the terminal event already, so that nothing can come.
    async fn is_over(&self) -> Result<bool, ReadError> {
        let Follow::Task { task, after } = self.follow else {
            return Ok(false);
        };
        let row = self.journal.task(task).await?;
        Ok(row.is_some_and(|row| row.status.is_final() && row.last_seq <= after))
    }

    async fn wait(&mut self) {
        match self.live.recv().await {
            Ok(batch) => {
                let wanted = batch.iter().filter(|record| self.concerns(record));
                self.ready = wanted.map(Arc::clone).collect();
            }
            Err(RecvError::Lagged(_)) => self.mode = Mode::CatchUp,
            Err(RecvError::Closed) => self.mode = Mode::Rest,
        }
    }

    /// Whether a record from the ring is one to give: of the followed task, and not known yet.
    fn concerns(&self, record: &Record) -> bool {
        match self.follow {
            Follow::Task { task, after } => {
                record.envelope.task_id == task && record.envelope.seq > after
            }
            Follow::All { after } => record.id > after,
        }
    }

    /// Moves on past a record; false when it was given before.
    fn accept(&mut self, record: &Record) -> bool {
        if !self.concerns(record) {
            return false;
        }
        match &mut self.follow {
            Follow::Task { after, .. } => {
                *after = record.envelope.seq;
                if record.envelope.event.is_terminal() {
                    self.mode = Mode::Over;
                    self.ready.clear();
                }
            }
            Follow::All { after } => *after = record.id,
        }
        true
    }
}
