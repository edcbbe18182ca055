//! How careful to be, by how much was seen of the models that work. It adds to what the user asked
//! for, and never takes anything from it: where everything was seen, the settings are all there is.

use crate::advice::Choice;
use crate::book::Book;
use loom_events::{Adjusted, Adjustment, ApprovalMode, Caution, TaskSettings};

/// Attempts by which a model has shown what it can do: at three kinds of work enough for a belief
/// about each.
const EXPERIENCED: u32 = 60;

/// What a threshold begins at: above it only results with a check that was red lie.
const COLD_THRESHOLD: f64 = 0.9;

/// Completed steps after which a plan is looked at again, while little was seen.
const COLD_INTERVAL: u32 = 5;

/// Least tier of the gates while not everything was seen.
const COLD_TIER: u8 = 2;

impl Book {
    /// More care than the settings ask for; none once the models are known, or when the settings ask
    /// for as much. `judge` is the model that would look at results.
    #[must_use]
    pub fn caution(
        &self,
        choices: &[Choice],
        judge: Option<&str>,
        settings: &TaskSettings,
    ) -> Option<Adjustment> {
        let seen = self.seen_of(choices);
        if seen >= EXPERIENCED {
            return None;
        }
        let left = 1.0 - f64::from(seen) / f64::from(EXPERIENCED);
        let early = left > 0.5;
        let gates = &settings.verification;
        let caution = Caution {
            // A model that judges its own work is no second view, and may not be able to judge at all.
            verification_tier: match gates.tier {
                1 if judge.is_some_and(|judge| judge != names(choices)) => COLD_TIER,
                tier => tier,
            },
            threshold: match settings.approval {
                // Where nobody can answer, a question more is a failure more.
                ApprovalMode::Threshold if settings.attended => {
                    let more = (COLD_THRESHOLD - gates.threshold).max(0.0);
                    left.mul_add(more, gates.threshold)
                }
                ApprovalMode::Threshold | ApprovalMode::Auto | ApprovalMode::Manual => {
                    gates.threshold
                }
            },
            replan_interval: match settings.replan_interval {
                0 => 0,
                often if early => often.min(COLD_INTERVAL),
                often => often,
            },
            small_steps: early && settings.defences.plan,
        };
        let changes = changes(&caution, settings);
        (!changes.is_empty()).then(|| Adjustment {
            why: format!(
                "{} is {} (seen in {seen} of {EXPERIENCED} attempts): {}",
                names(choices),
                match seen {
                    0 => "new here",
                    _ => "not well known yet",
                },
                changes.join(", "),
            ),
            what: Adjusted::Caution(caution),
        })
    }

    /// Attempts of the model that steps begin with. A larger one is asked seldom; waiting for that to
    /// be known would be waiting for failures.
    fn seen_of(&self, choices: &[Choice]) -> u32 {
        let Some(first) = choices.first() else {
            return 0;
        };
        let own = self.tallies().filter(|(key, _)| key.model == first.model);
        own.map(|(_, tally)| tally.attempts())
            .fold(0, u32::saturating_add)
    }
}

/// What is done beyond the settings, in words.
fn changes(caution: &Caution, settings: &TaskSettings) -> Vec<String> {
    let gates = &settings.verification;
    let mut changes = Vec::new();
    if caution.verification_tier > gates.tier {
        changes.push("a model looks at every result".to_owned());
    }
    if caution.threshold > gates.threshold {
        let percent = (caution.threshold * 100.0).round();
        changes.push(format!(
            "results below a confidence of {percent} % are asked about"
        ));
    }
    if caution.replan_interval != settings.replan_interval {
        let steps = caution.replan_interval;
        changes.push(format!("the plan is looked at again after {steps} steps"));
    }
    if caution.small_steps {
        changes.push("steps are kept small".to_owned());
    }
    changes
}

fn names(choices: &[Choice]) -> &str {
    choices
        .first()
        .map_or("the model", |choice| choice.model.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Key;
    use crate::tally::Observation;
    use loom_events::{Tier, Time};

    fn choices() -> [Choice; 1] {
        [Choice {
            tier: Tier::Small,
            model: "small".to_owned(),
        }]
    }

    fn seen(model: &str, times: u32) -> Book {
        let mut book = Book::default();
        let key = Key {
            kind: "fix rust".parse().unwrap(),
            model: model.to_owned(),
            tier: Tier::Small,
        };
        let tally = book.tallies.entry(key).or_default();
        for _ in 0..times {
            tally.observe(&Observation {
                turn: crate::tally::Turn::First,
                passed: true,
                millis: 1,
                tokens: 1,
                at: Time::EPOCH,
            });
        }
        book
    }

    fn bold() -> TaskSettings {
        let mut settings = TaskSettings {
            approval: ApprovalMode::Threshold,
            attended: true,
            ..TaskSettings::default()
        };
        settings.verification.tier = 1;
        settings.verification.threshold = 0.7;
        settings
    }

    fn caution(book: &Book, settings: &TaskSettings) -> Option<Caution> {
        match book.caution(&choices(), Some("judge"), settings)?.what {
            Adjusted::Caution(caution) => Some(caution),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn at_the_beginning_everything_is_looked_at_and_asked_about() {
        let caution = caution(&Book::default(), &bold()).unwrap();
        assert_eq!(caution.verification_tier, 2);
        assert!((caution.threshold - 0.9).abs() < 1e-9, "{caution:?}");
        assert_eq!((caution.replan_interval, caution.small_steps), (5, true));
    }

    #[test]
    fn care_is_relaxed_with_what_was_seen_down_to_what_was_asked_for_and_no_further() {
        let some = caution(&seen("small", 45), &bold()).unwrap();
        assert!((some.threshold - 0.75).abs() < 1e-9, "{some:?}");
        assert_eq!((some.replan_interval, some.small_steps), (10, false));
        assert_eq!(caution(&seen("small", 60), &bold()), None);
    }

    #[test]
    fn what_was_seen_of_another_model_says_nothing_of_this_one() {
        let book = seen("other", 90);
        let why = book.caution(&choices(), None, &bold()).unwrap().why;
        assert!(why.contains("(seen in 0 of 60 attempts)"), "{why}");
    }

    #[test]
    fn settings_that_ask_for_more_are_left_as_they_are() {
        let mut careful = bold();
        careful.verification.tier = 3;
        careful.verification.threshold = 0.97;
        careful.replan_interval = 2;
        let caution = caution(&Book::default(), &careful).unwrap();
        assert_eq!((caution.verification_tier, caution.replan_interval), (3, 2));
        assert!((caution.threshold - 0.97).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_asked_for_that_nobody_could_give() {
        let mut alone = bold();
        alone.attended = false;
        let book = Book::default();
        let Adjusted::Caution(caution) = book
            .caution(&choices(), Some("small"), &alone)
            .unwrap()
            .what
        else {
            panic!("no caution");
        };
        assert_eq!(caution.verification_tier, 1, "it would judge itself");
        assert!((caution.threshold - 0.7).abs() < 1e-9, "nobody is there");
    }

    #[test]
    fn what_is_switched_off_stays_off() {
        let mut off = TaskSettings::default();
        off.verification.tier = 0;
        off.replan_interval = 0;
        off.defences.plan = false;
        assert_eq!(
            Book::default().caution(&choices(), Some("judge"), &off),
            None
        );
    }
}
