//! What holds for every order of arrivals, drops and ends.

use super::tests::{asking, task};
use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Arrive(Asking),
    /// A waiting call is dropped.
    Drop(usize),
    /// A running call ends.
    Finish(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let asking = (0..4_u8, 0..3_usize, any::<bool>()).prop_map(|(number, model, aside)| Asking {
        task: task(number),
        model,
        aside,
    });
    prop_oneof![
        3 => asking.prop_map(Step::Arrive),
        1 => any::<usize>().prop_map(Step::Drop),
        2 => any::<usize>().prop_map(Step::Finish),
    ]
}

fn grant_all(queue: &mut Queue) {
    while queue.grant().is_some() {}
    assert!(queue.running.len() <= queue.slots);
    if queue.grouped {
        let models = queue.running.iter().map(|call| Some(call.asking.model));
        assert!(models.into_iter().all(|model| model == queue.loaded));
    }
}

/// One of these, by a number that may be any.
fn pick(calls: &[Call], number: usize) -> Option<Ticket> {
    calls
        .get(number.checked_rem(calls.len())?)
        .map(|call| call.ticket)
}

proptest! {
    #[test]
    fn the_bound_holds_no_slot_lies_idle_and_everybody_is_served(
        steps in proptest::collection::vec(step(), 0..80),
        slots in 1..4_usize,
        grouped: bool,
    ) {
        let mut queue = Queue::new(slots, grouped);
        for step in steps {
            match step {
                Step::Arrive(asking) => drop(queue.arrive(asking)),
                Step::Drop(number) => {
                    if let Some(ticket) = pick(&queue.waiting, number) {
                        queue.leave(ticket);
                    }
                }
                Step::Finish(number) => {
                    if let Some(ticket) = pick(&queue.running, number) {
                        queue.leave(ticket);
                    }
                }
            }
            grant_all(&mut queue);
            let idle = queue.running.len() < slots;
            prop_assert!(!idle || queue.waiting.is_empty() || (grouped && !queue.running.is_empty()));
        }
        // Whoever waits now is served, though a newer call arrives for every one that ends.
        let mut left: Vec<_> = queue.waiting.iter().map(|call| call.ticket).collect();
        let bound = 40 * (left.len() + 2);
        for round in 0..bound {
            left.retain(|ticket| queue.waiting.iter().any(|call| call.ticket == *ticket));
            if left.is_empty() {
                break;
            }
            if let Some(ticket) = pick(&queue.running, 0) {
                queue.leave(ticket);
            }
            let number = u8::try_from(round % 4).unwrap();
            queue.arrive(Asking { model: round % 3, ..asking(number) });
            grant_all(&mut queue);
        }
        prop_assert!(left.is_empty(), "{left:?} starve");
    }

    #[test]
    fn tasks_that_always_want_more_get_equal_shares(
        drops in proptest::collection::vec(0..5_u8, 0..30),
        slots in 1..4_usize,
    ) {
        let mut queue = Queue::new(slots, false);
        let mut shares = [0_i32; 5];
        for round in 0..100 {
            for number in 0..5 {
                while queue.waiting.iter().filter(|call| call.asking.task == task(number)).count() < 3 {
                    queue.arrive(asking(number));
                }
            }
            // A dropped call costs its task no turn.
            if let Some(number) = drops.get(round) {
                let first = queue.waiting.iter().find(|call| call.asking.task == task(*number));
                let ticket = first.unwrap().ticket;
                queue.leave(ticket);
            }
            if let Some(ticket) = pick(&queue.running, round) {
                queue.leave(ticket);
            }
            while let Some(ticket) = queue.grant() {
                let call = queue.running.iter().find(|call| call.ticket == ticket).unwrap();
                let number = (0..5_u8).find(|number| task(*number) == call.asking.task).unwrap();
                shares[usize::from(number)] += 1;
            }
        }
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{shares:?}");
    }
}
