//! Plans that brought a goal about, as examples for the next planner: what the steps were, not the
//! words of that one project.

use crate::book::Book;
use crate::kind::Kind;
use loom_events::{Plan, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Longest goal that is kept; more of it does not make it more alike.
const MAX_GOAL: usize = 200;

/// Least share of words that two goals must have in common, weighted by how rare they are.
const ALIKE: f64 = 0.25;

/// Steps of a plan that are shown: more of them are no pattern any more, and every line costs room.
const MAX_SHOWN: usize = 12;

/// A plan that brought its goal about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPlan {
    /// The goal, shortened.
    pub goal: String,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// How often it did.
    pub seen: u32,
    /// When last.
    pub last: Time,
}

/// A step of such a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// A few words.
    pub title: String,
    /// Its kind.
    pub kind: Kind,
    /// Kinds of its checks, such as `tests`.
    pub checks: Vec<String>,
    /// Positions of the steps that it needs, from 0.
    pub needs: Vec<usize>,
}

impl KnownPlan {
    pub(crate) fn new(goal: &str, plan: &Plan, at: Time) -> Self {
        let position = |id| plan.subtasks.iter().position(|one| &one.id == id);
        let steps = plan.subtasks.iter().map(|spec| Step {
            title: spec.title.clone(),
            kind: Kind::of(spec),
            checks: spec
                .checks
                .iter()
                .map(|c| check_kind(c).to_owned())
                .collect(),
            needs: spec.depends_on.iter().filter_map(position).collect(),
        });
        Self {
            goal: goal
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .chars()
                .take(MAX_GOAL)
                .collect(),
            steps: steps.collect(),
            seen: 1,
            last: at,
        }
    }
}

const fn check_kind(check: &loom_events::Check) -> &'static str {
    use loom_events::Check;
    match check {
        Check::FileExists { .. } => "file_exists",
        Check::FileAbsent { .. } => "file_absent",
        Check::FileContains { .. } => "file_contains",
        Check::Command { .. } => "command",
        Check::JsonPath { .. } => "json_path",
        Check::Count { .. } => "count",
        Check::Tests { .. } => "tests",
        Check::Unchanged { .. } => "unchanged",
        Check::Symbol { .. } => "symbol",
    }
}

impl KnownPlan {
    /// The plan in a few lines, as a planner is shown it.
    #[must_use]
    pub fn outline(&self) -> String {
        let mut lines = vec![format!("Goal: {}", self.goal)];
        let steps = self.steps.iter().take(MAX_SHOWN).enumerate();
        lines.extend(steps.map(|(at, step)| {
            let mut line = format!("{}. {} ({})", at + 1, step.title, step.kind);
            if !step.checks.is_empty() {
                let mut checks = step.checks.clone();
                checks.dedup();
                line.push_str(&format!(", checked by {}", checks.join(" and ")));
            }
            if !step.needs.is_empty() {
                let needs: Vec<String> = step.needs.iter().map(|n| (n + 1).to_string()).collect();
                line.push_str(&format!(", after {}", needs.join(" and ")));
            }
            line
        }));
        if let Some(more) = self.steps.len().checked_sub(MAX_SHOWN).filter(|n| *n > 0) {
            lines.push(format!("… and {more} more"));
        }
        lines.join("\n")
    }
}

impl Book {
    /// The plans whose goals are most like this one, the best first.
    #[must_use]
    pub fn similar(&self, goal: &str, limit: usize) -> Vec<&KnownPlan> {
        let texts: Vec<BTreeSet<String>> =
            self.plans.iter().map(|plan| words(&plan.goal)).collect();
        let rarity = rarity(&texts);
        let wanted = words(goal);
        let mut ranked: Vec<(f64, &KnownPlan)> = self
            .plans
            .iter()
            .zip(&texts)
            .map(|(plan, text)| (alike(&wanted, text, &rarity), plan))
            .filter(|(score, _)| *score >= ALIKE)
            .collect();
        ranked.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(other.last.cmp(&one.last)));
        ranked
            .into_iter()
            .take(limit)
            .map(|(_, plan)| plan)
            .collect()
    }

    /// What the user said that bears on a goal: what was said more than once, then what shares words
    /// with it.
    #[must_use]
    pub fn preferences(&self, goal: &str, limit: usize) -> Vec<&str> {
        let wanted = words(goal);
        let bears = |text: &str| words(text).intersection(&wanted).next().is_some();
        let mut fits: Vec<_> = self
            .corrections
            .iter()
            .filter(|one| one.seen > 1 || bears(&one.text))
            .collect();
        fits.sort_by_key(|one| std::cmp::Reverse((one.seen.min(3), bears(&one.text), one.last)));
        fits.into_iter()
            .take(limit)
            .map(|one| one.text.as_str())
            .collect()
    }
}

/// Words that say what a goal is about: no short ones, no glue.
fn words(text: &str) -> BTreeSet<String> {
    const GLUE: &[&str] = &[
        "the", "and", "for", "with", "that", "this", "from", "into", "all", "are", "its", "has",
        "have", "should", "please", "each", "every", "not", "but", "then", "there", "which",
        "when", "use", "make", "them", "one", "new",
    ];
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .map(str::to_lowercase)
        .filter(|word| word.chars().count() > 2 && !GLUE.contains(&word.as_str()))
        .map(|word| stem(&word))
        .collect()
}

/// Without the endings that English puts on a word.
fn stem(word: &str) -> String {
    for ending in ["ing", "ed", "es", "s"] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() > 3
        {
            return stem.to_owned();
        }
    }
    word.to_owned()
}

/// A word that is in every text says nothing; one that is in one of many says much.
fn rarity(texts: &[BTreeSet<String>]) -> BTreeMap<&str, f64> {
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    for text in texts {
        for word in text {
            *counts.entry(word).or_default() += 1.0;
        }
    }
    let all = u32::try_from(texts.len()).map_or(f64::MAX, f64::from);
    counts
        .into_iter()
        .map(|(word, count)| (word, (1.0 + all / count).ln()))
        .collect()
}

/// The weight of the words in common, as a share of the weight of all words of both.
fn alike(one: &BTreeSet<String>, other: &BTreeSet<String>, rarity: &BTreeMap<&str, f64>) -> f64 {
    // A word that no text has is as rare as can be.
    let rarest = rarity.values().copied().fold(1.0, f64::max);
    let weight = |word: &String| rarity.get(word.as_str()).copied().unwrap_or(rarest);
    let common: f64 = one.intersection(other).map(weight).sum();
    let all: f64 = one.union(other).map(weight).sum();
    if all > 0.0 { common / all } else { 0.0 }
}
