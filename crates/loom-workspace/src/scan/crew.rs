//! Tasks that make more tasks, done by several threads.
//!
//! The newest task is done first: a walk stays in depth then, and what it holds open is about one
//! directory for each level and thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What the threads share.
pub(super) struct Crew<T> {
    todo: Mutex<Todo<T>>,
    changed: Condvar,
}

struct Todo<T> {
    tasks: Vec<T>,
    /// Tasks that are being done, and may make more.
    busy: usize,
    /// Somebody failed; the others need not go on.
    over: bool,
}

/// One task being done. It ends when this is dropped, also by a panic: nobody waits for it forever.
struct Turn<'a, T> {
    crew: &'a Crew<T>,
    made: Vec<T>,
    failed: bool,
}

impl<T> Crew<T> {
    pub(super) const fn new(tasks: Vec<T>) -> Self {
        let todo = Todo {
            tasks,
            busy: 0,
            over: false,
        };
        Self {
            todo: Mutex::new(todo),
            changed: Condvar::new(),
        }
    }

    /// Does tasks until there are none and nobody can make more.
    pub(super) fn work<E>(&self, mut one: impl FnMut(T) -> Result<Vec<T>, E>) -> Result<(), E> {
        while let Some(task) = self.next() {
            let mut turn = Turn {
                crew: self,
                made: Vec::new(),
                failed: true,
            };
            turn.made = one(task)?;
            turn.failed = false;
        }
        Ok(())
    }

    fn next(&self) -> Option<T> {
        let mut todo = self.todo();
        loop {
            if todo.over {
                return None;
            }
            if let Some(task) = todo.tasks.pop() {
                todo.busy += 1;
                return Some(task);
            }
            if todo.busy == 0 {
                return None;
            }
            let waited = self.changed.wait(todo);
            todo = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn todo(&self) -> MutexGuard<'_, Todo<T>> {
        // Nothing in it is ever half done while the lock is held.
        self.todo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut todo = self.crew.todo();
        todo.busy -= 1;
        todo.over |= self.failed;
        todo.tasks.append(&mut self.made);
        drop(todo);
        self.crew.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Every number makes two of the next smaller one.
    fn halves(number: usize) -> Vec<usize> {
        match number {
            0 => Vec::new(),
            _ => vec![number - 1; 2],
        }
    }

    #[test]
    fn everything_that_is_made_is_done_once() {
        let (crew, done) = (Crew::new(vec![10]), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    crew.work(|number| {
                        done.fetch_add(1, Ordering::Relaxed);
                        Ok::<_, ()>(halves(number))
                    })
                });
            }
        });
        assert_eq!(done.into_inner(), (1 << 11) - 1);
    }

    #[test]
    fn a_failure_ends_the_work_of_all() {
        let crew = Crew::new(vec![30]);
        let failed = std::thread::scope(|scope| {
            let work = || {
                crew.work(|number| match number {
                    20 => Err("no more"),
                    _ => Ok(halves(number)),
                })
            };
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
            let ends = threads.into_iter().map(|thread| thread.join().unwrap());
            ends.filter(Result::is_err).count()
        });
        assert!(failed >= 1, "and 2^30 tasks were not done");
    }

    #[test]
    fn a_panic_ends_the_work_of_all() {
        let crew = Crew::new(vec![1]);
        let ends = std::thread::scope(|scope| {
            let work = || crew.work(|_| -> Result<Vec<usize>, ()> { panic!("in a task") });
            let threads = [scope.spawn(work), scope.spawn(work)];
            threads.map(|thread| thread.join().is_err())
        });
        assert!(ends.contains(&true));
    }
}
