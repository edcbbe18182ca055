//! What becomes of one path that may have changed on both sides.

use loom_events::{FileKind, FileState};
use serde::{Deserialize, Serialize};

/// A path that cannot be merged; nothing of the merge is done then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeConflict {
    /// The path.
    pub path: String,
    /// In what the sides do not fit.
    pub kind: MergeConflictKind,
    /// Its state when the fork was made.
    pub base: Option<FileState>,
    /// Its state in the workspace now.
    pub ours: Option<FileState>,
    /// Its state in the fork.
    pub theirs: Option<FileState>,
}

/// In what two sides do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeConflictKind {
    /// Both changed the same lines, or what is not text.
    Content,
    /// Both made it, and not the same.
    BothAdded,
    /// The workspace lost what the fork changed.
    GoneFromWorkspace,
    /// The fork removed what the workspace has changed.
    RemovedInFork,
    /// It is a file on one side and a directory or a link on the other.
    Kind,
    /// Both gave it permissions, and not the same.
    Mode,
    /// Both gave the link a target, and not the same.
    Link,
    /// Both renamed it, and not to the same name.
    Renamed,
    /// Its directory is none in the workspace any more.
    Parent,
    /// The directory that it would replace holds something in the workspace.
    Occupied,
    /// The workspace has something there that manifests leave out.
    Unseen,
    /// Content that would be lost or is wanted is not in the snapshots: too large, or unreadable.
    NotKept,
}

/// What a merge does with a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// It stays as it is in the workspace.
    Keep,
    /// It becomes this.
    Take(Option<FileState>),
    /// A file with this mode, and with the lines of both.
    Lines {
        mode: u32,
    },
    Conflict(MergeConflictKind),
}

/// Decides from the states alone. What only one side changed goes in; what both changed goes in
/// piece by piece: kind, mode, content.
pub(super) fn decide(
    base: Option<&FileState>,
    ours: Option<&FileState>,
    theirs: Option<&FileState>,
) -> Decided {
    if theirs == base || theirs == ours {
        return Decided::Keep;
    }
    if ours == base {
        return Decided::Take(theirs.cloned());
    }
    match (ours, theirs) {
        (None, _) => Decided::Conflict(MergeConflictKind::GoneFromWorkspace),
        (Some(_), None) => Decided::Conflict(MergeConflictKind::RemovedInFork),
        (Some(ours), Some(theirs)) if ours.kind != theirs.kind => {
            Decided::Conflict(MergeConflictKind::Kind)
        }
        (Some(ours), Some(theirs)) => match base.filter(|base| base.kind == ours.kind) {
            Some(base) => both_changed(base, ours, theirs),
            None => both_made(ours, theirs),
        },
    }
}

fn both_made(ours: &FileState, theirs: &FileState) -> Decided {
    match ours.kind {
        // Only their modes differ, and who made it first has it.
        FileKind::Directory | FileKind::Pipe | FileKind::Socket => Decided::Keep,
        FileKind::File if ours.digest == theirs.digest => {
            Decided::Conflict(MergeConflictKind::Mode)
        }
        FileKind::File | FileKind::Symlink => Decided::Conflict(MergeConflictKind::BothAdded),
    }
}

fn both_changed(base: &FileState, ours: &FileState, theirs: &FileState) -> Decided {
    if ours.kind == FileKind::Symlink {
        return Decided::Conflict(MergeConflictKind::Link);
    }
    let Some(mode) = either(&base.mode, &ours.mode, &theirs.mode) else {
        return Decided::Conflict(MergeConflictKind::Mode);
    };
    let content = |state: &FileState| (state.digest.clone(), state.size);
    match either(&content(base), &content(ours), &content(theirs)) {
        Some((digest, size)) => Decided::Take(Some(FileState {
            kind: ours.kind,
            digest: digest.clone(),
            mode: *mode,
            size: *size,
        })),
        None => Decided::Lines { mode: *mode },
    }
}

/// The value of the side that changed it; none when both did, and differently.
pub(super) fn either<'a, T: PartialEq>(base: &T, ours: &'a T, theirs: &'a T) -> Option<&'a T> {
    if theirs == base || ours == theirs {
        Some(ours)
    } else if ours == base {
        Some(theirs)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash;

    fn state(kind: FileKind, content: &str, mode: u32) -> FileState {
        FileState {
            kind,
            digest: (kind != FileKind::Directory).then(|| hash(content.as_bytes())),
            mode,
            size: content.len() as u64,
        }
    }

    fn file(content: &str, mode: u32) -> FileState {
        state(FileKind::File, content, mode)
    }

    /// States by a letter each: files `a`, `b`, `c`, executable ones in capitals, `l` and `m`
    /// links, `d` and `e` directories with different modes, `-` nothing.
    fn of(letter: char) -> Option<FileState> {
        Some(match letter {
            '-' => return None,
            'a'..='c' => file(&letter.to_string(), 0o644),
            'A'..='C' => file(&letter.to_lowercase().to_string(), 0o755),
            'p' => file("a", 0o600),
            'l' | 'm' => state(FileKind::Symlink, &letter.to_string(), 0o777),
            'd' => state(FileKind::Directory, "", 0o755),
            'e' => state(FileKind::Directory, "", 0o700),
            'f' => state(FileKind::Directory, "", 0o711),
            _ => panic!("no such state: {letter}"),
        })
    }

    #[test]
    fn every_pair_of_changes_has_its_outcome() {
        use MergeConflictKind as C;
        let take = |letter| Decided::Take(of(letter));
        let conflict = Decided::Conflict;
        for (states, expected) in [
            // Nobody, one side, or both in the same way.
            ("aaa", Decided::Keep),
            ("aba", Decided::Keep),
            ("a-a", Decided::Keep),
            ("abb", Decided::Keep),
            ("a--", Decided::Keep),
            ("-bb", Decided::Keep),
            ("aab", take('b')),
            ("aa-", take('-')),
            ("--b", take('b')),
            ("aad", take('d')),
            // Both, and not in the same way.
            ("abc", Decided::Lines { mode: 0o644 }),
            ("aBc", Decided::Lines { mode: 0o755 }),
            ("aAb", take('B')),
            ("abA", take('B')),
            ("apA", conflict(C::Mode)),
            ("ab-", conflict(C::RemovedInFork)),
            ("a-b", conflict(C::GoneFromWorkspace)),
            ("-ab", conflict(C::BothAdded)),
            ("-aA", conflict(C::Mode)),
            ("-de", Decided::Keep),
            ("def", conflict(C::Mode)),
            ("abd", conflict(C::Kind)),
            ("adb", conflict(C::Kind)),
            ("-dl", conflict(C::Kind)),
            ("dab", conflict(C::BothAdded)),
            ("llm", take('m')),
            ("-lm", conflict(C::BothAdded)),
            ("alm", conflict(C::BothAdded)),
        ] {
            let [base, ours, theirs] = [0, 1, 2].map(|at| of(states.chars().nth(at).unwrap()));
            let decided = decide(base.as_ref(), ours.as_ref(), theirs.as_ref());
            assert_eq!(decided, expected, "{states}");
        }
    }

    #[test]
    fn links_that_both_changed_are_not_merged_by_lines() {
        let link = |target: &str| state(FileKind::Symlink, target, 0o777);
        let decided = decide(Some(&link("a")), Some(&link("b")), Some(&link("c")));
        assert_eq!(decided, Decided::Conflict(MergeConflictKind::Link));
    }
}
