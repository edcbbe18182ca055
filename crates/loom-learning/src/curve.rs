//! How far results turn out otherwise than their evidence says. Two figures: by how much it is off as a
//! whole, in log-odds, and how much of the differences that it makes is so. They are the likeliest ones by
//! all that is known at once: results that turned out right or wrong, and groups of results of which it is
//! only known that not all are right. People say that of whole tasks, and of ten results that are wrong
//! together it says much about their common level and little about each: too little for a figure for each
//! bin, enough for two.

/// How far the evidence may well be off as a whole: by a factor of e in the odds, either way. That is worth
/// about as much as ten results.
const SHIFT: f64 = 1.0;

/// How far its differences may well be stretched or pressed: by a factor of 1.6, either way.
const STRETCH: f64 = 0.5;

/// What a wrong result counts at least that was found without being looked for, where nobody ever looks.
const LEAST_SHARE: f64 = 0.05;

/// Steps to the likeliest figures. They come to rest after five to ten.
const STEPS: usize = 40;

/// Results whose evidence says the same, with what is known of them; older ones count less.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    /// Between 0 and 1.
    pub(crate) evidence: f64,
    pub(crate) right: f64,
    pub(crate) wrong: f64,
    /// Found to be wrong without being looked for.
    pub(crate) found: f64,
    /// Those that somebody looked at, also where only the whole was said to be wrong.
    pub(crate) looked: f64,
    /// All of them.
    pub(crate) all: f64,
}

/// Results of which it is only known that not all are right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Faulty {
    /// Which groups they are of, by index; one may be named several times.
    pub(crate) of: Vec<usize>,
    /// How much this counts.
    pub(crate) weight: f64,
}

/// What is expected of a result by its evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Curve {
    /// The evidence in the middle of what is known, as all here in log-odds.
    centre: f64,
    /// How much surer results are there than it says.
    shift: f64,
    /// The logarithm of how far the differences are stretched.
    stretch: f64,
    /// Whether nothing is known to be right: then nothing is stated to be surer either.
    only_lowers: bool,
}

impl Curve {
    /// The likeliest one.
    pub(crate) fn of(groups: &[Group], faulty: &[Faulty]) -> Self {
        let known: f64 = groups.iter().map(Group::known).sum();
        if known <= 0.0 {
            return Self::default();
        }
        let centre = groups.iter().map(|one| one.known() * odds(one.evidence));
        let mut curve = Self {
            centre: centre.sum::<f64>() / known,
            // What was guessed is taken off again, and leaves a little.
            only_lowers: groups.iter().all(|one| one.right < 1e-6),
            ..Self::default()
        };
        let mut likely = curve.likelihood(groups, faulty);
        for _ in 0..STEPS {
            let (shift, stretch) = curve.step(groups, faulty);
            let mut part = 1.0_f64;
            let better = loop {
                let next = Self {
                    shift: part.mul_add(shift, curve.shift),
                    stretch: part.mul_add(stretch, curve.stretch),
                    ..curve
                };
                let now = next.likelihood(groups, faulty);
                if now >= likely {
                    break Some((next, now));
                }
                part /= 2.0;
                if part < 1e-3 {
                    break None;
                }
            };
            let Some((next, now)) = better else {
                break;
            };
            let rests = now - likely < 1e-9;
            (curve, likely) = (next, now);
            if rests {
                break;
            }
        }
        curve
    }

    /// How likely a result is right whose evidence says this. It rises with the evidence.
    pub(crate) fn sure(&self, evidence: f64) -> f64 {
        let sure = share(self.at(evidence));
        if self.only_lowers {
            sure.min(evidence)
        } else {
            sure
        }
    }

    fn at(&self, evidence: f64) -> f64 {
        self.centre + self.shift + self.beside(evidence)
    }

    /// How far it lies from the centre.
    fn beside(&self, evidence: f64) -> f64 {
        self.stretch.exp() * (odds(evidence) - self.centre)
    }

    /// The logarithm of how likely all that is known is, and these two figures before anything is.
    fn likelihood(&self, groups: &[Group], faulty: &[Faulty]) -> f64 {
        let before = (self.shift / SHIFT).powi(2) + (self.stretch / STRETCH).powi(2);
        let right: Vec<f64> = groups
            .iter()
            .map(|one| ln_share(self.at(one.evidence)))
            .collect();
        let mut likely = -before / 2.0;
        for (one, right) in groups.iter().zip(&right) {
            let wrong = ln_share(-self.at(one.evidence));
            likely += one.right * right + one.faults() * wrong;
            if let Some((found, others)) = one.bound(right.exp()) {
                likely += found * (wrong - (found / one.all()).ln());
                if others > 0.0 {
                    likely += others * (right - (others / one.all()).ln());
                }
            }
        }
        for one in faulty {
            let all: f64 = one.of.iter().map(|at| right[*at]).sum();
            likely += one.weight * (-all.exp_m1()).max(f64::MIN_POSITIVE).ln();
        }
        likely
    }

    /// Where more of it lies: the slope of the likelihood by what is to be learned of it (Fisher's scoring).
    fn step(&self, groups: &[Group], faulty: &[Faulty]) -> (f64, f64) {
        let mut sums = Sums {
            slope: (-self.shift / SHIFT.powi(2), -self.stretch / STRETCH.powi(2)),
            known: (SHIFT.powi(-2), 0.0, STRETCH.powi(-2)),
        };
        for one in groups {
            let (right, beside) = (share(self.at(one.evidence)), self.beside(one.evidence));
            let (found, others) = one.bound(right).unwrap_or_default();
            let count = one.right + one.faults() + found + others;
            let slope = (one.right + others) - count * right;
            sums.add(
                (slope, slope * beside),
                count * right * (1.0 - right),
                (1.0, beside),
            );
        }
        for one in faulty {
            let (mut all, mut moves) = (0.0, (0.0, 0.0));
            for at in &one.of {
                let evidence = groups[*at].evidence;
                let wrong = share(-self.at(evidence));
                all += ln_share(self.at(evidence));
                moves.0 += wrong;
                moves.1 += wrong * self.beside(evidence);
            }
            let ratio = one.weight * all.exp() / (-all.exp_m1()).max(f64::MIN_POSITIVE);
            sums.add((-ratio * moves.0, -ratio * moves.1), ratio, moves);
        }
        sums.step()
    }
}

impl Group {
    /// Of how many something is known.
    pub(crate) fn known(&self) -> f64 {
        self.looked + self.found
    }

    fn all(&self) -> f64 {
        self.all.max(self.known())
    }

    /// How many count as wrong: each that was found with the chance that a right one was looked at.
    fn faults(&self) -> f64 {
        let others = self.all() - self.found;
        let chance = if others > 0.0 {
            self.looked / others
        } else {
            0.0
        };
        self.found.mul_add(chance.max(LEAST_SHARE), self.wrong)
    }

    /// Were all right that nobody looked at, so many would still have been found to be wrong. None where
    /// that says nothing against `right`.
    fn bound(&self, right: f64) -> Option<(f64, f64)> {
        let others = self.all() - self.found;
        (self.found > 0.0 && right * self.all() > others).then_some((self.found, others))
    }
}

/// What is gathered for a step.
struct Sums {
    slope: (f64, f64),
    /// The upper half of a symmetric matrix.
    known: (f64, f64, f64),
}

impl Sums {
    fn add(&mut self, slope: (f64, f64), weight: f64, (one, other): (f64, f64)) {
        self.slope.0 += slope.0;
        self.slope.1 += slope.1;
        self.known.0 += weight * one * one;
        self.known.1 += weight * one * other;
        self.known.2 += weight * other * other;
    }

    fn step(&self) -> (f64, f64) {
        let ((shift, stretch), (a, b, c)) = (self.slope, self.known);
        let size = a * c - b * b;
        (
            (c * shift - b * stretch) / size,
            (a * stretch - b * shift) / size,
        )
    }
}

/// Log-odds of a share; certainty is not quite that.
pub(crate) fn odds(share: f64) -> f64 {
    let share = share.clamp(0.001, 0.999);
    (share / (1.0 - share)).ln()
}

/// The share of these log-odds.
fn share(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// The logarithm of that share.
fn ln_share(odds: f64) -> f64 {
    // Of very small ones the exponential would be infinite.
    if odds < -30.0 {
        odds
    } else {
        -(-odds).exp().ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results of three kinds, drawn from a truth.
    struct World {
        /// What their evidence says, and how many of them are right in truth.
        kinds: [(f64, f64); 3],
        draws: u64,
        groups: Vec<Group>,
        faulty: Vec<Faulty>,
    }

    impl World {
        fn new(kinds: [(f64, f64); 3]) -> Self {
            let group = |(evidence, _): &(f64, f64)| Group {
                evidence: *evidence,
                ..Group::default()
            };
            Self {
                groups: kinds.iter().map(group).collect(),
                kinds,
                draws: 7,
                faulty: Vec::new(),
            }
        }

        /// A number between 0 and 1 (splitmix64).
        fn draw(&mut self) -> f64 {
            self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut value = self.draws;
            value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            f64::from(u32::try_from((value ^ (value >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
        }

        /// A result of one of the kinds, the later of which are the more frequent ones, and whether it is right.
        fn result(&mut self) -> (usize, bool) {
            let kind = match self.draw() {
                few if few < 0.1 => 0,
                some if some < 0.3 => 1,
                _ => 2,
            };
            self.groups[kind].looked += 1.0;
            self.groups[kind].all += 1.0;
            (kind, self.draw() < self.kinds[kind].1)
        }

        /// Somebody says of tasks of so many steps whether they are right as a whole.
        fn wholes(mut self, tasks: usize, steps: usize) -> Self {
            for _ in 0..tasks {
                let results: Vec<(usize, bool)> = (0..steps).map(|_| self.result()).collect();
                let of = results.iter().map(|(kind, _)| *kind);
                if results.iter().all(|(_, right)| *right) {
                    of.for_each(|kind| self.groups[kind].right += 1.0);
                } else {
                    let (of, weight) = (of.collect(), 1.0);
                    self.faulty.push(Faulty { of, weight });
                }
            }
            self
        }

        /// Somebody says of results themselves whether they are right.
        fn results(mut self, count: usize) -> Self {
            for _ in 0..count {
                let (kind, right) = self.result();
                let group = &mut self.groups[kind];
                *(if right {
                    &mut group.right
                } else {
                    &mut group.wrong
                }) += 1.0;
            }
            self
        }

        /// By how much what is stated of each kind is off.
        fn off(&self) -> [f64; 3] {
            let curve = Curve::of(&self.groups, &self.faulty);
            self.kinds
                .map(|(evidence, right)| curve.sure(evidence) - right)
        }
    }

    fn moved(share_of: f64, shift: f64) -> f64 {
        share(odds(share_of) + shift)
    }

    #[test]
    fn of_what_nothing_is_known_the_evidence_is_stated() {
        let curve = Curve::of(&[Group::default()], &[]);
        for evidence in [0.05, 0.5, 0.79, 0.95] {
            assert!((curve.sure(evidence) - evidence).abs() < 1e-9);
        }
    }

    #[test]
    fn what_people_say_of_whole_tasks_shows_the_level_of_all_results() {
        // The evidence is off by the same, either way or not at all, in short tasks and in long ones.
        for (shift, tasks, steps, least) in [
            (0.9, 40, 10, 0.68),
            (0.9, 100, 20, 0.88),
            (0.0, 40, 10, 0.85),
            (0.0, 60, 3, 0.6),
            (-0.9, 60, 3, 0.8),
            (-0.9, 600, 1, 0.7),
        ] {
            let kinds = [least, least + 0.04, least + 0.08];
            let world = World::new(kinds.map(|kind| (kind, moved(kind, shift))));
            let off = world.wholes(tasks, steps).off();
            assert!(
                off.iter().all(|off| off.abs() < 0.05),
                "{shift}, {steps} steps: {off:?}"
            );
        }
    }

    #[test]
    fn whether_differences_of_the_evidence_are_so_is_learned_from_results_and_hardly_from_tasks() {
        // Here they are not: all kinds are right as often.
        let flat = [(0.68, 0.9), (0.76, 0.9), (0.84, 0.9)];
        let [least, _, most] = World::new(flat).results(2_000).off();
        assert!(least.abs() < 0.03 && most.abs() < 0.03, "{least} {most}");
        let [least, _, most] = World::new(flat).wholes(40, 10).off();
        assert!(most.abs() < 0.03, "{most}");
        assert!(
            (-0.13..-0.02).contains(&least),
            "nobody can know it, and nobody should claim to: {least}"
        );
        // Here they are more than it says.
        let steep = [(0.6, 0.45), (0.76, 0.8), (0.84, 0.93)];
        let off = World::new(steep).results(2_000).off();
        assert!(off.iter().all(|off| off.abs() < 0.04), "{off:?}");
    }

    #[test]
    fn tasks_are_as_often_right_as_their_results_together_are_stated_to_be() {
        let world = World::new([(0.79, 0.97), (0.9, 0.965), (0.95, 0.985)]).wholes(100, 10);
        let curve = Curve::of(&world.groups, &world.faulty);
        let wrong = world.faulty.iter().map(|one| {
            let sure = one
                .of
                .iter()
                .map(|at| curve.sure(world.groups[*at].evidence));
            sure.product::<f64>()
        });
        // Those that are right had about as many of each kind.
        let stated = wrong.sum::<f64>() / f64::from(u32::try_from(world.faulty.len()).unwrap());
        let right = 1.0 - f64::from(u32::try_from(world.faulty.len()).unwrap()) / 100.0;
        assert!((stated - right).abs() < 0.05, "{stated} {right}");
    }

    #[test]
    fn few_results_move_little() {
        let one = |right: f64, wrong: f64| Group {
            evidence: 0.8,
            right,
            wrong,
            looked: right + wrong,
            all: right + wrong,
            ..Group::default()
        };
        let sure = |right, wrong| Curve::of(&[one(right, wrong)], &[]).sure(0.8);
        assert!((0.80..0.83).contains(&sure(1.0, 0.0)));
        assert!((0.65..0.80).contains(&sure(0.0, 1.0)));
        assert!((0.88..0.93).contains(&sure(10.0, 0.0)));
        assert!((0.95..0.97).contains(&sure(970.0, 30.0)));
    }

    #[test]
    fn it_rises_with_the_evidence_whatever_turned_out() {
        // The surer ones turned out worse.
        let upside_down = [(0.6, 0.95), (0.8, 0.8), (0.9, 0.5)];
        let world = World::new(upside_down).results(3_000);
        let curve = Curve::of(&world.groups, &world.faulty);
        let stated: Vec<f64> = (0..=100)
            .map(|at| curve.sure(f64::from(at) / 100.0))
            .collect();
        assert!(
            stated.windows(2).all(|pair| pair[0] <= pair[1]),
            "{stated:?}"
        );
    }

    #[test]
    fn tasks_without_end_and_results_that_are_certain_are_no_trouble() {
        let group = |evidence| Group {
            evidence,
            looked: 2_000.0,
            all: 2_000.0,
            ..Group::default()
        };
        let many = Faulty {
            of: vec![0; 2_000],
            weight: 1.0,
        };
        for evidence in [0.0, 0.5, 1.0] {
            let curve = Curve::of(&[group(evidence)], &vec![many.clone(); 3]);
            assert!(
                (0.0..=evidence).contains(&curve.sure(evidence)),
                "{curve:?}"
            );
        }
    }
}
