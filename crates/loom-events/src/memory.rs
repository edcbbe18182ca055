//! Facts worth keeping after a subtask.

use crate::{Seq, SubtaskId, Time};
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

/// Something that a task noted, once or more often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fact {
    /// As it was noted first.
    #[serde(flatten)]
    pub entry: MemoryEntry,
    /// Seq of the event that noted it first.
    pub seq: Seq,
    /// When that was.
    pub at: Time,
    /// How often it was noted.
    pub seen: u32,
    /// When it was noted last.
    pub last: Time,
    /// What it is about, where the task noted something else about the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

impl Fact {
    /// What a reader is told beside the entry: how often it was noted, and when where something else was
    /// noted about the same. Nothing where there is nothing to tell.
    #[must_use]
    pub fn noted(&self) -> Option<String> {
        let last = self.last.minute();
        match (self.seen, &self.about) {
            (0 | 1, None) => None,
            (0 | 1, Some(_)) => Some(format!("noted {last}")),
            (times, None) => Some(format!("noted {times} times")),
            (times, Some(_)) => Some(format!("noted {times} times, last {last}")),
        }
    }
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
