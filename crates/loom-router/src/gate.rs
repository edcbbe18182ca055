//! What stands before one server: the queue for its slots and the breaker that lets it rest.
//!
//! Main type: [`Gate`], the thin asynchronous side of [`Queue`] and [`Breaker`]. A [`Place`] or a
//! [`Try`] that is dropped at any moment gives back what it held.

use crate::breaker::{Breaker, LEAST_FAILURES, Pass, Rest};
use crate::queue::{Asking, Queue, Ticket};
use crate::{CallError, Capabilities, Health, ModelEntry};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The gate of one server; models at that server share it.
pub(crate) struct Gate {
    /// The ids of its models, as the entries name them.
    ids: Vec<Option<String>>,
    /// Slots that an entry states. What the server says is of no account then.
    stated: Option<usize>,
    state: Mutex<State>,
}

struct State {
    queue: Queue,
    /// Calls that wait for their turn.
    wake: HashMap<Ticket, oneshot::Sender<()>>,
    breaker: Breaker,
    /// Slots that the server was seen to have.
    learnt: Option<usize>,
    swaps: bool,
}

impl Gate {
    /// The gate of the server that these entries are at.
    pub(crate) fn new(entries: &[&ModelEntry]) -> Self {
        let mut ids: Vec<Option<String>> = Vec::new();
        for entry in entries {
            if !ids.contains(&entry.model) {
                ids.push(entry.model.clone());
            }
        }
        let stated = entries.iter().map(|entry| entry.max_concurrency).max();
        let stated = stated.filter(|most| *most > 0).map(size);
        // A call is let through all the tries that its entry states, before the server rests.
        let tries = entries.iter().map(|entry| entry.retries.saturating_add(2));
        let bound = tries.max().unwrap_or(0).max(LEAST_FAILURES);
        let slots = stated.unwrap_or(1);
        Self {
            state: Mutex::new(State {
                queue: Queue::new(slots, is_grouped(slots, ids.len(), false)),
                wake: HashMap::new(),
                breaker: Breaker::new(bound),
                learnt: None,
                swaps: false,
            }),
            ids,
            stated,
        }
    }

    /// Which of its models this entry means.
    pub(crate) fn model(&self, entry: &ModelEntry) -> usize {
        let same = |id: &Option<String>| *id == entry.model;
        self.ids.iter().position(same).unwrap_or(0)
    }

    /// Takes account of what is known of one of its models.
    pub(crate) fn learn(&self, capabilities: &Capabilities) {
        let mut state = self.state();
        let slots = capabilities.slots.map(size).filter(|slots| *slots > 0);
        state.learnt = state.learnt.max(slots);
        state.swaps |= capabilities.swaps;
        let slots = self.stated.or(state.learnt).unwrap_or(1);
        let grouped = is_grouped(slots, self.ids.len(), state.swaps);
        state.queue.adjust(slots, grouped);
        state.grant();
    }

    /// Waits for a slot. Dropping the future gives the place in the queue away.
    pub(crate) async fn enter(&self, asking: Asking) -> Place<'_> {
        let (place, turn) = {
            let mut state = self.state();
            let ticket = state.queue.arrive(asking);
            let (wake, turn) = oneshot::channel();
            state.wake.insert(ticket, wake);
            state.grant();
            (Place { gate: self, ticket }, turn)
        };
        turn.await
            .expect("BUG: who waits is dropped from the queue only by its place");
        place
    }

    /// Whether the server is to be asked now; says so before anybody waits in vain.
    pub(crate) fn check(&self, entry: &ModelEntry) -> Result<(), CallError> {
        match self.rest() {
            Some(rest) => Err(resting(entry, rest)),
            None => Ok(()),
        }
    }

    /// Begins to ask the server.
    pub(crate) fn admit(&self, entry: &ModelEntry) -> Result<Try<'_>, CallError> {
        let pass = self.state().breaker.admit(Instant::now());
        match pass {
            Ok(pass) => Ok(Try {
                gate: self,
                undecided: pass == Pass::Probe,
            }),
            Err(rest) => Err(resting(entry, rest)),
        }
    }

    /// Why the server is not to be asked now.
    pub(crate) fn rest(&self) -> Option<Rest> {
        self.state().breaker.rest(Instant::now())
    }

    /// How the server is.
    pub(crate) fn health(&self) -> Health {
        let state = self.state();
        match state.breaker.rest(Instant::now()) {
            Some(Rest { trying: true, .. }) => Health::Trying,
            Some(Rest { left, last, .. }) => Health::Resting {
                for_ms: crate::call_error::millis(left),
                last,
            },
            None if state.breaker.is_known_to_answer() => Health::Ok,
            None => Health::Unknown,
        }
    }

    /// How many calls of this model wait, and how many of all models may run at once.
    pub(crate) fn load(&self, model: usize) -> (u32, u32) {
        let state = self.state();
        let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        (
            number(state.queue.waiting(model)),
            number(state.queue.slots()),
        )
    }

    /// Both machines are whole after every call of theirs, so a panic elsewhere does not spoil them.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Wakes all whose turn has come.
    fn grant(&mut self) {
        while let Some(ticket) = self.queue.grant() {
            if let Some(wake) = self.wake.remove(&ticket) {
                // One who is gone has not left the queue yet, but is about to: its place is dropped.
                let _gone = wake.send(());
            }
        }
    }
}

/// A place in the queue or, once [`Gate::enter`] has returned it, a slot.
pub(crate) struct Place<'a> {
    gate: &'a Gate,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.wake.remove(&self.ticket);
        state.queue.leave(self.ticket);
        state.grant();
    }
}

/// A call that the breaker has let through.
pub(crate) struct Try<'a> {
    gate: &'a Gate,
    /// Whether the server's health hangs on this call, and nothing has been seen yet.
    undecided: bool,
}

impl Try<'_> {
    /// A piece of the answer came.
    pub(crate) fn spoke(&mut self) {
        if std::mem::take(&mut self.undecided) {
            self.gate.state().breaker.spoke();
        }
    }

    /// The whole answer came.
    pub(crate) fn answered(&mut self) {
        self.undecided = false;
        self.gate.state().breaker.answered();
    }

    /// The try failed. True when another one is of no use now.
    pub(crate) fn failed(&mut self, error: &CallError) -> bool {
        self.undecided = false;
        self.gate.state().breaker.failed(error, Instant::now())
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        if self.undecided {
            self.gate.state().breaker.abandoned(Instant::now());
        }
    }
}

/// Whether calls are grouped by model. With one slot that only changes their order and cannot do
/// harm; with more it would leave slots idle, so the server must be known to swap.
const fn is_grouped(slots: usize, models: usize, swaps: bool) -> bool {
    models > 1 && (swaps || slots == 1)
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn resting(entry: &ModelEntry, rest: Rest) -> CallError {
    CallError::Resting {
        server: entry.base_url.clone(),
        model: entry.name.clone(),
        last: rest.last,
        left: rest.left,
    }
}
