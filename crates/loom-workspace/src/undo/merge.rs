//! Three-way merges: somebody's changes stay, Loom's go.
//!
//! The base is what Loom left, one side is what is there now, the other what was there before Loom.
//! Kind, mode and content are merged apart, so that a mode that somebody set does not stand in the
//! way of content that goes back.

use crate::lines;
use crate::store::MAX_KEPT;
use loom_events::{FileKind, FileState};
use similar::TextMerge;

/// Texts that differ in more lines are not merged: nobody could judge the result, and finding it
/// would take minutes.
const MAX_DIFFERENT_LINES: u32 = 20_000;

/// A state with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) state: FileState,
    /// None when it is not in the store.
    pub(super) content: Option<Vec<u8>>,
}

/// What a merge makes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Merged {
    Clean(Version),
    /// With conflict marks, in so many places.
    Marked(Version, usize),
}

/// Merges; none when there is no sense in it.
pub(super) fn merge(base: &Version, ours: &Version, theirs: &Version) -> Option<Merged> {
    let kinds = [base, ours, theirs].map(|version| version.state.kind);
    if kinds != [ours.state.kind; 3] {
        return None;
    }
    let mode = one_of(base.state.mode, ours.state.mode, theirs.state.mode)?;
    let with_mode = |version: &Version| Version {
        state: FileState {
            mode,
            ..version.state.clone()
        },
        content: version.content.clone(),
    };
    let digest = |version: &Version| version.state.digest.clone();
    if kinds[0] != FileKind::Directory && [base, ours, theirs].iter().any(|v| digest(v).is_none()) {
        return None;
    }
    match one_of(digest(base), digest(ours), digest(theirs)) {
        Some(kept) if kept == digest(ours) => Some(Merged::Clean(with_mode(ours))),
        Some(_) => Some(Merged::Clean(with_mode(theirs))),
        None if kinds[0] == FileKind::File => merge_texts(base, ours, theirs, mode),
        None => None,
    }
}

/// The one of three that a merge takes, if that needs no look inside.
fn one_of<T: PartialEq>(base: T, ours: T, theirs: T) -> Option<T> {
    if ours == theirs || base == theirs {
        Some(ours)
    } else if base == ours {
        Some(theirs)
    } else {
        None
    }
}

fn merge_texts(base: &Version, ours: &Version, theirs: &Version, mode: u32) -> Option<Merged> {
    let text = |version: &'_ Version| -> Option<String> {
        lines::as_text(version.content.as_deref()?).map(str::to_owned)
    };
    let (base, now, old) = (text(base)?, text(ours)?, text(theirs)?);
    if differs_too_much(&base, &now) || differs_too_much(&base, &old) {
        return None;
    }
    let mut merge = TextMerge::from_lines(base.as_str(), now.as_str(), old.as_str());
    merge.labels("as Loom left it", "as it is now", "as it was before Loom");
    let places = merge.conflict_count();
    let content = merge.to_string().into_bytes();
    let size = content.len() as u64;
    if size > MAX_KEPT {
        return None;
    }
    let merged = Version {
        state: FileState {
            digest: Some(crate::store::hash(&content)),
            mode,
            size,
            ..ours.state.clone()
        },
        content: Some(content),
    };
    Some(match places {
        0 => Merged::Clean(merged),
        _ => Merged::Marked(merged, places),
    })
}

fn differs_too_much(one: &str, other: &str) -> bool {
    let changed = lines::count(&lines::compare(&lines::split(one), &lines::split(other)));
    changed.added.saturating_add(changed.removed) > MAX_DIFFERENT_LINES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash;

    fn file(content: &[u8], mode: u32) -> Version {
        Version {
            state: FileState {
                kind: FileKind::File,
                digest: Some(hash(content)),
                mode,
                size: content.len() as u64,
            },
            content: Some(content.to_vec()),
        }
    }

    fn text(content: &str) -> Version {
        file(content.as_bytes(), 0o644)
    }

    fn clean(merged: Option<Merged>) -> Version {
        match merged {
            Some(Merged::Clean(version)) => version,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn changes_in_different_places_both_count() {
        let base = text("a\nLOOM\nc\nd\n");
        let (now, old) = (text("a\nLOOM\nc\nd\nmine\n"), text("a\nb\nc\nd\n"));
        let merged = clean(merge(&base, &now, &old));
        assert_eq!(merged, text("a\nb\nc\nd\nmine\n"));
    }

    #[test]
    fn a_change_of_what_is_taken_back_is_marked() {
        let merged = merge(
            &text("a\nLOOM\nc\n"),
            &text("a\nmine\nc\n"),
            &text("a\nb\nc\n"),
        );
        let Some(Merged::Marked(version, places)) = merged else {
            panic!("{merged:?}");
        };
        let content = String::from_utf8(version.content.unwrap()).unwrap();
        assert_eq!(
            (content.as_str(), places),
            (
                "a\n<<<<<<< as it is now\nmine\n=======\nb\n>>>>>>> as it was before Loom\nc\n",
                1
            )
        );
    }

    #[test]
    fn a_mode_that_somebody_set_stays_also_of_what_is_no_text() {
        let (base, old) = (file(b"\0new", 0o644), file(b"\0old", 0o644));
        let merged = clean(merge(&base, &file(b"\0new", 0o755), &old));
        assert_eq!(merged, file(b"\0old", 0o755));
    }

    #[test]
    fn there_is_no_merge_of_other_kinds_of_content_that_is_no_text_or_of_two_modes() {
        let base = text("a\n");
        let mut link = text("a\n");
        link.state.kind = FileKind::Symlink;
        assert_eq!(merge(&base, &link, &text("b\n")), None);
        assert_eq!(
            merge(&file(b"\0a", 0), &file(b"\0b", 0), &file(b"\0c", 0)),
            None
        );
        assert_eq!(
            merge(&base, &file(b"a\n", 0o600), &file(b"a\n", 0o755)),
            None
        );
    }

    #[test]
    fn texts_that_have_nothing_in_common_are_not_merged() {
        let lines = |from: u32| {
            (from..from + 15_000)
                .map(|n| format!("{n}\n"))
                .collect::<String>()
        };
        let merged = merge(&text(&lines(0)), &text(&lines(100_000)), &text("a\n"));
        assert_eq!(merged, None);
    }
}
