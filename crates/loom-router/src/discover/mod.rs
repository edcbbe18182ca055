//! Looking for model servers where they usually are, so that Loom works without configuration.
//!
//! A place is asked for its list of models first; only what answers like a model server is asked
//! further what kind it is (`ask`), and its answers are read without any I/O (`recognise`). What was
//! found becomes entries with tiers and roles (`entries`).

mod ask;
mod entries;
mod ollama;
mod recognise;

use crate::{ApiKey, Capabilities, ModelEntry, ProviderKind};
use std::time::Duration;
use thiserror::Error;

pub use entries::{Usable, entries, usable};

/// A place to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What usually listens there.
    pub label: String,
    /// Address.
    pub base_url: String,
    /// The key that the server asks for.
    pub key: Option<ApiKey>,
    /// How long it may take to answer a question.
    pub patience: Duration,
}

impl Candidate {
    /// A server on this machine answers in milliseconds, a refused port at once. What takes longer
    /// is no model server, and a user is waiting for Loom to start.
    pub const PATIENCE: Duration = Duration::from_millis(1500);

    /// A place that asks for no key.
    #[must_use]
    pub fn new(label: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            base_url: base_url.into(),
            key: None,
            patience: Self::PATIENCE,
        }
    }

    /// The place of an entry.
    #[must_use]
    pub fn of(entry: &ModelEntry) -> Self {
        Self {
            key: entry.api_key.clone(),
            ..Self::new(&entry.name, &entry.base_url)
        }
    }
}

/// What was found at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovered {
    /// The place.
    pub candidate: Candidate,
    /// The kind of server, found by asking.
    pub kind: ProviderKind,
    /// The server and its version in its own words.
    pub server: Option<String>,
    /// The chat models that the server has, or why there are none.
    pub models: Result<Vec<FoundModel>, Absent>,
}

impl Discovered {
    /// What is known of the model of this id, or of the only one there is.
    #[must_use]
    pub fn model(&self, id: Option<&str>) -> Option<&FoundModel> {
        let models = self.models.as_ref().ok()?;
        match id {
            Some(id) => models.iter().find(|model| model.id == id),
            None => models.first().filter(|_| models.len() == 1),
        }
    }

    /// The address that an entry for this server has.
    #[must_use]
    pub fn base_url(&self) -> &str {
        let url = self.candidate.base_url.as_str();
        match self.kind {
            // It is spoken to in its own protocol, which is not below `/v1`.
            ProviderKind::Ollama => url.trim_end_matches('/').trim_end_matches("/v1"),
            _ => url,
        }
    }
}

/// A model that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundModel {
    /// The id to ask for.
    pub id: String,
    /// What its server says of it.
    pub capabilities: Capabilities,
}

/// Why there are no models at a place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Absent {
    /// The connection is refused.
    #[error("nothing listens there")]
    NothingListens,
    /// No answer in time.
    #[error("something listens there and does not answer within {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// A model server that is still loading its model.
    #[error("a model server is there and still loads its model; ask again in a moment")]
    Loading,
    /// A server that wants a key.
    #[error(
        "a server is there and asks for a key; configure it under [models.NAME] with `api_key_env`"
    )]
    NeedsKey,
    /// Something else, such as a web site.
    #[error("what answers there is no model server: {0}")]
    SomethingElse(String),
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
    let candidate =
        |(label, port): (&str, u16)| Candidate::new(label, format!("http://127.0.0.1:{port}/v1"));
    places.into_iter().map(candidate).collect()
}

/// Asks every place at once what it is and what it has.
pub async fn discover(candidates: &[Candidate]) -> Vec<Discovered> {
    futures_util::future::join_all(candidates.iter().map(ask::ask)).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_talk_is_no_chat_model() {
        for id in ["nomic-embed-text:latest", "bge-m3", "Qwen3-Reranker-4B"] {
            assert!(!is_chat_model(id), "{id}");
        }
        assert!(is_chat_model("qwen3:8b"));
    }
}
