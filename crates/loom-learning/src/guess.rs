//! Which results of a task were wrong of which it is only known that not all are right. How likely each is
//! that one follows from what is known of all results by now, so it is judged again as more turns out. What
//! is known never follows from such a guess ([`Book::sure`] takes the task as a whole).

use crate::book::Book;
use crate::turnout::Seen;
use loom_events::{SubtaskId, TaskId, Time};
use std::collections::BTreeMap;

/// A guess that moves less than this stays.
const MOVES: f64 = 0.005;

/// A guess about one result.
pub(crate) struct Guess {
    subtask: SubtaskId,
    pub(crate) evidence: u8,
    pub(crate) right: f64,
    /// When it was said that the whole is wrong.
    pub(crate) made: Time,
}

/// A task of which it was said that it is wrong.
#[derive(Default)]
pub(crate) struct Wrong {
    pub(crate) guesses: Vec<Guess>,
    /// Whether somebody said of one of its results that it is wrong: then that is why the task is.
    pub(crate) explained: bool,
}

impl Book {
    /// Guesses again what is only guessed, by all that is known by now.
    pub fn reconsider(&mut self, now: Time) {
        let curve = self.curve(now);
        let sure = |guess: &Guess| curve.sure(f64::from(guess.evidence) / 100.0);
        for (task, Wrong { guesses, explained }) in self.guesses() {
            let all_right: f64 = guesses.iter().map(sure).product();
            let wrong = if explained { 1.0 } else { 1.0 - all_right };
            for guess in guesses {
                let fault = (1.0 - sure(&guess)) / wrong.max(f64::EPSILON);
                let right = 1.0 - fault.clamp(0.0, 1.0);
                if (right - guess.right).abs() >= MOVES && is_guess(right) {
                    self.guess(task, guess, right, now);
                }
            }
        }
    }

    /// What is only guessed, by task.
    pub(crate) fn guesses(&self) -> BTreeMap<TaskId, Wrong> {
        let mut tasks: BTreeMap<TaskId, Wrong> = BTreeMap::new();
        for ((task, subtask), look) in &self.looks {
            if let (Seen::Looked(right), Some(evidence)) = (look.seen, look.evidence)
                && is_guess(right)
            {
                tasks.entry(*task).or_default().guesses.push(Guess {
                    subtask: subtask.clone(),
                    evidence,
                    right,
                    made: look.last,
                });
            }
        }
        for ((task, _), look) in &self.looks {
            if let Some(wrong) = tasks.get_mut(task) {
                wrong.explained |= look.seen.is_wrong();
            }
        }
        tasks
    }

    fn guess(&mut self, task: TaskId, guess: Guess, right: f64, now: Time) {
        let turned = self.turned.entry(guess.evidence).or_default();
        turned.guess((guess.right, guess.made), right, now);
        if let Some(look) = self.looks.get_mut(&(task, guess.subtask)) {
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
        let seen = rated(results, right, book.sure(Time::EPOCH));
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
    fn what_was_guessed_first_is_guessed_again_when_more_is_known_and_moves_nothing() {
        // One in ten is wrong whose evidence says that two in five are.
        let steps = results(&[0.6; 10]);
        let mut book = Book::default();
        for number in 0..60 {
            // A task of ten such steps is right once in three times.
            say(&mut book, number, &steps, number % 3 == 2);
        }
        let before = book.sure(Time::EPOCH)(&steps[0]);
        assert!((before - 0.895).abs() < 0.02, "{before}");
        assert!(right_of(&book, 0, "s0") < 0.7, "nothing was known yet");
        book.reconsider(Time::EPOCH);
        // All tasks that are wrong are judged alike now.
        let (first, last) = (right_of(&book, 0, "s0"), right_of(&book, 58, "s0"));
        assert!((first - last).abs() < 0.01, "{first} {last}");
        assert!((first - 0.845).abs() < 0.02, "{first}");
        let after = book.sure(Time::EPOCH)(&steps[0]);
        assert!((after - before).abs() < 1e-6, "{before} {after}");
    }

    #[test]
    fn what_was_guessed_stays_what_it_counts_when_time_has_passed() {
        let steps = results(&[0.6; 10]);
        let mut book = Book::default();
        for number in 0..30 {
            say(&mut book, number, &steps, number % 3 == 2);
        }
        let later = Time::from_millis(60 * 24 * 60 * 60 * 1_000);
        let counted = |book: &Book, at: Time| {
            let (groups, faulty) = book.turned_by(at);
            let faulty: f64 = faulty.iter().map(|one| one.weight).sum();
            (groups[0].looked, groups[0].right, groups[0].wrong, faulty)
        };
        let before = counted(&book, later);
        book.reconsider(later);
        let after = counted(&book, later);
        for (before, after) in [
            (before.0, after.0),
            (before.1, after.1),
            (before.2, after.2),
            (before.3, after.3),
        ] {
            assert!((before - after).abs() < 1e-6, "{before} {after}");
        }
        assert!(before.3 < 13.0, "20 that count less: {}", before.3);
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
