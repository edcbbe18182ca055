//! What stands in the place of a secret: `[redacted: github-token]`.

use std::collections::BTreeSet;
use std::ops::Range;

const OPEN: &str = "[redacted: ";

/// Longest kind: that of a name of a variable, cut.
pub(crate) const MAX_KIND: usize = 48;

/// The mark for a kind.
pub(crate) fn mark(kind: &str) -> String {
    format!("{OPEN}{kind}]")
}

/// The places of marks of these kinds. One of another kind is text that somebody wrote, and is looked
/// into: otherwise writing the brackets around a secret would be enough to keep it.
pub(crate) fn places(text: &str, kinds: &BTreeSet<&str>) -> Vec<Range<usize>> {
    let found = text.match_indices(OPEN).filter_map(|(at, _)| {
        let kind_at = at + OPEN.len();
        let rest = text.get(kind_at..)?;
        let kind = rest.get(..rest.bytes().take(MAX_KIND + 1).position(|b| b == b']')?)?;
        let end = kind_at + kind.len() + 1;
        kinds.contains(kind).then_some(at..end)
    });
    found.collect()
}

/// The first mark of any kind that the new text has and the old one has not: whoever writes it would
/// put it in the place of the secret.
#[must_use]
pub fn first_new_mark<'a>(old: &str, new: &'a str) -> Option<&'a str> {
    new.match_indices(OPEN).find_map(|(at, _)| {
        let rest = new.get(at..)?;
        let end = rest
            .bytes()
            .take(OPEN.len() + MAX_KIND + 1)
            .position(|b| b == b']')?;
        let mark = rest.get(..=end)?;
        (!old.contains(mark)).then_some(mark)
    })
}
