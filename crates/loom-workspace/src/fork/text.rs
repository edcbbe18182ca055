//! Three versions of a text as one, where that is beyond doubt.

use crate::lines::as_text;
use similar::{Algorithm, TextMerge};

/// Largest text that is merged, and most lines of one. The comparison has no deadline, and two
/// texts of this many lines that have nothing in common take it about a second.
const MAX_BYTES: usize = 1 << 20;
const MAX_LINES: usize = 20_000;

/// The merged text; none when the sides changed the same place, when one is no text, or when it is
/// not certain which lines belong together.
///
/// Two algorithms, each from the beginning and from the end, pair the lines in different ways where lines
/// are repeated. Only what all of them agree about is taken: a merge that nobody looks at must not depend
/// on luck. Where both sides take a line out of a row of equal ones nobody knows whether it is the same.
pub(super) fn merged(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let texts = [text(base)?, text(ours)?, text(theirs)?];
    let reversed = texts.map(reversed_lines);
    let reversed = reversed.each_ref().map(String::as_str);
    let merged = merged_by(Algorithm::Myers, texts)?;
    let from_the_end = reversed_lines(&merged);
    let agreed = merged_by(Algorithm::Patience, texts)? == merged
        && merged_by(Algorithm::Myers, reversed)? == from_the_end
        && merged_by(Algorithm::Patience, reversed)? == from_the_end;
    agreed.then(|| merged.into_bytes())
}

/// The last line first. That a last line has no end is a line of its own, which no text has.
fn reversed_lines(text: &str) -> String {
    let open = !text.is_empty() && !text.ends_with('\n');
    let mut lines: Vec<&str> = text.split_inclusive('\n').rev().collect();
    if open {
        lines.insert(0, "\0\n");
        lines.insert(2, "\n");
    }
    lines.concat()
}

fn text(bytes: &[u8]) -> Option<&str> {
    let text = as_text(bytes).filter(|text| text.len() <= MAX_BYTES)?;
    // What else ends lines is a character like any other, as for git.
    let lines = text.bytes().filter(|byte| *byte == b'\n').count();
    let odd = text.replace("\r\n", "\n").contains('\r');
    (lines <= MAX_LINES && !odd).then_some(text)
}

fn merged_by(algorithm: Algorithm, [base, ours, theirs]: [&str; 3]) -> Option<String> {
    let mut config = TextMerge::configure();
    let merge = config.algorithm(algorithm).merge_lines(base, ours, theirs);
    (!merge.is_conflicted()).then(|| merge.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merge(base: &str, ours: &str, theirs: &str) -> Option<String> {
        let merged = merged(base.as_bytes(), ours.as_bytes(), theirs.as_bytes())?;
        Some(String::from_utf8(merged).unwrap())
    }

    #[test]
    fn changes_in_different_places_are_joined() {
        let merged = merge("a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n");
        assert_eq!(merged.as_deref(), Some("A\nb\nc\nD\n"));
    }

    #[test]
    fn changes_in_the_same_place_are_not() {
        assert_eq!(merge("a\n", "b\n", "c\n"), None);
        assert_eq!(merge("a\nb\n", "A\nb\n", "a\nB\n"), None, "neighbours");
        assert_eq!(merge("", "a\n", "b\n"), None);
    }

    #[test]
    fn a_line_that_both_take_out_of_a_row_of_equal_ones_may_be_the_same() {
        let base = "a\na\na\nc\na\nb\nb\nb\n";
        let ours = "a\na\na\nc\na\nb\nb\n";
        let theirs = "a\na\nc\na\nb\nb\n";
        let merged = merge(base, ours, theirs);
        assert_ne!(merged.as_deref(), Some("a\na\nc\na\nb\n"), "two are gone");
    }

    #[test]
    fn the_last_line_may_be_without_its_end() {
        assert_eq!(reversed_lines("a\nb"), "\0\nb\na\n");
        assert_eq!(reversed_lines("b"), "\0\nb\n");
        assert_eq!(reversed_lines("a\n\n"), "\na\n");
        assert_eq!(
            merge("a\nb\nc", "A\nb\nc", "a\nb\nc\n").as_deref(),
            Some("A\nb\nc\n")
        );
    }

    #[test]
    fn line_ends_come_out_as_they_were() {
        let merged = merge("a\r\nb\r\nc", "A\r\nb\r\nc", "a\r\nb\r\nC");
        assert_eq!(merged.as_deref(), Some("A\r\nb\r\nC"));
        assert_eq!(merge("a\rb\nc\nd\n", "A\rb\nc\nd\n", "a\rb\nc\nD\n"), None);
    }

    #[test]
    fn what_is_no_text_is_not_merged() {
        assert_eq!(merged(b"a\0\nb\nc\n", b"x\0\nb\nc\n", b"a\0\nb\nd\n"), None);
        assert_eq!(merged(b"a\xff\nb\nc\n", b"x\nb\nc\n", b"a\nb\nd\n"), None);
        let long = "x\n".repeat(MAX_LINES + 1);
        let (first, last) = (format!("1\n{long}"), format!("{long}2\n"));
        assert_eq!(merge(&long, &first, &last), None);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "git is asked what it makes of the same three texts"
    )]
    fn merged_by_git(texts: [&str; 3]) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in ["ours", "base", "theirs"].iter().zip(texts) {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let output = std::process::Command::new("git")
            .args(["merge-file", "-p", "-q", "ours", "base", "theirs"])
            .current_dir(dir.path())
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).unwrap())
    }

    /// Few different lines, so that there are many ways to pair them.
    fn text() -> impl Strategy<Value = String> {
        let line = prop_oneof![3 => "[a-c]\n", 1 => "[a-z]{3}\n", 1 => Just("\n".to_owned())];
        (proptest::collection::vec(line, 0..14), "[a-b]{0,1}")
            .prop_map(|(lines, last)| lines.concat() + &last)
    }

    /// A text with some lines changed, so that there is something to agree about.
    fn edited(text: &str, edits: &[(usize, u8)]) -> String {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        for (at, what) in edits {
            let at = at % (lines.len() + 1);
            match what % 3 {
                0 => lines.insert(at, format!("{}\n", char::from(b'a' + what % 5))),
                1 if at < lines.len() => drop(lines.remove(at)),
                _ if at < lines.len() => lines[at] = format!("new {}\n", what % 7),
                _ => {}
            }
        }
        lines.concat()
    }

    fn edits() -> impl Strategy<Value = Vec<(usize, u8)>> {
        proptest::collection::vec((0..40_usize, any::<u8>()), 0..4)
    }

    proptest! {
        #[test]
        fn a_clean_merge_is_the_one_that_git_makes(
            base in text(), ours in edits(), theirs in edits(),
        ) {
            let (ours, theirs) = (edited(&base, &ours), edited(&base, &theirs));
            let merged = merge(&base, &ours, &theirs);
            if let (Some(merged), Some(git)) = (&merged, merged_by_git([&ours, &base, &theirs])) {
                prop_assert_eq!(merged, &git);
            }
            let turned = merge(&base, &theirs, &ours);
            prop_assert_eq!(merged, turned, "the sides are alike");
        }

        #[test]
        fn one_changed_side_is_the_merge(base in text(), side in text()) {
            for merged in [merge(&base, &side, &base), merge(&base, &base, &side)] {
                prop_assert!(merged.is_none_or(|merged| merged == side));
            }
        }
    }
}
