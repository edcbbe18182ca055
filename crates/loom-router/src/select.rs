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
    /// Transient when one of those that were tried may answer later.
    pub class: FailureClass,
}

impl NoModel {
    /// The failure as it is journaled.
    #[must_use]
    pub fn to_failure(&self) -> Failure {
        Failure {
            class: self.class,
            message: self.to_string(),
            retry_after_ms: None,
        }
    }
}

/// The first choice among the entries that have not been tried: the lowest tier that suffices, then
/// the next up, then the highest below. Entries of one tier are taken in their order.
pub(crate) fn select<'a>(
    entries: impl Iterator<Item = &'a ModelEntry> + Clone,
    role: Role,
    least: Tier,
    tried: &[Tried],
) -> Result<Selected, NoModel> {
    let left = entries
        .clone()
        .filter(|entry| entry.roles.contains(&role))
        .filter(|entry| tried.iter().all(|tried| tried.name != entry.name));
    let Some(entry) = left.min_by_key(|entry| distance(entry.tier, least)) else {
        return Err(none(entries, role, least, tried));
    };
    Ok(Selected {
        name: entry.name.clone(),
        tier: entry.tier,
        degraded: degraded(entry, role, least, tried),
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

fn degraded(entry: &ModelEntry, role: Role, least: Tier, tried: &[Tried]) -> Option<String> {
    let mut reasons: Vec<_> = tried.iter().map(reason).collect();
    if entry.tier < least {
        reasons.push(format!("no other model has the role at tier ≥ {least}"));
    }
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

fn none<'a>(
    entries: impl Iterator<Item = &'a ModelEntry>,
    role: Role,
    least: Tier,
    tried: &[Tried],
) -> NoModel {
    let may_pass = tried
        .iter()
        .any(|tried| tried.failure.class == FailureClass::Transient);
    let tried = if tried.is_empty() {
        what_there_is(entries)
    } else {
        let reasons: Vec<_> = tried.iter().map(reason).collect();
        format!("tried {}", reasons.join("; "))
    };
    NoModel {
        role,
        tier: least,
        tried,
        class: if may_pass {
            FailureClass::Transient
        } else {
            FailureClass::Environment
        },
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
        while let Ok(selected) = select(entries.iter(), role, least, &tried) {
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
        let first = select(entries.iter(), Role::Executor, Tier::Medium, &[]).unwrap();
        assert_eq!(first.degraded, None);
        let tried = [failed("medium"), failed("large")];
        let third = select(entries.iter(), Role::Executor, Tier::Medium, &tried).unwrap();
        assert_eq!(
            third.degraded.unwrap(),
            "role executor is filled by small (tier 1), since medium failed to reach it and large failed to reach it and no other model has the role at tier ≥ 2"
        );
    }

    #[test]
    fn without_a_model_for_the_role_the_message_names_what_there_is() {
        let error = select(three().iter(), Role::Verifier, Tier::Medium, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no model for role verifier at tier ≥ 2: large is tier 3 for planner, executor; small is tier 1 for executor; medium is tier 2 for executor; small2 is tier 1 for executor; give one of them the role"
        );
        assert_eq!(error.class, FailureClass::Environment);
    }

    #[test]
    fn when_all_have_failed_the_message_names_what_was_tried() {
        let tried = [failed("large")];
        let error = select(three().iter(), Role::Planner, Tier::Small, &tried).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no model for role planner at tier ≥ 1: tried large failed to reach it"
        );
        assert_eq!(error.class, FailureClass::Transient);
    }

    #[test]
    fn without_any_model_the_way_out_is_named() {
        let error = select([].iter(), Role::Planner, Tier::Small, &[]).unwrap_err();
        assert!(
            error.to_string().contains("start a model server"),
            "{error}"
        );
    }
}
