//! How often a model brought about a kind of work. An aggregate, not a trace: a few numbers that
//! forget, so that a model which gets better or worse is judged by what it does now.

use loom_events::{Tier, Time};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// After so many further attempts an old one counts half.
const HALF_LIFE_ATTEMPTS: f64 = 20.0;

/// After so long without any, all of them count half: models, servers and projects change.
const HALF_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a failure counts where another model had failed before: such a step is harder than most, and a
/// model that is only asked to rescue must not look bad for it.
const RESCUE: f64 = 0.5;

/// The latest attempts that are kept one by one, to notice a change.
const RECENT: u32 = 20;

/// What was seen of one model at one kind of work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// First attempts that the gate passed; older ones count less.
    pub passed: f64,
    /// First attempts that it did not, or that the model itself ended badly; older ones count less.
    pub failed: f64,
    /// Steps that the model was tried at: its first attempts, each counting one.
    pub seen: u32,
    /// Those that passed.
    pub seen_passed: u32,
    /// Further attempts of the model at a step that it had failed at.
    pub again: u32,
    /// The latest first attempts, the last one in the lowest bit; 1 stands for passed.
    pub recent: u32,
    /// Milliseconds of all attempts.
    pub millis: u64,
    /// Prompt and completion tokens of all attempts.
    pub tokens: u64,
    /// When the last one ended.
    pub last: Time,
}

/// Whose turn at a step an attempt was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The first at this step.
    First,
    /// The model's first, after another one had failed.
    Rescue,
    /// The model's own again. What is to be decided is where to begin, and of that it says nothing
    /// new: whether the step is hard or the model weak, the first attempt has shown.
    Again,
}

/// One attempt that says something about its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Whose turn it was.
    pub turn: Turn,
    /// Whether the gate passed it.
    pub passed: bool,
    /// How long it took.
    pub millis: u64,
    /// What it cost.
    pub tokens: u64,
    /// When it ended.
    pub at: Time,
}

impl Tally {
    /// Adds an attempt.
    pub fn observe(&mut self, seen: &Observation) {
        self.fade(seen.at);
        match seen.turn {
            Turn::Again => self.again = self.again.saturating_add(1),
            Turn::First | Turn::Rescue => self.observe_first(seen),
        }
        self.millis = self.millis.saturating_add(seen.millis);
        self.tokens = self.tokens.saturating_add(seen.tokens);
        self.last = self.last.max(seen.at);
    }

    fn observe_first(&mut self, seen: &Observation) {
        let keep = 0.5_f64.powf(1.0 / HALF_LIFE_ATTEMPTS);
        self.passed *= keep;
        self.failed *= keep;
        match (seen.passed, seen.turn) {
            (true, _) => self.passed += 1.0,
            (false, Turn::Rescue) => self.failed += RESCUE,
            (false, Turn::First | Turn::Again) => self.failed += 1.0,
        }
        self.seen = self.seen.saturating_add(1);
        self.seen_passed = self.seen_passed.saturating_add(u32::from(seen.passed));
        self.recent = ((self.recent << 1) | u32::from(seen.passed)) & ((1 << RECENT) - 1);
    }

    /// Attempts of every kind.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.seen.saturating_add(self.again)
    }

    /// Takes back that an attempt passed: a human reverted its work, or a later gate found it wrong.
    pub fn correct(&mut self) {
        let taken = self.passed.min(1.0);
        self.passed -= taken;
        self.failed += taken;
        self.seen_passed = self.seen_passed.saturating_sub(1);
        // The latest one that passed is the likeliest to be meant.
        self.recent &= self.recent.saturating_sub(1);
    }

    /// Adds what another tally saw.
    pub fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.seen = self.seen.saturating_add(other.seen);
        self.seen_passed = self.seen_passed.saturating_add(other.seen_passed);
        self.again = self.again.saturating_add(other.again);
        self.millis = self.millis.saturating_add(other.millis);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.last = self.last.max(other.last);
    }

    /// As it counts at a time.
    #[must_use]
    pub fn at(&self, now: Time) -> Self {
        let mut tally = self.clone();
        tally.fade(now);
        tally
    }

    /// The share of attempts that pass, as far as is known.
    #[must_use]
    pub fn posterior(&self, tier: Tier) -> Beta {
        let prior = Beta::prior(tier);
        Beta {
            passed: prior.passed + self.passed,
            failed: prior.failed + self.failed,
        }
    }

    /// How many attempts what is known is worth.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.passed + self.failed
    }

    /// The latest attempts, the newest first.
    pub fn latest(&self) -> impl Iterator<Item = bool> + '_ {
        (0..RECENT.min(self.seen)).map(|bit| self.recent >> bit & 1 == 1)
    }

    fn fade(&mut self, now: Time) {
        let idle = now.since(self.last);
        let keep = 0.5_f64.powf(idle.as_secs_f64() / HALF_LIFE.as_secs_f64());
        self.passed *= keep;
        self.failed *= keep;
    }
}

/// A belief about a share: a Beta distribution by its two counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    /// Attempts that passed, with those of the prior.
    pub passed: f64,
    /// Attempts that did not, with those of the prior.
    pub failed: f64,
}

impl Beta {
    /// What is believed of a model of which nothing is known, worth four attempts: little enough
    /// that ten real ones decide.
    #[must_use]
    pub fn prior(tier: Tier) -> Self {
        let mean = match tier {
            Tier::Small => 0.65,
            Tier::Medium => 0.80,
            Tier::Large => 0.90,
        };
        Self {
            passed: 4.0 * mean,
            failed: 4.0 * (1.0 - mean),
        }
    }

    /// The share that is expected.
    #[must_use]
    pub fn mean(self) -> f64 {
        self.passed / (self.passed + self.failed)
    }

    /// How far the share may be from it.
    #[must_use]
    pub fn variance(self) -> f64 {
        let n = self.passed + self.failed;
        self.passed * self.failed / (n * n * (n + 1.0))
    }

    /// How sure it is that this share is larger than another one, between 0 and 1. By the normal
    /// distribution, which is close enough from a handful of attempts on.
    #[must_use]
    pub fn exceeds(self, other: Self) -> f64 {
        let spread = (self.variance() + other.variance()).sqrt();
        if spread <= f64::EPSILON {
            return 0.5;
        }
        normal((self.mean() - other.mean()) / spread)
    }
}

/// The share of a standard normal distribution below a value, by the logistic approximation of
/// Bowling and others (2009); off by less than 0.00015.
fn normal(z: f64) -> f64 {
    let slope = 0.07056_f64.mul_add(z.powi(3), 1.5976 * z);
    1.0 / (1.0 + (-slope).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(passed: bool, day: i64) -> Observation {
        Observation {
            turn: Turn::First,
            passed,
            millis: 1_000,
            tokens: 10,
            at: Time::from_millis(day * 24 * 60 * 60 * 1_000),
        }
    }

    #[test]
    fn what_is_new_counts_more_than_what_is_old() {
        let mut tally = Tally::default();
        for _ in 0..40 {
            tally.observe(&seen(true, 1));
        }
        let before = tally.posterior(Tier::Medium).mean();
        for _ in 0..20 {
            tally.observe(&seen(false, 1));
        }
        let after = tally.posterior(Tier::Medium).mean();
        assert!(before > 0.9, "{before}");
        assert!(after < 0.5, "{after}");
        assert_eq!((tally.seen, tally.seen_passed), (60, 40));
    }

    #[test]
    fn a_rescuer_is_not_blamed_like_a_starter_and_a_second_try_says_nothing_new() {
        let of = |turn| {
            let mut tally = Tally::default();
            for passed in [true, false, false] {
                tally.observe(&Observation {
                    turn,
                    ..seen(passed, 1)
                });
            }
            tally
        };
        let mean = |turn| of(turn).posterior(Tier::Medium).mean();
        assert!(mean(Turn::Rescue) > mean(Turn::First));
        let again = of(Turn::Again);
        assert_eq!(
            again.posterior(Tier::Medium),
            Tally::default().posterior(Tier::Medium)
        );
        assert_eq!((again.seen, again.attempts(), again.tokens), (0, 3, 30));
    }

    #[test]
    fn without_new_attempts_a_belief_goes_back_to_the_prior() {
        let mut tally = Tally::default();
        for _ in 0..20 {
            tally.observe(&seen(false, 1));
        }
        let now = tally.posterior(Tier::Large).mean();
        let later = tally.at(seen(true, 1 + 300).at).posterior(Tier::Large);
        assert!(now < 0.35, "{now}");
        assert!((later.mean() - 0.9).abs() < 0.01, "{later:?}");
    }

    #[test]
    fn one_share_exceeds_another_the_surer_the_more_was_seen() {
        let belief = |passed, failed| Beta { passed, failed };
        let few = belief(2.0, 1.0).exceeds(belief(1.0, 2.0));
        let many = belief(20.0, 10.0).exceeds(belief(10.0, 20.0));
        assert!(few > 0.6 && few < 0.9, "{few}");
        assert!(many > 0.99, "{many}");
        let same = belief(3.0, 3.0);
        assert!((same.exceeds(same) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_correction_turns_a_pass_into_a_failure() {
        let mut tally = Tally::default();
        tally.observe(&seen(true, 1));
        tally.observe(&seen(false, 1));
        tally.correct();
        assert_eq!(tally.seen_passed, 0);
        assert!(tally.passed < 0.05, "{tally:?}");
        assert!(tally.latest().all(|passed| !passed));
    }

    proptest! {
        #[test]
        fn a_belief_is_a_share_whatever_was_seen(
            seen in prop::collection::vec((any::<bool>(), 0_i64..4_000), 0..200),
            corrections in 0_usize..20,
        ) {
            let mut tally = Tally::default();
            for (passed, day) in seen {
                tally.observe(&super::tests::seen(passed, day));
            }
            for _ in 0..corrections {
                tally.correct();
            }
            for tier in [Tier::Small, Tier::Medium, Tier::Large] {
                let belief = tally.posterior(tier);
                prop_assert!((0.0..=1.0).contains(&belief.mean()), "{belief:?}");
                prop_assert!(belief.variance() >= 0.0, "{belief:?}");
            }
            prop_assert!(tally.passed >= 0.0 && tally.failed >= 0.0);
            prop_assert!(tally.seen_passed <= tally.seen);
        }
    }
}
