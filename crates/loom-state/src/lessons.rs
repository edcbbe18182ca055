//! What was learned, as a journal keeps it: rows whose meaning is somebody else's.

use loom_events::{TaskId, Time};
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

/// What a task that has ended changes of what was learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Taught {
    /// The task. It teaches once.
    pub task: TaskId,
    /// When.
    pub at: Time,
    /// What is new or other than before.
    pub kept: Vec<Lesson>,
    /// What is forgotten, by section and name.
    pub forgotten: Vec<(String, String)>,
}
