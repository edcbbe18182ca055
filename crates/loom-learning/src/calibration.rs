//! How results turn out that are stated to be so and so sure: what their evidence says, moved as far as
//! it was off for all that turned out ([`Curve`]).
//!
//! Results are counted by what their evidence says, never by what was stated, so that what is learned
//! does not move what it is learned from. A wrong result that was found without being looked for (a
//! revert, the last gate) counts as much as right ones had a chance to be seen: else the wrong ones
//! would always be counted and the right ones seldom. Alone such findings only lower.

use crate::book::Book;
use crate::curve::{Curve, Faulty, Group, odds};
use crate::turnout::{Seen, Turnout};
use loom_events::{
    Adjusted, Adjustment, Calibration, CalibrationPoint, Confidence, ConfidencePart, Time,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Results of which it is known how they turned out, before anything is stated otherwise.
const ENOUGH: f64 = 50.0;

/// What is stated is told at so many points, and between them in proportion.
const POINTS: u8 = 20;

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

    /// Puts another guess of a result in the place of one that was made some time ago.
    pub(crate) fn guess(&mut self, (before, made): (f64, Time), right: f64, now: Time) {
        self.fade(now);
        let moved = (right - before) * kept(made, now);
        self.right = (self.right + moved).max(0.0);
        self.wrong = (self.wrong - moved).max(0.0);
    }

    fn fade(&mut self, now: Time) {
        let keep = kept(self.last, now);
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

/// What is left of a result after a time.
fn kept(then: Time, now: Time) -> f64 {
    0.5_f64.powf(now.since(then).as_secs_f64() / HALF_LIFE.as_secs_f64())
}

impl Book {
    /// What is stated of results instead of what their evidence alone says; none while too little is known,
    /// or where that is the same.
    #[must_use]
    pub fn calibration(&self, now: Time) -> Option<Adjustment> {
        let (groups, faulty) = self.turned_by(now);
        let known: f64 = groups.iter().map(Group::known).sum();
        // What is a minute old has faded a little.
        if known.round() < ENOUGH {
            return None;
        }
        let curve = Curve::of(&groups, &faulty);
        let mut changes: Vec<(&Group, f64)> = groups
            .iter()
            .filter(|one| one.known() >= 1.0)
            .map(|one| (one, curve.sure(one.evidence)))
            .filter(|(one, stated)| percent(one.evidence) != percent(*stated))
            .collect();
        if changes.is_empty() {
            return None;
        }
        // Those of which most is known, in their order.
        changes.sort_by(|(a, _), (b, _)| b.known().total_cmp(&a.known()));
        changes.truncate(NAMED);
        changes.sort_by(|(a, _), (b, _)| a.evidence.total_cmp(&b.evidence));
        let changes: Vec<String> = changes
            .iter()
            .map(|(one, stated)| {
                format!(
                    "{} % is stated as {} %",
                    percent(one.evidence),
                    percent(*stated)
                )
            })
            .collect();
        let looked_at = self.turned.values().map(|turned| turned.seen);
        let looked_at = looked_at.fold(0, u32::saturating_add);
        let points = (1..POINTS).map(|at| {
            let evidence = f64::from(at) / f64::from(POINTS);
            CalibrationPoint {
                evidence,
                stated: curve.sure(evidence),
            }
        });
        Some(Adjustment {
            why: format!(
                "as {looked_at} results turned out: {} (you are not asked less because of it)",
                changes.join(", ")
            ),
            what: Adjusted::Calibration(Calibration {
                looked_at,
                points: points.collect(),
            }),
        })
    }

    /// How sure results are by what is known by now, however little that is.
    pub fn sure(&self, now: Time) -> impl Fn(&Turnout) -> f64 + use<> {
        let curve = self.curve(now);
        move |result| curve.sure(result.evidence)
    }

    /// What is expected of results by what is known by now.
    pub(crate) fn curve(&self, now: Time) -> Curve {
        let (groups, faulty) = self.turned_by(now);
        Curve::of(&groups, &faulty)
    }

    /// What is known by now. Of a task that is wrong as a whole it is that not all of its results are right, and
    /// not what was guessed of each.
    pub(crate) fn turned_by(&self, now: Time) -> (Vec<Group>, Vec<Faulty>) {
        let mut at = [None; 101];
        let mut groups: Vec<Group> = Vec::with_capacity(self.turned.len());
        for (evidence, turned) in &self.turned {
            let mut turned = turned.clone();
            turned.fade(now);
            at[usize::from(*evidence).min(100)] = Some(groups.len());
            groups.push(Group {
                evidence: f64::from(*evidence) / 100.0,
                right: turned.right,
                wrong: turned.wrong,
                found: turned.found,
                looked: turned.right + turned.wrong,
                all: turned.results,
            });
        }
        let mut faulty = Vec::new();
        for task in self.guesses().values() {
            let (mut of, mut weight) = (Vec::with_capacity(task.guesses.len()), 0.0);
            for guess in &task.guesses {
                let Some(index) = at[usize::from(guess.evidence).min(100)] else {
                    continue;
                };
                weight = kept(guess.made, now);
                let group = &mut groups[index];
                group.right = guess.right.mul_add(-weight, group.right).max(0.0);
                group.wrong = (1.0 - guess.right).mul_add(-weight, group.wrong).max(0.0);
                of.push(index);
            }
            // One that is known to be wrong explains it, and then it says nothing of the others.
            if !task.explained && !of.is_empty() {
                faulty.push(Faulty { of, weight });
            }
        }
        (groups, faulty)
    }
}

/// What is stated for this evidence: in proportion between two points, and certain only where that is.
fn at(points: &[CalibrationPoint], evidence: f64) -> f64 {
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
    // Rounded down where it is more than the evidence says, and to a tenth of a percent: a task is as
    // sure as all its steps together, and half a percent in each of ten is five.
    let known = at(&calibration.points, evidence);
    let stated = ((known * 1000.0).floor() / 1000.0).max(known.min(evidence));
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
    fn few_results_are_expected_to_turn_out_as_the_others_did() {
        let better = calibration(&[(78, 3, 0, 0, 10), (86, 290, 10, 0, 900)]).unwrap();
        let worse = calibration(&[(78, 3, 0, 0, 10), (86, 200, 100, 0, 900)]).unwrap();
        assert!(stated(&better, 0.78) > 0.90, "{better:?}");
        assert!(stated(&worse, 0.78) < 0.65, "{worse:?}");
        // Where they turned out otherwise than those, they say so in time.
        let other = calibration(&[(78, 150, 50, 0, 200), (86, 290, 10, 0, 900)]).unwrap();
        assert!((stated(&other, 0.78) - 0.75).abs() < 0.06, "{other:?}");
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
        assert!((stated.value - 0.90).abs() < 0.01, "{stated:?}");
        assert_eq!(stated.by_evidence, Some(0.84));
        assert_eq!(
            stated.parts[0].why,
            "as such results turned out: 0.84 → 0.90, 100 looked at"
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
