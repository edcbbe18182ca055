//! Looking for model servers where they usually are, so that Loom works without configuration.

use crate::{Deadlines, ListedModel, ModelEntry, OpenAiCompatible, Provider};
use loom_events::{Role, Tier};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::timeout;

/// A server on this machine answers in milliseconds, a refused port at once. What takes longer is no
/// model server, and a user is waiting for Loom to start.
const PATIENCE: Duration = Duration::from_millis(1500);

/// From so many parameters on a model is of tier 2: it can plan a small task.
const MEDIUM_FROM: u64 = 12_000_000_000;

/// From so many parameters on a model is of tier 3.
const LARGE_FROM: u64 = 60_000_000_000;

/// A place to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What usually listens there.
    pub label: String,
    /// Address.
    pub base_url: String,
}

/// What was found at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// The place.
    pub candidate: Candidate,
    /// The chat models that the server has, or why there is no answer.
    pub models: Result<Vec<ListedModel>, String>,
}

/// The usual local ports of Ollama, LM Studio, llama.cpp or MLX, and vLLM.
#[must_use]
pub fn local_candidates() -> Vec<Candidate> {
    let places = [
        ("Ollama", 11434),
        ("LM Studio", 1234),
        ("llama.cpp or MLX", 8080),
        ("vLLM", 8000),
    ];
    let candidate = |(label, port): (&str, u16)| Candidate {
        label: label.into(),
        base_url: format!("http://127.0.0.1:{port}/v1"),
    };
    places.into_iter().map(candidate).collect()
}

/// Asks every place at once what it has.
pub async fn discover(candidates: &[Candidate]) -> Vec<Discovered> {
    let asked = candidates.iter().map(|candidate| async {
        Discovered {
            candidate: candidate.clone(),
            models: ask(candidate).await,
        }
    });
    futures_util::future::join_all(asked).await
}

async fn ask(candidate: &Candidate) -> Result<Vec<ListedModel>, String> {
    let entry = ModelEntry {
        deadlines: Deadlines {
            connect: PATIENCE,
            ..Deadlines::default()
        },
        ..ModelEntry::new(&candidate.label, &candidate.base_url)
    };
    let server = OpenAiCompatible::new(&entry).map_err(|error| format!("failed to {error}"))?;
    let mut models = timeout(PATIENCE, server.list())
        .await
        .map_err(|_| format!("{} does not answer", candidate.base_url))?
        .map_err(|error| format!("failed to {error}"))?;
    models.retain(|model| is_chat_model(&model.id));
    Ok(models)
}

/// Servers list what they have, and not all of that can talk.
fn is_chat_model(id: &str) -> bool {
    const OTHERS: [&str; 10] = [
        "embed",
        "bge-",
        "gte-",
        "e5-",
        "minilm",
        "rerank",
        "whisper",
        "tts",
        "clip",
        "diffusion",
    ];
    let id = id.to_lowercase();
    !OTHERS.iter().any(|other| id.contains(other))
}

/// Ready entries for what was found, with tiers and roles by size.
///
/// The largest models plan and judge, the smallest work and take notes, and what is between does
/// everything but plan. Where all are of one tier, all have every role.
#[must_use]
pub fn entries(found: &[Discovered]) -> Vec<ModelEntry> {
    let mut names = HashSet::new();
    let mut entries: Vec<_> = found
        .iter()
        .flat_map(|found| {
            let models = found.models.iter().flatten();
            models.map(move |model| (&found.candidate, model))
        })
        .map(|(candidate, model)| entry(candidate, model, &mut names))
        .collect();
    let tiers = || entries.iter().map(|entry| entry.tier);
    if let (Some(least), Some(most)) = (tiers().min(), tiers().max()) {
        for entry in &mut entries {
            entry.roles = roles(entry.tier, least, most);
        }
    }
    entries
}

fn entry(candidate: &Candidate, model: &ListedModel, names: &mut HashSet<String>) -> ModelEntry {
    let mut name = model.id.clone();
    if !names.insert(name.clone()) {
        name = format!("{name} at {}", candidate.base_url);
        names.insert(name.clone());
    }
    ModelEntry {
        model: Some(model.id.clone()),
        tier: tier(model.parameters.or_else(|| parameters_in(&model.id))),
        context_length: model.context_length,
        ..ModelEntry::new(name, &candidate.base_url)
    }
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

fn parameters_of(word: &str) -> Option<u64> {
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
        let model = |id: &&str| ListedModel {
            id: (*id).into(),
            ..ListedModel::default()
        };
        Discovered {
            candidate: Candidate {
                label: "x".into(),
                base_url: base_url.into(),
            },
            models: Ok(ids.iter().map(model).collect()),
        }
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
    fn what_cannot_talk_is_no_chat_model() {
        for id in ["nomic-embed-text:latest", "bge-m3", "Qwen3-Reranker-4B"] {
            assert!(!is_chat_model(id), "{id}");
        }
        assert!(is_chat_model("qwen3:8b"));
    }
}
