//! What a model was sent, as the journal records it.

use crate::{BlobId, Role};
use serde::{Deserialize, Serialize};

/// A prompt that is about to be sent to a planner, a replanner, a verifier or an extractor. That of an
/// executor is in [`crate::Prepared`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PromptRecord {
    /// Who is asked.
    pub role: Role,
    /// Template and its hash, `planner@1f2e…`.
    pub template: String,
    /// The example of a plan that is in it, and its hash, `fix-bug@1f2e…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// The messages, as sent.
    pub prompt: BlobId,
    /// What each part costs.
    #[serde(default)]
    pub parts: Vec<PromptPart>,
    /// What had to be left out to fit the budget.
    #[serde(default)]
    pub trimmed: Vec<String>,
}

/// One part of a prompt and its estimated cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PromptPart {
    /// Name in the template: `role`, `task_state`, …
    pub name: String,
    /// Tokens, estimated.
    pub tokens: u64,
}
