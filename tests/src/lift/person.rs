//! A person who looks at some of what was finished and tells the truth about it, and what Loom states of
//! other tasks once it was told: all over the way that people have, [`Engine::rate`].
//!
//! [`Engine::rate`]: loom_engine::Engine::rate

use super::calibration::{self, Bin};
use super::cell::{Cell, Ground, Place};
use super::outcome::Outcome;
use super::score::{heading, say};
use loom_engine::Rating;
use std::path::PathBuf;

/// Tasks of which one batch of ratings comes: a person looks at what is finished while the next ones run.
const BATCH: u64 = 20;

/// Numbers of the tasks that are judged: others than those that teach.
const OTHERS: u64 = 1_000_000;

/// Who looks at finished tasks.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Of a hundred finished tasks the number that is looked at.
    pub looks_at: u64,
    /// Tasks before it is measured what Loom states.
    pub before: u64,
}

impl Person {
    /// Whether this task is looked at: a draw that has nothing to do with what came of it.
    const fn looks(self, seed: u64, number: u64) -> bool {
        mix(seed ^ mix(number)) % 100 < self.looks_at
    }
}

/// The finalizer of splitmix64.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Runs tasks of a cell with learning and a person who looks, then others, and says how far what is stated
/// of those is so: by the evidence alone, and as it was stated.
pub async fn taught(cell: &Cell, person: Person, place: &Place, helper: Option<PathBuf>) {
    let cell = Cell {
        variant: cell.variant.clone().learning(),
        ..cell.clone()
    };
    let ground = Ground::new(&cell, place, helper).await;
    let (mut tasks, mut looked) = (0, 0);
    let numbers: Vec<u64> = (0..person.before).collect();
    for batch in numbers.chunks(usize::try_from(BATCH).unwrap_or(1)) {
        let outcomes = ground.run(&cell, batch).await;
        for (number, outcome) in batch.iter().zip(&outcomes) {
            if outcome.completed && person.looks(cell.seed, *number) {
                let rating = Rating {
                    right: outcome.finished(),
                    subtasks: Vec::new(),
                };
                tasks += 1;
                let said = ground.engine.rate(outcome.task, &rating).await;
                looked += said.expect("a finished task can be rated");
            }
        }
    }
    let learned = ground.engine.learned().await;
    let numbers: Vec<u64> = (0..cell.tasks as u64).map(|n| OTHERS + n).collect();
    let outcomes = ground.run(&cell, &numbers).await;
    ground.close().await;
    heading(&format!(
        "{} {}, {} steps: {} tasks, of {tasks} the person said whether they are right ({looked} results); then {} others",
        cell.class.name(),
        cell.variant.name,
        cell.steps,
        person.before,
        outcomes.len(),
    ));
    let calibration = learned.adjustments.iter();
    for (_, why) in calibration.filter(|(about, _)| about == "confidence") {
        say(why);
    }
    let complete: Vec<&Outcome> = outcomes.iter().filter(|one| one.completed).collect();
    tables(&complete);
}

fn tables(complete: &[&Outcome]) {
    let steps = |which: fn(&super::outcome::Stated) -> f64| -> Vec<(f64, bool)> {
        let stated = complete.iter().flat_map(|outcome| &outcome.stated);
        stated.map(|one| (which(one), one.right)).collect()
    };
    let tasks = |which: fn(&super::outcome::Stated) -> f64| -> Vec<(f64, bool)> {
        let product = |one: &&Outcome| one.stated.iter().map(which).product();
        complete
            .iter()
            .map(|one| (product(one), one.finished()))
            .collect()
    };
    table("Steps by their evidence", &steps(|one| one.evidence));
    table("Steps as stated", &steps(|one| one.stated));
    table(
        "Tasks by the evidence of their steps",
        &tasks(|one| one.evidence),
    );
    table("Tasks as stated", &tasks(|one| one.stated));
}

fn table(what: &str, seen: &[(f64, bool)]) {
    let bins = calibration::deciles(seen);
    say(&format!(
        "{what}: on average off by {:.1} points",
        off(&bins)
    ));
    for bin in &bins {
        say(&format!(
            "  {:.1} and more: stated {:5.1}, true {:5.1} (± {:.1})  of {}",
            bin.from,
            bin.stated,
            bin.so,
            spread(bin),
            bin.count
        ));
    }
}

/// Over all of them, by how much what is stated in a tenth is off.
#[expect(clippy::cast_precision_loss, reason = "counts of results")]
fn off(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    let sum: f64 = bins.iter().map(|bin| bin.error() * bin.count as f64).sum();
    sum / all.max(1) as f64
}

/// The standard error of the true share, in points.
#[expect(clippy::cast_precision_loss, reason = "counts of results")]
fn spread(bin: &Bin) -> f64 {
    let share = bin.so / 100.0;
    100.0 * (share * (1.0 - share) / bin.count.max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_looks_at_about_as_many_as_is_said() {
        let person = Person {
            looks_at: 30,
            before: 0,
        };
        let looked = (0..10_000).filter(|number| person.looks(1, *number));
        let looked = looked.count();
        assert!((2_800..3_200).contains(&looked), "{looked}");
    }

    #[test]
    fn how_far_off_is_weighed_by_how_many_there_are() {
        let seen = [(0.95, true), (0.95, true), (0.95, true), (0.25, false)];
        assert!((off(&calibration::deciles(&seen)) - 10.0).abs() < 1e-9);
    }
}
