//! A search over the entries of all tasks, in bounded time.
//!
//! The index gives numbers of entries, the newest first, and knows how many there are; reading the words
//! of an entry costs as much as a hundred numbers. So numbers are compared first, and only those entries
//! are read that have most of what is sought, or are the newest with a word.

use super::super::reader::Result;
use super::filter::Filter;
use super::{entries, matching, ranked, tokens};
use crate::search::{Rarity, Sought};
use rusqlite::{Connection, params_from_iter};
use std::collections::BTreeMap;

/// Words whose entries are fetched, the rarest first: the others say little beside them.
const DRIVERS: usize = 6;

/// Newest entries of a word whose numbers are fetched. A word that no more have is known entirely, and
/// the index need not be asked which entries have it together with another such word.
const LISTED: usize = 500;

/// Entries that are read for having most of what is sought. Reading one costs some ten microseconds.
const READ: usize = 250;

/// Newest entries of each word that are read whatever else they have.
const READ_OF_EACH: usize = 25;

/// Numbers that the index may go through in a search to find entries that have two things or more: they
/// might have nothing in common. The rarer the things, the further back it gets with that.
const STEPS: u64 = 30_000;

/// Entries in lists that are gone through together, at most. Where they have nothing in common the index
/// goes on to their ends, whatever it is told; and of words that frequent the newest entries say enough.
const TOGETHER: u64 = 400_000;

/// The entries that have a word that is sought, or one that begins so.
struct List {
    /// How many there are.
    with: u64,
    /// How much such a word says.
    worth: f64,
    /// What the index is asked for.
    any: String,
}

/// Entries of all tasks, best first.
pub(super) fn everywhere(conn: &Connection, filter: &Filter, sought: &Sought) -> Result<Vec<i64>> {
    let mut rarity = Rarity {
        entries: entries(conn)?,
        with: Vec::new(),
    };
    let mut found = Vec::new();
    for word in sought.words() {
        let spelled = tokens::spelled(conn, word)?;
        let with = spelled.iter().map(|(_, entries)| entries).sum();
        rarity.with.push(with);
        found.push((word, with, spelled));
    }
    let worths = rarity.worths();
    let mut lists: Vec<List> = found
        .into_iter()
        .zip(&worths)
        .filter(|((_, with, _), _)| *with > 0)
        .map(|((word, with, spelled), worth)| List {
            with,
            worth: *worth,
            any: tokens::any_of(word, spelled, with),
        })
        .collect();
    lists.sort_by_key(|list| list.with);
    lists.truncate(DRIVERS);
    let candidates = candidates(conn, filter, &lists, rarity.entries)?;
    let sql = format!(
        "SELECT m.words FROM memory m WHERE m.number = ?{}",
        filter.sql
    );
    let mut words = conn.prepare_cached(&sql)?;
    let mut fits = Vec::new();
    for number in candidates {
        let mut rows = words.query(params_from_iter(filter.after([number.into()])))?;
        let Some(row) = rows.next()? else {
            continue;
        };
        let words = row.get_ref(0)?.as_bytes().map_err(rusqlite::Error::from)?;
        fits.extend(sought.look(words).map(|hits| (number, hits)));
    }
    Ok(ranked(&rarity, fits))
}

/// Numbers of the entries that are read.
fn candidates(
    conn: &Connection,
    filter: &Filter,
    lists: &[List],
    entries: u64,
) -> Result<Vec<i64>> {
    let conditions = filter.counts(conn)?;
    if let Some((with, any)) = conditions.iter().min()
        && *with <= u64::try_from(READ).unwrap_or(u64::MAX)
    {
        // All of them are read: nothing that fits is too old.
        return matching(conn, any, 0, READ);
    }
    let index = Index {
        conn,
        filter,
        filtered: conditions.iter().map(|(with, _)| with).sum(),
        entries,
        // A question for each list, for each pair of neighbours, and for all together, at most.
        steps: STEPS / u64::try_from(2 * lists.len()).unwrap_or(u64::MAX).max(1),
    };
    let mut known = Known::default();
    let mut seen = Vec::new();
    for (at, list) in lists.iter().enumerate() {
        let one = index.ask(&[list])?;
        known.add(&one.numbers, 1 << at);
        seen.push(one);
    }
    // Entries with two frequent words may be older than the newest with each of them.
    for (at, (pair, seen)) in lists.windows(2).zip(seen.windows(2)).enumerate() {
        let pair: Vec<&List> = pair.iter().collect();
        if index.has_more(&pair, seen) {
            known.add(&index.ask(&pair)?.numbers, 0b11 << at);
        }
    }
    let all: Vec<&List> = lists.iter().collect();
    if all.len() > 2 && index.has_more(&all, &seen) {
        known.add(&index.ask(&all)?.numbers, (1 << all.len()) - 1);
    }
    Ok(known.best(lists))
}

/// The index, as it is asked in one search.
struct Index<'a> {
    conn: &'a Connection,
    filter: &'a Filter,
    /// Entries that meet the conditions of the filter, each counted by itself.
    filtered: u64,
    entries: u64,
    /// Numbers that one question may go through.
    steps: u64,
}

/// What the index gave for a question.
struct Seen {
    /// The newest first.
    numbers: Vec<i64>,
    /// All that there are after this one are among them.
    after: u64,
}

impl Seen {
    /// Whether these are all there are, and so few that all of them are read.
    fn is_few(&self) -> bool {
        self.after == 0 && self.numbers.len() <= READ
    }
}

impl Index<'_> {
    /// How far back entries are looked for that are in all of these lists.
    fn reach(&self, of: &[&List]) -> u64 {
        if of.len() == 1 && self.filter.is_empty() {
            return 0;
        }
        let steps = of.iter().map(|list| list.with).sum::<u64>() + self.filtered;
        after(self.entries, steps, self.steps)
    }

    /// The newest entries that are in all of these lists.
    fn ask(&self, of: &[&List]) -> Result<Seen> {
        let after = self.reach(of);
        let tokens = self.filter.with(of.iter().map(|list| list.any.as_str()));
        let numbers = matching(self.conn, &tokens, after, LISTED)?;
        let oldest = numbers
            .last()
            .and_then(|number| u64::try_from(*number).ok());
        Ok(Seen {
            after: match oldest {
                Some(oldest) if numbers.len() == LISTED => oldest.saturating_sub(1),
                _ => after,
            },
            numbers,
        })
    }

    /// Whether there may be entries in all of these lists that are not known to be.
    fn has_more(&self, of: &[&List], seen: &[Seen]) -> bool {
        let reach = self.reach(of);
        of.iter().map(|list| list.with).sum::<u64>() <= TOGETHER
            && !seen.iter().any(Seen::is_few)
            && seen.iter().any(|one| one.after > reach)
    }
}

/// After which number entries are looked for, where so many steps would go through all of them.
fn after(entries: u64, steps: u64, allowed: u64) -> u64 {
    if steps <= allowed {
        return 0;
    }
    let reach = u128::from(entries) * u128::from(allowed) / u128::from(steps);
    entries.saturating_sub(u64::try_from(reach).unwrap_or(u64::MAX))
}

/// Entries, with the lists that they are known to be in, a bit each.
#[derive(Default)]
struct Known(BTreeMap<i64, u8>);

impl Known {
    fn add(&mut self, numbers: &[i64], lists: u8) {
        for number in numbers {
            *self.0.entry(*number).or_default() |= lists;
        }
    }

    /// Those that are in the lists that say most, and the newest of each list.
    fn best(&self, lists: &[List]) -> Vec<i64> {
        let mut left = vec![READ_OF_EACH; lists.len()];
        let (mut newest, mut others) = (Vec::new(), Vec::new());
        for (number, of) in self.0.iter().rev() {
            let (mut new, mut worth) = (false, 0.0);
            for (at, (list, left)) in lists.iter().zip(&mut left).enumerate() {
                if of >> at & 1 == 1 {
                    worth += list.worth;
                    new |= *left > 0;
                    *left = left.saturating_sub(1);
                }
            }
            match new {
                true => newest.push(*number),
                false => others.push((worth, *number)),
            }
        }
        let others = crate::search::best(others).into_iter().take(READ);
        let mut best: Vec<i64> = newest.into_iter().chain(others).collect();
        // Neighbours lie together on the disk.
        best.sort_unstable();
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_steps_the_less_far_back() {
        assert_eq!(after(1_000, 10, 10), 0);
        assert_eq!(after(1_000, 100, 10), 900);
        assert_eq!(after(1_000_000, 600_000, 30_000), 950_000);
        assert_eq!(after(0, u64::MAX, 0), 0);
        assert_eq!(after(u64::MAX, u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn read_are_the_newest_of_each_list_and_those_that_are_in_the_best_lists() {
        let list = |worth| List {
            with: 1,
            worth,
            any: String::new(),
        };
        let mut known = Known::default();
        let numbers: Vec<i64> = (1..=1_000).collect();
        known.add(&numbers, 0b01);
        known.add(&[3, 5], 0b10);
        let best = known.best(&[list(0.5), list(4.0)]);
        assert_eq!(best.len(), READ + READ_OF_EACH + 2);
        assert!(best.contains(&3) && best.contains(&5));
        let oldest = 1_001 - i64::try_from(READ + READ_OF_EACH).unwrap();
        assert!(best.contains(&oldest) && !best.contains(&(oldest - 1)));
    }
}
