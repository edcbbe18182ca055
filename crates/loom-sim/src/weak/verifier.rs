//! A reviewer: reads the material it is sent, sees what is wrong there, and then errs as its profile
//! says. Its verdicts on one artefact hang together, and so do those of different models.

use super::chance::{Chance, hash, quantile};
use super::mind::between;
use super::world::{CLAUSES, Item, World};
use super::{Nature, Profile};
use crate::reply::Reply;
use crate::request::Request;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A request for a verdict.
pub(crate) struct Judging<'a> {
    pub(crate) seed: u64,
    pub(crate) world: &'a World,
    pub(crate) profile: &'a Profile,
    pub(crate) nature: &'a Nature,
}

/// What is wrong with an artefact, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    /// Whether it is plain for all to see.
    obvious: bool,
    /// It breaks the constraint, and nothing else.
    constraint: bool,
    /// It breaks what another step had made.
    regression: bool,
    /// A line that shows it; a text that is not there when empty.
    line: String,
    absent: String,
    why: String,
}

/// What the material shows of each file now.
#[derive(Debug, Default)]
struct Material {
    files: BTreeMap<String, Vec<String>>,
    /// Whether it was told that there is more, which others look at: what is not shown is not missing then.
    in_part: bool,
    /// The list of all changed files, when it is shown that and nothing of what is in them.
    listing: Option<BTreeSet<String>>,
}

impl Judging<'_> {
    pub(crate) fn verdict(&self, request: &Request) -> Reply {
        let prompt = request
            .opening()
            .iter()
            .filter_map(|message| message.text.as_deref())
            .next_back()
            .unwrap_or_default();
        let material = Material::read(prompt);
        let task = between(prompt, "What was asked for:\n", "\nThe material.").unwrap_or_default();
        // Of a step the first line is its title, which names it.
        let title = task.lines().next().unwrap_or_default();
        let item = title
            .split_whitespace()
            .filter_map(|word| self.world.item(word.trim_end_matches(':')))
            .next();
        let call = hash(prompt);
        let found = match item {
            Some(item) => self.judge(item, &material, call),
            None => self.judge_all(&material, call),
        };
        let criteria: Vec<Value> = criteria(prompt)
            .map(|(id, text)| self.criterion((id, text), found.as_ref(), &material, call))
            .collect();
        Reply::json(&json!({"criteria": criteria, "unrequested_changes": [],
            "worst_problem": found.map_or("none".to_owned(), |fault| fault.why)}))
    }

    /// What it says is wrong with the artefact of one step.
    fn judge(&self, item: &Item, material: &Material, call: u64) -> Option<Fault> {
        let fault = material.fault(self.world, item);
        let state = material.state_of(item);
        let latent = |what| self.latent(what, item.number as u64, (state, call));
        match fault {
            None => (latent("strict") < quantile(self.profile.false_fail))
                .then(|| material.invented(item))?,
            Some(fault) => {
                let blind = if fault.obvious {
                    self.profile.false_pass_obvious
                } else {
                    self.profile.false_pass_subtle
                };
                (latent("blind") >= quantile(blind)).then_some(fault)
            }
        }
    }

    /// What it says is wrong with the whole, at the end: it sees less where there is more to look at.
    #[expect(clippy::cast_precision_loss, reason = "few steps")]
    fn judge_all(&self, material: &Material, call: u64) -> Option<Fault> {
        let items = &self.world.items;
        let shown = |item: &&Item| !material.in_part || !material.lines(&item.path).is_empty();
        let shown = items.iter().filter(shown).count().max(1) as f64;
        let all = items.len().max(1) as f64;
        let dilution = (10.0 / (all - shown).mul_add(self.nature.parts_tire, shown)).sqrt();
        let seen = items.iter().find_map(|item| {
            let fault = material.fault(self.world, item)?;
            let sees = if fault.obvious {
                self.profile.final_sees_missing
            } else {
                self.profile.final_sees_subtle
            };
            let sees = (sees * dilution).min(1.0);
            let artefact = (material.state_of(item), call);
            let latent = self.latent("blind", item.number as u64, artefact);
            (latent >= quantile(1.0 - sees)).then_some(fault)
        });
        if seen.is_some()
            || items
                .iter()
                .any(|item| material.fault(self.world, item).is_some())
        {
            return seen;
        }
        let state = material.files.keys().fold(0, |sum, path| sum ^ hash(path));
        let strict = self.latent("strict", 0, (state, call)) < quantile(self.profile.false_fail);
        strict.then(|| items.first().and_then(|item| material.invented(item)))?
    }

    /// A normal draw for one call on one artefact: part of it is the artefact's, part the model's.
    fn latent(&self, what: &str, step: u64, (state, call): (u64, u64)) -> f64 {
        let artefact = Chance::new(self.seed)
            .about(what)
            .about(&self.world.name)
            .with(step)
            .with(state);
        let model = artefact.about(&self.profile.name);
        let (all, one) = (
            self.nature.votes_of_two_models,
            self.nature.votes_of_one_model,
        );
        all.sqrt() * artefact.normal()
            + (one - all).sqrt() * model.normal()
            + (1.0 - one).sqrt() * model.with(call).normal()
    }

    fn criterion(
        &self,
        (id, text): (&str, &str),
        found: Option<&Fault>,
        material: &Material,
        call: u64,
    ) -> Value {
        if !is_ours(text) {
            let chance = Chance::new(self.seed).about("control").with(call);
            return if chance.hit(self.profile.fooled) {
                answer(id, "met", &material.any_line(), "it is there")
            } else {
                answer(id, "cannot_tell", "", "nothing shows it")
            };
        }
        let constraint = text.contains("ends with the line");
        let stayed = text.contains("should have stayed");
        let goal = text.contains("that was asked") || text.contains("was asked for of");
        let all = text.contains("What the goal asks for");
        let concerned = |fault: &&Fault| {
            if all {
                true
            } else if stayed || goal {
                fault.regression == stayed
            } else {
                fault.constraint == constraint
            }
        };
        match found.filter(concerned) {
            Some(fault) if fault.line.is_empty() => {
                json!({"id": id, "verdict": "not_met", "quote": "",
                "at": "", "searched": [fault.absent], "why": fault.why})
            }
            Some(fault) => answer(id, "not_met", &fault.line, &fault.why),
            None => {
                let line = material.any_line();
                let verdict = if line.is_empty() {
                    "cannot_tell"
                } else {
                    "met"
                };
                answer(id, verdict, &line, "the material shows it")
            }
        }
    }
}

fn answer(id: &str, verdict: &str, quote: &str, why: &str) -> Value {
    json!({"id": id, "verdict": verdict, "quote": quote, "at": "", "searched": [], "why": why})
}

/// Whether a criterion is one that a planner of ours, or the harness for the whole goal, would state.
/// Anything else is a question about something that is not there.
fn is_ours(text: &str) -> bool {
    [
        "holds the key and the clauses",
        "ends with the line",
        "Everything that was asked",
        "was asked for of these files",
        "should have stayed",
        "What the goal asks for",
        "This was done",
    ]
    .iter()
    .any(|part| text.contains(part))
}

fn criteria(prompt: &str) -> impl Iterator<Item = (&str, &str)> {
    let list = between(prompt, "Judge these criteria:\n", "\nAnswer now").unwrap_or_default();
    list.lines()
        .filter_map(|line| line.strip_prefix("- ")?.split_once(": "))
}

impl Material {
    /// Files as they are now: an excerpt where there is one, else what a diff adds and keeps.
    fn read(prompt: &str) -> Self {
        let mut material = Self {
            in_part: prompt.contains("\nThis is part ")
                || prompt.contains("at once. This is part ")
                || prompt.contains("There was no room for: "),
            ..Self::default()
        };
        let mut whole: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut block: Option<(String, bool)> = None;
        let text = between(prompt, "The material.", "== end of the material").unwrap_or_default();
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("== ") {
                if title.contains("files that the work changed") {
                    material.listing = Some(BTreeSet::new());
                }
                let title = title.split_once(": ").map_or(title, |(_, title)| title);
                block = match (
                    title.strip_prefix("diff of "),
                    title.split_once(" as it is now"),
                ) {
                    (Some(path), _) => Some((path.trim().to_owned(), false)),
                    (None, Some((path, _))) => Some((path.to_owned(), true)),
                    (None, None) => None,
                };
                continue;
            }
            let line = line.split_once("| ").map_or("", |(_, text)| text);
            let Some((path, excerpt)) = &block else {
                let named = line.split_once(" (").map_or(line, |(path, _)| path);
                if let Some(listing) = material.listing.as_mut().filter(|_| !named.is_empty()) {
                    listing.insert(named.to_owned());
                }
                continue;
            };
            if *excerpt {
                whole.entry(path.clone()).or_default().push(line.to_owned());
            } else if let Some(kept) = line.strip_prefix(['+', ' ']) {
                material
                    .files
                    .entry(path.clone())
                    .or_default()
                    .push(kept.to_owned());
            }
        }
        material.files.extend(whole);
        material
    }

    fn lines(&self, path: &str) -> &[String] {
        self.files.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// Names the artefact of a step: what its file and its line in `MANIFEST` look like.
    fn state_of(&self, item: &Item) -> u64 {
        hash(&self.lines(&item.path).join("\n"))
    }

    /// The worst that is wrong with a step's file.
    fn fault(&self, world: &World, item: &Item) -> Option<Fault> {
        let lines = self.lines(&item.path);
        let has = |line: &str| lines.iter().any(|l| l == line);
        let fault = |obvious, line: &str, absent: &str, why: String| Fault {
            obvious,
            constraint: false,
            regression: false,
            line: line.to_owned(),
            absent: absent.to_owned(),
            why,
        };
        let id = item.id();
        let missing = format!("`{id}` is missing: {}", item.path);
        if let Some(listing) = &self.listing {
            let named = listing.contains(&item.path);
            return (!named).then(|| fault(true, "", &item.path, missing));
        }
        if lines.is_empty() {
            return if self.in_part {
                self.manifest_fault(item)
            } else {
                Some(fault(true, "", &item.clause(0, 0), missing))
            };
        }
        if let Some(line) = lines
            .iter()
            .find(|l| l.ends_with(": to do") || l.ends_with(": unknown"))
        {
            return Some(fault(
                true,
                line,
                "",
                format!("`{id}` is not done: {}", item.path),
            ));
        }
        let stays = item.body();
        if item.kind == super::ItemKind::Update && !stays.lines().all(has) && self.is_whole(item) {
            let absent = stays.lines().find(|l| !has(l)).unwrap_or_default();
            return Some(fault(
                true,
                "",
                absent,
                format!("{} of `{id}` lost notes", item.path),
            ));
        }
        for at in 0..CLAUSES {
            let right = item.clause(at, 0);
            if has(&right) {
                continue;
            }
            let (start, _) = right.split_at(5);
            let Some(line) = lines.iter().find(|l| l.starts_with(start)) else {
                continue;
            };
            return Some(Fault {
                regression: line.ends_with("(old)"),
                ..fault(
                    false,
                    line,
                    "",
                    format!("wrong value in {} of `{id}`", item.path),
                )
            });
        }
        let footer = format!("owner: {}", world.owner);
        if !has(&footer) {
            return Some(Fault {
                constraint: true,
                ..fault(
                    false,
                    "",
                    &footer,
                    format!("{} of `{id}` does not end so", item.path),
                )
            });
        }
        self.manifest_fault(item)
    }

    /// A line of `MANIFEST` that another step broke.
    fn manifest_fault(&self, item: &Item) -> Option<Fault> {
        let (_, done) = item.manifest();
        let broken = format!("{done} (old)");
        let line = self.lines("MANIFEST").iter().find(|l| **l == broken)?;
        Some(Fault {
            obvious: false,
            constraint: false,
            regression: true,
            line: line.clone(),
            absent: String::new(),
            why: format!("the line of `{}` in MANIFEST was broken", item.id()),
        })
    }

    /// Whether the whole file is shown, and not only what changed.
    fn is_whole(&self, item: &Item) -> bool {
        self.lines(&item.path)
            .iter()
            .any(|line| line.starts_with("key: "))
            && self.lines(&item.path).len() > CLAUSES
    }

    /// A fault where there is none.
    fn invented(&self, item: &Item) -> Option<Fault> {
        let lines = self.lines(&item.path);
        let line = lines.iter().find(|line| line.starts_with('c'))?;
        Some(Fault {
            obvious: false,
            constraint: false,
            regression: false,
            line: line.clone(),
            absent: String::new(),
            why: format!("this value in {} of `{}` looks wrong", item.path, item.id()),
        })
    }

    /// A line to quote.
    fn any_line(&self) -> String {
        if let Some(named) = self.listing.iter().flatten().next() {
            return named.clone();
        }
        let mut lines = self.files.values().flatten();
        let line = lines.find(|line| line.starts_with('c') && line.len() > 6);
        line.or_else(|| self.files.values().flatten().find(|line| line.len() > 6))
            .cloned()
            .unwrap_or_default()
    }
}
