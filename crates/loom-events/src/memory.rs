//! Facts worth keeping after a subtask.

use crate::SubtaskId;
use serde::{Deserialize, Serialize};

/// A fact extracted when it was fresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryEntry {
    /// What kind of fact.
    #[serde(rename = "type")]
    pub kind: MemoryKind,
    /// The subtask it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtask: Option<SubtaskId>,
    /// At most 100 characters.
    pub summary: String,
    /// At most a few paragraphs.
    #[serde(default)]
    pub detail: String,
    /// Lower-case words.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What later work this matters to, in a few words.
    #[serde(default)]
    pub relevance_to: String,
}

/// Kinds of memory entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemoryKind {
    /// Something was chosen, and why.
    Decision,
    /// Something went wrong, and how it was resolved.
    Error,
    /// What a tool showed.
    ToolResult,
    /// What the user said.
    UserInstruction,
    /// Something nobody knew.
    Discovery,
    /// A file that was made or changed.
    Artifact,
    /// Background.
    Context,
}

impl MemoryKind {
    /// The name used in storage and prompts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Error => "error",
            Self::ToolResult => "tool_result",
            Self::UserInstruction => "user_instruction",
            Self::Discovery => "discovery",
            Self::Artifact => "artifact",
            Self::Context => "context",
        }
    }
}
