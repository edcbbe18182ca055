//! Several executions of one step, compared: which one counts, if any.
//!
//! All of them passed the same gate, so what tells them apart is little: a check that is green for one
//! only, or that some made the same. Nothing else decides. The size of a change and the confidence of
//! its gate put an order on what a human is shown; by themselves they are no reason to trust one.

use loom_events::{AttemptId, CheckPower, Compared, Product, Standing, TakenBy, Verdict};
use serde::Serialize;

/// An execution that passed its gate, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Candidate {
    pub(crate) attempt: AttemptId,
    discriminating: u32,
    guards: u32,
    confidence: f64,
    /// What it made. None when nobody said: then it is like no other.
    pub(crate) product: Option<Product>,
}

impl Candidate {
    /// What a passed verdict says of an attempt.
    pub(crate) fn new(attempt: AttemptId, verdict: &Verdict) -> Self {
        let green = |power| {
            let of_power = |c: &&loom_events::CheckResult| c.passed && c.power == power;
            let count = verdict.checks.iter().filter(of_power).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        Self {
            attempt,
            discriminating: green(CheckPower::Discriminating),
            guards: green(CheckPower::Guard),
            confidence: verdict.confidence.value,
            product: verdict.product.clone(),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.attempt == other.attempt
            || matches!((&self.product, &other.product), (Some(one), Some(other)) if one.print == other.print)
    }
}

/// What follows from the executions so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// Further ones are to be made.
    Open,
    /// All were made and none passed.
    Nobody,
    /// It is known, whatever further ones would be.
    Known(Compared),
}

/// Compares what passed, after so many executions of so many.
pub(crate) fn compare(candidates: &[Candidate], made: u32, of: u32) -> Comparison {
    let ranked = ranked(candidates);
    let Some(best) = ranked.first() else {
        return match made < of {
            true => Comparison::Open,
            false => Comparison::Nobody,
        };
    };
    let taken = |by| {
        let attempt = best.attempt;
        Comparison::Known(Compared::Taken { attempt, by })
    };
    if made < of {
        // What most of all would have made cannot be outnumbered any more.
        let most = best.agree > of / 2;
        return match most {
            true => taken(TakenBy::Agreement),
            false => Comparison::Open,
        };
    }
    let checks = |one: &Standing| (one.discriminating, one.guards);
    let rivals = ranked[1..].iter().filter(|r| checks(r) == checks(best));
    let rivals: Vec<&Standing> = rivals.collect();
    if ranked.len() == 1 {
        taken(TakenBy::Alone)
    } else if rivals.is_empty() {
        taken(TakenBy::Checks)
    } else if best.agree > 1 && !outnumbered(candidates, best, &rivals) {
        taken(TakenBy::Agreement)
    } else {
        Comparison::Known(Compared::Diverged)
    }
}

/// Whether others of the same rank made something else together, and are as many.
fn outnumbered(candidates: &[Candidate], best: &Standing, rivals: &[&Standing]) -> bool {
    let find = |id: AttemptId| candidates.iter().find(|c| c.attempt == id);
    let like = |one: AttemptId, other: AttemptId| match (find(one), find(other)) {
        (Some(one), Some(other)) => one.is_like(other),
        (_, _) => false,
    };
    let mut rivals = rivals.iter();
    rivals.any(|r| r.agree >= best.agree && !like(r.attempt, best.attempt))
}

/// The best first: more evidence, fewer broken guards, more that made the same, the surer
/// gate (of those that are alike the one that knew of the others), the smaller change, the earlier one.
pub(crate) fn ranked(candidates: &[Candidate]) -> Vec<Standing> {
    let mut standings: Vec<Standing> = candidates
        .iter()
        .map(|one| Standing {
            attempt: one.attempt,
            discriminating: one.discriminating,
            guards: one.guards,
            agree: u32::try_from(candidates.iter().filter(|c| c.is_like(one)).count())
                .unwrap_or(u32::MAX),
            lines: one.product.as_ref().map_or(0, |product| product.lines),
            confidence: one.confidence,
        })
        .collect();
    standings.sort_by(|one, other| {
        let evidence = |s: &Standing| (s.discriminating, s.guards, s.agree);
        evidence(other)
            .cmp(&evidence(one))
            .then(other.confidence.total_cmp(&one.confidence))
            .then(one.lines.cmp(&other.lines))
            .then(one.attempt.cmp(&other.attempt))
    });
    standings
}

/// Two executions that made the same things in different files of them stand one below the other, so
/// that a human sees where they differ and nothing else.
pub(crate) fn differences(candidates: &[Candidate]) -> String {
    let order = ranked(candidates);
    let ranked: Vec<&Candidate> = order
        .iter()
        .filter_map(|s| candidates.iter().find(|c| c.attempt == s.attempt))
        .collect();
    let mut paths: Vec<&str> = files(&ranked).map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let (same, different): (Vec<&str>, Vec<&str>) =
        paths.into_iter().partition(|path| all_alike(&ranked, path));
    let mut lines = Vec::new();
    for path in different {
        lines.push(format!("{path}:"));
        for (at, one) in ranked.iter().enumerate() {
            let file = of_path(one, path);
            let patch = file.map_or("(left as it was)", |file| file.patch.trim_end());
            lines.push(format!("── {}\n{patch}", at + 1));
        }
    }
    if !same.is_empty() {
        lines.push(format!("the same in all: {}", same.join(", ")));
    }
    lines.join("\n")
}

fn files<'a>(candidates: &'a [&Candidate]) -> impl Iterator<Item = &'a loom_events::ProductFile> {
    let products = candidates.iter().filter_map(|c| c.product.as_ref());
    products.flat_map(|product| &product.files)
}

fn of_path<'a>(candidate: &'a Candidate, path: &str) -> Option<&'a loom_events::ProductFile> {
    let product = candidate.product.as_ref()?;
    product.files.iter().find(|file| file.path == path)
}

fn all_alike(candidates: &[&Candidate], path: &str) -> bool {
    let prints = candidates
        .iter()
        .map(|one| of_path(one, path).map(|file| &file.print));
    let mut prints = prints.collect::<Vec<_>>();
    prints.dedup();
    prints.len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::blob;
    use loom_events::{ProductFile, Seq};

    /// Written as print, green discriminating checks, lines.
    fn candidate(at: u64, (print, green, lines): (u64, u32, u64)) -> Candidate {
        Candidate {
            attempt: AttemptId(Seq(at)),
            discriminating: green,
            guards: 3,
            confidence: 0.7,
            product: Some(Product {
                print: blob(print),
                lines,
                files: Vec::new(),
            }),
        }
    }

    fn candidates(of: &[(u64, u32, u64)]) -> Vec<Candidate> {
        let numbered = (1..).zip(of);
        numbered.map(|(at, one)| candidate(at, *one)).collect()
    }

    fn whole(of: &[(u64, u32, u64)]) -> Comparison {
        let made = u32::try_from(of.len()).unwrap();
        compare(&candidates(of), made, made)
    }

    fn taken(at: u64, by: TakenBy) -> Comparison {
        let attempt = AttemptId(Seq(at));
        Comparison::Known(Compared::Taken { attempt, by })
    }

    const DIVERGED: Comparison = Comparison::Known(Compared::Diverged);

    #[test]
    fn two_that_made_the_same_win_over_one_that_did_not() {
        let two = whole(&[(1, 0, 9), (2, 0, 1), (1, 0, 8)]);
        assert_eq!(two, taken(3, TakenBy::Agreement), "the smaller of the two");
    }

    #[test]
    fn more_green_checks_win_over_any_number_that_agree() {
        let one = whole(&[(1, 0, 9), (1, 0, 9), (2, 1, 90)]);
        assert_eq!(one, taken(3, TakenBy::Checks));
    }

    #[test]
    fn three_that_made_different_things_are_a_humans_to_tell_apart() {
        assert_eq!(whole(&[(1, 0, 1), (2, 0, 9), (3, 0, 90)]), DIVERGED);
        assert_eq!(whole(&[(1, 0, 1), (2, 0, 1)]), DIVERGED);
    }

    #[test]
    fn two_against_two_is_no_agreement() {
        assert_eq!(
            whole(&[(1, 0, 1), (1, 0, 1), (2, 0, 1), (2, 0, 1)]),
            DIVERGED
        );
    }

    #[test]
    fn the_only_one_that_passed_is_taken_and_nobody_is_nobody() {
        assert_eq!(
            compare(&candidates(&[(1, 0, 1)]), 3, 3),
            taken(1, TakenBy::Alone)
        );
        assert_eq!(compare(&[], 3, 3), Comparison::Nobody);
    }

    #[test]
    fn nothing_is_known_before_the_last_one_but_what_most_agree_on() {
        assert_eq!(compare(&[], 1, 3), Comparison::Open);
        assert_eq!(compare(&candidates(&[(1, 0, 1)]), 2, 3), Comparison::Open);
        let two = candidates(&[(1, 0, 1), (2, 0, 1)]);
        assert_eq!(compare(&two, 2, 3), Comparison::Open);
        let two = candidates(&[(1, 0, 1), (1, 0, 1)]);
        assert_eq!(compare(&two, 2, 3), taken(1, TakenBy::Agreement));
        assert_eq!(
            compare(&two, 3, 4),
            Comparison::Open,
            "two of four are not most"
        );
    }

    #[test]
    fn what_nobody_described_is_like_nothing_else() {
        let mut two = candidates(&[(1, 0, 1), (1, 0, 1)]);
        two.iter_mut().for_each(|one| one.product = None);
        assert_eq!(compare(&two, 2, 2), DIVERGED);
    }

    /// Every choice of up to four executions out of these.
    fn every_choice() -> Vec<Vec<(u64, u32, u64)>> {
        let kinds: Vec<(u64, u32, u64)> =
            [(1, 0, 5), (1, 0, 6), (2, 0, 1), (3, 0, 2), (4, 1, 9)].into();
        let mut all: Vec<Vec<(u64, u32, u64)>> = vec![Vec::new()];
        let mut last = all.clone();
        for _ in 0..4 {
            last = last
                .iter()
                .flat_map(|made| {
                    kinds.iter().map(|kind| {
                        let mut more = made.clone();
                        more.push(*kind);
                        more
                    })
                })
                .collect();
            all.extend(last.clone());
        }
        all
    }

    /// What is taken has no fewer green checks than any other, and whoever is taken for agreement is of
    /// the one largest group; else nobody is.
    #[test]
    fn whatever_is_taken_has_the_most_checks_and_then_the_most_like_it() {
        for of in every_choice() {
            let most = of.iter().map(|(_, green, _)| *green).max();
            let top: Vec<u64> = of
                .iter()
                .filter(|(_, green, _)| Some(*green) == most)
                .map(|(print, ..)| *print)
                .collect();
            let count = |print: u64| top.iter().filter(|p| **p == print).count();
            let largest = top.iter().map(|p| count(*p)).max().unwrap_or(0);
            let mut groups: Vec<u64> = top
                .iter()
                .copied()
                .filter(|p| count(*p) == largest)
                .collect();
            groups.sort_unstable();
            groups.dedup();
            match whole(&of) {
                Comparison::Nobody => assert!(of.is_empty()),
                Comparison::Open => unreachable!("all were made"),
                Comparison::Known(Compared::Diverged) => {
                    assert!(
                        top.len() > 1 && (largest == 1 || groups.len() > 1),
                        "{of:?}"
                    );
                }
                Comparison::Known(Compared::Taken { attempt, by }) => {
                    let (print, green, _) = of[usize::try_from(attempt.0.0).unwrap() - 1];
                    assert_eq!(Some(green), most, "{of:?}");
                    match by {
                        TakenBy::Alone => assert_eq!(of.len(), 1),
                        TakenBy::Checks => assert_eq!(top.len(), 1),
                        TakenBy::Agreement => {
                            assert_eq!((groups, largest > 1), (vec![print], true));
                        }
                        TakenBy::Human => unreachable!("no human was asked"),
                    }
                }
            }
        }
    }

    /// Stopping early changes nothing, as long as no later execution has more green checks; and the order
    /// in which they were made does not say which result counts.
    #[test]
    fn neither_an_early_end_nor_the_order_changes_what_counts() {
        let product = |of: &[(u64, u32, u64)], known: &Comparison| match known {
            Comparison::Known(Compared::Taken { attempt, .. }) => {
                Some(of[usize::try_from(attempt.0.0).unwrap() - 1].0)
            }
            Comparison::Known(Compared::Diverged) | Comparison::Open | Comparison::Nobody => None,
        };
        for of in every_choice().into_iter().filter(|of| !of.is_empty()) {
            let known = whole(&of);
            let mut turned = of.clone();
            turned.reverse();
            assert_eq!(
                product(&of, &known),
                product(&turned, &whole(&turned)),
                "{of:?}"
            );
            let all = u32::try_from(of.len()).unwrap();
            if of.iter().any(|(_, green, _)| *green > 0) {
                continue;
            }
            for made in 1..all {
                let so_far = &of[..usize::try_from(made).unwrap()];
                let early = compare(&candidates(so_far), made, all);
                if early != Comparison::Open {
                    assert_eq!(product(&of, &early), product(&of, &known), "{of:?}");
                }
            }
        }
    }

    #[test]
    fn the_differences_are_side_by_side_and_what_is_alike_is_only_named() {
        let with = |at: u64, print: u64, patch: &str| {
            let file = |path: &str, print: u64, patch: &str| ProductFile {
                path: path.into(),
                print: blob(print),
                patch: patch.into(),
            };
            let mut one = candidate(at, (print, 0, at));
            one.product.as_mut().unwrap().files =
                vec![file("a.txt", print, patch), file("b.txt", 7, "+same")];
            one
        };
        let text = differences(&[with(1, 1, "+red\n"), with(2, 2, "+blue\n")]);
        assert_eq!(
            text,
            "a.txt:\n── 1\n+red\n── 2\n+blue\nthe same in all: b.txt"
        );
    }
}
