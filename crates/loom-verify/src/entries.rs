//! Files to which several steps add entries: a manifest, a table of routes, a change log. Once enough steps
//! have added to one, and none has touched what another added, a step that does so has probably slipped.
//!
//! Not here: files that one step makes and another works on, where lines come and go.

use crate::fault::Fault;
use crate::files::{Changed, stored_text};
use crate::input::Earlier;
use loom_events::SubtaskId;
use loom_workspace::Workspace;
use std::collections::BTreeMap;

/// So many steps have to have added to a file before it is a custom.
const CUSTOM: usize = 3;

/// Most entries that are named.
const MAX_NAMED: usize = 5;

/// Letters and digits that make a line an entry; less is a bracket.
const MIN_SIGNIFICANT: usize = 2;

/// What one step did to one file.
struct Done<'a> {
    step: &'a SubtaskId,
    before: String,
    after: String,
}

/// Entries of other steps that are gone from files which many steps add to.
pub(crate) fn lost(workspace: &Workspace, changed: &[Changed], earlier: &[Earlier]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in changed {
        let (Some(before), Some(after)) = (&file.before, &file.after) else {
            continue;
        };
        let history = history(workspace, &file.path, earlier);
        let Some(custom) = custom(&history) else {
            continue;
        };
        let gone = taken(before, after);
        let lost = custom
            .entries
            .iter()
            .filter(|(line, _)| gone.contains_key(line.as_str()));
        faults.extend(lost.take(MAX_NAMED).map(|(line, step)| Fault {
            what: format!("{} keeps the entry of the step `{step}`", file.path),
            expected: format!("{line}\nas it was: {} steps added to this file, and none changed what another had added", custom.steps),
            seen: "it was changed or is gone. If this step has to change it, leave it so".to_owned(),
            place: Some(file.path.clone()),
        }));
    }
    faults
}

/// What earlier steps did to a file, one after the other; nothing of a state that is not text.
fn history<'a>(workspace: &Workspace, path: &str, earlier: &'a [Earlier]) -> Vec<Done<'a>> {
    let of_step = |step: &'a Earlier| {
        let mut changes = step.changes.iter().filter(|change| change.path == path);
        let first = changes.next()?;
        let last = changes.next_back().unwrap_or(first);
        let before = match &first.before {
            Some(state) => stored_text(workspace, state)?,
            None => String::new(),
        };
        Some(Done {
            step: &step.step,
            before,
            after: stored_text(workspace, last.after.as_ref()?)?,
        })
    };
    earlier.iter().filter_map(of_step).collect()
}

/// What steps have made of a file to which they add.
struct Custom<'a> {
    /// Which step added which line.
    entries: BTreeMap<String, &'a SubtaskId>,
    /// How many have added any.
    steps: usize,
}

/// None when too few steps added to the file, or one of them touched what another had added.
fn custom<'a>(history: &[Done<'a>]) -> Option<Custom<'a>> {
    let mut entries: BTreeMap<String, &SubtaskId> = BTreeMap::new();
    let mut steps = 0;
    for done in history {
        if taken(&done.before, &done.after)
            .keys()
            .any(|line| entries.contains_key(*line))
        {
            return None;
        }
        let added = taken(&done.after, &done.before);
        // Who only took lines away or moved them about says nothing of a custom.
        steps += usize::from(!added.is_empty());
        entries.extend(added.into_keys().map(|line| (line.to_owned(), done.step)));
    }
    (steps >= CUSTOM).then_some(Custom { entries, steps })
}

/// Lines of one text that another has not, or not as often.
fn taken<'a>(of: &'a str, other: &str) -> BTreeMap<&'a str, usize> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in of.lines().filter(|line| is_entry(line)) {
        *left.entry(line).or_default() += 1;
    }
    for line in other.lines() {
        if let Some(count) = left.get_mut(line) {
            *count = count.saturating_sub(1);
        }
    }
    left.retain(|_, count| *count > 0);
    left
}

fn is_entry(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphanumeric()).count() >= MIN_SIGNIFICANT
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whose entries a file has that went through these states, the first before any step.
    fn owners(states: &[&str]) -> Option<Vec<(String, String)>> {
        let ids: Vec<SubtaskId> = (1..states.len())
            .map(|n| SubtaskId::new(format!("s{n}")).unwrap())
            .collect();
        let steps = states.windows(2).zip(&ids).map(|(pair, step)| Done {
            step,
            before: pair[0].to_owned(),
            after: pair[1].to_owned(),
        });
        let custom = custom(&steps.collect::<Vec<_>>())?;
        Some(
            custom
                .entries
                .into_iter()
                .map(|(line, step)| (line, step.to_string()))
                .collect(),
        )
    }

    #[test]
    fn a_file_to_which_three_steps_added_has_entries() {
        let states = [
            "01 open\n02 open\n",
            "01 a\n02 open\n",
            "01 a\n02 b\n",
            "01 a\n02 b\n03 c\n",
        ];
        let owned = owners(&states).unwrap();
        let owned: Vec<(&str, &str)> = owned
            .iter()
            .map(|(l, s)| (l.as_str(), s.as_str()))
            .collect();
        assert_eq!(owned, [("01 a", "s1"), ("02 b", "s2"), ("03 c", "s3")]);
        assert_eq!(owners(&states[..3]), None, "two are no custom");
    }

    #[test]
    fn only_steps_that_added_to_a_file_make_a_custom_of_it() {
        let two = [
            "00 open\n99 end\n",
            "01 a\n00 open\n99 end\n",
            "01 a\n02 b\n00 open\n99 end\n",
        ];
        // Others sorted the file, took out what nobody added, and emptied a line.
        let touched = [
            "00 open\n01 a\n02 b\n99 end\n",
            "01 a\n02 b\n99 end\n",
            "01 a\n02 b\n\n}\n",
        ];
        let all = [&two[..], &touched[..]].concat();
        assert_eq!(owners(&all), None);
        let third = [&all[..], &["01 a\n02 b\n03 c\n"]].concat();
        assert_eq!(owners(&third).unwrap().len(), 3);
    }

    #[test]
    fn a_file_that_steps_work_over_has_none() {
        // The second step changes what the first one wrote, as one does in code.
        let states = [
            "",
            "def area(self):\n    return 1\n",
            "def area(self, unit):\n    return 1\n",
            "def area(self, unit):\n    return 1\nx = 1\n",
            "def area(self, unit):\n    return 1\nx = 1\ny = 2\n",
        ];
        assert_eq!(owners(&states), None);
    }

    #[test]
    fn brackets_and_order_are_nothing_and_a_line_counts_as_often_as_it_is_there() {
        assert_eq!(taken("a1\n}\nb2\n", "b2\na1\n").len(), 0);
        assert_eq!(taken("a1\na1\n", "a1\n").len(), 1);
        assert_eq!(taken("a1 (old)\n", "a1\n").len(), 1);
    }
}
