//! Which files of a difference have another name now: those that were seen to be renamed, then those
//! whose content came back elsewhere, then those that are much alike.

use crate::changes::Net;
use crate::lines;
use crate::patch::{Side, similarity};
use loom_events::FileKind;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Both sides of a difference by path.
pub(crate) type Sides<'a> = BTreeMap<&'a str, (Option<Side>, Option<Side>)>;

/// Per cent of a file that must be the same; where git draws the line.
const ALIKE: usize = 50;

/// Pairs of files that are compared line by line: beyond it a difference is read as one of whole
/// trees, and nobody looks for names in it.
const MAX_PAIRS: usize = 2_500;

/// New path → old path, where the old one is gone and the new one was not there before.
pub(crate) fn renames<'a>(
    nets: &'a BTreeMap<String, Net>,
    sides: &Sides<'a>,
) -> BTreeMap<&'a str, &'a str> {
    let paths = || sides.iter().map(|(path, sides)| (*path, sides));
    let can = |path: &str, side: &Side| !is_link(side) || !has_paths_below(sides, path);
    let gone = paths().filter(|(path, sides)| matches!(sides, (Some(old), None) if can(path, old)));
    let new = paths().filter(|(path, sides)| matches!(sides, (None, Some(new)) if can(path, new)));
    let mut pairing = Pairing {
        gone: gone.map(|(path, _)| path).collect(),
        new: new.map(|(path, _)| path).collect(),
        found: BTreeMap::new(),
    };
    let seen = nets.iter().filter_map(|(path, net)| {
        let from = net.came_from.as_deref()?;
        Some((path.as_str(), from))
    });
    pairing.take(seen);
    let alike = alike(&pairing.gone, &pairing.new, sides);
    pairing.take(alike.into_iter());
    pairing.found
}

fn is_link(side: &Side) -> bool {
    side.state().kind == FileKind::Symlink
}

/// Whether a path is a directory on one of the two sides. A patch that renames a link says nowhere that
/// it is one, so git would take what is below that name for what is beyond the link, and refuse it.
fn has_paths_below(sides: &Sides<'_>, path: &str) -> bool {
    let below = format!("{path}/");
    let after = (Bound::Included(below.as_str()), Bound::Unbounded);
    let mut following = sides.range::<str, _>(after);
    following
        .next()
        .is_some_and(|(path, _)| path.starts_with(&below))
}

/// Each file has one other name at most.
struct Pairing<'a> {
    gone: BTreeSet<&'a str>,
    new: BTreeSet<&'a str>,
    found: BTreeMap<&'a str, &'a str>,
}

impl<'a> Pairing<'a> {
    /// Takes pairs of new and old paths, the best first.
    fn take(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        for (path, from) in pairs {
            if self.new.contains(path) && self.gone.contains(from) {
                self.new.remove(path);
                self.gone.remove(from);
                self.found.insert(path, from);
            }
        }
    }
}

/// Pairs of files that are alike, the most alike first.
fn alike<'a>(
    gone: &BTreeSet<&'a str>,
    new: &BTreeSet<&'a str>,
    sides: &Sides<'a>,
) -> Vec<(&'a str, &'a str)> {
    let old = |path: &str| sides.get(path).and_then(|(old, _)| old.as_ref());
    let now = |path: &str| sides.get(path).and_then(|(_, new)| new.as_ref());
    let compared = gone.len().saturating_mul(new.len()) <= MAX_PAIRS;
    let mut pairs: Vec<(usize, &str, &str)> = Vec::new();
    for &from in gone {
        for &path in new {
            let (Some(old), Some(now)) = (old(from), now(path)) else {
                continue;
            };
            let score = match old.same_content(now) {
                true => 100,
                false if compared && may_be_alike(old, now) => similarity(Some(old), Some(now)),
                false => 0,
            };
            if score >= ALIKE {
                pairs.push((score, path, from));
            }
        }
    }
    pairs.sort_by_key(|(score, path, from)| (std::cmp::Reverse(*score), *path, *from));
    pairs
        .into_iter()
        .map(|(_, path, from)| (path, from))
        .collect()
}

/// A look at the sizes that saves most comparisons.
fn may_be_alike(old: &Side, now: &Side) -> bool {
    let (old, now) = (old.state(), now.state());
    let (small, large) = (old.size.min(now.size), old.size.max(now.size));
    old.kind == now.kind && small > 0 && large <= lines::MAX_COMPARED && large / 2 <= small
}
