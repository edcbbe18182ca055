//! What was found as entries: names, tiers by size, roles by tier.

use super::{Discovered, FoundModel};
use crate::{Capabilities, ModelEntry, ProviderKind};
use loom_events::{Role, Tier};
use std::collections::HashSet;

/// From so many parameters on a model is of tier 2: it can plan a small task.
const MEDIUM_FROM: u64 = 12_000_000_000;

/// From so many parameters on a model is of tier 3.
const LARGE_FROM: u64 = 60_000_000_000;

/// A model that can be used, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Usable {
    /// The entry.
    pub entry: ModelEntry,
    /// What is known of it: from its server, and from a probe where there was one.
    pub capabilities: Capabilities,
}

impl From<ModelEntry> for Usable {
    /// A model of which nothing is known.
    fn from(entry: ModelEntry) -> Self {
        Self {
            entry,
            capabilities: Capabilities::default(),
        }
    }
}

/// Ready entries for what was found, with tiers and roles by size.
///
/// The largest models plan and judge, the smallest work and take notes, and what is between does
/// everything but plan. Where all are of one tier, all have every role. What is in memory stands
/// before what would have to be loaded first. At LM Studio a person chooses what is loaded, so there
/// nothing else is used as long as anything is.
#[must_use]
pub fn usable(found: &[Discovered]) -> Vec<Usable> {
    let mut names = HashSet::new();
    let mut usable: Vec<_> = found
        .iter()
        .flat_map(|place| chosen(place).map(move |model| (place, model)))
        .map(|(place, model)| Usable {
            entry: entry(place, model, &mut names),
            capabilities: model.capabilities.clone(),
        })
        .collect();
    let tiers = || usable.iter().map(|one| one.entry.tier);
    if let (Some(least), Some(most)) = (tiers().min(), tiers().max()) {
        for one in &mut usable {
            one.entry.roles = roles(one.entry.tier, least, most);
        }
    }
    usable.sort_by_key(|one| one.capabilities.loaded == Some(false));
    usable
}

/// The entries of [`usable`].
#[must_use]
pub fn entries(found: &[Discovered]) -> Vec<ModelEntry> {
    usable(found).into_iter().map(|one| one.entry).collect()
}

fn chosen(place: &Discovered) -> impl Iterator<Item = &FoundModel> {
    let is_loaded = |model: &FoundModel| model.capabilities.loaded == Some(true);
    let models = || place.models.iter().flatten();
    let only_loaded = place.kind == ProviderKind::LmStudio && models().any(is_loaded);
    models().filter(move |model| !only_loaded || is_loaded(model))
}

fn entry(place: &Discovered, model: &FoundModel, names: &mut HashSet<String>) -> ModelEntry {
    let known = &model.capabilities;
    let base_url = place.base_url();
    let mut name = short_name(&model.id).to_owned();
    if !names.insert(name.clone()) {
        name = format!("{name} at {base_url}");
        names.insert(name.clone());
    }
    ModelEntry {
        provider: place.kind,
        model: Some(model.id.clone()),
        tier: tier(known.parameters.or_else(|| parameters_in(&model.id))),
        // Ollama gives a model the window that it is asked for; what it has now is only the last wish.
        context_length: known.window.filter(|_| place.kind != ProviderKind::Ollama),
        ..ModelEntry::new(name, base_url)
    }
}

/// An id as people say it: of a path only its end, which is what MLX has for a local model.
fn short_name(id: &str) -> &str {
    if !id.starts_with('/') {
        return id;
    }
    let id = id.trim_end_matches('/');
    let last_two = id.rmatch_indices('/').nth(1);
    last_two.map_or(id, |(at, _)| &id[at + 1..])
}

fn tier(parameters: Option<u64>) -> Tier {
    match parameters.unwrap_or(0) {
        ..MEDIUM_FROM => Tier::Small,
        MEDIUM_FROM..LARGE_FROM => Tier::Medium,
        LARGE_FROM.. => Tier::Large,
    }
}

fn roles(tier: Tier, least: Tier, most: Tier) -> Vec<Role> {
    let fits = |role: &Role| match role {
        Role::Planner | Role::Replanner => tier == most,
        Role::Executor => true,
        Role::Verifier => tier > least || least == most,
        Role::Extractor => tier < most || least == most,
    };
    Role::ALL.into_iter().filter(fits).collect()
}

/// The number of parameters in a name such as `qwen3:8b`, `qwen3-30b-a3b` or `mixtral-8x7b`: the
/// largest, since a smaller one is what is active.
fn parameters_in(id: &str) -> Option<u64> {
    id.to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .filter_map(parameters_of)
        .max()
}

pub(super) fn parameters_of(word: &str) -> Option<u64> {
    let (number, unit) = if let Some(number) = word.strip_suffix('b') {
        (number, 1e9)
    } else {
        (word.strip_suffix('m')?, 1e6)
    };
    let (experts, size) = match number.split_once('x') {
        Some((experts, size)) => (experts.parse::<u16>().ok()?, size),
        None => (1, number),
    };
    let digits = size.chars().all(|c| c.is_ascii_digit() || c == '.');
    let size: f64 = digits.then(|| size.parse().ok())??;
    let parameters = f64::from(experts) * size * unit;
    // Saturates: a name is free to claim anything.
    Some(parameters as u64).filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::super::Candidate;
    use super::*;

    #[test]
    fn the_number_of_parameters_is_read_from_the_name() {
        let billions = |count: f64| Some((count * 1e9) as u64);
        let table = [
            ("qwen3:8b", billions(8.0)),
            ("Qwen/Qwen3-30B-A3B-Instruct-2507", billions(30.0)),
            ("mixtral-8x7b-instruct", billions(56.0)),
            ("qwen3-0.6b", billions(0.6)),
            ("smollm2-360m-q8_0", billions(0.36)),
            ("gpt-oss:120b", billions(120.0)),
            ("llama3", None),
            ("loom-tiny", None),
            ("b", None),
            ("phi-4-mini-q4_k_m", None),
        ];
        for (id, expected) in table {
            assert_eq!(parameters_in(id), expected, "{id}");
        }
    }

    fn found(base_url: &str, ids: &[&str]) -> Discovered {
        let model = |id: &&str| FoundModel {
            id: (*id).into(),
            capabilities: Capabilities::default(),
        };
        Discovered {
            candidate: Candidate::new("x", base_url),
            kind: ProviderKind::OpenaiCompatible,
            server: None,
            models: Ok(ids.iter().map(model).collect()),
        }
    }

    fn loaded(mut place: Discovered, kind: ProviderKind, which: &str) -> Discovered {
        place.kind = kind;
        for model in place.models.iter_mut().flatten() {
            model.capabilities.loaded = Some(model.id == which);
        }
        place
    }

    #[test]
    fn one_model_has_every_role() {
        let entries = entries(&[found("http://a:1/v1", &["loom-tiny"])]);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].model.as_deref(), Some("loom-tiny"));
        assert_eq!(entries[0].roles, Role::ALL);
    }

    #[test]
    fn the_largest_plans_and_the_smallest_works() {
        use Role::{Executor, Extractor, Planner, Replanner, Verifier};
        let ids = ["qwen3:8b", "qwen3:32b", "minimax-m2:230b"];
        let entries = entries(&[found("http://a:1/v1", &ids)]);
        let roles: Vec<_> = entries
            .iter()
            .map(|entry| (u8::from(entry.tier), entry.roles.clone()))
            .collect();
        assert_eq!(
            roles,
            [
                (1, vec![Executor, Extractor]),
                (2, vec![Executor, Verifier, Extractor]),
                (3, vec![Planner, Replanner, Executor, Verifier]),
            ]
        );
    }

    #[test]
    fn models_of_one_tier_have_every_role_and_their_own_names() {
        let found = [
            found("http://a:1/v1", &["qwen3:8b"]),
            found("http://b:1/v1", &["qwen3:8b"]),
        ];
        let entries = entries(&found);
        assert_eq!(entries[1].name, "qwen3:8b at http://b:1/v1");
        assert!(entries.iter().all(|entry| entry.roles == Role::ALL));
    }

    #[test]
    fn what_is_in_memory_stands_first_and_lm_studio_uses_nothing_else() {
        let ids = ["qwen3:4b", "qwen3:8b"];
        let names = |kind| {
            let place = loaded(found("http://a:1/v1", &ids), kind, "qwen3:8b");
            entries(&[place])
                .into_iter()
                .map(|entry| entry.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(ProviderKind::Ollama), ["qwen3:8b", "qwen3:4b"]);
        assert_eq!(names(ProviderKind::LmStudio), ["qwen3:8b"]);
    }

    #[test]
    fn the_window_comes_from_the_server_but_ollama_is_asked_for_its_window() {
        let mut place = found("http://a:1/v1", &["m"]);
        for model in place.models.iter_mut().flatten() {
            model.capabilities.window = Some(4096);
        }
        place.kind = ProviderKind::LlamaCpp;
        let entry = entries(std::slice::from_ref(&place)).remove(0);
        assert_eq!(entry.context_length, Some(4096));
        place.kind = ProviderKind::Ollama;
        let entry = entries(&[place]).remove(0);
        assert_eq!(entry.context_length, None);
        assert_eq!(entry.base_url, "http://a:1");
    }

    #[test]
    fn a_path_is_called_by_its_end() {
        assert_eq!(short_name("/home/me/models/qwen3-8b/mlx"), "qwen3-8b/mlx");
        assert_eq!(short_name("/hf"), "/hf");
        assert_eq!(short_name("org/name"), "org/name");
    }
}
