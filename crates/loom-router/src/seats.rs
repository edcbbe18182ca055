//! Which of a server's slots a call uses, where that can be chosen, so that its cached prefix is
//! still there. Main type: [`Seats`], one for each model.
//!
//! The conversation of an executor grows for an hour and costs minutes to read again; questions of
//! an extractor or verifier come between its turns. So the last slot is theirs, and every executor
//! keeps the one that it had.

use loom_events::{Role, TaskId};

/// Whose cache a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The task.
    pub(crate) task: Option<TaskId>,
    /// Whether it is a question on the side, and not the task's work.
    pub(crate) aside: bool,
}

impl Owner {
    /// The owner of a call's cache. A call without a role is taken for work.
    pub(crate) fn of(task: Option<TaskId>, role: Option<Role>) -> Self {
        let aside = match role {
            None | Some(Role::Executor) => false,
            Some(Role::Planner | Role::Replanner | Role::Verifier | Role::Extractor) => true,
        };
        Self { task, aside }
    }
}

/// The slots of one model.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    seats: Vec<Seat>,
    uses: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    owner: Option<Owner>,
    taken: bool,
    /// When it was last taken.
    used: u64,
}

impl Seats {
    /// There are so many. With fewer than two there is nothing to choose.
    pub(crate) fn set(&mut self, slots: usize) {
        self.seats.resize(slots, Seat::default());
    }

    /// A seat for this owner until [`Seats::leave`]; `None` leaves the choice to the server.
    pub(crate) fn take(&mut self, owner: Owner) -> Option<usize> {
        if self.seats.len() < 2 {
            return None;
        }
        let place = self.own(owner).or_else(|| self.other(owner))?;
        self.uses += 1;
        self.seats[place] = Seat {
            owner: Some(owner),
            taken: true,
            used: self.uses,
        };
        Some(place)
    }

    /// The call of that seat has ended; what it cached stays.
    pub(crate) fn leave(&mut self, place: usize) {
        if let Some(seat) = self.seats.get_mut(place) {
            seat.taken = false;
        }
    }

    fn own(&self, owner: Owner) -> Option<usize> {
        self.free(|seat| seat.owner == Some(owner)).next()
    }

    fn other(&self, owner: Owner) -> Option<usize> {
        let last = self.seats.len() - 1;
        let oldest = |place: &usize| self.seats[*place].used;
        if owner.aside {
            // Never the cache of somebody's work.
            let spare = self.free(|seat| seat.owner.is_none_or(|owner| owner.aside));
            return spare.max_by_key(|place| (*place == last, std::cmp::Reverse(oldest(place))));
        }
        let of_work = self.free(|_| true).filter(|place| *place != last);
        of_work
            .min_by_key(oldest)
            .or_else(|| self.free(|_| true).next())
    }

    fn free(&self, fits: impl Fn(&Seat) -> bool) -> impl Iterator<Item = usize> {
        let free = move |(_, seat): &(usize, &Seat)| !seat.taken && fits(seat);
        self.seats
            .iter()
            .enumerate()
            .filter(free)
            .map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: u8, role: Role) -> Owner {
        let task = format!("00000000-0000-7000-8000-0000000000{number:02x}");
        Owner::of(Some(task.parse().unwrap()), Some(role))
    }

    fn seats(slots: usize) -> Seats {
        let mut seats = Seats::default();
        seats.set(slots);
        seats
    }

    /// Takes and leaves at once.
    fn visit(seats: &mut Seats, owner: Owner) -> Option<usize> {
        let place = seats.take(owner);
        place.into_iter().for_each(|place| seats.leave(place));
        place
    }

    #[test]
    fn an_executor_keeps_its_slot_and_questions_use_the_last_one() {
        let mut seats = seats(2);
        for _ in 0..3 {
            assert_eq!(visit(&mut seats, owner(1, Role::Executor)), Some(0));
            assert_eq!(visit(&mut seats, owner(1, Role::Extractor)), Some(1));
            assert_eq!(visit(&mut seats, owner(2, Role::Verifier)), Some(1));
        }
    }

    #[test]
    fn two_tasks_have_a_slot_each_and_a_third_takes_the_one_unused_for_longest() {
        let mut seats = seats(3);
        assert_eq!(visit(&mut seats, owner(1, Role::Executor)), Some(0));
        assert_eq!(visit(&mut seats, owner(2, Role::Executor)), Some(1));
        assert_eq!(visit(&mut seats, owner(1, Role::Executor)), Some(0));
        assert_eq!(visit(&mut seats, owner(3, Role::Executor)), Some(1));
        assert_eq!(visit(&mut seats, owner(1, Role::Executor)), Some(0));
    }

    #[test]
    fn a_taken_slot_is_not_given_twice() {
        let mut seats = seats(2);
        assert_eq!(seats.take(owner(1, Role::Executor)), Some(0));
        assert_eq!(seats.take(owner(2, Role::Executor)), Some(1));
        assert_eq!(seats.take(owner(3, Role::Executor)), None);
        seats.leave(0);
        assert_eq!(
            seats.take(owner(4, Role::Verifier)),
            None,
            "the cache of task 1 is kept"
        );
        assert_eq!(seats.take(owner(1, Role::Executor)), Some(0));
    }

    #[test]
    fn with_one_slot_there_is_no_choice() {
        assert_eq!(visit(&mut seats(1), owner(1, Role::Executor)), None);
        assert_eq!(visit(&mut Seats::default(), owner(1, Role::Executor)), None);
    }
}
