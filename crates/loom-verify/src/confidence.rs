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
    pub(crate) flags: &'a [String],
    pub(crate) degraded: &'a [String],
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
    all / (all - 1.0).mul_add(correlation, 1.0)
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
