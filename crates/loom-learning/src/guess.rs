//! Which results of a task were wrong of which it is only known that not all are right. The first such tasks
//! are judged when nothing else is known, so what is guessed of them is guessed again as more turns out:
//! expectation and maximisation by turns, in the bins of the calibration.

use crate::book::Book;
use crate::calibration::{at, isotonic};
use crate::turnout::Seen;
use loom_events::{SubtaskId, TaskId, Time};
use std::collections::BTreeMap;

/// Turns of guessing and counting. They come to rest after a few.
const ROUNDS: usize = 12;

/// A guess that moves less than this stays.
const MOVES: f64 = 0.005;

/// A guess about one result.
struct Guess {
    subtask: SubtaskId,
    evidence: u8,
    right: f64,
}

impl Book {
    /// Guesses again what is only guessed, by all that is known by now.
    pub fn reconsider(&mut self, now: Time) {
        for _ in 0..ROUNDS {
            let points = isotonic(&self.bins(now));
            let sure = |evidence: u8| at(&points, f64::from(evidence) / 100.0);
            let mut moved = false;
            for (task, guesses) in self.guesses() {
                let explained = self.knows_a_wrong_one(task);
                let all_right: f64 = guesses.iter().map(|guess| sure(guess.evidence)).product();
                let wrong = if explained { 1.0 } else { 1.0 - all_right };
                for guess in guesses {
                    let fault = (1.0 - sure(guess.evidence)) / wrong.max(f64::EPSILON);
                    let right = 1.0 - fault.clamp(0.0, 1.0);
                    if (right - guess.right).abs() >= MOVES && is_guess(right) {
                        self.guess(task, &guess, right, now);
                        moved = true;
                    }
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// What is only guessed, by task.
    fn guesses(&self) -> BTreeMap<TaskId, Vec<Guess>> {
        let mut tasks: BTreeMap<TaskId, Vec<Guess>> = BTreeMap::new();
        for ((task, subtask), look) in &self.looks {
            if let (Seen::Looked(right), Some(evidence)) = (look.seen, look.evidence)
                && is_guess(right)
            {
                tasks.entry(*task).or_default().push(Guess {
                    subtask: subtask.clone(),
                    evidence,
                    right,
                });
            }
        }
        tasks
    }

    /// Whether somebody said of a result of the task that it is wrong: then that is why the task is.
    fn knows_a_wrong_one(&self, task: TaskId) -> bool {
        let of_task = self.looks.iter().filter(|((of, _), _)| *of == task);
        let mut of_task = of_task.map(|(_, look)| look.seen);
        of_task.any(Seen::is_wrong)
    }

    fn guess(&mut self, task: TaskId, guess: &Guess, right: f64, now: Time) {
        let turned = self.turned.entry(guess.evidence).or_default();
        turned.see(Some(Seen::Looked(guess.right)), Seen::Looked(right), now);
        let name = (task, guess.subtask.clone());
        if let Some(look) = self.looks.get_mut(&name) {
            look.seen = Seen::Looked(right);
        }
    }
}

/// Whoever says of a result itself whether it is right is certain.
fn is_guess(right: f64) -> bool {
    right > 0.0 && right < 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turnout::{Turnout, rated};

    fn task(number: u64) -> TaskId {
        format!("019ac000-0000-7000-8000-{number:012}")
            .parse()
            .unwrap()
    }

    fn results(evidence: &[f64]) -> Vec<Turnout> {
        let result = |(at, evidence): (usize, &f64)| Turnout {
            subtask: SubtaskId::new(format!("s{at}")).unwrap(),
            evidence: *evidence,
            counts: true,
            seen: None,
        };
        evidence.iter().enumerate().map(result).collect()
    }

    /// A human says of the whole whether it is right.
    fn say(book: &mut Book, number: u64, results: &[Turnout], right: bool) {
        let sure = |result: &Turnout| book.sure(result, Time::EPOCH);
        let seen = rated(results, right, sure);
        for (result, seen) in results.iter().zip(seen) {
            book.look(task(number), result, seen, Time::EPOCH);
        }
    }

    fn right_of(book: &Book, number: u64, step: &str) -> f64 {
        let name = (task(number), SubtaskId::new(step).unwrap());
        match book.looks[&name].seen {
            Seen::Looked(right) => right,
            Seen::Found => panic!("it was looked at"),
        }
    }

    #[test]
    fn what_was_guessed_first_is_guessed_again_when_more_is_known() {
        // One in ten is wrong whose evidence says that two in five are.
        let steps = results(&[0.6; 10]);
        let mut book = Book::default();
        for number in 0..60 {
            // A task of ten such steps is right once in three times.
            say(&mut book, number, &steps, number % 3 == 2);
        }
        let before = book.sure(&steps[0], Time::EPOCH);
        book.reconsider(Time::EPOCH);
        let after = book.sure(&steps[0], Time::EPOCH);
        assert!(after > before + 0.01, "{before} {after}");
        assert!((after - 0.895).abs() < 0.02, "{after}");
        // All tasks that are wrong are judged alike now.
        let (first, last) = (right_of(&book, 0, "s0"), right_of(&book, 58, "s0"));
        assert!((first - last).abs() < 0.01, "{first} {last}");
    }

    #[test]
    fn a_step_that_is_known_to_be_wrong_explains_its_task() {
        let steps = results(&[0.8; 4]);
        let mut book = Book::default();
        for number in 0..20 {
            say(&mut book, number, &steps, number % 2 == 0);
        }
        book.reconsider(Time::EPOCH);
        let guessed = right_of(&book, 3, "s1");
        book.look(task(3), &steps[0], Seen::Looked(0.0), Time::EPOCH);
        book.reconsider(Time::EPOCH);
        assert!(right_of(&book, 3, "s1") > guessed + 0.05);
        assert!(right_of(&book, 3, "s0") <= 0.0, "that is no guess");
        // Nothing is counted twice.
        let counted: f64 = book
            .turned()
            .map(|(_, turned)| turned.right + turned.wrong)
            .sum();
        assert!((counted - 80.0).abs() < 1e-6, "{counted}");
    }
}
