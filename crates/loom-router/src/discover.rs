//! Looking for model servers where they usually are, so that Loom works without configuration.

use crate::{ListedModel, ModelEntry};

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
    unimplemented!()
}

/// Asks every place at once what it has.
pub async fn discover(_candidates: &[Candidate]) -> Vec<Discovered> {
    unimplemented!()
}

/// Ready entries for what was found, with tiers and roles by size.
#[must_use]
pub fn entries(_found: &[Discovered]) -> Vec<ModelEntry> {
    unimplemented!()
}
