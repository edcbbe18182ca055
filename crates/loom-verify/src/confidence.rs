//! How sure a verdict is, as a sum of log-odds whose terms are all shown.
//!
//! The figures are a starting point: with these the sum lies close to the share of right steps in
//! a simulation of weak models. What later turns out is put beside them by `loom-learning`.

use loom_events::{CheckPower, CheckResult, Confidence, ConfidencePart, Tier, VerdictResult, Vote};

/// What is known about the work when its confidence is composed.
pub(crate) struct Evidence<'a> {
    pub(crate) result: VerdictResult,
    pub(crate) executor: Tier,
    /// Whether the user did it with their own hands.
    pub(crate) by_hand: bool,
    /// Which attempt at the subtask it is, from 1.
    pub(crate) ordinal: u32,
    pub(crate) checks: &'a [CheckResult],
    /// Whether a check that was red runs the project's own tests.
    pub(crate) own_tests: bool,
    /// Whether a check that whoever worked never saw was red and is green.
    pub(crate) held_out: bool,
    /// The verifier's tier and whether it is the executor's own model, when it passed the work.
    pub(crate) verifier: Option<(Tier, bool)>,
    /// What each of several verifiers said; empty when one was asked.
    pub(crate) votes: &'a [Vote],
    /// Criteria that the verifier could not tell.
    pub(crate) untold: usize,
    /// What other executions of the step made.
    pub(crate) beside: Beside,
    pub(crate) flags: &'a [String],
    pub(crate) degraded: &'a [String],
}

/// Other executions of a step that passed their gates before this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// They made the same.
    pub(crate) alike: u32,
    /// They made something else.
    pub(crate) different: u32,
}

/// Without a check that was red before the work, but with a verifier's word.
const CAP_WEAK: f64 = 0.79;

/// Without either, or where the verifier could not tell.
const CAP_UNTOLD: f64 = 0.69;

/// While there is no record of this model on this kind of work.
const CAP_NO_RECORD: f64 = 0.95;

/// After a failed verdict: the work was seen to be wrong.
const CAP_FAILED: f64 = 0.10;

/// More penalties of one kind say nothing new.
const MAX_PENALTIES: usize = 4;

/// Sums the evidence up.
pub(crate) fn compose(evidence: &Evidence<'_>) -> Confidence {
    let mut sum = Sum::default();
    if evidence.by_hand {
        // Nobody measured people: they are trusted like the best of models.
        sum.add(prior(Tier::Large), "done by hand".to_owned());
    } else {
        sum.add(
            prior(evidence.executor),
            format!("a model of tier {}", evidence.executor),
        );
    }
    checks(evidence, &mut sum);
    if let Some((tier, same_model)) = evidence.verifier {
        let worth = worth(evidence.votes);
        if let [_, _, ..] = evidence.votes {
            let count = evidence.votes.len();
            sum.note(format!("{count} verdicts, worth {worth:.1} of their kind"));
        }
        let weight = verifier_weight(tier) * worth;
        if same_model {
            sum.add(
                weight / 2.0,
                "passed by the executor's own model".to_owned(),
            );
        } else {
            sum.add(weight, format!("passed by another model of tier {tier}"));
        }
    }
    if evidence.result == VerdictResult::Pass && evidence.beside.alike > 0 {
        sum.add(agreement(evidence.beside), told(evidence.beside));
    }
    penalties(evidence, &mut sum);
    caps(evidence, &mut sum);
    sum.finish()
}

/// Log-odds of a right step by tier: shares of 0.65, 0.80 and 0.90.
const fn prior(tier: Tier) -> f64 {
    match tier {
        Tier::Small => 0.6,
        Tier::Medium => 1.4,
        Tier::Large => 2.2,
    }
}

/// A verifier's yes is weak evidence: judges agree too much, small ones most.
const fn verifier_weight(tier: Tier) -> f64 {
    match tier {
        Tier::Small => 0.15,
        Tier::Medium => 0.4,
        Tier::Large => 0.7,
    }
}

/// Correlation of two verdicts on one piece of work: of one model, and of two.
const CORRELATION: [f64; 2] = [0.6, 0.35];

/// How many independent verdicts these are worth.
fn worth(votes: &[Vote]) -> f64 {
    let pairs = votes
        .iter()
        .enumerate()
        .flat_map(|(at, one)| votes[at + 1..].iter().map(move |other| (one, other)));
    let (mut count, mut sum) = (0.0_f64, 0.0);
    for (one, other) in pairs {
        count += 1.0;
        sum += CORRELATION[usize::from(one.model != other.model)];
    }
    let correlation = if count > 0.0 { sum / count } else { 0.0 };
    let all = u32::try_from(votes.len().max(1)).map_or(1.0, f64::from);
    independent(all, correlation)
}

/// How many independent ones so many are worth of which any two are correlated so much.
fn independent(all: f64, correlation: f64) -> f64 {
    all / (all - 1.0).mul_add(correlation, 1.0)
}

/// Correlation of two executions of one step: what is hard about it is hard for each of them. Measured
/// for attempts of models at one item it is 0.2 to 0.57.
const SAME_STEP: f64 = 0.4;

/// What an execution is worth that made the same and knew nothing of the step in common with this one:
/// the log-odds of a right one by a small model. That larger ones are right more often counts for
/// nothing here, since they also err alike more often.
const MADE_THE_SAME: f64 = 0.6;

/// What one takes away of it that passed the same gate and made something else. It is little: right
/// results that are worded otherwise are not alike.
const MADE_ANOTHER: f64 = 0.2;

/// What it is worth that executions which know nothing of each other made the same. With more that
/// made something else it is nothing, and never less: that they differ is said by the comparison.
fn agreement(beside: Beside) -> f64 {
    let further = independent(f64::from(beside.alike) + 1.0, SAME_STEP) - 1.0;
    let against = MADE_ANOTHER * f64::from(beside.different);
    MADE_THE_SAME.mul_add(further, -against).max(0.0)
}

fn told(beside: Beside) -> String {
    let alike = match beside.alike {
        1 => "another execution made the same".to_owned(),
        n => format!("{n} other executions made the same"),
    };
    match beside.different {
        0 => alike,
        n => format!("{alike}, {n} something else"),
    }
}

/// Checks are correlated, so each kind counts once.
fn checks(evidence: &Evidence<'_>, sum: &mut Sum) {
    let green = |power| {
        evidence
            .checks
            .iter()
            .any(|check| check.passed && check.power == power)
    };
    if green(CheckPower::Discriminating) {
        if evidence.own_tests {
            sum.add(
                1.2,
                "the project's own tests were red and are green".to_owned(),
            );
        } else {
            sum.add(
                0.9,
                "a check was red before the work and is green".to_owned(),
            );
        }
        if evidence.held_out {
            sum.add(
                0.5,
                "a check that was held out was red and is green".to_owned(),
            );
        }
    } else if green(CheckPower::Guard) {
        sum.add(0.2, "checks that were green stayed green".to_owned());
    }
}

fn penalties(evidence: &Evidence<'_>, sum: &mut Sum) {
    // The attempts of models before it say nothing of the user's.
    let attempts = if evidence.by_hand {
        1
    } else {
        evidence.ordinal
    };
    for ordinal in 2..=attempts.min(1 + MAX_PENALTIES as u32) {
        sum.add(-0.2, format!("attempt {ordinal}"));
    }
    for _ in 0..evidence.untold.min(MAX_PENALTIES) {
        sum.add(
            -0.3,
            "a criterion that the verifier could not tell".to_owned(),
        );
    }
    for flag in evidence.flags.iter().take(MAX_PENALTIES) {
        sum.add(-0.7, flag.clone());
    }
    for what in evidence.degraded.iter().take(MAX_PENALTIES) {
        sum.add(-0.4, what.clone());
    }
}

fn caps(evidence: &Evidence<'_>, sum: &mut Sum) {
    let proven = evidence
        .checks
        .iter()
        .any(|check| check.passed && check.power == CheckPower::Discriminating);
    if !proven {
        let cap = if evidence.verifier.is_some() {
            CAP_WEAK
        } else {
            CAP_UNTOLD
        };
        sum.cap(cap, "no check was red before the work");
    }
    if !evidence.degraded.is_empty() {
        sum.cap(CAP_WEAK, "something was degraded");
    }
    match evidence.result {
        VerdictResult::Pass => {}
        VerdictResult::Inconclusive => sum.cap(CAP_UNTOLD, "nobody could tell"),
        VerdictResult::Fail => sum.cap(CAP_FAILED, "something is wrong"),
    }
    sum.cap(
        CAP_NO_RECORD,
        "no record of this model on this kind of work yet",
    );
}

#[derive(Default)]
struct Sum {
    log_odds: f64,
    cap: Option<f64>,
    parts: Vec<ConfidencePart>,
}

impl Sum {
    fn add(&mut self, delta: f64, why: String) {
        self.log_odds += delta;
        self.parts.push(ConfidencePart { why, delta });
    }

    /// Says something that is part of the next term.
    fn note(&mut self, why: String) {
        self.parts.push(ConfidencePart { why, delta: 0.0 });
    }

    /// Only a cap that changes something is shown.
    fn cap(&mut self, cap: f64, why: &str) {
        if self.value() > cap {
            self.cap = Some(cap);
            self.parts.push(ConfidencePart {
                why: format!("at most {cap}: {why}"),
                delta: cap,
            });
        }
    }

    fn value(&self) -> f64 {
        let value = 1.0 / (1.0 + (-self.log_odds).exp());
        self.cap.map_or(value, |cap| value.min(cap))
    }

    fn finish(self) -> Confidence {
        Confidence {
            // Two digits: more would claim a precision that is not there.
            value: (self.value() * 100.0).round() / 100.0,
            parts: self.parts,
            by_evidence: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(power: CheckPower) -> CheckResult {
        CheckResult {
            check: "c".to_owned(),
            passed: true,
            power,
            detail: String::new(),
            evidence: None,
        }
    }

    fn evidence(checks: &[CheckResult]) -> Evidence<'_> {
        Evidence {
            result: VerdictResult::Pass,
            executor: Tier::Small,
            by_hand: false,
            ordinal: 1,
            checks,
            own_tests: false,
            held_out: false,
            verifier: None,
            votes: &[],
            untold: 0,
            beside: Beside::default(),
            flags: &[],
            degraded: &[],
        }
    }

    #[test]
    fn one_discriminating_check_gives_the_simulated_shares_by_tier() {
        let checks = [check(CheckPower::Discriminating)];
        for (tier, value) in [
            (Tier::Small, 0.82),
            (Tier::Medium, 0.91),
            (Tier::Large, 0.95),
        ] {
            let mut evidence = evidence(&checks);
            evidence.executor = tier;
            assert!((compose(&evidence).value - value).abs() < 0.011, "{tier}");
        }
    }

    #[test]
    fn without_a_discriminating_check_confidence_is_capped() {
        let checks = [check(CheckPower::Guard)];
        let mut evidence = evidence(&checks);
        evidence.executor = Tier::Large;
        assert!(compose(&evidence).value <= CAP_UNTOLD);
        evidence.verifier = Some((Tier::Large, false));
        let confidence = compose(&evidence);
        assert!(confidence.value <= CAP_WEAK && confidence.value > CAP_UNTOLD);
        assert!(
            confidence
                .parts
                .iter()
                .any(|part| part.why.starts_with("at most 0.79"))
        );
    }

    #[test]
    fn retries_flags_and_degradations_each_lower_it_and_are_shown() {
        let checks = [check(CheckPower::Discriminating)];
        let best = compose(&evidence(&checks)).value;
        let what = ["something".to_owned()];
        let mut worse: [Evidence<'_>; 4] = std::array::from_fn(|_| evidence(&checks));
        worse[0].ordinal = 3;
        worse[1].flags = &what;
        worse[2].degraded = &what;
        worse[3].untold = 1;
        for evidence in worse {
            let confidence = compose(&evidence);
            assert!(confidence.value < best, "{confidence:?}");
            assert!(confidence.parts.iter().any(|part| part.delta < 0.0));
        }
    }

    #[test]
    fn the_executors_own_model_counts_half() {
        let delta = |same| {
            let mut evidence = evidence(&[]);
            evidence.verifier = Some((Tier::Medium, same));
            compose(&evidence).parts[1].delta
        };
        assert!((delta(true) * 2.0 - delta(false)).abs() < 1e-9);
    }

    #[test]
    fn three_verdicts_of_one_model_are_worth_little_more_than_one() {
        let votes = |models: [&str; 3]| {
            models.map(|model| Vote {
                model: model.to_owned(),
                result: VerdictResult::Pass,
            })
        };
        assert!((worth(&votes(["a", "a", "a"])) - 1.4).abs() < 0.05);
        assert!((worth(&votes(["a", "b", "c"])) - 1.8).abs() < 0.05);
        assert!((worth(&votes(["a", "a", "a"])[..1]) - 1.0).abs() < 1e-9);
        assert!((worth(&[]) - 1.0).abs() < 1e-9);
    }

    fn beside(alike: u32, different: u32) -> f64 {
        agreement(Beside { alike, different })
    }

    #[test]
    fn executions_that_made_the_same_add_less_each_than_the_one_before_and_less_than_a_check() {
        let worth: Vec<f64> = (1..=6).map(|alike| beside(alike, 0)).collect();
        assert!((worth[0] - 0.257).abs() < 0.001, "{worth:?}");
        assert!((worth[1] - 0.4).abs() < 0.001, "{worth:?}");
        let steps: Vec<f64> = worth.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(steps.windows(2).all(|two| 0.0 < two[1] && two[1] < two[0]));
        // However many there are: they are of one step.
        assert!(beside(u32::MAX - 1, 0) <= 0.9);
    }

    #[test]
    fn one_that_made_something_else_takes_of_it_and_never_more_than_there_is() {
        assert!(beside(1, 1) < beside(1, 0));
        assert!(beside(1, 1) > 0.0, "two of three are still more than one");
        assert!(beside(1, 2).abs() < 1e-9 && beside(0, 3).abs() < 1e-9);
    }

    #[test]
    fn agreement_is_shown_lifts_no_cap_and_is_nothing_to_a_failed_verdict() {
        let value = |change: &dyn Fn(&mut Evidence<'_>)| {
            let checks = [check(CheckPower::Guard)];
            let mut evidence = evidence(&checks);
            change(&mut evidence);
            compose(&evidence)
        };
        let alike = Beside {
            alike: 2,
            different: 1,
        };
        let alone = value(&|e| e.verifier = Some((Tier::Small, true)));
        let agreed = value(&|e| {
            e.verifier = Some((Tier::Small, true));
            e.beside = alike;
        });
        assert!(agreed.value > alone.value && agreed.value < CAP_WEAK);
        let said = "2 other executions made the same, 1 something else";
        assert!(
            agreed.parts.iter().any(|part| part.why == said),
            "{agreed:?}"
        );
        let sure = value(&|e| {
            e.executor = Tier::Large;
            e.beside = alike;
        });
        assert!((sure.value - CAP_UNTOLD).abs() < 1e-9, "{sure:?}");
        let failed = value(&|e| {
            e.result = VerdictResult::Fail;
            e.beside = alike;
        });
        assert!(failed.parts.iter().all(|part| part.why != said));
    }

    #[test]
    fn a_failed_verdict_is_never_confident() {
        let checks = [check(CheckPower::Discriminating)];
        let mut evidence = evidence(&checks);
        evidence.result = VerdictResult::Fail;
        assert!(compose(&evidence).value <= CAP_FAILED);
    }

    #[test]
    fn the_sum_of_the_parts_is_the_value_when_nothing_is_capped() {
        let checks = [check(CheckPower::Discriminating)];
        let confidence = compose(&evidence(&checks));
        let sum: f64 = confidence.parts.iter().map(|part| part.delta).sum();
        assert!((1.0 / (1.0 + (-sum).exp()) - confidence.value).abs() < 0.01);
    }
}
