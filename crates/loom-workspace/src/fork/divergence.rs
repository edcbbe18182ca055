//! In what two results of the same step differ.

use crate::lines::as_text;
use crate::store::MAX_KEPT;
use crate::{Guard, Manifest, Store, StoreError, guard};
use loom_events::{FileKind, FileState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A path that two results do not agree about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathDivergence {
    /// The path.
    pub path: String,
    /// In what they differ.
    pub how: Divergence,
    /// Its state before either.
    pub base: Option<FileState>,
    /// Its state in the first.
    pub first: Option<FileState>,
    /// Its state in the second.
    pub second: Option<FileState>,
}

/// In what two states of a path differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Divergence {
    /// In white space only: line ends, indentation, empty lines.
    Layout,
    /// In permissions.
    Mode,
    /// In content, or in what a link leads to.
    Content,
    /// Only the first has it.
    OnlyFirst,
    /// Only the second has it.
    OnlySecond,
    /// A file in one, a directory or a link in the other.
    Kind,
}

/// Where two results differ, in order of paths. Build trees are in no manifest, and what belongs to
/// git says nothing about a result, so neither counts.
///
/// # Errors
/// When content that has to be compared cannot be read.
pub fn divergence(
    store: &Store,
    base: &Manifest,
    first: &Manifest,
    second: &Manifest,
) -> Result<Vec<PathDivergence>, StoreError> {
    let paths = first.entries().chain(second.entries());
    let paths: BTreeSet<&str> = paths.map(|(path, _)| path).collect();
    let mut found = Vec::new();
    for path in paths {
        let (one, other) = (first.state(path), second.state(path));
        if one == other || matches!(guard(path), Guard::Never(_)) {
            continue;
        }
        found.push(PathDivergence {
            path: path.to_owned(),
            how: how(store, one, other)?,
            base: base.state(path).cloned(),
            first: one.cloned(),
            second: other.cloned(),
        });
    }
    Ok(found)
}

fn how(
    store: &Store,
    first: Option<&FileState>,
    second: Option<&FileState>,
) -> Result<Divergence, StoreError> {
    let (Some(first), Some(second)) = (first, second) else {
        return Ok(match first {
            Some(_) => Divergence::OnlyFirst,
            None => Divergence::OnlySecond,
        });
    };
    if first.kind != second.kind {
        return Ok(Divergence::Kind);
    }
    if first.digest == second.digest {
        return Ok(Divergence::Mode);
    }
    let layout = first.kind == FileKind::File
        && first.mode == second.mode
        && same_but_for_space(store, first, second)?;
    Ok(if layout {
        Divergence::Layout
    } else {
        Divergence::Content
    })
}

/// Whether two files have the same characters once white space is taken out.
fn same_but_for_space(
    store: &Store,
    first: &FileState,
    second: &FileState,
) -> Result<bool, StoreError> {
    let content = |state: &FileState| match &state.digest {
        Some(digest) if state.size <= MAX_KEPT => store.get(digest).map(Some),
        _ => Ok(None),
    };
    let (Some(first), Some(second)) = (content(first)?, content(second)?) else {
        return Ok(false);
    };
    let (Some(first), Some(second)) = (as_text(&first), as_text(&second)) else {
        return Ok(false);
    };
    let solid = |text: &str| -> String { text.split_whitespace().collect() };
    Ok(solid(first) == solid(second))
}
