//! A person who looks at some of what was finished and tells the truth about it, and what Loom states of
//! other tasks once it was told: all over the way that people have, [`Engine::rate`].
//!
//! [`Engine::rate`]: loom_engine::Engine::rate

use super::calibration::{self, Bin};
use super::cell::{Cell, Ground, Place};
use super::outcome::{Outcome, Stated, as_with_a_sandbox};
use super::score::{heading, is_whole, say};
use super::variant::Class;
use loom_engine::Rating;
use loom_events::{Adjusted, Calibration, Confidence, ConfidencePart, SubtaskId, Time};
use loom_learning::{Book, Turnout, rated, turned_out};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

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
    let complete = outcomes.iter().filter(|one| one.completed);
    let complete = complete.map(|one| Seen {
        class: cell.class,
        steps: one.stated.clone(),
        finished: one.finished(),
    });
    tables(&complete.collect::<Vec<_>>());
}

/// The same reckoned from the lines that `LOOM_LIFT_KEEP` keeps, without running anything. Of each class
/// the complete tasks are cut into halves, one to look at and one to judge: once with each of these seeds,
/// since one cut is one draw of luck.
///
/// # Errors
/// The file cannot be read.
pub fn reckoned(path: &Path, looks_at: u64, seeds: RangeInclusive<u64>) -> std::io::Result<()> {
    let text = std::fs::read_to_string(path)?;
    let kept: Vec<Kept> = text.lines().filter_map(Kept::read).collect();
    let cuts: Vec<Vec<Seen>> = seeds
        .map(|seed| once_looked_at(&kept, looks_at, seed))
        .collect();
    for cut in &cuts {
        tables(cut);
    }
    if cuts.len() > 1 {
        let all = cuts.concat();
        heading(&format!("All {} cuts together", cuts.len()));
        tables(&all);
        for class in Class::ALL {
            heading(&format!("Of these {}", class.name()));
            let of_class = all.iter().filter(|one| one.class == class);
            tables(&of_class.cloned().collect::<Vec<_>>());
        }
    }
    Ok(())
}

/// Of each class the complete tasks are cut into halves by chance, the person looks at some of the one, and
/// it is reckoned what is stated of the other then, by the functions that the engine uses. Says what was
/// learned.
pub(super) fn once_looked_at(kept: &[Kept], looks_at: u64, seed: u64) -> Vec<Seen> {
    let mut judged: Vec<Seen> = Vec::new();
    for class in Class::ALL {
        let of_class = kept.iter().filter(|one| one.seen.class == class);
        let of_class = of_class
            .enumerate()
            .map(|(at, one)| (mix(seed ^ mix(at as u64)), one));
        let (teach, others): (Vec<_>, Vec<_>) = of_class.partition(|(draw, _)| draw % 2 == 0);
        let looked = teach
            .into_iter()
            .filter(|(draw, _)| draw / 2 % 100 < looks_at);
        let mut book = Book::default();
        let mut counts = (0, 0);
        for (at, (_, one)) in looked.enumerate() {
            let results = one.results();
            counts = (counts.0 + 1, counts.1 + results.len());
            let task = format!("019ac000-0000-7000-8000-{at:012}");
            let task = task.parse().expect("an id");
            let seen = rated(&results, one.seen.finished, book.sure(Time::EPOCH));
            for (result, seen) in results.iter().zip(seen) {
                book.look(task, result, seen, Time::EPOCH);
            }
            book.reconsider(Time::EPOCH);
        }
        let said = book.calibration(Time::EPOCH);
        if counts.0 > 0 {
            let why = said.as_ref();
            say(&format!(
                "{}, {} tasks looked at ({} results): {}",
                class.name(),
                counts.0,
                counts.1,
                why.map_or("too little is known", |said| &said.why)
            ));
        }
        let known = said.and_then(|said| match said.what {
            Adjusted::Calibration(calibration) => Some(calibration),
            _ => None,
        });
        judged.extend(
            others
                .into_iter()
                .map(|(_, one)| one.stated(known.as_ref())),
        );
    }
    judged
}

/// A complete task of H.
pub(super) struct Kept {
    seen: Seen,
}

impl Kept {
    /// None of a task that was not reported complete.
    pub(super) fn of(class: Class, outcome: &Outcome) -> Option<Self> {
        let step = |(evidence, right): &(f64, bool)| Stated {
            evidence: *evidence,
            stated: *evidence,
            right: *right,
        };
        outcome.completed.then(|| Self {
            seen: Seen {
                class,
                steps: outcome.steps.iter().map(step).collect(),
                finished: outcome.finished(),
            },
        })
    }

    /// A line that was kept.
    fn read(line: &str) -> Option<Self> {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        if !is_whole(line["variant"].as_str()?) || line["completed"] != true {
            return None;
        }
        let class = line["class"].as_str()?;
        let class = Class::ALL.into_iter().find(|one| one.name() == class)?;
        let verdicts = line["evidence"]["steps"].as_array()?.iter();
        let steps = line["stated"].as_array()?.iter().zip(verdicts);
        let steps = steps.map(|(step, seen)| {
            let parts = seen["verdict"]["parts"].as_array()?.iter();
            let parts = parts.map(|part| {
                Some(ConfidencePart {
                    why: part[0].as_str()?.to_owned(),
                    delta: part[1].as_f64()?,
                })
            });
            let evidence = as_with_a_sandbox(&Confidence {
                parts: parts.collect::<Option<_>>()?,
                ..Confidence::default()
            });
            Some(Stated {
                evidence,
                stated: evidence,
                right: step[1].as_bool()?,
            })
        });
        Some(Self {
            seen: Seen {
                class,
                steps: steps.collect::<Option<_>>()?,
                finished: line["finished"].as_bool()?,
            },
        })
    }

    fn results(&self) -> Vec<Turnout> {
        let steps = self.seen.steps.iter().enumerate();
        let result = |(at, step): (usize, &Stated)| Turnout {
            subtask: SubtaskId::new(format!("s{at}")).expect("an id"),
            evidence: step.evidence,
            counts: true,
            seen: None,
        };
        steps.map(result).collect()
    }

    fn stated(&self, known: Option<&Calibration>) -> Seen {
        let mut seen = self.seen.clone();
        for step in &mut seen.steps {
            let sure = Confidence {
                value: step.evidence,
                ..Confidence::default()
            };
            if let Some(known) = known {
                step.stated = turned_out(sure, known).value;
            }
        }
        seen
    }
}

/// A complete task: what was stated of its steps, and whether it is finished.
#[derive(Clone)]
pub(super) struct Seen {
    class: Class,
    pub steps: Vec<Stated>,
    finished: bool,
}

impl Seen {
    /// What was stated of the whole, and whether it is finished.
    pub(super) fn whole(&self) -> (f64, bool) {
        let stated = self.steps.iter().map(|one| one.stated);
        (stated.product(), self.finished)
    }
}

pub(super) fn tables(complete: &[Seen]) {
    let steps = |which: fn(&Stated) -> f64| -> Vec<(f64, bool)> {
        let stated = complete.iter().flat_map(|outcome| &outcome.steps);
        stated.map(|one| (which(one), one.right)).collect()
    };
    let tasks = |which: fn(&Stated) -> f64| -> Vec<(f64, bool)> {
        let product = |one: &Seen| one.steps.iter().map(which).product();
        complete
            .iter()
            .map(|one| (product(one), one.finished))
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
