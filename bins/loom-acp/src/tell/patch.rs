//! A unified patch as pairs of texts, as editors want differences: one pair a hunk.

use agent_client_protocol::v1::schema::Diff;
use loom_events::{DiffStatus, FileDiff};
use std::path::Path;

/// The differences of one file; none of what is not text.
pub(crate) fn diffs(root: &Path, diff: &FileDiff) -> Vec<Diff> {
    if diff.binary {
        return Vec::new();
    }
    let path = root.join(&diff.path);
    let pair = |(old, new): (String, String)| {
        let made = Diff::new(path.clone(), new);
        match diff.status {
            DiffStatus::Added => made,
            DiffStatus::Modified | DiffStatus::Deleted | DiffStatus::Renamed => made.old_text(old),
        }
    };
    hunks(&diff.patch).into_iter().map(pair).collect()
}

/// The text before and after, of each hunk.
fn hunks(patch: &str) -> Vec<(String, String)> {
    let mut hunks: Vec<(String, String)> = Vec::new();
    // Which sides the last line was on.
    let mut sides = (false, false);
    for text in patch.split_inclusive('\n') {
        if text.starts_with("@@ ") {
            hunks.push(Default::default());
            continue;
        }
        let Some((old, new)) = hunks.last_mut() else {
            continue;
        };
        let mut letters = text.chars();
        match letters.next() {
            Some('\\') => {
                // “No newline at end of file”: of the line before.
                for (side, there) in [(&mut *old, sides.0), (&mut *new, sides.1)] {
                    if there {
                        side.truncate(side.trim_end_matches('\n').len());
                    }
                }
                continue;
            }
            Some(' ') => sides = (true, true),
            Some('-') => sides = (true, false),
            Some('+') => sides = (false, true),
            // The head of the next file, or nothing of a patch.
            _ => continue,
        }
        let line = letters.as_str();
        if sides.0 {
            old.push_str(line);
        }
        if sides.1 {
            new.push_str(line);
        }
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(status: DiffStatus, patch: &str) -> FileDiff {
        FileDiff {
            path: "a/b.txt".to_owned(),
            old_path: None,
            status,
            added: 1,
            removed: 1,
            binary: false,
            patch: patch.to_owned(),
        }
    }

    #[test]
    fn each_hunk_is_a_pair_with_its_surroundings() {
        let patch = "diff --git a/a/b.txt b/a/b.txt\n--- a/a/b.txt\n+++ b/a/b.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n@@ -9,1 +9,2 @@\n nine\n+ten\n\\ No newline at end of file\n";
        let found = diffs(Path::new("/w"), &diff(DiffStatus::Modified, patch));
        let pairs: Vec<_> = found
            .iter()
            .map(|one| (one.old_text.as_deref().unwrap(), one.new_text.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("one\ntwo\nthree\n", "one\n2\nthree\n"),
                ("nine\n", "nine\nten")
            ]
        );
        assert_eq!(found[0].path, Path::new("/w/a/b.txt"));
    }

    #[test]
    fn a_new_file_has_nothing_before_and_a_deleted_one_nothing_after() {
        let patch = "--- /dev/null\n+++ b/a/b.txt\n@@ -0,0 +1 @@\n+hello\n";
        let made = diffs(Path::new("/w"), &diff(DiffStatus::Added, patch));
        assert_eq!(made[0].old_text, None);
        assert_eq!(made[0].new_text, "hello\n");
        let patch = "--- a/a/b.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-hello\n";
        let gone = diffs(Path::new("/w"), &diff(DiffStatus::Deleted, patch));
        assert_eq!(gone[0].old_text.as_deref(), Some("hello\n"));
        assert_eq!(gone[0].new_text, "");
    }

    #[test]
    fn what_is_no_text_is_not_shown() {
        let mut binary = diff(DiffStatus::Modified, "GIT binary patch\n");
        binary.binary = true;
        assert!(diffs(Path::new("/w"), &binary).is_empty());
    }
}
