//! The figures: attempts for each finished step, by kind of work, with learning on and off.

use super::run::{Bench, Step};
use crate::lift::{Class, Place, say};
use loom_sim::Trade;
use std::collections::BTreeMap;
use std::ops::Range;

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Tasks of mixed kinds, from which is learned.
    pub tasks: u64,
    /// Tasks of mixed kinds after them, in which is looked what that was worth.
    pub after: u64,
    /// Most tasks after the model has got worse.
    pub watched: u64,
}

impl Extent {
    /// What is promised.
    pub const FULL: Self = Self {
        tasks: 50,
        after: 30,
        watched: 20,
    };
}

/// By how many percent attempts must fall in the tasks after those from which was learned.
const FALL: f64 = 30.0;

/// Steps within which a model that gets worse must be noticed.
const NOTICED: usize = 20;

/// What the small model is bad at: half of what there is to do.
const BAD_AT: [Trade; 3] = [Trade::Mend, Trade::Convert, Trade::Configure];

/// What it is good at, with the kinds that Loom takes them for. It gets worse at the first of them that
/// is still begun with it: what it is not asked for any more, nobody can see.
const GOOD_AT: [(Trade, &str); 3] = [
    (Trade::Draft, "document prose"),
    (Trade::Sort, "organise prose"),
    (Trade::Extend, "add tables"),
];

/// Attempts of steps.
#[derive(Clone, Debug, Default)]
struct Figures(Vec<f64>);

impl Figures {
    fn of<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Self {
        // What was never finished is counted with the attempts that it cost.
        Self(steps.into_iter().map(|s| f64::from(s.attempts)).collect())
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred steps")]
    fn count(&self) -> f64 {
        self.0.len() as f64
    }

    fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.count().max(1.0)
    }

    /// The standard error of the mean.
    fn error(&self) -> f64 {
        let mean = self.mean();
        let squares = self.0.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        (squares / (self.count() - 1.0).max(1.0) / self.count().max(1.0)).sqrt()
    }
}

/// Attempts for each step that was finished: those of steps that never were are in it, too.
fn per_finished(steps: &[Step]) -> f64 {
    let attempts: u32 = steps.iter().map(|s| s.attempts).sum();
    let finished = steps.iter().filter(|s| s.finished).count();
    f64::from(attempts) / f64::from(u32::try_from(finished.max(1)).unwrap_or(u32::MAX))
}

/// The trade of a task: each comes as often, in an order that is none.
fn trade(number: u64) -> Trade {
    let all = Trade::ALL;
    let round = number / all.len() as u64;
    let at = (number.wrapping_mul(5) + round) % all.len() as u64;
    all[usize::try_from(at).expect("a few trades")]
}

/// Steps of the tasks from which is learned, and of those after them.
#[derive(Default)]
struct Side {
    first: Vec<Step>,
    after: Vec<Step>,
}

impl Side {
    async fn of(bench: &mut Bench, extent: Extent) -> Self {
        Self {
            first: mixed(bench, 0..extent.tasks).await,
            after: mixed(bench, extent.tasks..extent.tasks + extent.after).await,
        }
    }

    fn add(&mut self, other: &Self) {
        self.first.extend(other.first.iter().cloned());
        self.after.extend(other.after.iter().cloned());
    }

    fn whole(&self) -> Vec<Step> {
        [self.first.as_slice(), &self.after].concat()
    }

    fn finished(&self) -> String {
        let whole = self.whole();
        let done = whole.iter().filter(|step| step.finished).count();
        format!("{done} of {}", whole.len())
    }
}

/// How many percent fewer attempts a finished step took.
fn fall(off: &[Step], on: &[Step]) -> f64 {
    100.0 * (1.0 - per_finished(on) / per_finished(off))
}

/// Runs everything with each seed and says what came of it. Whether all that is promised holds, of all
/// seeds together: one of them alone is as often a few points above as below.
pub async fn measure(extent: Extent, small: Class, seeds: &[u64]) -> bool {
    let place = Place::in_memory();
    let (mut off, mut on) = (Side::default(), Side::default());
    let (mut falls, mut noticed) = (Vec::new(), Vec::new());
    for &seed in seeds {
        let mut plain = Bench::new(seed, false, (small, &BAD_AT), &place);
        let without = Side::of(&mut plain, extent).await;
        plain.close().await;
        let mut bench = Bench::new(seed, true, (small, &BAD_AT), &place);
        let with = Side::of(&mut bench, extent).await;
        let fewer = fall(&without.after, &with.after);
        say(&format!(
            "seed {seed}: {fewer:.0} % fewer attempts for each finished step in the {} tasks after the first {}; finished steps: {} off, {} on",
            extent.after,
            extent.tasks,
            without.finished(),
            with.finished(),
        ));
        for (about, why) in bench.engine().await.learned().await.adjustments {
            say(&format!("  learned: {about}: {why}"));
        }
        noticed.push(notice(&mut bench, extent).await);
        bench.close().await;
        falls.push(round(fewer));
        off.add(&without);
        on.add(&with);
    }
    let (rows, risen) = by_kind(&off.whole(), &on.whole());
    say("kind                  steps   off            on");
    for row in &rows {
        say(row);
    }
    let (early, late) = (fall(&off.first, &on.first), fall(&off.after, &on.after));
    let (late_off, late_on) = (per_finished(&off.after), per_finished(&on.after));
    say(&format!(
        "attempts for each finished step: {early:.0} % fewer while it learns; after that {late_off:.2} off, {late_on:.2} on: {late:.0} % fewer"
    ));
    let all_noticed = noticed
        .iter()
        .all(|steps| steps.is_some_and(|steps| steps <= NOTICED));
    let passed = late >= FALL && risen.is_empty() && all_noticed;
    say(&serde_json::json!({
        "name": "learning",
        "tasks": extent.tasks,
        "small_model": small.name(),
        "tasks_after": extent.after,
        "attempts_off": round(late_off),
        "attempts_on": round(late_on),
        "fall_percent": round(late),
        "fall_percent_by_seed": falls,
        "fall_percent_while_learning": round(early),
        "kinds_that_rose": risen,
        "noticed_within": noticed,
        "seeds": seeds,
        "passed": passed,
    })
    .to_string());
    passed
}

fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// Tasks of mixed kinds, one after the other.
async fn mixed(bench: &mut Bench, numbers: Range<u64>) -> Vec<Step> {
    let mut steps = Vec::new();
    for number in numbers {
        steps.extend(bench.run(number, trade(number)).await.1);
    }
    steps
}

/// A row for each kind, and the kinds whose attempts rose by more than noise: by more than two standard
/// errors of the difference.
fn by_kind(off: &[Step], on: &[Step]) -> (Vec<String>, Vec<String>) {
    let mut kinds: BTreeMap<&str, ()> = BTreeMap::new();
    kinds.extend(off.iter().chain(on).map(|step| (step.kind.as_str(), ())));
    let (mut rows, mut risen) = (Vec::new(), Vec::new());
    for kind in kinds.into_keys() {
        let of = |steps: &[Step]| Figures::of(steps.iter().filter(|step| step.kind == kind));
        let (off, on) = (of(off), of(on));
        rows.push(format!(
            "{kind:<20} {:>3} {:>3}   {:>4.2} ± {:<4.2}   {:>4.2} ± {:<4.2}",
            off.0.len(),
            on.0.len(),
            off.mean(),
            off.error(),
            on.mean(),
            on.error()
        ));
        if on.mean() - off.mean() > 2.0 * off.error().hypot(on.error()) {
            risen.push(kind.to_owned());
        }
    }
    (rows, risen)
}

/// The small model gets worse at something. Steps until whoever asks is told: that it changed, or that
/// steps of this kind are not begun with it any more, and why.
async fn notice(bench: &mut Bench, extent: Extent) -> Option<usize> {
    let about = bench.engine().await.learned().await.adjustments;
    let begun_with_it = |kind: &str| about.iter().all(|(other, _)| other != kind);
    let (trade, kind) = GOOD_AT.into_iter().find(|(_, kind)| begun_with_it(kind))?;
    let before = said(bench, kind).await;
    let mut bad_at = bench.bad_at.clone();
    bad_at.push(trade);
    bench.change(&bad_at).await;
    let mut steps = 0;
    for watched in 0..extent.watched {
        steps += bench.run(1_000 + watched, trade).await.1.len();
        let now = said(bench, kind).await;
        if let Some(new) = now.iter().find(|one| !before.contains(one)) {
            say(&format!("  noticed within {steps} steps: {new}"));
            return Some(steps);
        }
    }
    say("  the model that got worse was not noticed");
    None
}

/// What is said of the small model at a kind; whether, not with which figures.
async fn said(bench: &mut Bench, kind: &str) -> Vec<String> {
    let learned = bench.engine().await.learned().await;
    let worse = learned
        .changes
        .iter()
        .any(|change| change.contains(&format!("small got worse at `{kind}`")));
    let skipped = learned.adjustments.iter().any(|(about, _)| about == kind);
    [
        (worse, format!("`{kind}`: the small model got worse")),
        (skipped, format!("`{kind}`: begun with the large model")),
    ]
    .into_iter()
    .filter(|(is_said, _)| *is_said)
    .map(|(_, what)| what)
    .collect()
}
