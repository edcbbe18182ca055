//! What is done with what was learned. Each piece of advice says why, in a sentence, with its
//! evidence; without enough of it there is none.

use crate::book::{Book, Key};
use crate::kind::Kind;
use crate::tally::{Beta, Tally};
use loom_events::{Tier, Time};
use serde::Serialize;

/// Fewest first attempts, as they count now, before a model is passed over. How sure it must be, says
/// [`SURE`]; this is what keeps two unlucky steps from deciding.
const ENOUGH: f64 = 2.5;

/// How sure it must be that the other model is better.
const SURE: f64 = 0.9;

/// By how much it must be better: a larger model is slower, so a little better is not enough.
const MARGIN: f64 = 0.15;

/// A model that passes so often is not passed over, however good the other one is.
const GOOD_ENOUGH: f64 = 0.75;

/// How unlikely the latest attempts must be, by what was seen before, to be called a change.
const UNLIKELY: f64 = 0.01;

/// A model that can be asked, with its tier; the router's order, lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The tier that is asked for.
    pub tier: Tier,
    /// The model entry that the router gives for it.
    pub model: String,
}

/// Another tier than the planned one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TierAdvice {
    /// Where to begin.
    pub tier: Tier,
    /// Why, with the evidence.
    pub why: String,
}

/// Something about a model that has changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The model.
    pub model: String,
    /// Whether it got worse; otherwise better.
    pub worse: bool,
    /// What was seen.
    pub why: String,
}

impl Book {
    /// Where a step should begin; none means as planned. Only ever higher than planned: what is known
    /// to fail is skipped, nothing that the planner thought hard is tried with less.
    #[must_use]
    pub fn starting_tier(
        &self,
        kind: Kind,
        planned: Tier,
        choices: &[Choice],
        now: Time,
    ) -> Option<TierAdvice> {
        let mut choices = choices.iter().filter(|choice| choice.tier >= planned);
        let first = choices.next()?;
        let mut at = first;
        let mut known = self.known(kind, first, now);
        let mut seen_models = vec![first.model.as_str()];
        for choice in choices {
            // Where a tier has no model of its own, that of another one is given for it: the same again.
            if seen_models.contains(&choice.model.as_str()) {
                continue;
            }
            seen_models.push(&choice.model);
            let other = self.known(kind, choice, now);
            if known.is_passed_over_for(&other) {
                (at, known) = (choice, other);
            }
        }
        if at == first {
            return None;
        }
        let seen = |choice: &Choice| {
            let tally = self.of(kind, choice);
            match tally.seen {
                0 => format!("{} is not known to fail at it", choice.model),
                _ => format!(
                    "{} passed {} of {}",
                    choice.model, tally.seen_passed, tally.seen
                ),
            }
        };
        Some(TierAdvice {
            tier: at.tier,
            why: format!(
                "begins at tier {} instead of {}: of steps of `{kind}`, at the first attempt {}; {}",
                u8::from(at.tier),
                u8::from(first.tier),
                seen(first),
                seen(at),
            ),
        })
    }

    /// Models that do now what they did not do before.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let mut models: Vec<&str> = self.tallies.keys().map(|key| key.model.as_str()).collect();
        models.sort_unstable();
        models.dedup();
        models
            .into_iter()
            .filter_map(|model| self.change(model))
            .collect()
    }

    fn change(&self, model: &str) -> Option<Change> {
        let of = self.tallies.iter().filter(|(key, _)| key.model == model);
        let worst = of.filter_map(|(key, tally)| Some((key, tally, shift(tally)?)));
        let (key, tally, shift) = worst.min_by(|(.., a), (.., b)| a.chance.total_cmp(&b.chance))?;
        let word = if shift.worse { "worse" } else { "better" };
        Some(Change {
            model: model.to_owned(),
            worse: shift.worse,
            why: format!(
                "{model} got {word} at `{}`: {} of the latest {} first attempts passed, before it was {} of {}",
                key.kind,
                shift.passed,
                shift.latest,
                tally.seen_passed.saturating_sub(shift.passed),
                tally.seen - shift.latest,
            ),
        })
    }

    pub(crate) fn of(&self, kind: Kind, choice: &Choice) -> Tally {
        let mut all = Tally::default();
        let same = |key: &Key| key.kind == kind && key.model == choice.model;
        for (_, tally) in self.tallies.iter().filter(|(key, _)| same(key)) {
            all.add(tally);
        }
        all
    }

    fn known(&self, kind: Kind, choice: &Choice, now: Time) -> Known {
        let tally = self.of(kind, choice).at(now);
        Known {
            belief: tally.posterior(choice.tier),
            weight: tally.weight(),
        }
    }
}

/// What is believed of a model at a kind of work.
struct Known {
    belief: Beta,
    weight: f64,
}

impl Known {
    fn is_passed_over_for(&self, other: &Self) -> bool {
        self.weight >= ENOUGH
            && self.belief.mean() < GOOD_ENOUGH
            && other.belief.mean() >= self.belief.mean() + MARGIN
            && other.belief.exceeds(self.belief) >= SURE
    }
}

/// How the latest attempts differ from the ones before.
struct Shift {
    worse: bool,
    passed: u32,
    latest: u32,
    chance: f64,
}

/// The most telling of the last 5, 10 and 20 attempts against everything before them.
fn shift(tally: &Tally) -> Option<Shift> {
    let windows = [5_u32, 10, 20];
    let shifts = windows.into_iter().filter_map(|latest| {
        let before = tally.seen.checked_sub(latest)?;
        if before < 10 {
            return None;
        }
        let passed = tally
            .latest()
            .take(latest as usize)
            .filter(|passed| *passed)
            .count();
        let passed = u32::try_from(passed).ok()?;
        let passed_before = tally.seen_passed.checked_sub(passed)?;
        // One attempt of each outcome more than was seen: a share of 0 or 1 is never certain.
        let share = (f64::from(passed_before) + 1.0) / (f64::from(before) + 2.0);
        let worse = f64::from(passed) < share * f64::from(latest);
        let chance = match worse {
            true => at_most(passed, latest, share),
            false => at_most(latest - passed, latest, 1.0 - share),
        };
        Some(Shift {
            worse,
            passed,
            latest,
            chance,
        })
    });
    shifts
        .filter(|shift| shift.chance < UNLIKELY)
        .min_by(|a, b| a.chance.total_cmp(&b.chance))
}

/// The chance of at most `k` successes in `n` trials.
fn at_most(k: u32, n: u32, share: f64) -> f64 {
    let mut term = (1.0 - share).powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut sum = term;
    for i in 0..k.min(n) {
        term *= f64::from(n - i) / f64::from(i + 1) * share / (1.0 - share);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Observation;

    fn kind() -> Kind {
        "fix rust".parse().unwrap()
    }

    fn choices() -> [Choice; 2] {
        [(Tier::Small, "small"), (Tier::Medium, "medium")].map(|(tier, model)| Choice {
            tier,
            model: model.to_owned(),
        })
    }

    fn book(seen: &[(&str, Tier, &[bool])]) -> Book {
        let mut book = Book::default();
        for (model, tier, attempts) in seen {
            let key = Key {
                kind: kind(),
                model: (*model).to_owned(),
                tier: *tier,
            };
            for passed in *attempts {
                let tally = book.tallies.entry(key.clone()).or_default();
                tally.observe(&Observation {
                    turn: crate::tally::Turn::First,
                    passed: *passed,
                    millis: 1,
                    tokens: 1,
                    at: Time::EPOCH,
                });
            }
        }
        book
    }

    fn advice(book: &Book, planned: Tier) -> Option<TierAdvice> {
        book.starting_tier(kind(), planned, &choices(), Time::EPOCH)
    }

    #[test]
    fn without_evidence_a_step_begins_as_planned() {
        assert_eq!(advice(&Book::default(), Tier::Small), None);
        let few = book(&[("small", Tier::Small, &[false; 2])]);
        assert_eq!(advice(&few, Tier::Small), None);
    }

    #[test]
    fn a_model_that_is_known_to_fail_is_skipped_and_the_reason_names_the_evidence() {
        let mut failed = [false; 8];
        failed[3] = true;
        let book = book(&[
            ("small", Tier::Small, &failed),
            ("medium", Tier::Medium, &[true; 6]),
        ]);
        let advice = advice(&book, Tier::Small).unwrap();
        assert_eq!(advice.tier, Tier::Medium);
        assert!(advice.why.contains("small passed 1 of 8"), "{}", advice.why);
        assert!(
            advice.why.contains("medium passed 6 of 6"),
            "{}",
            advice.why
        );
    }

    #[test]
    fn a_model_that_stands_in_for_a_higher_tier_is_no_other_model() {
        let mut seen = [true; 8];
        (seen[1], seen[4], seen[6]) = (false, false, false);
        let book = book(&[
            ("small", Tier::Small, &seen),
            ("medium", Tier::Medium, &[true]),
        ]);
        let mut choices = choices().to_vec();
        choices.push(Choice {
            tier: Tier::Large,
            model: "medium".to_owned(),
        });
        let advice = book.starting_tier(kind(), Tier::Small, &choices, Time::EPOCH);
        assert_eq!(advice, None);
    }

    #[test]
    fn a_model_is_not_passed_over_for_one_that_fails_as_often() {
        let both = book(&[
            ("small", Tier::Small, &[false; 10]),
            ("medium", Tier::Medium, &[false; 10]),
        ]);
        assert_eq!(advice(&both, Tier::Small), None);
    }

    #[test]
    fn what_was_planned_for_a_larger_model_is_never_given_to_a_smaller_one() {
        let book = book(&[
            ("small", Tier::Small, &[true; 20]),
            ("medium", Tier::Medium, &[false; 20]),
        ]);
        assert_eq!(advice(&book, Tier::Medium), None);
    }

    #[test]
    fn a_model_that_gets_worse_is_noticed_within_twenty_attempts() {
        let mut attempts = vec![true; 30];
        attempts[4] = false;
        let steady = book(&[("small", Tier::Small, &attempts)]);
        assert_eq!(steady.changes(), []);
        let noticed = (1..=20).find(|n| {
            let mut attempts = attempts.clone();
            // One in three still passes.
            attempts.extend((0..*n).map(|i| i % 3 == 0));
            let changes = book(&[("small", Tier::Small, &attempts)]).changes();
            changes.iter().any(|change| change.worse)
        });
        assert!(noticed.is_some_and(|n| n <= 10), "{noticed:?}");
    }

    #[test]
    fn the_chance_of_a_few_successes_is_that_of_the_binomial_distribution() {
        assert!((at_most(0, 2, 0.5) - 0.25).abs() < 1e-12);
        assert!((at_most(1, 2, 0.5) - 0.75).abs() < 1e-12);
        assert!((at_most(5, 5, 0.3) - 1.0).abs() < 1e-12);
    }
}
