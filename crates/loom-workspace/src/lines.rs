//! Lines: what is text, and how many of them changed.

use crate::Store;
use loom_events::{FileKind, FileState, LineCount};
use similar::{Algorithm, DiffOp};
use std::time::{Duration, Instant};

/// Larger files are not compared line by line.
pub(crate) const MAX_COMPARED: u64 = 4 << 20;

/// How long one comparison looks for the shortest difference; after that it takes a longer one.
const PATIENCE: Duration = Duration::from_millis(500);

/// The content as text, if people would call it so.
pub(crate) fn as_text(bytes: &[u8]) -> Option<&str> {
    if bytes.contains(&0) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

/// Lines with their line feeds; a carriage return is a character like any other, as in git.
pub(crate) fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Whether there is anything to compare; git, too, knows nothing else.
pub(crate) const fn has_content(kind: FileKind) -> bool {
    matches!(kind, FileKind::File | FileKind::Symlink)
}

pub(crate) fn compare(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let deadline = Instant::now().checked_add(PATIENCE);
    similar::capture_diff_slices_deadline(Algorithm::Myers, old, new, deadline)
}

pub(crate) fn count(ops: &[DiffOp]) -> LineCount {
    let mut lines = LineCount::default();
    for op in ops {
        let (_, old, new) = op.as_tag_tuple();
        if !matches!(op, DiffOp::Equal { .. }) {
            lines.removed += u32::try_from(old.len()).unwrap_or(u32::MAX);
            lines.added += u32::try_from(new.len()).unwrap_or(u32::MAX);
        }
    }
    lines
}

/// Lines added and removed between two states, when both are text that is in the store.
pub(crate) fn between(
    store: &Store,
    before: Option<&FileState>,
    after: Option<&FileState>,
) -> LineCount {
    let content = |state: Option<&FileState>| match state {
        None => Some(Vec::new()),
        Some(state) if !has_content(state.kind) => Some(Vec::new()),
        Some(state) if state.size > MAX_COMPARED => None,
        Some(state) => store.get(state.digest.as_ref()?).ok(),
    };
    let digest = |state: Option<&FileState>| state.and_then(|s| s.digest.clone());
    if digest(before) == digest(after) {
        return LineCount::default();
    }
    let (Some(old), Some(new)) = (content(before), content(after)) else {
        return LineCount::default();
    };
    match (as_text(&old), as_text(&new)) {
        (Some(old), Some(new)) => count(&compare(&split(old), &split(new))),
        _ => LineCount::default(),
    }
}
