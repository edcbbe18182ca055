//! Whose turn it is at one server: a bound on what runs at once, and the order of what waits.
//!
//! Decisions only; `gate` does the waiting. Main type: [`Queue`]. Tasks take turns, whatever number
//! of calls each of them has waiting; within a task the first comes first. A turn is one call, not
//! one minute: how long a call takes is not known before.
//!
//! Two rules bend that order, each within a bound, so that nobody starves. Calls that nobody waits
//! for (`aside`) let others go first, [`PATIENCE`] times. And where one model evicts another, calls
//! of the model that is loaded go first, [`BATCH`] times, and none of another one begins before the
//! last of them has ended.

use loom_events::TaskId;
use std::collections::HashMap;

/// Calls of one model in a row while another model's wait. A swap costs about as much as reading a
/// long prompt; eight turns make it a small part, and end within minutes.
const BATCH: u32 = 8;

/// Calls that go ahead of one that nobody waits for.
const PATIENCE: u32 = 8;

/// Who wants a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asking {
    /// The task; calls without one share their turns.
    pub(crate) task: Option<TaskId>,
    /// Which of the server's models.
    pub(crate) model: usize,
    /// Whether no task stands still for it.
    pub(crate) aside: bool,
}

/// Names one call in its queue; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

#[derive(Clone, Copy, Debug)]
struct Call {
    ticket: Ticket,
    asking: Asking,
}

/// The calls of one server: running and, in the order of their arrival, waiting.
#[derive(Debug)]
pub(crate) struct Queue {
    slots: usize,
    /// Whether a model's call evicts another model.
    grouped: bool,
    running: Vec<Call>,
    waiting: Vec<Call>,
    tickets: u64,
    /// The turn of the last grant. Turns are numbers of a clock that only grants advance.
    now: u64,
    /// The next turn of each task that has calls waiting. All others have the turn after `now`, as
    /// one has that has just been served: time in which a task wanted nothing is no credit.
    turns: HashMap<Option<TaskId>, u64>,
    /// For each lane: how many went ahead of calls that nobody waits for.
    ahead: HashMap<Lane, u32>,
    /// The model of the last grant, and how often in a row while others waited.
    loaded: Option<usize>,
    batch: u32,
    /// When each model was last granted a turn.
    granted: HashMap<usize, u64>,
    grants: u64,
}

/// Calls that compete with each other: those of one model, or all where models do not evict.
type Lane = Option<usize>;

impl Queue {
    /// An empty queue.
    pub(crate) fn new(slots: usize, grouped: bool) -> Self {
        Self {
            slots: slots.max(1),
            grouped,
            running: Vec::new(),
            waiting: Vec::new(),
            tickets: 0,
            now: 0,
            turns: HashMap::new(),
            ahead: HashMap::new(),
            loaded: None,
            batch: 0,
            granted: HashMap::new(),
            grants: 0,
        }
    }

    /// Changes what is known of the server. Calls that run are left alone.
    pub(crate) fn adjust(&mut self, slots: usize, grouped: bool) {
        self.slots = slots.max(1);
        self.grouped = grouped;
    }

    /// How many may run at once.
    pub(crate) const fn slots(&self) -> usize {
        self.slots
    }

    /// How many of a model's calls wait.
    pub(crate) fn waiting(&self, model: usize) -> usize {
        let of_model = |call: &&Call| call.asking.model == model;
        self.waiting.iter().filter(of_model).count()
    }

    /// A call arrives and waits, until [`Queue::grant`] names it.
    pub(crate) fn arrive(&mut self, asking: Asking) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.turns.entry(asking.task).or_insert(self.now + 1);
        self.waiting.push(Call { ticket, asking });
        ticket
    }

    /// A call has ended, or does not want its turn any more.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let others = |call: &Call| call.ticket != ticket;
        self.running.retain(others);
        self.waiting.retain(others);
        let waiting = &self.waiting;
        self.turns
            .retain(|task, _| waiting.iter().any(|call| call.asking.task == *task));
    }

    /// The next call that may begin now, if any; from then on it runs.
    pub(crate) fn grant(&mut self) -> Option<Ticket> {
        if self.running.len() >= self.slots {
            return None;
        }
        let lane = self.lane()?;
        let aside = self.is_for_those_aside(lane);
        let of_task = |call: &Call| self.turns.get(&call.asking.task).copied().unwrap_or(0);
        let (place, turn) = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(_, call)| is_in(lane, call) && call.asking.aside == aside)
            .map(|(place, call)| (place, of_task(call)))
            .min_by_key(|(_, turn)| *turn)?;
        let call = self.waiting.remove(place);
        self.note(lane, call, turn);
        self.running.push(call);
        Some(call.ticket)
    }

    /// The calls of which one may begin; `None` when there is none.
    fn lane(&self) -> Option<Lane> {
        let waits = |model: usize| self.waiting(model) > 0;
        if self.waiting.is_empty() {
            return None;
        }
        if !self.grouped {
            return Some(None);
        }
        let others = || {
            self.waiting
                .iter()
                .map(|call| call.asking.model)
                .filter(|model| Some(*model) != self.loaded)
        };
        match self.loaded {
            Some(loaded) if waits(loaded) && (self.batch < BATCH || others().next().is_none()) => {
                Some(Some(loaded))
            }
            // The model in memory finishes first.
            _ if !self.running.is_empty() => None,
            _ => others()
                .min_by_key(|model| self.granted.get(model).copied().unwrap_or(0))
                .map(Some),
        }
    }

    /// Whether the turn goes to a call that nobody waits for.
    fn is_for_those_aside(&self, lane: Lane) -> bool {
        let waits = |aside: bool| {
            let wanted = |call: &Call| is_in(lane, call) && call.asking.aside == aside;
            self.waiting.iter().any(wanted)
        };
        let patience_is_over = self
            .ahead
            .get(&lane)
            .is_some_and(|ahead| *ahead >= PATIENCE);
        waits(true) && (patience_is_over || !waits(false))
    }

    /// Keeps the accounts after `call` was taken out of those that wait.
    fn note(&mut self, lane: Lane, call: Call, turn: u64) {
        self.now = self.now.max(turn);
        let of_task = |other: &Call| other.asking.task == call.asking.task;
        if self.waiting.iter().any(of_task) {
            self.turns.insert(call.asking.task, turn + 1);
        } else {
            self.turns.remove(&call.asking.task);
        }
        let aside_waits = |other: &Call| is_in(lane, other) && other.asking.aside;
        if call.asking.aside {
            self.ahead.insert(lane, 0);
        } else if self.waiting.iter().any(aside_waits) {
            *self.ahead.entry(lane).or_default() += 1;
        }
        self.grants += 1;
        let model = call.asking.model;
        self.granted.insert(model, self.grants);
        if self.loaded != Some(model) {
            self.loaded = Some(model);
            self.batch = 0;
        }
        let others_wait = |other: &Call| other.asking.model != model;
        if self.waiting.iter().any(others_wait) {
            self.batch += 1;
        }
    }
}

fn is_in(lane: Lane, call: &Call) -> bool {
    lane.is_none_or(|model| model == call.asking.model)
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn task(number: u8) -> Option<TaskId> {
        Some(
            format!("00000000-0000-7000-8000-0000000000{number:02x}")
                .parse()
                .unwrap(),
        )
    }

    pub(super) fn asking(number: u8) -> Asking {
        Asking {
            task: task(number),
            model: 0,
            aside: false,
        }
    }

    /// Runs everything that waits, one at a time, and gives the names of the calls in their order.
    fn order(queue: &mut Queue, calls: &[(&'static str, Asking)]) -> String {
        let names: Vec<_> = calls
            .iter()
            .map(|(name, asking)| (queue.arrive(*asking), *name))
            .collect();
        let mut order = Vec::new();
        while let Some(ticket) = queue.grant() {
            order.push(names.iter().find(|(of, _)| *of == ticket).unwrap().1);
            queue.leave(ticket);
        }
        order.join(" ")
    }

    #[test]
    fn tasks_take_turns_and_within_a_task_the_first_comes_first() {
        let calls = [
            ("a1", asking(1)),
            ("a2", asking(1)),
            ("a3", asking(1)),
            ("b1", asking(2)),
            ("b2", asking(2)),
            ("c1", asking(3)),
        ];
        let order = order(&mut Queue::new(1, false), &calls);
        assert_eq!(order, "a1 b1 c1 a2 b2 a3");
    }

    #[test]
    fn a_task_that_asks_one_by_one_gets_every_second_turn_and_no_more() {
        let mut queue = Queue::new(1, false);
        let many: Vec<_> = (0..6).map(|_| queue.arrive(asking(1))).collect();
        let mut turns = String::new();
        for _ in 0..6 {
            let one = queue.arrive(asking(2));
            // The other task is served before it asks again.
            loop {
                let ticket = queue.grant().unwrap();
                queue.leave(ticket);
                turns.push(if many.contains(&ticket) { 'm' } else { 'o' });
                if ticket == one {
                    break;
                }
            }
        }
        assert_eq!(turns, "momomomomomo");
    }

    #[test]
    fn what_nobody_waits_for_comes_last_but_comes() {
        let aside = Asking {
            aside: true,
            ..asking(1)
        };
        let mut calls = vec![("x", aside), ("y", aside)];
        calls.extend((0..10).map(|_| ("w", asking(2))));
        let order = order(&mut Queue::new(1, false), &calls);
        assert_eq!(order, "w w w w w w w w x w w y");
    }

    #[test]
    fn calls_of_the_loaded_model_go_first_in_bounded_batches() {
        let of = |model| Asking { model, ..asking(1) };
        let mut calls = Vec::new();
        for _ in 0..10 {
            calls.extend([("a", of(0)), ("b", of(1))]);
        }
        let mut queue = Queue::new(1, true);
        assert_eq!(
            order(&mut queue, &calls),
            "a a a a a a a a b b b b b b b b a a b b"
        );
        let mut queue = Queue::new(1, false);
        assert!(order(&mut queue, &calls).starts_with("a b a b"));
    }

    #[test]
    fn a_model_is_not_evicted_while_one_of_its_calls_runs() {
        let of = |model| Asking { model, ..asking(1) };
        let mut queue = Queue::new(4, true);
        let a = queue.arrive(of(0));
        let b = queue.arrive(of(1));
        assert_eq!(queue.grant(), Some(a));
        assert_eq!(queue.grant(), None);
        queue.leave(a);
        assert_eq!(queue.grant(), Some(b));
    }

    #[test]
    fn more_slots_let_more_run_and_fewer_end_nothing() {
        let mut queue = Queue::new(1, false);
        let tickets: Vec<_> = (0..4).map(|_| queue.arrive(asking(1))).collect();
        assert_eq!(queue.grant(), Some(tickets[0]));
        queue.adjust(3, false);
        assert_eq!(
            (queue.grant(), queue.grant()),
            (Some(tickets[1]), Some(tickets[2]))
        );
        queue.adjust(0, false);
        assert_eq!(
            (queue.slots(), queue.running.len(), queue.grant()),
            (1, 3, None)
        );
    }

    #[test]
    fn new_tasks_do_not_push_back_one_that_waits() {
        let mut queue = Queue::new(1, false);
        let first = queue.arrive(asking(0));
        assert_eq!(queue.grant(), Some(first));
        let second = queue.arrive(asking(0));
        for number in 1..200 {
            queue.arrive(asking(number));
        }
        queue.leave(first);
        assert_eq!(queue.grant(), Some(second));
        queue.leave(second);
        while let Some(ticket) = queue.grant() {
            queue.leave(ticket);
        }
        assert!(queue.turns.is_empty(), "nothing is kept of who is gone");
    }
}
