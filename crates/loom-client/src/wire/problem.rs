//! What an answer says that is not the one asked for.

use loom_events::TaskId;
use serde::{Deserialize, Serialize};

/// An error, as every route answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// A word that programs can rely on, such as `not_found` or `task_ended`.
    pub error: String,
    /// A sentence for people: what is wrong and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The task it is about, if about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
}

impl Problem {
    /// A problem with its sentence.
    #[must_use]
    pub fn new(error: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            detail: Some(detail.into()),
            task_id: None,
        }
    }

    /// The same, about a task.
    #[must_use]
    pub const fn of(mut self, task: TaskId) -> Self {
        self.task_id = Some(task);
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or(&self.error))
    }
}
