//! The tools that work on files, all through [`loom_workspace::Workspace`].

mod change;
mod content;
mod delete;
mod edit;
mod elision;
mod list;
mod locate;
mod missing;
mod read;
mod relocate;
mod search;
mod write;

pub(crate) use change::changed_files;

use crate::Tool;
use crate::tool::{CallOutcome, ToolOutput};
use loom_events::ToolSpec;
use serde_json::Value;
use std::sync::Arc;

/// Separates a line number from its line. No language uses it, so a number that is copied back
/// together with a line can be told from content.
pub(crate) const NUMBER_MARK: char = '│';

/// All of them.
pub(crate) fn tools() -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(delete::DeleteFile::default()),
        Arc::new(edit::EditFile::default()),
        Arc::new(list::ListDirectory::default()),
        Arc::new(relocate::MoveFile::default()),
        Arc::new(read::ReadFile::default()),
        Arc::new(search::SearchFiles::default()),
        Arc::new(write::WriteFile::default()),
    ]
}

/// A specification as a model sees it.
pub(crate) fn spec(name: &str, description: &str, parameters: Value) -> ToolSpec {
    crate::names::named(ToolSpec::new(name, description, parameters))
}

/// The main argument, for a summary.
pub(crate) fn argument<'a>(arguments: &'a Value, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or(".")
}

/// Runs blocking work where it does not hold up others.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CallOutcome> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|died| ToolOutput::negative(format!("the tool broke: {died}")).into())
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
