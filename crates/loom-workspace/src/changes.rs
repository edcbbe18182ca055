//! From states to recorded changes and back.

use crate::scan::Entries;
use crate::{Store, lines, name};
use loom_events::{Digest, FileChange, FileKind, FileState, LineCount, Operation, Origin};
use std::collections::{BTreeMap, HashMap};

/// One path that goes from a state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) path: String,
    pub(crate) from: Option<FileState>,
    pub(crate) to: Option<FileState>,
}

impl Step {
    pub(crate) fn new(path: &str, from: Option<FileState>, to: Option<FileState>) -> Self {
        let path = path.to_owned();
        Self { path, from, to }
    }

    pub(crate) fn removes(&self, kind: FileKind) -> bool {
        let is = |state: &FileState| state.kind == kind;
        self.from.as_ref().is_some_and(is) && !self.to.as_ref().is_some_and(is)
    }

    pub(crate) fn makes(&self, kind: FileKind) -> bool {
        let is = |state: &FileState| state.kind == kind;
        self.to.as_ref().is_some_and(is) && !self.from.as_ref().is_some_and(is)
    }

    fn operation(&self) -> Operation {
        match (&self.from, &self.to) {
            (None, _) => Operation::Create,
            (Some(_), None) => Operation::Delete,
            (Some(_), Some(_)) => Operation::Modify,
        }
    }

    /// The digest of a file that goes away or appears; an empty file is like any other empty file.
    fn moved_content(state: Option<&FileState>) -> Option<&Digest> {
        state
            .filter(|state| state.kind == FileKind::File && state.size > 0)?
            .digest
            .as_ref()
    }
}

/// What differs between two trees, in order of paths.
pub(crate) fn steps_between(before: &Entries, after: &Entries) -> Vec<Step> {
    let mut steps: Vec<Step> = before
        .iter()
        .filter(|(path, state)| after.get(*path) != Some(state))
        .map(|(path, state)| Step::new(path, Some(state.clone()), after.get(path).cloned()))
        .collect();
    let created = after
        .iter()
        .filter(|(path, _)| !before.contains_key(*path))
        .map(|(path, state)| Step::new(path, None, Some(state.clone())));
    steps.extend(created);
    steps.sort_by(|a, b| a.path.cmp(&b.path));
    steps
}

/// The changes that a set of steps is: a file that goes away here and appears there is a rename.
/// Directories are made before what is in them, and removed after it.
pub(crate) fn to_changes(steps: &[Step], origin: Origin, store: &Store) -> Vec<FileChange> {
    let mut renamed_to = pair_renames(steps);
    let renamed: Vec<&str> = renamed_to.values().copied().collect();
    let (mut changes, mut removals) = (Vec::new(), Vec::new());
    let by_path: HashMap<&str, &Step> = steps.iter().map(|s| (s.path.as_str(), s)).collect();
    for step in steps.iter().filter(|s| !renamed.contains(&s.path.as_str())) {
        let target = renamed_to.remove(step.path.as_str());
        let new = target.and_then(|path| by_path.get(path));
        let after = new.map_or(&step.to, |new| &new.to).clone();
        let lines = lines::between(store, step.from.as_ref(), after.as_ref());
        let change = FileChange {
            operation: target.map_or(step.operation(), |_| Operation::Rename),
            path: step.path.clone(),
            new_path: target.map(str::to_owned),
            before: step.from.clone(),
            after,
            lines,
            origin,
        };
        match change.operation {
            Operation::Create | Operation::Modify => changes.push(change),
            Operation::Rename | Operation::Delete => removals.push(change),
        }
    }
    changes.extend(removals.into_iter().rev());
    changes
}

/// Old path → new path. Among equal contents the same file name is preferred.
fn pair_renames(steps: &[Step]) -> HashMap<&str, &str> {
    let mut created: HashMap<&Digest, Vec<&str>> = HashMap::new();
    for step in steps.iter().filter(|s| s.from.is_none()) {
        if let Some(digest) = Step::moved_content(step.to.as_ref()) {
            created.entry(digest).or_default().push(&step.path);
        }
    }
    let mut pairs = HashMap::new();
    for step in steps.iter().filter(|s| s.to.is_none()) {
        let Some(digest) = Step::moved_content(step.from.as_ref()) else {
            continue;
        };
        let Some(candidates) = created.get_mut(digest) else {
            continue;
        };
        let same_name = |path: &&str| file_name(path) == file_name(&step.path);
        let at = candidates.iter().position(same_name).unwrap_or(0);
        if at < candidates.len() {
            pairs.insert(step.path.as_str(), candidates.remove(at));
        }
    }
    pairs
}

fn file_name(path: &str) -> Option<&str> {
    name::split(path).map(|(_, name)| name)
}

/// The net effect of changes on one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Net {
    /// Before the first change.
    pub(crate) original: Option<FileState>,
    /// After the last.
    pub(crate) latest: Option<FileState>,
    /// Before the last: what is there when that was recorded and then not carried out, because of
    /// a crash or a failure.
    pub(crate) before_latest: Option<FileState>,
    /// Under which path the file that is here was before the first change.
    pub(crate) came_from: Option<String>,
}

/// The net effect of changes, by path.
pub(crate) fn net(changes: &[FileChange]) -> BTreeMap<String, Net> {
    let mut by_path: BTreeMap<String, Net> = BTreeMap::new();
    let mut touch = |path: &str, before: Option<&FileState>, after: Option<&FileState>, came| {
        let net = by_path.entry(path.to_owned()).or_insert_with(|| Net {
            original: before.cloned(),
            latest: None,
            before_latest: None,
            came_from: None,
        });
        net.latest = after.cloned();
        net.before_latest = before.cloned();
        if let Some(came) = came {
            net.came_from = came;
        }
        net.came_from.clone()
    };
    for change in changes {
        let (before, after) = (change.before.as_ref(), change.after.as_ref());
        match (&change.operation, &change.new_path) {
            (Operation::Rename, Some(to)) => {
                let origin = touch(&change.path, before, None, None);
                let origin = origin.unwrap_or_else(|| change.path.clone());
                touch(to, None, after, Some(Some(origin)));
                touch(&change.path, before, None, Some(None));
            }
            (Operation::Delete, _) => {
                touch(&change.path, before, None, Some(None));
            }
            (Operation::Create, _) => {
                touch(&change.path, before, after, Some(None));
            }
            (Operation::Modify | Operation::Rename, _) => {
                touch(&change.path, before, after, None);
            }
        }
    }
    by_path
}

/// A count of no lines, for changes that are not of text.
pub(crate) const NO_LINES: LineCount = LineCount {
    added: 0,
    removed: 0,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash;

    fn file(content: &str) -> Option<FileState> {
        Some(FileState {
            kind: FileKind::File,
            digest: Some(hash(content.as_bytes())),
            mode: 0o644,
            size: content.len() as u64,
        })
    }

    fn change(
        operation: Operation,
        path: &str,
        to: Option<&str>,
        before: Option<FileState>,
        after: Option<FileState>,
    ) -> FileChange {
        FileChange {
            operation,
            path: path.to_owned(),
            new_path: to.map(str::to_owned),
            before,
            after,
            lines: NO_LINES,
            origin: Origin::Tool,
        }
    }

    #[test]
    fn a_chain_of_renames_ends_at_the_first_path() {
        let changes = [
            change(Operation::Rename, "a", Some("b"), file("1"), file("1")),
            change(Operation::Modify, "b", None, file("1"), file("2")),
            change(Operation::Rename, "b", Some("c"), file("2"), file("2")),
        ];
        let net = net(&changes);
        assert_eq!(net["c"].came_from.as_deref(), Some("a"));
        assert_eq!((&net["a"].original, &net["a"].latest), (&file("1"), &None));
        assert_eq!((&net["b"].original, &net["b"].latest), (&None, &None));
        assert_eq!((&net["c"].original, &net["c"].latest), (&None, &file("2")));
    }

    #[test]
    fn a_file_made_where_a_renamed_one_was_did_not_come_from_there() {
        let changes = [
            change(Operation::Rename, "a", Some("b"), file("1"), file("1")),
            change(Operation::Create, "a", None, None, file("new")),
        ];
        let net = net(&changes);
        assert_eq!(net["a"].came_from, None);
        assert_eq!(net["a"].original, file("1"));
        assert_eq!(net["a"].latest, file("new"));
    }

    #[test]
    fn moved_files_are_renames_and_the_same_name_is_preferred() {
        let steps = [
            Step::new("new/x", None, file("same")),
            Step::new("new/y", None, file("same")),
            Step::new("old/y", file("same"), None),
            Step::new("z", file(""), None),
        ];
        let pairs = pair_renames(&steps);
        assert_eq!(pairs, HashMap::from([("old/y", "new/y")]));
    }
}
