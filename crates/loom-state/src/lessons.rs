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

/// What a task that has ended, or the revert of one of its subtasks, changes of what was learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Taught {
    /// The task. It teaches once.
    pub task: TaskId,
    /// The subtask whose work was taken back, where that is what teaches. It does so once, too.
    pub reverted: Option<SubtaskId>,
    /// When.
    pub at: Time,
    /// What is new or other than before.
    pub kept: Vec<Lesson>,
    /// What is forgotten, by section and name.
    pub forgotten: Vec<(String, String)>,
}

impl Taught {
    /// What teaches no second time.
    pub(crate) fn teacher(&self) -> String {
        match &self.reverted {
            None => self.task.to_string(),
            Some(subtask) => format!("{} {subtask}", self.task),
        }
    }
}
