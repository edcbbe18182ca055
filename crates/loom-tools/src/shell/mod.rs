//! Commands: the tool that runs them for a model, and the way in which checks run.

mod check;
mod command;
mod execute;

pub(crate) use execute::{listed, note_seen, record};

pub use check::{CheckCommand, CheckRun, run_check, run_unjudged};

use crate::Tool;
use std::sync::Arc;

/// `shell_execute`.
pub(crate) fn tool() -> Arc<dyn Tool> {
    Arc::new(execute::ShellExecute::default())
}
