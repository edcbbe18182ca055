//! What was learned, as a journal keeps it: rows whose meaning is somebody else's.

use loom_events::{SubtaskId, TaskId, Time};
use serde::{Deserialize, Serialize};

/// One thing that was learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// What it is, such as `tally`.
    pub section: String,
    /// What it is about; unique in its section.
    pub name: String,
    /// What is known.
    pub value: serde_json::Value,
    /// When it was last added to.
    pub last: Time,
}

/// What teaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Teacher {
    /// A task that has ended. It teaches once.
    Task(TaskId),
    /// The revert of one of its subtasks. It does so once, too.
    Revert(TaskId, SubtaskId),
    /// What a human says of results. They may say something else later, and whoever counts it knows what
    /// they said before.
    Human,
}

/// What a task that has ended, a revert, or the word of a human changes of what was learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Taught {
    /// What teaches.
    pub by: Teacher,
    /// When.
    pub at: Time,
    /// What is new or other than before.
    pub kept: Vec<Lesson>,
    /// What is forgotten, by section and name.
    pub forgotten: Vec<(String, String)>,
}

impl Taught {
    /// What teaches no second time.
    pub(crate) fn teacher(&self) -> Option<String> {
        match &self.by {
            Teacher::Task(task) => Some(task.to_string()),
            Teacher::Revert(task, subtask) => Some(format!("{task} {subtask}")),
            Teacher::Human => None,
        }
    }
}
