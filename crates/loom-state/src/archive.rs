//! What tasks noted, in memory: for the twin, and for comparing what is stored with what the events
//! give. It looks at everything, so it is also what a quick search is held against.

use crate::search::{self, Indexed, Rarity, Sought};
use crate::{MemoryQuery, MemoryRow};
use loom_events::{Event, Fact, Record, TaskId};
use loom_view::memory::Noted;
use std::collections::{BTreeMap, BTreeSet};

/// What one task noted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Archive {
    facts: Vec<Fact>,
    noted: Noted,
    /// Ids of the records that made them.
    ids: Vec<u64>,
}

impl Archive {
    /// Adds an event, if it notes something.
    pub(crate) fn note(&mut self, record: &Record) {
        let envelope = &record.envelope;
        if let Event::MemoryEntryCreated { entry, .. } = &envelope.event {
            self.noted
                .note(&mut self.facts, entry, envelope.seq, envelope.timestamp);
            // A note that is there already has made none.
            if self.facts.len() > self.ids.len() {
                self.ids.push(record.id);
            }
        }
    }

    /// The rows, in the order in which they were noted first.
    pub(crate) fn rows(&self, task: TaskId) -> impl Iterator<Item = MemoryRow> + '_ {
        self.facts
            .iter()
            .zip(&self.ids)
            .map(move |(fact, id)| MemoryRow {
                id: *id,
                task,
                seq: fact.seq,
                at: fact.at,
                entry: fact.entry.clone(),
                seen: fact.seen,
                last: fact.last,
                about: fact.about.clone(),
            })
    }
}

/// Everything, the oldest first.
pub(crate) fn all(archives: &BTreeMap<TaskId, Archive>) -> Vec<MemoryRow> {
    let mut all: Vec<MemoryRow> = archives
        .iter()
        .flat_map(|(task, archive)| archive.rows(*task))
        .collect();
    all.sort_by_key(|row| row.id);
    all
}

/// Finds by looking at everything.
pub(crate) fn find(archives: &BTreeMap<TaskId, Archive>, query: &MemoryQuery) -> Vec<MemoryRow> {
    let all = all(archives);
    let fits = |row: &&MemoryRow| fits(row, query);
    let Some(text) = &query.text else {
        let newest = all.iter().rev().filter(fits).take(query.limit);
        return newest.cloned().collect();
    };
    let Some(sought) = Sought::of(text) else {
        return Vec::new();
    };
    let look = |row: &MemoryRow| {
        let hits = sought.look(Indexed::of(&row.entry).text().as_bytes())?;
        Some((i64::try_from(row.id).unwrap_or(i64::MAX), hits))
    };
    let fitting: Vec<&MemoryRow> = all.iter().filter(fits).collect();
    let found: Vec<_> = fitting.iter().filter_map(|row| look(row)).collect();
    let rarity = match query.task {
        Some(_) => sought.rarity(fitting.len(), found.iter().map(|(_, hits)| hits)),
        None => rarity(&all, &sought, look),
    };
    let worths = rarity.worths();
    let scored = found
        .iter()
        .map(|(id, hits)| (search::score(&worths, hits), *id))
        .collect();
    let by_id = |id: i64| all.iter().find(|row| i64::try_from(row.id) == Ok(id));
    let alike = |id: i64| -> Result<Vec<i64>, std::convert::Infallible> {
        let Some(one) = by_id(id).filter(|row| row.about.is_some()) else {
            return Ok(Vec::new());
        };
        let same = |row: &&MemoryRow| row.task == one.task && row.about == one.about;
        let mut group: Vec<&MemoryRow> = all.iter().filter(same).collect();
        group.sort_by_key(|row| (row.last, row.id));
        let newest = group.split_off(group.len().saturating_sub(search::TOLD));
        Ok(newest
            .into_iter()
            .filter_map(|row| i64::try_from(row.id).ok())
            .collect())
    };
    let Ok(shown) = search::together(&search::best(scored), query.limit, alike);
    shown.into_iter().filter_map(by_id).cloned().collect()
}

/// Over all entries, whatever else must hold for those that are found.
fn rarity(
    all: &[MemoryRow],
    sought: &Sought,
    look: impl Fn(&MemoryRow) -> Option<(i64, search::Hits)>,
) -> Rarity {
    let hits: Vec<_> = all.iter().filter_map(look).collect();
    sought.rarity(all.len(), hits.iter().map(|(_, hits)| hits))
}

pub(crate) fn fits(row: &MemoryRow, query: &MemoryQuery) -> bool {
    let entry = &row.entry;
    let tags: BTreeSet<String> = entry.tags.iter().map(|tag| search::tag(tag)).collect();
    query.task.is_none_or(|task| task == row.task)
        && (query.subtask.is_none() || query.subtask == entry.subtask)
        && (query.kinds.is_empty() || query.kinds.contains(&entry.kind))
        && query
            .tags
            .iter()
            .all(|tag| tags.contains(&search::tag(tag)))
}
