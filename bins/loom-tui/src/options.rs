//! What a caller may choose. Everything is passed in; nothing here reads the environment.

use crate::look::Look;
use loom_events::TaskId;
use std::path::PathBuf;

/// How the terminal UI is run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Colours and characters.
    pub look: Look,
    /// Whether the bell rings when a task asks something or ends.
    pub bell: bool,
    /// The directory that a new task is proposed to work in.
    pub workspace: Option<PathBuf>,
    /// The task to begin with; none begins with the list of all.
    pub task: Option<TaskId>,
}
