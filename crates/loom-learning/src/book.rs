//! Everything that was learned, in memory: small, since it holds aggregates. It is read from rows at
//! start, taught by each finished task, and written back row by row.

use crate::advice::Choice;
use crate::calibration::{Turned, bin_of};
use crate::harvest::{Attempted, Harvest};
use crate::kind::Kind;
use crate::plans::KnownPlan;
use crate::tally::Tally;
use crate::turnout::{Seen, Turnout};
use loom_events::{SubtaskId, TaskId, Tier, Time};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was seen once and not again for so long is forgotten.
const FORGET: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Plans and corrections that are kept; the ones that were used least lately go first.
const MAX_KEPT: usize = 500;

/// What humans said of results is kept so that they can say otherwise; of so many, the latest.
const MAX_LOOKS: usize = 2_000;

/// Longest correction that is kept; longer ones are a task of their own.
const MAX_CORRECTION: usize = 300;

/// Of what a record is kept: a model at a kind of work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The kind of work.
    pub kind: Kind,
    /// The model entry.
    pub model: String,
    /// The tier that was asked for.
    pub tier: Tier,
}

/// Of what a record is kept beside that: a model that was told its steps with a template, where there
/// were several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    /// The model entry.
    pub(crate) model: String,
    /// The template with its hash: one that was changed is another one.
    pub(crate) template: String,
}

/// What the user said more than once, or lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Word for word.
    pub text: String,
    /// How often it was said.
    pub seen: u32,
    /// When last.
    pub last: Time,
}

/// What a human said of a result after its task had ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Look {
    pub(crate) seen: Seen,
    pub(crate) last: Time,
    /// What the evidence of the result says, in percent; older looks did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) evidence: Option<u8>,
}

/// Everything that was learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    pub(crate) tallies: BTreeMap<Key, Tally>,
    pub(crate) wordings: BTreeMap<Told, Tally>,
    pub(crate) corrections: Vec<Correction>,
    pub(crate) plans: Vec<KnownPlan>,
    /// How results turned out, by what their evidence says in percent.
    pub(crate) turned: BTreeMap<u8, Turned>,
    pub(crate) looks: BTreeMap<(TaskId, SubtaskId), Look>,
}

/// One thing that was learned, as it is stored: a name that is unique in its section, and a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// `tally`, `wording`, `correction`, `plan`, `turned` or `look`.
    pub section: String,
    /// What it is about.
    pub name: String,
    /// What is known.
    pub value: serde_json::Value,
    /// When it was last added to.
    pub last: Time,
}

/// A stored line that this build cannot read. It is left out, which costs only what it had taught.
#[derive(Debug, thiserror::Error)]
#[error("read what was learned of {section} `{name}`")]
pub struct LineError {
    /// The section.
    pub section: String,
    /// The name.
    pub name: String,
    /// The cause.
    #[source]
    pub source: serde_json::Error,
}

impl Book {
    /// Adds what a task has to teach.
    pub fn learn(&mut self, harvest: &Harvest) {
        for one in &harvest.attempts {
            let key = Key {
                kind: one.kind,
                model: one.model.clone(),
                tier: one.tier,
            };
            self.tallies.entry(key).or_default().observe(&one.seen);
            if let Some(told) = told(one) {
                self.wordings.entry(told).or_default().observe(&one.seen);
            }
        }
        for text in &harvest.corrections {
            self.correct(text, harvest.at);
        }
        if let Some(plan) = &harvest.plan {
            self.keep_plan(&harvest.goal, plan, harvest.at);
        }
        for result in &harvest.results {
            let turned = self.turned.entry(bin_of(result)).or_default();
            turned.result(harvest.at);
            let name = (harvest.task, result.subtask.clone());
            // What a human has said meanwhile is counted already.
            if let Some(seen) = result.seen
                && !(result.counts && self.looks.contains_key(&name))
            {
                turned.see(None, seen, harvest.at);
            }
        }
        self.prune(harvest.at);
    }

    /// What is known of a result by now: what a human said last, else what its task says.
    #[must_use]
    pub fn known_of(&self, task: TaskId, result: &Turnout) -> Option<Seen> {
        let look = self.looks.get(&(task, result.subtask.clone()));
        look.map_or(result.seen, |look| Some(look.seen))
    }

    /// What humans said of the results of a task after it had ended: of each how likely it is right by
    /// that, and when they said so. What was found to be wrong without being looked at is not among it.
    pub fn said_of(&self, task: TaskId) -> impl Iterator<Item = (&SubtaskId, f64, Time)> {
        let of_task = self.looks.iter().filter(move |((of, _), _)| *of == task);
        of_task.filter_map(|((_, subtask), look)| match look.seen {
            Seen::Looked(right) => Some((subtask, right, look.last)),
            Seen::Found => None,
        })
    }

    /// Counts what a human says of a result that counts; what was known of it before counts no more.
    pub fn look(&mut self, task: TaskId, result: &Turnout, seen: Seen, at: Time) {
        let before = self.known_of(task, result);
        let turned = self.turned.entry(bin_of(result)).or_default();
        turned.see(before, seen, at);
        let look = Look {
            seen,
            last: at,
            evidence: Some(bin_of(result)),
        };
        self.looks.insert((task, result.subtask.clone()), look);
        self.prune(at);
    }

    /// How results turned out, by what their evidence says in percent.
    pub fn turned(&self) -> impl Iterator<Item = (u8, &Turned)> {
        self.turned
            .iter()
            .map(|(evidence, turned)| (*evidence, turned))
    }

    /// What is known of a model at a kind of work.
    #[must_use]
    pub fn tally(&self, key: &Key) -> Option<&Tally> {
        self.tallies.get(key)
    }

    /// Every record, in order.
    pub fn tallies(&self) -> impl Iterator<Item = (&Key, &Tally)> {
        self.tallies.iter()
    }

    /// What the user said, the most frequent first.
    #[must_use]
    pub fn corrections(&self) -> &[Correction] {
        &self.corrections
    }

    /// The plans that were worth keeping.
    #[must_use]
    pub fn plans(&self) -> &[KnownPlan] {
        &self.plans
    }

    /// How many attempts have been seen in all.
    #[must_use]
    pub fn seen(&self) -> u32 {
        let seen = self.tallies.values().map(Tally::attempts);
        seen.fold(0, u32::saturating_add)
    }

    /// The models that were used last, each with the tier that it was asked for, the lowest first. For
    /// whoever only looks, and has no models at hand.
    #[must_use]
    pub fn lately(&self) -> Vec<Choice> {
        let mut latest: BTreeMap<Tier, (Time, &str)> = BTreeMap::new();
        for (key, tally) in &self.tallies {
            let newest = latest.entry(key.tier).or_insert((tally.last, &key.model));
            if tally.last > newest.0 {
                *newest = (tally.last, &key.model);
            }
        }
        let choices = latest.into_iter().map(|(tier, (_, model))| Choice {
            tier,
            model: model.to_owned(),
        });
        choices.collect()
    }

    /// Takes back that an attempt passed.
    pub fn take_back(&mut self, one: &Attempted) {
        let key = Key {
            kind: one.kind,
            model: one.model.clone(),
            tier: one.tier,
        };
        if let Some(tally) = self.tallies.get_mut(&key) {
            tally.correct();
        }
        if let Some(tally) = told(one).and_then(|told| self.wordings.get_mut(&told)) {
            tally.correct();
        }
    }

    /// Forgets what was seen once, long ago, and the least used beyond the bound.
    pub fn prune(&mut self, now: Time) {
        let old = |last: Time| now.since(last) > FORGET;
        self.tallies
            .retain(|_, tally| tally.seen > 1 || !old(tally.last));
        self.wordings
            .retain(|_, tally| tally.seen > 1 || !old(tally.last));
        while self.wordings.len() > MAX_KEPT
            && let Some(told) = self
                .wordings
                .iter()
                .min_by_key(|(_, tally)| tally.last)
                .map(|(told, _)| told.clone())
        {
            self.wordings.remove(&told);
        }
        self.corrections
            .retain(|one| one.seen > 1 || !old(one.last));
        self.corrections
            .sort_by_key(|one| Reverse((one.seen, one.last)));
        self.corrections.truncate(MAX_KEPT);
        self.plans.retain(|one| one.seen > 1 || !old(one.last));
        self.plans.sort_by_key(|one| Reverse((one.last, one.seen)));
        self.plans.truncate(MAX_KEPT);
        self.turned
            .retain(|_, turned| turned.seen > 1 || !old(turned.last));
        self.looks.retain(|_, look| !old(look.last));
        let mut times: Vec<Time> = self.looks.values().map(|look| look.last).collect();
        if let Some(over) = times.len().checked_sub(MAX_LOOKS).filter(|over| *over > 0) {
            times.sort_unstable();
            let oldest = times[over];
            self.looks.retain(|_, look| look.last >= oldest);
        }
    }

    /// Everything, as it is stored.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (key, tally) in &self.tallies {
            let name = format!(
                "{}\u{1f}{}\u{1f}{}",
                key.kind,
                key.model,
                u8::from(key.tier)
            );
            lines.push(line("tally", name, tally, tally.last));
        }
        for (told, tally) in &self.wordings {
            let name = format!("{}\u{1f}{}", told.model, told.template);
            lines.push(line("wording", name, tally, tally.last));
        }
        for one in &self.corrections {
            lines.push(line("correction", one.text.clone(), one, one.last));
        }
        for one in &self.plans {
            lines.push(line("plan", one.goal.clone(), one, one.last));
        }
        for (evidence, one) in &self.turned {
            lines.push(line("turned", evidence.to_string(), one, one.last));
        }
        for ((task, subtask), one) in &self.looks {
            lines.push(line("look", format!("{task} {subtask}"), one, one.last));
        }
        lines
    }

    /// Reads what was stored; what cannot be read is left out and named.
    #[must_use]
    pub fn from_lines(lines: impl IntoIterator<Item = Line>) -> (Self, Vec<LineError>) {
        let mut book = Self::default();
        let mut errors = Vec::new();
        for line in lines {
            if let Err(source) = book.read(&line) {
                errors.push(LineError {
                    section: line.section,
                    name: line.name,
                    source,
                });
            }
        }
        (book, errors)
    }

    fn read(&mut self, line: &Line) -> Result<(), serde_json::Error> {
        let value = line.value.clone();
        match line.section.as_str() {
            "tally" => {
                let key = key(&line.name).ok_or_else(|| {
                    serde::de::Error::custom("its name is no kind of work, model and tier")
                })?;
                self.tallies.insert(key, serde_json::from_value(value)?);
            }
            "wording" => {
                let (model, template) = line
                    .name
                    .split_once('\u{1f}')
                    .ok_or_else(|| serde::de::Error::custom("its name is no model and template"))?;
                let told = Told {
                    model: model.to_owned(),
                    template: template.to_owned(),
                };
                self.wordings.insert(told, serde_json::from_value(value)?);
            }
            "correction" => self.corrections.push(serde_json::from_value(value)?),
            "plan" => self.plans.push(serde_json::from_value(value)?),
            "turned" => {
                let evidence = line.name.parse().ok().filter(|evidence| *evidence <= 100);
                let evidence = evidence
                    .ok_or_else(|| serde::de::Error::custom("its name is no share in percent"))?;
                self.turned.insert(evidence, serde_json::from_value(value)?);
            }
            "look" => {
                let name = looked_at(&line.name)
                    .ok_or_else(|| serde::de::Error::custom("its name is no task and subtask"))?;
                self.looks.insert(name, serde_json::from_value(value)?);
            }
            other => {
                let what = format!("there is no section `{other}`");
                return Err(serde::de::Error::custom(what));
            }
        }
        Ok(())
    }

    fn correct(&mut self, text: &str, at: Time) {
        if text.chars().count() > MAX_CORRECTION {
            return;
        }
        let same = |one: &&mut Correction| one.text.eq_ignore_ascii_case(text);
        match self.corrections.iter_mut().find(same) {
            Some(known) => {
                known.seen = known.seen.saturating_add(1);
                known.last = known.last.max(at);
            }
            None => self.corrections.push(Correction {
                text: text.to_owned(),
                seen: 1,
                last: at,
            }),
        }
    }

    fn keep_plan(&mut self, goal: &str, plan: &loom_events::Plan, at: Time) {
        let new = KnownPlan::new(goal, plan, at);
        match self.plans.iter_mut().find(|known| known.goal == new.goal) {
            Some(known) => {
                let seen = known.seen.saturating_add(1);
                *known = KnownPlan { seen, ..new };
            }
            None => self.plans.push(new),
        }
    }
}

fn line(section: &str, name: String, value: &impl Serialize, last: Time) -> Line {
    Line {
        section: section.to_owned(),
        name,
        value: serde_json::to_value(value)
            .expect("BUG: what was learned consists of finite numbers, words and times"),
        last,
    }
}

fn looked_at(name: &str) -> Option<(TaskId, SubtaskId)> {
    let (task, subtask) = name.split_once(' ')?;
    Some((task.parse().ok()?, SubtaskId::new(subtask).ok()?))
}

fn told(one: &Attempted) -> Option<Told> {
    one.wording.as_ref().map(|template| Told {
        model: one.model.clone(),
        template: template.clone(),
    })
}

fn key(name: &str) -> Option<Key> {
    let mut parts = name.split('\u{1f}');
    let (kind, model, tier) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Key {
        kind: kind.parse().ok()?,
        model: model.to_owned(),
        tier: tier.parse::<u8>().ok()?.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Observation;
    use loom_events::{Plan, SubtaskId, SubtaskSpec};

    fn day(day: i64) -> Time {
        Time::from_millis(day * 24 * 60 * 60 * 1_000)
    }

    fn harvest(goal: &str, at: Time) -> Harvest {
        let spec = SubtaskSpec::new(SubtaskId::new("one").unwrap(), "Fix parse.rs", "");
        Harvest {
            task: "019ac000-0000-7000-8000-000000000001".parse().unwrap(),
            at,
            completed: true,
            goal: goal.to_owned(),
            attempts: vec![Attempted {
                subtask: spec.id.clone(),
                kind: Kind::of(&spec),
                model: "a model: with a name".to_owned(),
                tier: Tier::Large,
                wording: Some("executor.short@0123456789ab".to_owned()),
                seen: Observation {
                    turn: crate::tally::Turn::First,
                    passed: true,
                    millis: 5,
                    tokens: 7,
                    at,
                },
            }],
            corrections: vec!["Use British spelling".to_owned()],
            plan: Some(Plan {
                subtasks: vec![spec],
            }),
            results: vec![result(None)],
        }
    }

    fn result(seen: Option<Seen>) -> Turnout {
        Turnout {
            subtask: SubtaskId::new("one").unwrap(),
            evidence: 0.84,
            counts: true,
            seen,
        }
    }

    fn known(book: &Book) -> (f64, f64, f64, f64) {
        let (_, turned) = book.turned().next().unwrap();
        (turned.results, turned.right, turned.wrong, turned.found)
    }

    #[test]
    fn what_a_human_says_before_the_task_is_read_and_after_it_counts_once() {
        let agreed = || Harvest {
            results: vec![result(Some(Seen::Looked(1.0)))],
            ..harvest("mend the parser", day(1))
        };
        let task = agreed().task;
        let mut early = Book::default();
        early.look(task, &agreed().results[0], Seen::Looked(1.0), day(1));
        early.learn(&agreed());
        let mut late = Book::default();
        late.learn(&agreed());
        late.look(task, &agreed().results[0], Seen::Looked(1.0), day(1));
        assert_eq!(known(&early), (1.0, 1.0, 0.0, 0.0));
        assert_eq!(known(&late), known(&early));
        // And then it is taken back.
        late.look(task, &agreed().results[0], Seen::Looked(0.0), day(1));
        assert_eq!(known(&late), (1.0, 0.0, 1.0, 0.0));
    }

    #[test]
    fn what_humans_said_of_a_task_is_told_and_nothing_of_other_tasks_or_of_what_was_only_found() {
        let mut book = Book::default();
        let task = harvest("mend the parser", day(1)).task;
        let other = "019ac000-0000-7000-8000-00000000cafe".parse().unwrap();
        let named = |name: &str| Turnout {
            subtask: SubtaskId::new(name).unwrap(),
            ..result(None)
        };
        book.look(task, &named("one"), Seen::Looked(1.0), day(1));
        book.look(task, &named("one"), Seen::Looked(0.0), day(2));
        book.look(task, &named("two"), Seen::Found, day(2));
        book.look(other, &named("three"), Seen::Looked(1.0), day(2));
        let said: Vec<_> = book.said_of(task).collect();
        assert_eq!(said, [(&named("one").subtask, 0.0, day(2))]);
    }

    #[test]
    fn what_humans_said_is_kept_for_a_while_and_of_so_many() {
        let mut book = Book::default();
        let task = |n: usize| {
            let id = format!("019ac000-0000-7000-8000-{n:012}");
            id.parse().unwrap()
        };
        for n in 0..MAX_LOOKS + 7 {
            let at = day(1).after(std::time::Duration::from_secs(n as u64));
            book.look(task(n), &result(None), Seen::Looked(1.0), at);
        }
        assert_eq!(book.looks.len(), MAX_LOOKS);
        assert!(!book.looks.contains_key(&(task(6), result(None).subtask)));
        book.prune(day(200));
        assert!(book.looks.is_empty());
        assert_eq!(book.turned().count(), 1, "what they add up to stays");
    }

    #[test]
    fn what_was_learned_is_read_back_as_it_was() {
        let mut book = Book::default();
        book.learn(&harvest("mend the parser", day(1)));
        book.learn(&harvest("mend the parser", day(2)));
        let task = harvest("mend the parser", day(2)).task;
        book.look(task, &result(None), Seen::Looked(0.25), day(2));
        let (again, errors) = Book::from_lines(book.lines());
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(again, book);
        assert_eq!(again.seen(), 2);
        assert_eq!(again.corrections()[0].seen, 2);
        assert_eq!(again.plans()[0].seen, 2);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_costs_only_itself() {
        let mut book = Book::default();
        book.learn(&harvest("mend the parser", day(1)));
        let mut lines = book.lines();
        lines.push(Line {
            section: "tally".to_owned(),
            name: "no kind".to_owned(),
            value: serde_json::json!({}),
            last: day(1),
        });
        let (again, errors) = Book::from_lines(lines);
        assert_eq!(again, book);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].to_string().contains("no kind"));
    }

    #[test]
    fn what_was_seen_once_is_forgotten_after_ninety_days_and_what_was_seen_twice_is_not() {
        let mut book = Book::default();
        book.learn(&harvest("mend the parser", day(1)));
        book.learn(&harvest("mend the parser", day(2)));
        let mut once = harvest("write a poem", day(2));
        once.corrections = vec!["no rhymes".to_owned()];
        book.learn(&once);
        book.prune(day(93));
        let texts: Vec<_> = book
            .corrections()
            .iter()
            .map(|one| one.text.as_str())
            .collect();
        assert_eq!(texts, ["Use British spelling"]);
        let goals: Vec<_> = book.plans().iter().map(|one| one.goal.as_str()).collect();
        assert_eq!(goals, ["mend the parser"]);
    }

    #[test]
    fn a_goal_is_given_the_plans_of_goals_like_it() {
        let mut book = Book::default();
        for goal in [
            "fix the failing test in the date parser",
            "write documentation for the settings",
            "add a command that lists all users",
        ] {
            book.learn(&harvest(goal, day(1)));
        }
        let similar = book.similar("fix the parser: a test fails for dates", 3);
        let goals: Vec<_> = similar.iter().map(|plan| plan.goal.as_str()).collect();
        assert_eq!(goals, ["fix the failing test in the date parser"]);
        assert!(book.similar("compose a symphony", 3).is_empty());
    }

    #[test]
    fn what_is_said_again_and_again_is_a_preference_everywhere_and_the_rest_where_it_bears() {
        let mut book = Book::default();
        for at in 1..=2 {
            book.learn(&harvest("mend the parser", day(at)));
        }
        let mut once = harvest("tidy the importer", day(2));
        once.corrections = vec!["the importer must stay synchronous".to_owned()];
        book.learn(&once);
        assert_eq!(
            book.preferences("write a poem", 5),
            ["Use British spelling"]
        );
        assert_eq!(book.preferences("speed the importer up", 5).len(), 2);
    }
}
