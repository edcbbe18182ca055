//! In which of several wordings of its prompt a model is told a step. The usual one, unless another is
//! known to be better; and now and then one of the others, since nothing is known of what is never tried.

use crate::book::{Book, Told};
use crate::tally::{Beta, Tally};
use loom_events::Time;

/// Of so many steps, [`TRIALS`] at most are told in another wording than the best known.
const OF: u64 = 100;

/// Few enough that a bad wording costs little, enough that one is known after some 25 steps.
const TRIALS: u64 = 20;

/// First attempts, as they count now, before a wording is better or worse than another: five in a row.
const ENOUGH: f64 = 4.0;

/// How sure it must be that one is better.
const SURE: f64 = 0.9;

/// A wording that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// Its name; none is the usual one.
    pub name: Option<String>,
    /// The template with its hash, as attempts record it.
    pub template: String,
}

/// The wording that a step is told in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordingAdvice {
    /// Its name; none is the usual one.
    pub name: Option<String>,
    /// Whether it is tried rather than known to be good.
    pub trial: bool,
    /// Why, with the evidence.
    pub why: String,
}

/// A wording with what was seen of it.
struct Known<'a> {
    wording: &'a Wording,
    tally: Tally,
}

impl Known<'_> {
    /// What is believed of its share; of the prior only that any share is possible.
    fn belief(&self) -> Beta {
        Beta {
            passed: 1.0 + self.tally.passed,
            failed: 1.0 + self.tally.failed,
        }
    }

    /// Whether enough was seen of both to be sure.
    fn is_surely_better_than(&self, other: &Self) -> bool {
        let enough = |known: &Self| known.tally.weight() >= ENOUGH;
        enough(self) && enough(other) && self.belief().exceeds(other.belief()) >= SURE
    }

    fn named(&self) -> String {
        match &self.wording.name {
            Some(name) => format!("`{name}`"),
            None => "the usual one".to_owned(),
        }
    }

    fn seen(&self) -> String {
        let Tally {
            seen_passed, seen, ..
        } = self.tally;
        match seen {
            0 => format!("none yet with {}", self.named()),
            _ => format!("{seen_passed} of {seen} with {}", self.named()),
        }
    }
}

impl Book {
    /// The wording for a step, of the usual one and others; none where there are no others, since
    /// there is nothing to choose. `draw` is any number that is the same whenever the same step is asked
    /// about, and as good as random over all steps.
    #[must_use]
    pub fn wording(
        &self,
        model: &str,
        usual: &Wording,
        others: &[Wording],
        draw: u64,
        now: Time,
    ) -> Option<WordingAdvice> {
        let all = self.known_wordings(model, usual, others, now);
        let best = best(&all)?;
        let tried = trial(&all, best).filter(|_| draw % OF < TRIALS);
        Some(match tried {
            Some(tried) => WordingAdvice {
                name: tried.wording.name.clone(),
                trial: true,
                why: format!(
                    "is told in another wording, {}, to compare: {}",
                    tried.named(),
                    evidence(model, &all)
                ),
            },
            None => advice(model, best, &all),
        })
    }

    /// The wording that is used but for trials; none where there are no others, or nothing was seen.
    #[must_use]
    pub fn best_wording(
        &self,
        model: &str,
        usual: &Wording,
        others: &[Wording],
        now: Time,
    ) -> Option<WordingAdvice> {
        let all = self.known_wordings(model, usual, others, now);
        let seen = all.iter().any(|known| known.tally.seen > 0);
        let best = best(&all).filter(|_| seen)?;
        Some(advice(model, best, &all))
    }

    /// The usual one first; none at all where there are no others.
    fn known_wordings<'a>(
        &self,
        model: &str,
        usual: &'a Wording,
        others: &'a [Wording],
        now: Time,
    ) -> Vec<Known<'a>> {
        if others.is_empty() {
            return Vec::new();
        }
        let known = |wording: &'a Wording| {
            let told = Told {
                model: model.to_owned(),
                template: wording.template.clone(),
            };
            let tally = self.wordings.get(&told).map(|tally| tally.at(now));
            Known {
                wording,
                tally: tally.unwrap_or_default(),
            }
        };
        std::iter::once(usual).chain(others).map(known).collect()
    }
}

/// Of those that are surely better than the usual one the best, else the usual one.
fn best<'a, 'b>(all: &'b [Known<'a>]) -> Option<&'b Known<'a>> {
    let usual = all.first()?;
    let better = all
        .iter()
        .filter(|known| known.is_surely_better_than(usual));
    let best = better.max_by(|a, b| a.belief().mean().total_cmp(&b.belief().mean()));
    Some(best.unwrap_or(usual))
}

/// The one to try: of those that are not surely worse the one of which least is known.
fn trial<'a, 'b>(all: &'b [Known<'a>], best: &Known<'_>) -> Option<&'b Known<'a>> {
    let open = all
        .iter()
        .filter(|known| known.wording != best.wording && !best.is_surely_better_than(known));
    open.min_by(|a, b| a.tally.weight().total_cmp(&b.tally.weight()))
}

fn advice(model: &str, best: &Known<'_>, all: &[Known<'_>]) -> WordingAdvice {
    let evidence = evidence(model, all);
    WordingAdvice {
        name: best.wording.name.clone(),
        trial: false,
        why: match &best.wording.name {
            Some(name) => {
                format!("is told in the wording `{name}`, which is known to be better: {evidence}")
            }
            None => format!(
                "is told in the usual wording, since no other one is known to be better: {evidence}"
            ),
        },
    }
}

fn evidence(model: &str, all: &[Known<'_>]) -> String {
    let seen: Vec<String> = all.iter().map(Known::seen).collect();
    format!("of first attempts {model} passed {}", seen.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::{Observation, Turn};
    use proptest::prelude::*;

    fn wording(name: Option<&str>) -> Wording {
        Wording {
            name: name.map(str::to_owned),
            template: format!("executor.{}@00", name.unwrap_or_default()),
        }
    }

    fn others() -> [Wording; 2] {
        [wording(Some("short")), wording(Some("long"))]
    }

    fn book(seen: &[(Option<&str>, &[bool])]) -> Book {
        let mut book = Book::default();
        for (name, attempts) in seen {
            let told = Told {
                model: "m".to_owned(),
                template: wording(*name).template,
            };
            for passed in *attempts {
                book.wordings
                    .entry(told.clone())
                    .or_default()
                    .observe(&Observation {
                        turn: Turn::First,
                        passed: *passed,
                        millis: 1,
                        tokens: 1,
                        at: Time::EPOCH,
                    });
            }
        }
        book
    }

    fn all(book: &Book) -> Vec<WordingAdvice> {
        let usual = wording(None);
        (0..OF)
            .map(|draw| {
                let advice = book.wording("m", &usual, &others(), draw, Time::EPOCH);
                advice.expect("there are others")
            })
            .collect()
    }

    fn best_of(book: &Book) -> Option<String> {
        let not_tried = all(book).into_iter().find(|advice| !advice.trial);
        not_tried.and_then(|advice| advice.name)
    }

    #[test]
    fn without_other_wordings_there_is_nothing_to_say() {
        let book = book(&[(None, &[false; 9])]);
        let usual = wording(None);
        assert_eq!(book.wording("m", &usual, &[], 0, Time::EPOCH), None);
        assert_eq!(book.best_wording("m", &usual, &[], Time::EPOCH), None);
    }

    #[test]
    fn one_that_is_surely_better_is_used_and_the_reason_names_the_evidence() {
        let book = book(&[(None, &[false; 6]), (Some("short"), &[true; 6])]);
        assert_eq!(best_of(&book).as_deref(), Some("short"));
        let usual = wording(None);
        let advice = book
            .best_wording("m", &usual, &others(), Time::EPOCH)
            .unwrap();
        assert_eq!(
            advice.why,
            "is told in the wording `short`, which is known to be better: of first attempts m passed \
             0 of 6 with the usual one, 6 of 6 with `short`, none yet with `long`"
        );
        // What was seen of another model says nothing of this one.
        let other = book.best_wording("n", &usual, &others(), Time::EPOCH);
        assert_eq!(other, None);
    }

    #[test]
    fn a_few_attempts_and_a_small_difference_change_nothing() {
        let few = book(&[(None, &[false; 3]), (Some("short"), &[true; 3])]);
        assert_eq!(best_of(&few), None);
        let close = book(&[
            (None, &[true, false, true, true, false, true]),
            (Some("short"), &[true, true, true, true, false, true]),
        ]);
        assert_eq!(best_of(&close), None);
    }

    #[test]
    fn of_which_least_is_known_is_tried_and_never_what_is_surely_worse() {
        let tried = |book: &Book| -> Vec<Option<String>> {
            let mut tried: Vec<_> = all(book)
                .into_iter()
                .filter(|advice| advice.trial)
                .map(|advice| advice.name)
                .collect();
            tried.dedup();
            tried
        };
        let one = book(&[(Some("short"), &[true])]);
        assert_eq!(tried(&one), [Some("long".to_owned())]);
        let settled = book(&[
            (None, &[true; 12]),
            (Some("short"), &[false; 8]),
            (Some("long"), &[false; 8]),
        ]);
        assert_eq!(tried(&settled), Vec::<Option<String>>::new());
    }

    proptest! {
        #[test]
        fn trials_are_bounded_and_only_one_that_is_ninety_percent_sure_is_preferred(
            usual in prop::collection::vec(any::<bool>(), 0..40),
            short in prop::collection::vec(any::<bool>(), 0..40),
            long in prop::collection::vec(any::<bool>(), 0..40),
        ) {
            let book = book(&[(None, &usual), (Some("short"), &short), (Some("long"), &long)]);
            let said = all(&book);
            prop_assert_eq!(&said, &all(&book));
            let trials = said.iter().filter(|advice| advice.trial).count();
            prop_assert!(trials <= usize::try_from(TRIALS).unwrap());
            let preferred = best_of(&book);
            // All that are no trial say the same.
            let not_tried = said.iter().filter(|advice| !advice.trial);
            prop_assert!(not_tried.clone().all(|advice| advice.name == preferred));
            prop_assert!(said.iter().all(|advice| !advice.trial || advice.name != preferred));
            if let Some(name) = preferred {
                let belief = |name: Option<&str>| {
                    let told = Told { model: "m".to_owned(), template: wording(name).template };
                    let tally = &book.wordings[&told];
                    Beta { passed: 1.0 + tally.passed, failed: 1.0 + tally.failed }
                };
                prop_assert!(belief(Some(&name)).exceeds(belief(None)) >= 0.9);
                prop_assert!(short.len().max(long.len()) >= 5 && usual.len() >= 5);
            }
        }
    }
}
