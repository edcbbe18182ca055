//! Whose turn it is: so many tasks run at once, the first come first, and two never write the same
//! directory, or one in the other, at the same time. What waits does not hold up what need not.

use loom_events::TaskId;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Tasks in the order in which they came.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Tasks that run at once.
    places: usize,
    line: Mutex<Vec<Entry>>,
    numbers: AtomicU64,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Entry {
    /// Counts everybody who ever came.
    number: u64,
    task: TaskId,
    workspace: Option<PathBuf>,
    /// A task that is taken back is no task that runs.
    takes_place: bool,
    standing: watch::Sender<Standing>,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may run.
    Admitted,
    /// It waits for another one.
    Behind(TaskId),
}

/// A place in the line, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    queue: Arc<Queue>,
    number: u64,
    standing: watch::Receiver<Standing>,
}

impl Queue {
    pub(crate) fn new(places: u32) -> Arc<Self> {
        Arc::new(Self {
            places: usize::try_from(places.max(1)).unwrap_or(usize::MAX),
            line: Mutex::default(),
            numbers: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        })
    }

    /// From now on nobody moves up: who leaves stays in the way. Where all runners end one by one,
    /// none may begin because another one has ended first.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// How many tasks work, and how many wait.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let line = self.lock();
        let tasks = line.iter().filter(|entry| entry.takes_place);
        let admitted = |entry: &&Entry| *entry.standing.borrow() == Standing::Admitted;
        let (mut running, mut waiting) = (0, 0);
        for entry in tasks {
            match admitted(&entry) {
                true => running += 1,
                false => waiting += 1,
            }
        }
        (running, waiting)
    }

    /// Whether a task is in the line and has not come to its turn.
    pub(crate) fn is_waiting(&self, task: TaskId) -> bool {
        let line = self.lock();
        let mut of_it = line.iter().filter(|entry| entry.task == task);
        of_it.any(|entry| *entry.standing.borrow() != Standing::Admitted)
    }

    /// Takes the last place in the line.
    pub(crate) fn join(self: &Arc<Self>, task: TaskId, workspace: Option<PathBuf>) -> Ticket {
        self.enter(task, workspace, true)
    }

    /// The right to write a workspace outside of any task's run, if nobody works there now.
    pub(crate) fn hold(self: &Arc<Self>, task: TaskId, workspace: &Path) -> Option<Ticket> {
        let ticket = self.enter(task, Some(workspace.to_owned()), false);
        ticket.is_admitted().then_some(ticket)
    }

    fn enter(
        self: &Arc<Self>,
        task: TaskId,
        workspace: Option<PathBuf>,
        takes_place: bool,
    ) -> Ticket {
        // Nobody is told before it is known.
        let (standing, watched) = watch::channel(Standing::Behind(task));
        let mut line = self.lock();
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        line.push(Entry {
            number,
            task,
            workspace,
            takes_place,
            standing,
        });
        self.tell(&line);
        Ticket {
            queue: Arc::clone(self),
            number,
            standing: watched,
        }
    }

    fn leave(&self, number: u64) {
        let mut line = self.lock();
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        line.retain(|entry| entry.number != number);
        self.tell(&line);
    }

    /// Tells each where it stands, where that has changed. Who was admitted stays so.
    fn tell(&self, line: &[Entry]) {
        for (at, entry) in line.iter().enumerate() {
            if *entry.standing.borrow() == Standing::Admitted {
                continue;
            }
            let now = self.standing(line, at);
            entry.standing.send_if_modified(|known| {
                let changed = *known != now;
                *known = now;
                changed
            });
        }
    }

    fn standing(&self, line: &[Entry], at: usize) -> Standing {
        let Some(entry) = line.get(at) else {
            return Standing::Admitted;
        };
        let admitted = |other: &&Entry| *other.standing.borrow() == Standing::Admitted;
        // Also behind one that waits itself: it came first.
        let in_the_way = |other: &&Entry| overlap(other, entry);
        let ahead = line.iter().take(at);
        let later = line.iter().skip(at + 1).filter(admitted);
        if let Some(other) = ahead.clone().chain(later).find(in_the_way) {
            return Standing::Behind(other.task);
        }
        let running = line.iter().filter(admitted).filter(|one| one.takes_place);
        match running.clone().next() {
            Some(first) if entry.takes_place && running.count() >= self.places => {
                Standing::Behind(first.task)
            }
            _ => Standing::Admitted,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether two work in one directory, or one of them in the other's.
fn overlap(one: &Entry, other: &Entry) -> bool {
    match (&one.workspace, &other.workspace) {
        (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
        _ => false,
    }
}

impl Ticket {
    /// The task that it waits for now; none when it may run.
    pub(crate) fn behind(&self) -> Option<TaskId> {
        match *self.standing.borrow() {
            Standing::Admitted => None,
            Standing::Behind(other) => Some(other),
        }
    }

    fn is_admitted(&self) -> bool {
        self.behind().is_none()
    }

    /// Waits until it stands elsewhere than it did. For ever when nothing changes.
    pub(crate) async fn moved(&mut self) -> Standing {
        // The line keeps the sender while this ticket is there.
        if self.standing.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self.standing.borrow_and_update()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.leave(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(n: u8) -> TaskId {
        TaskId::from_uuid(uuid::Uuid::from_bytes([n; 16]))
    }

    fn join(queue: &Arc<Queue>, n: u8, dir: &str) -> Ticket {
        queue.join(task(n), Some(dir.into()))
    }

    #[test]
    fn one_directory_is_written_by_one_task_and_nested_ones_count_as_one() {
        let queue = Queue::new(9);
        let first = join(&queue, 1, "/w");
        let nested = join(&queue, 2, "/w/sub");
        let around = join(&queue, 3, "/");
        let beside = join(&queue, 4, "/w2");
        assert_eq!(first.behind(), None);
        assert_eq!(nested.behind(), Some(task(1)));
        // It came before, though it waits itself.
        assert_eq!(around.behind(), Some(task(1)));
        assert_eq!(beside.behind(), Some(task(3)));
        drop(first);
        assert_eq!(nested.behind(), None);
        assert_eq!(around.behind(), Some(task(2)));
        drop(around);
        assert_eq!(beside.behind(), None);
    }

    #[test]
    fn beyond_the_places_the_first_come_is_the_first_served() {
        let queue = Queue::new(2);
        let one = join(&queue, 1, "/1");
        let two = join(&queue, 2, "/2");
        let three = join(&queue, 3, "/3");
        let four = join(&queue, 4, "/4");
        assert_eq!((one.behind(), two.behind()), (None, None));
        assert_eq!(three.behind(), Some(task(1)));
        assert_eq!(four.behind(), Some(task(1)));
        drop(two);
        assert_eq!(three.behind(), None);
        assert_eq!(four.behind(), Some(task(1)));
        drop(one);
        assert_eq!(four.behind(), None);
    }

    #[test]
    fn when_the_line_is_closed_nobody_moves_up() {
        let queue = Queue::new(1);
        let one = join(&queue, 1, "/1");
        let same = join(&queue, 2, "/1");
        let other = join(&queue, 3, "/3");
        queue.close();
        drop(one);
        assert_eq!(same.behind(), Some(task(1)));
        assert_eq!(other.behind(), Some(task(1)));
    }

    #[test]
    fn one_that_waits_for_its_directory_holds_no_place() {
        let queue = Queue::new(2);
        let _one = join(&queue, 1, "/1");
        let _behind = join(&queue, 2, "/1");
        let other = join(&queue, 3, "/3");
        assert_eq!(other.behind(), None);
    }

    #[test]
    fn a_revert_needs_the_directory_and_no_place() {
        let queue = Queue::new(1);
        let running = join(&queue, 1, "/1");
        assert!(queue.hold(task(2), Path::new("/1")).is_none());
        let held = queue.hold(task(2), Path::new("/2"));
        assert!(held.is_some());
        drop(running);
        assert_eq!(join(&queue, 3, "/2").behind(), Some(task(2)));
        drop(held);
    }
}
