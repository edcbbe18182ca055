//! How results turn out that are stated to be so and so sure: isotonic bins, drawn towards what the
//! evidence says, and what turned out with nearly the same evidence, until much was seen.
//!
//! Results are counted by what their evidence says, never by what was stated, so that what is learned
//! does not move what it is learned from. A wrong result that was found without being looked for (a
//! revert, the last gate) counts as much as right ones had a chance to be seen: else the wrong ones
//! would always be counted and the right ones seldom. Alone such findings only lower.

use crate::book::Book;
use crate::turnout::{Seen, Turnout};
use loom_events::{
    Adjusted, Adjustment, Calibration, CalibrationPoint, Confidence, ConfidencePart, Time,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Results of which it is known how they turned out, before anything is stated otherwise.
const ENOUGH: f64 = 50.0;

/// What is expected of a bin of which nothing is known is worth so many results, as in a model's record.
const PRIOR: f64 = 20.0;

/// Bins that are further apart than this say nothing of each other.
const NEAR: f64 = 0.15;

/// Bins of five points: finer ones hold too few results, and coarser ones hold what is not alike.
const BINS: usize = 20;

/// What a wrong result counts at least that was found without being looked for, where nobody ever looks.
const LEAST_SHARE: f64 = 0.05;

/// After so long without any, results count half: models, servers and projects change.
const HALF_LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Changes that are named in a sentence.
const NAMED: usize = 4;

/// How results with the same evidence turned out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Turned {
    /// All of them, also those that nobody looked at; older ones count less, here and below.
    pub results: f64,
    /// Those that somebody looked at and that were right.
    pub right: f64,
    /// Those that somebody looked at and that were wrong.
    pub wrong: f64,
    /// Those that were found to be wrong without being looked for.
    pub found: f64,
    /// Of how many something is known, each counting one.
    pub seen: u32,
    /// The last one.
    pub last: Time,
}

impl Turned {
    /// Adds a result of which nothing is known yet.
    pub(crate) fn result(&mut self, at: Time) {
        self.fade(at);
        self.results += 1.0;
    }

    /// Puts what is known now in the place of what was known before.
    pub(crate) fn see(&mut self, before: Option<Seen>, now: Seen, at: Time) {
        self.fade(at);
        if let Some(before) = before {
            self.add(before, -1.0);
        } else {
            self.seen = self.seen.saturating_add(1);
        }
        self.add(now, 1.0);
    }

    fn add(&mut self, seen: Seen, sign: f64) {
        match seen {
            Seen::Looked(right) => {
                let right = right.clamp(0.0, 1.0);
                self.right = sign.mul_add(right, self.right).max(0.0);
                self.wrong = sign.mul_add(1.0 - right, self.wrong).max(0.0);
            }
            Seen::Found => self.found = (self.found + sign).max(0.0),
        }
    }

    fn fade(&mut self, now: Time) {
        let idle = now.since(self.last);
        let keep = 0.5_f64.powf(idle.as_secs_f64() / HALF_LIFE.as_secs_f64());
        for count in [
            &mut self.results,
            &mut self.right,
            &mut self.wrong,
            &mut self.found,
        ] {
            *count *= keep;
        }
        self.last = self.last.max(now);
    }
}

impl Book {
    /// What is stated of results instead of what their evidence alone says; none while too little is known,
    /// or where that is the same.
    #[must_use]
    pub fn calibration(&self, now: Time) -> Option<Adjustment> {
        let bins = self.bins(now);
        let known: f64 = bins.iter().map(Bin::known).sum();
        // What is a minute old has faded a little.
        if known.round() < ENOUGH {
            return None;
        }
        let points = isotonic(&bins);
        let mut changes: Vec<(f64, &Bin, f64)> = bins
            .iter()
            .filter(|bin| bin.known() >= 1.0)
            .map(|bin| (bin.known(), bin, at(&points, bin.evidence)))
            .filter(|(_, bin, stated)| percent(bin.evidence) != percent(*stated))
            .collect();
        if changes.is_empty() {
            return None;
        }
        // Those of which most is known, in their order.
        changes.sort_by(|a, b| b.0.total_cmp(&a.0));
        changes.truncate(NAMED);
        changes.sort_by(|a, b| a.1.evidence.total_cmp(&b.1.evidence));
        let changes: Vec<String> = changes
            .iter()
            .map(|(_, bin, stated)| {
                format!(
                    "{} % is stated as {} %",
                    percent(bin.evidence),
                    percent(*stated)
                )
            })
            .collect();
        let looked_at = self.turned.values().map(|turned| turned.seen);
        let looked_at = looked_at.fold(0, u32::saturating_add);
        Some(Adjustment {
            why: format!(
                "as {looked_at} results turned out: {} (you are not asked less because of it)",
                changes.join(", ")
            ),
            what: Adjusted::Calibration(Calibration { looked_at, points }),
        })
    }

    /// How sure a result is by what is known by now, however little that is.
    #[must_use]
    pub fn sure(&self, result: &Turnout, now: Time) -> f64 {
        at(&isotonic(&self.bins(now)), result.evidence)
    }

    pub(crate) fn bins(&self, now: Time) -> Vec<Bin> {
        let mut bins: Vec<Bin> = (0..BINS).map(Bin::new).collect();
        let mut weights = [0.0_f64; BINS];
        for (evidence, turned) in &self.turned {
            let mut turned = turned.clone();
            turned.fade(now);
            let index = (usize::from(*evidence) * BINS / 100).min(BINS - 1);
            let (bin, weight) = (&mut bins[index], &mut weights[index]);
            // Where results lie in the bin; those of which something is known say it first.
            let here = turned
                .results
                .mul_add(1e-6, turned.right + turned.wrong + turned.found);
            if here > 0.0 {
                let share = f64::from(*evidence) / 100.0;
                bin.evidence = if *weight > 0.0 {
                    (bin.evidence * *weight + share * here) / (*weight + here)
                } else {
                    share
                };
                *weight += here;
            }
            bin.turned.results += turned.results;
            bin.turned.right += turned.right;
            bin.turned.wrong += turned.wrong;
            bin.turned.found += turned.found;
        }
        bins
    }
}

/// Results whose evidence says about the same.
pub(crate) struct Bin {
    /// What it says, on average; the middle of the bin where there are none.
    evidence: f64,
    turned: Turned,
}

impl Bin {
    fn new(index: usize) -> Self {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let bins = u32::try_from(BINS).unwrap_or(u32::MAX);
        Self {
            evidence: (f64::from(index) + 0.5) / f64::from(bins),
            turned: Turned::default(),
        }
    }

    /// Of how many something is known.
    fn known(&self) -> f64 {
        self.turned.right + self.turned.wrong + self.turned.found
    }

    /// How many count, each wrong one that was found with the chance that a right one was looked at.
    fn counted(&self) -> f64 {
        let Turned {
            results,
            right,
            wrong,
            found,
            ..
        } = self.turned;
        let looked = right + wrong;
        let others = (results - found).max(looked);
        let chance = if others > 0.0 { looked / others } else { 0.0 };
        found.mul_add(chance.max(LEAST_SHARE), looked)
    }

    /// The share of them that is expected to be right, when `prior` was expected before.
    fn expected(&self, prior: f64) -> f64 {
        let Turned {
            results,
            right,
            wrong,
            found,
            ..
        } = self.turned;
        let expected = PRIOR.mul_add(prior, right) / (PRIOR + self.counted());
        // Were all right that nobody looked at, it would still be no more than this.
        let all = results.max(right + wrong + found);
        let most = PRIOR.mul_add(self.evidence, all - found) / (PRIOR + all);
        let bound = if found > 0.0 { most } else { 1.0 };
        expected.min(bound)
    }
}

/// What is expected of the results of a bin before anything is known of them: what their evidence says,
/// moved as far as it was off for results with nearly the same evidence.
fn prior(bins: &[Bin], at: usize) -> f64 {
    let own = bins[at].evidence;
    let (mut right, mut counted, mut said) = (0.0, 0.0, 0.0);
    for (_, other) in bins.iter().enumerate().filter(|(index, _)| *index != at) {
        let near = (1.0 - (other.evidence - own).abs() / NEAR).max(0.0);
        let count = near * other.counted();
        right = near.mul_add(other.turned.right, right);
        counted += count;
        said = count.mul_add(other.evidence, said);
    }
    if counted <= 0.0 {
        return own;
    }
    let said = said / counted;
    let turned = PRIOR.mul_add(said, right) / (PRIOR + counted);
    let moved = odds(own) + odds(turned) - odds(said);
    let moved = 1.0 / (1.0 + (-moved).exp());
    // Certainty is none to begin with, and nothing is moved against what was seen.
    let moved = if turned > said {
        moved.max(own)
    } else {
        moved.min(own)
    };
    // A bin that has results of its own hears less of others.
    let few = PRIOR / (PRIOR + bins[at].counted());
    (moved - own).mul_add(few, own)
}

/// Log-odds of a share; certainty is not quite that.
fn odds(share: f64) -> f64 {
    let share = share.clamp(0.001, 0.999);
    (share / (1.0 - share)).ln()
}

/// What a bin weighs of which nothing is known: it gives way to those of which something is.
const UNKNOWN: f64 = 0.01;

/// Pools neighbours until more evidence never means less.
pub(crate) fn isotonic(bins: &[Bin]) -> Vec<CalibrationPoint> {
    struct Pool {
        sum: f64,
        weight: f64,
        bins: usize,
    }
    let mut pools: Vec<Pool> = Vec::with_capacity(bins.len());
    for (index, bin) in bins.iter().enumerate() {
        let share = bin.expected(prior(bins, index));
        let weight = bin.known() + UNKNOWN;
        let mut pool = Pool {
            sum: share * weight,
            weight,
            bins: 1,
        };
        while let Some(before) =
            pools.pop_if(|before| before.sum * pool.weight > pool.sum * before.weight)
        {
            pool.sum += before.sum;
            pool.weight += before.weight;
            pool.bins += before.bins;
        }
        pools.push(pool);
    }
    let stated = pools
        .iter()
        .flat_map(|pool| std::iter::repeat_n(pool.sum / pool.weight, pool.bins));
    bins.iter()
        .zip(stated)
        .map(|(bin, stated)| CalibrationPoint {
            evidence: bin.evidence,
            stated,
        })
        .collect()
}

/// What is stated for this evidence: in proportion between two points, and certain only where that is.
pub(crate) fn at(points: &[CalibrationPoint], evidence: f64) -> f64 {
    let mut before = CalibrationPoint {
        evidence: 0.0,
        stated: 0.0,
    };
    let end = CalibrationPoint {
        evidence: 1.0,
        stated: 1.0,
    };
    for point in points.iter().chain([&end]) {
        if evidence <= point.evidence {
            let width = point.evidence - before.evidence;
            if width <= f64::EPSILON {
                return point.stated;
            }
            let part = (evidence - before.evidence) / width;
            return (point.stated - before.stated).mul_add(part, before.stated);
        }
        before = *point;
    }
    evidence
}

/// A confidence as such results turned out, with the change as one of its parts.
#[must_use]
pub fn turned_out(confidence: Confidence, calibration: &Calibration) -> Confidence {
    let evidence = confidence.evidence();
    // Rounded down where it is more than the evidence says: a task is as sure as all its steps
    // together, and half a percent in each of ten is five.
    let known = at(&calibration.points, evidence);
    let stated = ((known * 100.0).floor() / 100.0).max(known.min(evidence));
    if !(0.0..=1.0).contains(&evidence) || (stated - evidence).abs() < 0.005 {
        return confidence;
    }
    let mut parts = confidence.parts;
    parts.push(ConfidencePart {
        why: format!(
            "as such results turned out: {evidence:.2} → {stated:.2}, {} looked at",
            calibration.looked_at
        ),
        delta: odds(stated) - odds(evidence),
    });
    Confidence {
        value: stated,
        parts,
        by_evidence: Some(evidence),
    }
}

/// A share in whole percents. More digits would claim a precision that is not there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share between 0 and 1; a conversion of what is none saturates"
)]
pub(crate) fn percent(share: f64) -> u8 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

/// What is known of a result goes to those with the same evidence.
pub(crate) fn bin_of(result: &Turnout) -> u8 {
    percent(result.evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// So many results of this evidence: right and wrong ones that somebody looked at, wrong ones that
    /// were found, and all of them.
    type Row = (u8, u32, u32, u32, u32);

    fn book(rows: &[Row]) -> Book {
        let mut book = Book::default();
        for (evidence, right, wrong, found, results) in rows {
            let turned = book.turned.entry(*evidence).or_default();
            for _ in 0..*results {
                turned.result(Time::EPOCH);
            }
            let seen = [
                (Seen::Looked(1.0), right),
                (Seen::Looked(0.0), wrong),
                (Seen::Found, found),
            ];
            for (seen, count) in seen {
                for _ in 0..*count {
                    turned.see(None, seen, Time::EPOCH);
                }
            }
        }
        book
    }

    fn calibration(rows: &[Row]) -> Option<Calibration> {
        match book(rows).calibration(Time::EPOCH)?.what {
            Adjusted::Calibration(calibration) => Some(calibration),
            other => panic!("{other:?}"),
        }
    }

    fn stated(calibration: &Calibration, evidence: f64) -> f64 {
        at(&calibration.points, evidence)
    }

    #[test]
    fn before_enough_was_seen_nothing_is_stated_otherwise() {
        assert_eq!(calibration(&[]), None);
        assert_eq!(calibration(&[(84, 49, 0, 0, 500)]), None);
        assert!(calibration(&[(84, 50, 0, 0, 500)]).is_some());
    }

    #[test]
    fn what_turns_out_better_than_stated_is_stated_so() {
        let known = calibration(&[
            (78, 54, 6, 0, 200),
            (84, 91, 9, 0, 300),
            (93, 390, 10, 0, 1300),
        ]);
        let known = known.unwrap();
        for (evidence, true_share) in [(0.78, 0.90), (0.84, 0.91), (0.93, 0.975)] {
            let stated = stated(&known, evidence);
            assert!((stated - true_share).abs() < 0.03, "{evidence}: {stated}");
            assert!(stated > evidence, "{evidence}: {stated}");
        }
    }

    #[test]
    fn few_results_are_expected_to_turn_out_as_those_with_nearly_the_same_evidence_did() {
        let alone = calibration(&[(78, 3, 0, 0, 10), (20, 60, 0, 0, 60)]).unwrap();
        let beside = calibration(&[(78, 3, 0, 0, 10), (86, 290, 10, 0, 900)]).unwrap();
        let worse = calibration(&[(78, 3, 0, 0, 10), (86, 200, 100, 0, 900)]).unwrap();
        assert!(stated(&alone, 0.78) < 0.82, "too far away: {alone:?}");
        assert!(stated(&beside, 0.78) > 0.86, "{beside:?}");
        assert!(stated(&worse, 0.78) < 0.70, "{worse:?}");
        // What lies far from everything that is known stays as it is.
        assert!((stated(&beside, 0.525) - 0.525).abs() < 0.03, "{beside:?}");
    }

    #[test]
    fn more_evidence_never_means_less() {
        // By chance the surer ones turned out worse.
        let known = calibration(&[(80, 60, 2, 0, 62), (90, 40, 12, 0, 52)]).unwrap();
        let mut before = 0.0;
        for evidence in 0..=100 {
            let stated = stated(&known, f64::from(evidence) / 100.0);
            assert!(stated >= before, "{evidence}: {stated} {before}");
            before = stated;
        }
        assert!(known.points.iter().all(|point| point.stated < 1.0));
    }

    #[test]
    fn reverts_alone_only_lower() {
        for results in [60, 600] {
            let known = calibration(&[(84, 0, 0, 60, results), (93, 0, 0, 5, 60)]).unwrap();
            for point in &known.points {
                assert!(point.stated <= point.evidence + 1e-9, "{point:?}");
            }
            assert!(stated(&known, 0.84) < 0.80, "{}", stated(&known, 0.84));
        }
        // Where all were taken back little is left.
        let all = calibration(&[(84, 0, 0, 60, 60)]).unwrap();
        assert!(stated(&all, 0.84) < 0.25);
    }

    #[test]
    fn what_is_found_wrong_counts_as_much_as_what_is_looked_at_otherwise() {
        // Of 1000 results 100 are wrong. The last gate found half of those; of the rest a third was
        // looked at, and told as it is.
        let known = calibration(&[(84, 300, 17, 50, 1_000)]).unwrap();
        let stated = stated(&known, 0.84);
        assert!((stated - 0.90).abs() < 0.02, "{stated}");
    }

    #[test]
    fn silence_says_nothing() {
        let looked = calibration(&[(84, 60, 6, 0, 66)]).unwrap();
        let silent = calibration(&[(84, 60, 6, 0, 6_600)]).unwrap();
        assert_eq!(looked.points, silent.points);
    }

    #[test]
    fn who_changes_their_mind_is_counted_once() {
        let mut twice = Turned::default();
        twice.see(None, Seen::Looked(1.0), Time::EPOCH);
        twice.see(Some(Seen::Looked(1.0)), Seen::Looked(0.0), Time::EPOCH);
        assert_eq!((twice.right, twice.wrong, twice.seen), (0.0, 1.0, 1));
    }

    #[test]
    fn the_change_is_a_part_of_the_confidence_and_the_evidence_stays_known() {
        let known = calibration(&[(84, 91, 9, 0, 300)]).unwrap();
        let by_evidence = Confidence {
            value: 0.84,
            ..Confidence::default()
        };
        let stated = turned_out(by_evidence, &known);
        assert!((stated.value - 0.89).abs() < 1e-9, "{stated:?}");
        assert_eq!(stated.by_evidence, Some(0.84));
        assert_eq!(
            stated.parts[0].why,
            "as such results turned out: 0.84 → 0.89, 100 looked at"
        );
        assert!(stated.parts[0].delta > 0.0);
        // A second time it is still the evidence that is looked up.
        assert!((turned_out(stated.clone(), &known).value - stated.value).abs() < 1e-9);
    }

    #[test]
    fn old_results_count_less_and_are_forgotten_in_the_end() {
        let known = book(&[(84, 60, 0, 0, 60)]);
        let days = |days: i64| Time::from_millis(days * 24 * 60 * 60 * 1_000);
        assert!(known.calibration(days(10)).is_some());
        assert_eq!(known.calibration(days(60)), None);
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let row = (0_u8..=100, 0_u32..40, 0_u32..40, 0_u32..40, 0_u32..200);
        prop::collection::vec(row, 1..12)
    }

    proptest! {
        #[test]
        fn what_is_stated_is_a_share_and_rises_with_the_evidence(rows in rows()) {
            if let Some(known) = calibration(&rows) {
                let mut before = 0.0;
                for evidence in 0..=1_000 {
                    let stated = stated(&known, f64::from(evidence) / 1_000.0);
                    prop_assert!((0.0..=1.0).contains(&stated), "{stated}");
                    prop_assert!(stated + 1e-9 >= before, "{evidence}: {stated} < {before}");
                    before = stated;
                }
            }
        }

        #[test]
        fn findings_alone_never_raise(rows in rows()) {
            let found: Vec<Row> = rows
                .into_iter()
                .map(|(evidence, _, wrong, found, results)| (evidence, 0, wrong, found, results))
                .collect();
            if let Some(known) = calibration(&found) {
                for evidence in 0..=1_000 {
                    let evidence = f64::from(evidence) / 1_000.0;
                    prop_assert!(stated(&known, evidence) <= evidence + 1e-9);
                }
            }
        }
    }
}
