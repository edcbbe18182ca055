//! The whole measurement: which cells are run, what is printed, which reaches must be met.

use super::calibration::{self, Bin, FEWEST};
use super::cell::{Cell, Place, run};
use super::outcome::{Outcome, Tally};
use super::person::{self, Kept};
use super::plot::{Line, Panel, svg};
use super::variant::{Class, Variant};
use loom_sim::DefectKind;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Tasks in a cell of which something is promised.
    pub promised: usize,
    /// In any other of up to ten steps, and of more.
    pub others: (usize, usize),
    /// In a cell whose tasks are long.
    pub long: usize,
    pub lengths: &'static [usize],
    pub classes: &'static [Class],
    /// The classes for which each defence is switched off in turn, and tasks in such a cell.
    pub ablations: (&'static [Class], usize),
    /// The same for executions that vote.
    pub voting: (&'static [Class], usize),
}

/// From so many steps on a task is long.
const LONG: usize = 50;

/// Of tasks with fewer steps it can be stated that they are as good as certain.
const SHORT: usize = 5;

const MIDDLING: &[Class] = &[Class::Middling];

impl Extent {
    /// Standard errors of 3 points or less in every cell: a night on two cores.
    pub const EVERYTHING: Self = Self {
        promised: 250,
        others: (250, 250),
        long: 60,
        lengths: &[2, 5, 10, 20, 50],
        classes: &Class::ALL,
        ablations: (&Class::ALL, 250),
        voting: (&Class::ALL, 100),
    };

    /// The same where something is promised, and of the rest enough to see it: an hour or two.
    pub const FULL: Self = Self {
        promised: 250,
        others: (80, 40),
        long: 12,
        ablations: (MIDDLING, 100),
        voting: (MIDDLING, 30),
        ..Self::EVERYTHING
    };

    /// Enough to see the order; minutes.
    pub const QUICK: Self = Self {
        promised: 60,
        others: (60, 0),
        long: 0,
        lengths: &[10],
        classes: MIDDLING,
        ablations: (&[], 0),
        voting: (&[], 0),
    };

    fn tasks(&self, variant: &str, class: Class, steps: usize) -> usize {
        if is_promised(variant, class, steps) {
            return self.promised;
        }
        match steps {
            LONG.. => self.long,
            11.. => self.others.1,
            _ => self.others.0,
        }
    }

    /// Of the longest and the shortest tasks in any but the largest extent only the whole harness is of
    /// interest: the others finish none of the ones, and of the others it is what is stated of them.
    fn variants(&self, class: Class, steps: usize) -> Vec<Variant> {
        let mut variants = variants(class);
        if !(SHORT..LONG).contains(&steps) && self.others.0 < self.promised {
            variants.retain(|variant| variant.name.starts_with('H'));
        }
        variants
    }
}

/// Whether a reach is about this cell.
fn is_promised(variant: &str, class: Class, steps: usize) -> bool {
    match (class, steps) {
        (Class::Middling, 10) => !variant.contains("without") && !variant.starts_with('I'),
        (Class::Strong, 20) => variant == "H",
        _ => false,
    }
}

/// A cell with what came of it.
pub(super) struct Row {
    pub variant: String,
    pub class: Class,
    pub steps: usize,
    pub outcomes: Vec<Outcome>,
    pub tally: Tally,
}

/// A promise and whether it is kept.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub what: String,
    pub seen: String,
    pub met: bool,
}

/// Runs everything and prints it. Returns whether every reach is met.
pub async fn measure(extent: Extent, seed: u64, picture: &Path) -> bool {
    let begun = Instant::now();
    let mut rows = Vec::new();
    heading(
        "Truly finished / said finished and was not / stopped and asked, % (stopped, but finished)",
    );
    for class in extent.classes {
        for steps in extent.lengths {
            for variant in extent.variants(*class, *steps) {
                let tasks = extent.tasks(&variant.name, *class, *steps);
                rows.push(row(variant, (*class, *steps), tasks, seed).await);
            }
        }
    }
    let (classes, tasks) = extent.ablations;
    if !classes.is_empty() {
        heading("H with one defence less, 10 steps");
    }
    for class in classes {
        for variant in Variant::without() {
            let row = row(variant, (*class, 10), tasks, seed).await;
            compare(&rows, "H", &row);
            rows.push(row);
        }
    }
    let (classes, tasks) = extent.voting;
    if !classes.is_empty() {
        heading("H with executions that vote, 10 steps");
    }
    for class in classes {
        for variant in Variant::voting() {
            if find(&rows, &variant.name, *class, 10).is_some() {
                continue;
            }
            let row = row(variant, (*class, 10), tasks, seed).await;
            if row.variant.starts_with('I') {
                compare(&rows, &row.variant.replacen('I', "H", 1), &row);
            }
            rows.push(row);
        }
    }
    calibrations(&rows);
    let taught = once_looked_at(&rows, seed);
    defects(&rows);
    draw(&rows, picture);
    let reaches = reaches(&rows, &taught, extent);
    heading("Reach");
    for reach in &reaches {
        let mark = if reach.met { "met   " } else { "MISSED" };
        say(&format!("{mark} {}: {}", reach.what, reach.seen));
    }
    let passed = reaches.iter().all(|reach| reach.met);
    say(&json(&rows, &reaches, begun.elapsed().as_secs()));
    passed
}

/// B to H, and H with the head of the strongest class.
fn variants(class: Class) -> Vec<Variant> {
    let mut variants: Vec<Variant> = ('B'..='H').map(Variant::letter).collect();
    if class != Class::Strong {
        variants.push(Variant::letter('H').headed_by(Class::Strong));
    }
    variants
}

async fn row(variant: Variant, (class, steps): (Class, usize), tasks: usize, seed: u64) -> Row {
    let cell = Cell {
        class,
        steps,
        tasks,
        seed,
        trouble: None,
        variant,
    };
    let begun = Instant::now();
    let outcomes = run(&cell, &Place::in_memory()).await;
    let tally = Tally::of(&outcomes);
    let row = Row {
        variant: cell.variant.name.clone(),
        class,
        steps,
        outcomes,
        tally,
    };
    let t = &row.tally;
    say(&format!(
        "{:9} {:>2} steps  {:40} {:5.1} ± {:3.1} / {:5.1} / {:5.1} ({:4.1})  turns {:6.1}  of {:3}, {:4.0} s in all",
        class.name(),
        steps,
        row.variant,
        t.finished,
        t.error(),
        t.wrong,
        t.stopped,
        t.stopped_finished,
        t.turns,
        t.tasks,
        begun.elapsed().as_secs_f64()
    ));
    row
}

/// What a defence less or more is worth on the tasks that both did: points of finished tasks, and turns.
fn compare(rows: &[Row], whole: &str, less: &Row) {
    if let Some(whole) = find(rows, whole, less.class, less.steps) {
        let same = less.outcomes.len().min(whole.outcomes.len());
        let (less, whole) = (
            Tally::of(&less.outcomes[..same]),
            Tally::of(&whole.outcomes[..same]),
        );
        let points = less.finished - whole.finished;
        let wrong = less.wrong - whole.wrong;
        let turns = less.turns - whole.turns;
        say(&format!(
            "{:>60} {points:+5.1} points, {wrong:+5.1} said finished wrongly, {turns:+6.1} turns",
            ""
        ));
    }
}

pub(super) fn find<'a>(
    rows: &'a [Row],
    variant: &str,
    class: Class,
    steps: usize,
) -> Option<&'a Row> {
    rows.iter()
        .find(|row| row.variant == variant && row.class == class && row.steps == steps)
}

/// The rows of the whole harness, without those that lack a defence.
fn whole(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| is_whole(&row.variant))
}

pub(super) fn is_whole(variant: &str) -> bool {
    variant.starts_with('H') && !variant.contains("without")
}

fn pooled(rows: &[Row]) -> Vec<Outcome> {
    whole(rows).flat_map(|row| row.outcomes.clone()).collect()
}

fn calibrations(rows: &[Row]) {
    look(&pooled(rows));
}

/// Of a hundred finished tasks those that a person looks at.
const LOOKS_AT: u64 = 30;

/// Cuts into tasks to look at and tasks to judge: one is luck, of those who teach and of those who are judged.
const CUTS: usize = 10;

/// What is stated once a person has looked at some tasks, of others, beside what is so; of all cuts together.
struct Taught {
    steps: Vec<(f64, bool)>,
    tasks: Vec<(f64, bool)>,
}

/// Reckons it, and says it.
fn once_looked_at(rows: &[Row], seed: u64) -> Taught {
    heading(&format!(
        "The same, once a person has said of {LOOKS_AT} of a hundred others whether they are right as a whole, {CUTS} cuts"
    ));
    let of_row = |row: &Row| {
        let class = row.class;
        let kept = row
            .outcomes
            .iter()
            .filter_map(move |one| Kept::of(class, one));
        kept.collect::<Vec<_>>()
    };
    let kept: Vec<Kept> = whole(rows).flat_map(of_row).collect();
    let cuts = (seed..).take(CUTS);
    let seen: Vec<person::Seen> = cuts
        .flat_map(|seed| person::once_looked_at(&kept, LOOKS_AT, seed))
        .collect();
    person::tables(&seen);
    let steps = seen.iter().flat_map(|one| &one.steps);
    Taught {
        steps: steps.map(|step| (step.stated, step.right)).collect(),
        tasks: seen.iter().map(person::Seen::whole).collect(),
    }
}

/// Says how far what was stated of these is so.
pub fn look(outcomes: &[Outcome]) {
    for (what, bins) in [
        (
            "Steps: stated and true share of right ones, by tenths of what was stated",
            calibration::deciles(&calibration::of_steps(outcomes)),
        ),
        (
            "Tasks reported complete: stated and true share of finished ones",
            calibration::deciles(&calibration::of_tasks(outcomes)),
        ),
    ] {
        heading(what);
        for bin in &bins {
            say(&format!(
                "{:.1} and more: stated {:5.1}, true {:5.1}  of {}",
                bin.from, bin.stated, bin.so, bin.count
            ));
        }
    }
}

fn defects(rows: &[Row]) {
    heading("Defects left in tasks reported complete, % of all tasks, 10 steps");
    for row in rows
        .iter()
        .filter(|row| row.steps == 10 && !row.variant.contains("without"))
    {
        let kinds = row.tally.defects.iter().filter(|(_, share)| **share > 0.0);
        let kinds: Vec<String> = kinds
            .map(|(kind, share)| format!("{} {share:.1}", kind.name()))
            .collect();
        say(&format!(
            "{:9} {:20} {}",
            row.class.name(),
            row.variant,
            kinds.join(", ")
        ));
    }
}

fn draw(rows: &[Row], picture: &Path) {
    let variants: Vec<String> = ('B'..='H').map(String::from).collect();
    let mut lengths: Vec<usize> = rows.iter().map(|row| row.steps).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let panels: Vec<Panel> = lengths
        .iter()
        .map(|steps| Panel {
            title: format!("{steps} steps: truly finished, %"),
            lines: Class::ALL
                .iter()
                .map(|class| Line {
                    name: class.name().to_owned(),
                    values: variants
                        .iter()
                        .map(|v| find(rows, v, *class, *steps).map(|row| row.tally.finished))
                        .collect(),
                })
                .collect(),
        })
        .collect();
    if let Err(error) = std::fs::write(picture, svg(&variants, &panels)) {
        say(&format!("the picture was not written: {error}"));
    }
}

/// Points by which a later variant of so many tasks may fall behind the one before it: sampling noise of
/// a pair of cells that share their tasks.
#[expect(clippy::cast_precision_loss, reason = "a number of tasks")]
fn slack(tasks: usize) -> f64 {
    2.0 * (250.0 / tasks.max(1) as f64).sqrt()
}

fn reaches(rows: &[Row], taught: &Taught, extent: Extent) -> Vec<Reach> {
    let mut reaches = Vec::new();
    let finished =
        |variant: &str, class, steps| Some(find(rows, variant, class, steps)?.tally.finished);
    for class in extent.classes {
        let with_all = |steps: &&usize| (SHORT..LONG).contains(*steps);
        for steps in extent.lengths.iter().filter(with_all) {
            let shares: Vec<f64> = ('B'..='H')
                .filter_map(|letter| finished(&letter.to_string(), *class, *steps))
                .collect();
            let tasks = find(rows, "H", *class, *steps).map_or(0, |row| row.tally.tasks);
            let falls = shares
                .windows(2)
                .any(|pair| pair[1] < pair[0] - slack(tasks));
            reaches.push(Reach {
                what: format!("B < C ≈ D < E < F < G < H, {}, {steps} steps", class.name()),
                seen: shares
                    .iter()
                    .map(|s| format!("{s:.0}"))
                    .collect::<Vec<_>>()
                    .join(" "),
                met: !falls && shares.last() > shares.first(),
            });
        }
    }
    let mut at_least = |what: &str, seen: Option<f64>, least: f64| {
        if let Some(seen) = seen {
            reaches.push(Reach {
                what: format!("{what} at least {least:.0}"),
                seen: format!("{seen:.1}"),
                met: seen >= least,
            });
        }
    };
    let middling = |variant: &str| finished(variant, Class::Middling, 10);
    at_least(
        "H, middling, 10 steps: 4 × B,",
        middling("H"),
        4.0 * middling("B").unwrap_or_default(),
    );
    at_least(
        "H, middling, 10 steps, verifier of its own class,",
        middling("H"),
        65.0,
    );
    at_least(
        "H, middling, 10 steps, strong planner and verifier,",
        middling("H, strong head"),
        75.0,
    );
    at_least(
        "H, strong, 20 steps,",
        finished("H", Class::Strong, 20),
        65.0,
    );
    reaches.extend(calibrated(rows, taught, extent));
    reaches.extend(untampered(rows));
    reaches
}

fn calibrated(rows: &[Row], taught: &Taught, extent: Extent) -> Vec<Reach> {
    let outcomes = pooled(rows);
    let tasks = calibration::of_tasks(&outcomes);
    let sure = |tasks: &[(f64, bool)]| {
        let sure: Vec<_> = tasks
            .iter()
            .copied()
            .filter(|(stated, _)| *stated >= 0.9)
            .collect();
        let share = calibration::deciles(&sure).first().map(|bin| bin.so);
        (share, sure.len())
    };
    let has_short = extent.lengths.iter().any(|steps| *steps < SHORT);
    let finished = |what: &str, cuts: usize, (share, count): (Option<f64>, usize)| {
        let seen = match share {
            Some(share) => format!("{share:.1} of {}", count / cuts),
            // Of long ones nothing is that sure.
            None if !has_short => return None,
            None => "there are none".to_owned(),
        };
        Some(Reach {
            what: format!(
                "tasks reported complete at a confidence of 0.9 or more{what}: at least 90 % finished"
            ),
            seen,
            met: share.is_some_and(|share| share >= 90.0),
        })
    };
    let worst = |seen: &[(f64, bool)], cuts: usize| {
        let bins = calibration::deciles(seen);
        let told = bins.iter().filter(|bin| bin.count >= FEWEST * cuts);
        told.map(Bin::error).reduce(f64::max)
    };
    let within = |what: &str, stated: &[(f64, bool)], by_evidence: &[(f64, bool)]| {
        // Where no tenth has enough there is nothing to judge.
        let stated = worst(stated, CUTS)?;
        let by_evidence = worst(by_evidence, 1).map_or_else(String::new, |worst| {
            format!(" (by the evidence alone {worst:.1})")
        });
        Some(Reach {
            what: format!(
                "calibration error of {what}, worst tenth, once some were looked at, at most 5 points"
            ),
            seen: format!("{stated:.1}{by_evidence}"),
            met: stated <= 5.0,
        })
    };
    let steps = calibration::of_steps(&outcomes);
    [
        finished("", 1, sure(&tasks)),
        finished(", once some were looked at", CUTS, sure(&taught.tasks)),
        within("steps", &taught.steps, &steps),
        within("tasks", &taught.tasks, &tasks),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn untampered(rows: &[Row]) -> Option<Reach> {
    let tampered = |row: &Row| row.tally.defects.get(&DefectKind::TamperedTest).copied();
    let worst = whole(rows).filter_map(tampered).reduce(f64::max)?;
    Some(Reach {
        what: "tampered tests left in H, at most 1 %".to_owned(),
        seen: format!("{worst:.1}"),
        met: worst <= 1.0,
    })
}

fn json(rows: &[Row], reaches: &[Reach], seconds: u64) -> String {
    let cells: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            let t = &row.tally;
            serde_json::json!({"variant": row.variant, "class": row.class.name(), "steps": row.steps,
                "tasks": t.tasks, "finished": t.finished, "standard_error": t.error(), "wrong": t.wrong, "stopped": t.stopped,
                "turns": t.turns, "seconds": t.seconds})
        })
        .collect();
    let missed: Vec<&str> = reaches
        .iter()
        .filter(|r| !r.met)
        .map(|r| r.what.as_str())
        .collect();
    serde_json::json!({"name": "lift", "passed": missed.is_empty(), "missed": missed, "cells": cells,
        "seconds": seconds})
    .to_string()
}

pub(super) fn heading(text: &str) {
    say(&format!("\n{text}"));
}

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
pub fn say(line: &str) {
    println!("{line}");
    let _shown = std::io::stdout().flush();
}
