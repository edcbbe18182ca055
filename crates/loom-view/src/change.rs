//! One entry of a task's changelog.

use loom_events::{FileChange, Seq, SubtaskId, Time};
use serde::{Deserialize, Serialize};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeEntry {
    /// Its place in the journal, by which it can be taken back; none for a part of a revert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// What was taken back, for a part of a revert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert: Option<String>,
    /// When it was recorded.
    pub at: Time,
    /// The subtask that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtask: Option<SubtaskId>,
    /// The attempt of the subtask, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What changed.
    #[serde(flatten)]
    pub change: FileChange,
}

impl ChangeEntry {
    /// Whether it is about a path, or about something in that directory.
    #[must_use]
    pub fn touches(&self, path: &str) -> bool {
        touches(&self.change, path)
    }
}

/// Whether a change is about a path, or about something in that directory.
#[must_use]
pub fn touches(change: &FileChange, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let within = |one: &str| {
        one.strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(&change.path) || change.new_path.as_deref().is_some_and(within)
}
