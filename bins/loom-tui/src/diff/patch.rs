//! A unified patch as rows with their line numbers, and as pairs for two columns.

use crate::text::clean;

/// Rows kept of one patch: more than anybody reads on a screen.
const MAX_ROWS: usize = 20_000;

/// One row of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// What git says of the file, or of the place: no line of it.
    Note(String),
    /// A line of the file.
    Line {
        /// On which side it is.
        side: Side,
        /// Its number before, where it was there.
        old: Option<u32>,
        /// Its number after, where it is there.
        new: Option<u32>,
        /// The line, clean.
        text: String,
    },
}

/// On which side a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// On both.
    Both,
    /// It was removed.
    Old,
    /// It was added.
    New,
}

/// The rows of a patch.
pub(crate) fn parse(patch: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    // Lines that the hunk still announces, before and after.
    let mut left = (0_u32, 0_u32);
    let (mut old, mut new) = (0_u32, 0_u32);
    for raw in patch.lines() {
        if rows.len() >= MAX_ROWS {
            rows.push(Row::Note("… the rest is not shown".to_owned()));
            break;
        }
        if left == (0, 0) {
            if let Some(hunk) = hunk(raw) {
                (old, new) = (hunk.0.0, hunk.1.0);
                left = (hunk.0.1, hunk.1.1);
                rows.push(Row::Note(clean(raw)));
            } else if noteworthy(raw) {
                rows.push(Row::Note(clean(raw)));
            }
            continue;
        }
        let side = match raw.as_bytes().first() {
            Some(b'+') => Side::New,
            Some(b'-') => Side::Old,
            // Some tools leave out the space of an empty line.
            Some(b' ') | None => Side::Both,
            // `\ No newline at end of file`.
            Some(_) => {
                rows.push(Row::Note(clean(raw)));
                continue;
            }
        };
        let text = clean(raw.get(1..).unwrap_or_default());
        let before = (side != Side::New).then_some(old);
        let after = (side != Side::Old).then_some(new);
        if before.is_some() {
            old = old.saturating_add(1);
            left.0 = left.0.saturating_sub(1);
        }
        if after.is_some() {
            new = new.saturating_add(1);
            left.1 = left.1.saturating_sub(1);
        }
        rows.push(Row::Line {
            side,
            old: before,
            new: after,
            text,
        });
    }
    rows
}

/// What is worth a row among the words of git before a hunk: not the names, which are above already.
fn noteworthy(line: &str) -> bool {
    [
        "new file",
        "deleted file",
        "old mode",
        "new mode",
        "rename ",
        "similarity ",
        "Binary files",
        "GIT binary",
        "\\ No newline",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

/// First line and number of lines, before and after: `@@ -1,3 +1,4 @@`.
fn hunk(line: &str) -> Option<((u32, u32), (u32, u32))> {
    let rest = line.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    Some((range(old)?, range(new)?))
}

/// The rows for two columns, as places in `rows`: what was removed beside what was added in its place.
pub(crate) fn pairs(rows: &[Row]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut pairs = Vec::with_capacity(rows.len());
    let side = |at: usize| match rows.get(at) {
        Some(Row::Line { side, .. }) => Some(*side),
        Some(Row::Note(_)) | None => None,
    };
    let mut at = 0;
    while at < rows.len() {
        match side(at) {
            None | Some(Side::Both) => {
                pairs.push((Some(at), Some(at)));
                at += 1;
            }
            Some(Side::Old | Side::New) => {
                let from = at;
                while side(at) == Some(Side::Old) {
                    at += 1;
                }
                let middle = at;
                while side(at) == Some(Side::New) {
                    at += 1;
                }
                for nth in 0..(middle - from).max(at - middle) {
                    let old = (from + nth < middle).then_some(from + nth);
                    let new = (middle + nth < at).then_some(middle + nth);
                    pairs.push((old, new));
                }
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "diff --git a/x.rs b/x.rs\nindex 1..2 100644\n--- a/x.rs\n+++ b/x.rs\n@@ -1,3 +1,4 @@ fn main\n one\n-two\n+TWO\n+2b\n three\n\\ No newline at end of file\n";

    fn line(side: Side, old: Option<u32>, new: Option<u32>, text: &str) -> Row {
        Row::Line {
            side,
            old,
            new,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_patch_is_rows_with_their_numbers() {
        assert_eq!(
            parse(PATCH),
            [
                Row::Note("@@ -1,3 +1,4 @@ fn main".to_owned()),
                line(Side::Both, Some(1), Some(1), "one"),
                line(Side::Old, Some(2), None, "two"),
                line(Side::New, None, Some(2), "TWO"),
                line(Side::New, None, Some(3), "2b"),
                line(Side::Both, Some(3), Some(4), "three"),
                Row::Note("\\ No newline at end of file".to_owned()),
            ]
        );
    }

    #[test]
    fn a_removed_line_that_looks_like_a_header_is_a_line() {
        let rows = parse("@@ -1,1 +1,1 @@\n--- a/x\n+++ b/x\n");
        assert_eq!(rows[1], line(Side::Old, Some(1), None, "-- a/x"));
        assert_eq!(rows[2], line(Side::New, None, Some(1), "++ b/x"));
    }

    #[test]
    fn what_replaces_stands_beside_what_is_replaced() {
        let rows = parse(PATCH);
        let pairs = pairs(&rows);
        assert_eq!(pairs[2], (Some(2), Some(3)));
        assert_eq!(pairs[3], (None, Some(4)));
        assert_eq!(pairs.len(), 6);
    }

    #[test]
    fn a_patch_cannot_move_the_cursor() {
        let rows = parse("@@ -0,0 +1,1 @@\n+a\x1b[2Jb\n");
        assert_eq!(rows[1], line(Side::New, None, Some(1), "a\u{fffd}[2Jb"));
    }

    #[test]
    fn nonsense_is_no_patch_and_no_panic() {
        assert!(parse("@@ -x +y @@\nü\n@@").is_empty());
    }
}
