//! Which model is asked: by role, then by tier.

use crate::ModelEntry;
use loom_events::{Failure, FailureClass, Role, Tier};
use thiserror::Error;

/// A chosen model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Name of the entry.
    pub name: String,
    /// Its tier.
    pub tier: Tier,
    /// In what way it is less than what was asked for; the caller records it as `degraded`.
    pub degraded: Option<String>,
}

/// A model that was asked and could not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Name of the entry.
    pub name: String,
    /// What came of it.
    pub failure: Failure,
}

/// No model is left for a role.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no model for role {role} at tier ≥ {tier}: {tried}")]
pub struct NoModel {
    /// The role.
    pub role: Role,
    /// The least tier that was wanted.
    pub tier: Tier,
    /// What was tried, or what there is.
    pub tried: String,
    /// Transient when one of those that were tried may answer later; the model's when one of them
    /// answered, and of no use.
    pub class: FailureClass,
    /// When the first of them said to come back.
    pub retry_after_ms: Option<u64>,
}

impl NoModel {
    /// The failure as it is journaled.
    #[must_use]
    pub fn to_failure(&self) -> Failure {
        Failure {
            class: self.class,
            message: self.to_string(),
            retry_after_ms: self.retry_after_ms,
        }
    }
}

/// A model that may be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Choice<'a> {
    /// Its entry.
    pub(crate) entry: &'a ModelEntry,
    /// Why its server is being left alone, if it is.
    pub(crate) rests: Option<String>,
}

/// The first choice among the models that have not been tried: the lowest tier that suffices, then
/// the next up, then the highest below. Models of one tier are taken in their order. Those whose
/// server is being left alone come last, in the same order: they are still better than none.
pub(crate) fn select(
    choices: &[Choice<'_>],
    role: Role,
    least: Tier,
    tried: &[Tried],
) -> Result<Selected, NoModel> {
    let mut left: Vec<_> = choices
        .iter()
        .filter(|choice| choice.entry.roles.contains(&role))
        .filter(|choice| tried.iter().all(|tried| tried.name != choice.entry.name))
        .collect();
    left.sort_by_key(|choice| distance(choice.entry.tier, least));
    let healthy = left.iter().position(|choice| choice.rests.is_none());
    let place = healthy.unwrap_or(0);
    let Some(chosen) = left.get(place) else {
        return Err(none(choices, role, least, tried));
    };
    let passed_over = left[..place].iter().filter_map(|choice| {
        let last = choice.rests.as_ref()?;
        let name = &choice.entry.name;
        Some(format!("{name} is left alone after it failed to {last}"))
    });
    let mut reasons: Vec<_> = tried.iter().map(reason).chain(passed_over).collect();
    let entry = chosen.entry;
    if entry.tier < least && left.iter().all(|choice| choice.entry.tier < least) {
        reasons.push(format!("no other model has the role at tier ≥ {least}"));
    }
    Ok(Selected {
        name: entry.name.clone(),
        tier: entry.tier,
        degraded: degraded(entry, role, &reasons),
    })
}

/// Sufficient tiers come first, from the lowest up; then the others, from the highest down.
fn distance(tier: Tier, least: Tier) -> (bool, i16) {
    let tier_number = i16::from(u8::from(tier));
    if tier >= least {
        (false, tier_number)
    } else {
        (true, -tier_number)
    }
}

fn degraded(entry: &ModelEntry, role: Role, reasons: &[String]) -> Option<String> {
    let (name, tier) = (&entry.name, entry.tier);
    (!reasons.is_empty()).then(|| {
        format!(
            "role {role} is filled by {name} (tier {tier}), since {}",
            reasons.join(" and ")
        )
    })
}

fn reason(tried: &Tried) -> String {
    format!("{} {}", tried.name, tried.failure.message)
}

fn none(choices: &[Choice<'_>], role: Role, least: Tier, tried: &[Tried]) -> NoModel {
    let mut passing = tried
        .iter()
        .filter(|tried| tried.failure.class == FailureClass::Transient)
        .peekable();
    let is_models_fault = |tried: &Tried| tried.failure.class == FailureClass::Model;
    let class = match passing.peek() {
        Some(_) => FailureClass::Transient,
        None if tried.iter().any(is_models_fault) => FailureClass::Model,
        None => FailureClass::Environment,
    };
    let retry_after_ms = passing
        .filter_map(|tried| tried.failure.retry_after_ms)
        .min();
    let tried = if tried.is_empty() {
        what_there_is(choices.iter().map(|choice| choice.entry))
    } else {
        let reasons: Vec<_> = tried.iter().map(reason).collect();
        format!("tried {}", reasons.join("; "))
    };
    NoModel {
        role,
        tier: least,
        tried,
        class,
        retry_after_ms,
    }
}

fn what_there_is<'a>(entries: impl Iterator<Item = &'a ModelEntry>) -> String {
    let models: Vec<_> = entries
        .map(|entry| {
            let roles: Vec<_> = entry.roles.iter().map(|role| role.name()).collect();
            let roles = if roles.is_empty() {
                "no role".to_owned()
            } else {
                roles.join(", ")
            };
            format!("{} is tier {} for {roles}", entry.name, entry.tier)
        })
        .collect();
    if models.is_empty() {
        return "no models are configured and none was found; start a model server or name one in the configuration".into();
    }
    format!("{}; give one of them the role", models.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, tier: Tier, roles: &[Role]) -> ModelEntry {
        ModelEntry {
            tier,
            roles: roles.to_vec(),
            ..ModelEntry::new(name, "http://127.0.0.1:1/v1")
        }
    }

    /// Chooses among healthy models.
    fn choose(
        entries: &[ModelEntry],
        role: Role,
        least: Tier,
        tried: &[Tried],
    ) -> Result<Selected, NoModel> {
        choose_resting(entries, &[], role, least, tried)
    }

    fn choose_resting(
        entries: &[ModelEntry],
        resting: &[&str],
        role: Role,
        least: Tier,
        tried: &[Tried],
    ) -> Result<Selected, NoModel> {
        let choice = |entry| Choice {
            entry,
            rests: resting
                .contains(&entry.name.as_str())
                .then(|| "reach it".to_owned()),
        };
        let choices: Vec<_> = entries.iter().map(choice).collect();
        select(&choices, role, least, tried)
    }

    fn three() -> Vec<ModelEntry> {
        vec![
            entry("large", Tier::Large, &[Role::Planner, Role::Executor]),
            entry("small", Tier::Small, &[Role::Executor]),
            entry("medium", Tier::Medium, &[Role::Executor]),
            entry("small2", Tier::Small, &[Role::Executor]),
        ]
    }

    fn failed(name: &str) -> Tried {
        Tried {
            name: name.into(),
            failure: Failure {
                class: FailureClass::Transient,
                message: "failed to reach it".into(),
                retry_after_ms: None,
            },
        }
    }

    fn names(role: Role, least: Tier) -> Vec<String> {
        let entries = three();
        let mut tried = Vec::new();
        while let Ok(selected) = choose(&entries, role, least, &tried) {
            tried.push(failed(&selected.name));
        }
        tried.into_iter().map(|tried| tried.name).collect()
    }

    #[test]
    fn the_lowest_sufficient_tier_comes_first_then_the_next_up_then_the_highest_below() {
        let executors = |least| names(Role::Executor, least);
        assert_eq!(
            executors(Tier::Small),
            ["small", "small2", "medium", "large"]
        );
        assert_eq!(
            executors(Tier::Medium),
            ["medium", "large", "small", "small2"]
        );
        assert_eq!(
            executors(Tier::Large),
            ["large", "medium", "small", "small2"]
        );
        assert_eq!(names(Role::Planner, Tier::Small), ["large"]);
    }

    #[test]
    fn a_sufficient_first_choice_is_not_degraded_and_a_fallback_says_why() {
        let entries = three();
        let first = choose(&entries, Role::Executor, Tier::Medium, &[]).unwrap();
        assert_eq!(first.degraded, None);
        let tried = [failed("medium"), failed("large")];
        let third = choose(&entries, Role::Executor, Tier::Medium, &tried).unwrap();
        assert_eq!(
            third.degraded.unwrap(),
            "role executor is filled by small (tier 1), since medium failed to reach it and large failed to reach it and no other model has the role at tier ≥ 2"
        );
    }

    #[test]
    fn without_a_model_for_the_role_the_message_names_what_there_is() {
        let error = choose(&three(), Role::Verifier, Tier::Medium, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no model for role verifier at tier ≥ 2: large is tier 3 for planner, executor; small is tier 1 for executor; medium is tier 2 for executor; small2 is tier 1 for executor; give one of them the role"
        );
        assert_eq!(error.class, FailureClass::Environment);
    }

    #[test]
    fn when_all_have_failed_the_message_names_what_was_tried() {
        let tried = [failed("large")];
        let error = choose(&three(), Role::Planner, Tier::Small, &tried).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no model for role planner at tier ≥ 1: tried large failed to reach it"
        );
        assert_eq!(error.class, FailureClass::Transient);
    }

    #[test]
    fn without_any_model_the_way_out_is_named() {
        let error = choose(&[], Role::Planner, Tier::Small, &[]).unwrap_err();
        assert!(
            error.to_string().contains("start a model server"),
            "{error}"
        );
    }

    #[test]
    fn a_model_that_rests_is_passed_over_and_that_is_said() {
        let entries = three();
        let choose = |resting: &[&str], least| {
            choose_resting(&entries, resting, Role::Executor, least, &[]).unwrap()
        };
        let other = choose(&["small"], Tier::Small);
        assert_eq!(other.name, "small2");
        assert_eq!(
            other.degraded.unwrap(),
            "role executor is filled by small2 (tier 1), since small is left alone after it failed to reach it"
        );
        let below = choose(&["medium", "large"], Tier::Medium);
        assert_eq!(below.name, "small");
        assert!(below.degraded.unwrap().contains("large is left alone"));
        let unaffected = choose(&["large", "medium"], Tier::Small);
        assert_eq!(
            (unaffected.name.as_str(), unaffected.degraded),
            ("small", None)
        );
    }

    #[test]
    fn when_all_rest_the_best_is_chosen_as_ever() {
        let all = ["large", "small", "medium", "small2"];
        let chosen = choose_resting(&three(), &all, Role::Executor, Tier::Medium, &[]).unwrap();
        assert_eq!((chosen.name.as_str(), chosen.degraded), ("medium", None));
    }

    #[test]
    fn the_soonest_of_those_who_said_when_to_come_back_counts() {
        let mut tried = [
            failed("large"),
            failed("small"),
            failed("medium"),
            failed("small2"),
        ];
        tried[1].failure.retry_after_ms = Some(9000);
        tried[3].failure.retry_after_ms = Some(4000);
        let error = choose(&three(), Role::Executor, Tier::Small, &tried).unwrap_err();
        assert_eq!(error.to_failure().retry_after_ms, Some(4000));
    }
}
