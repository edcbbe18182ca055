//! Reading the files that are judged, before and after, without blocking the runtime.

use crate::protected::judging_kind;
use loom_events::{FileChange, FileKind, FileState, Operation};
use loom_workspace::Workspace;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest file that is looked into: beyond it a file is data, and a check should be a command.
pub(crate) const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Most changed files that are looked into. A step that changes more (a formatter, a vendored
/// library) is judged by its checks.
const MAX_FILES: usize = 200;

/// One file that changed on balance, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) path: String,
    /// Its text before; none when it was not there or is not text.
    pub(crate) before: Option<String>,
    /// Its text now; none when it is gone or is not text.
    pub(crate) after: Option<String>,
    /// Whether there is nothing any more.
    pub(crate) gone: bool,
    /// Whether there was something before.
    pub(crate) existed: bool,
    /// The state before, so that it can be put back; none when there was nothing.
    pub(crate) base: Option<FileState>,
}

/// Runs something that reads files where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // Only when the runtime shuts down, and then nobody polls this future any more.
        Err(_) => std::future::pending().await,
    }
}

/// The text of a file of the workspace; none when it is missing, too large or not text.
pub(crate) fn text(workspace: &Workspace, path: &str) -> Option<String> {
    String::from_utf8(workspace.read(path, MAX_BYTES).ok()?).ok()
}

/// What changed on balance: the state before the first change of each path, and the state now. A
/// renamed file is compared under its new name.
pub(crate) async fn changed(workspace: &Arc<Workspace>, changes: &[FileChange]) -> Vec<Changed> {
    let mut first: Vec<_> = first_states(changes).into_iter().collect();
    // What judges the work comes first, so that nobody hides it behind many other changes.
    first.sort_by_cached_key(|(path, _)| judging_kind(path).is_none());
    let workspace = Arc::clone(workspace);
    blocking(move || {
        first
            .into_iter()
            .take(MAX_FILES)
            .filter_map(|(path, before)| compare(&workspace, path, before.as_ref()))
            .collect()
    })
    .await
}

/// The state before the first change of each path that is left in the end.
fn first_states(changes: &[FileChange]) -> BTreeMap<String, Option<FileState>> {
    let mut first: BTreeMap<String, Option<FileState>> = BTreeMap::new();
    for change in changes {
        match (change.operation, &change.new_path) {
            (Operation::Rename, Some(new_path)) => {
                let before = first
                    .remove(&change.path)
                    .unwrap_or_else(|| change.before.clone());
                first.entry(new_path.clone()).or_insert(before);
            }
            _ => {
                first
                    .entry(change.path.clone())
                    .or_insert_with(|| change.before.clone());
            }
        }
    }
    first
}

fn compare(workspace: &Workspace, path: String, before: Option<&FileState>) -> Option<Changed> {
    let now = workspace.state(&path).ok().flatten();
    let is_file = |state: &FileState| state.kind == FileKind::File;
    if !before.is_some_and(is_file) && !now.as_ref().is_some_and(is_file) {
        return None;
    }
    if before.map(|state| &state.digest) == now.as_ref().map(|state| &state.digest) {
        return None;
    }
    Some(Changed {
        before: before.and_then(|state| stored_text(workspace, state)),
        after: now.as_ref().and_then(|_| text(workspace, &path)),
        gone: now.is_none(),
        existed: before.is_some(),
        base: before.cloned(),
        path,
    })
}

/// The text of a state that is in the store.
pub(crate) fn stored_text(workspace: &Workspace, state: &FileState) -> Option<String> {
    if state.size > MAX_BYTES || state.kind != FileKind::File {
        return None;
    }
    String::from_utf8(workspace.store().get(state.digest.as_ref()?).ok()?).ok()
}
