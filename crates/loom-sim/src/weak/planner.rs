//! A planner: every step of the goal with its checks, and every mistake that its profile knows.

use super::chance::Chance;
use super::mind::{between, clause_named};
use super::world::{CLAUSES, Item, SCRIPT, World};
use super::{Nature, Profile};
use crate::reply::Reply;
use crate::request::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A request for a plan.
pub(crate) struct Planning<'a> {
    pub(crate) seed: u64,
    pub(crate) world: &'a World,
    pub(crate) profile: &'a Profile,
    pub(crate) nature: &'a Nature,
    /// Size class that it asks for: the worker's, so that the next one up is the next class.
    pub(crate) tier: u64,
}

/// What a planner has planned in one world: the steps by id, and how often each was planned.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    steps: BTreeMap<String, Value>,
    versions: BTreeMap<String, u64>,
}

/// A step of the plan before, as the request lists it.
struct Old<'a> {
    id: &'a str,
    status: &'a str,
}

impl Planning<'_> {
    /// The first plan, or its repair.
    pub(crate) fn plan(&self, request: &Request, plans: &mut Plans) -> Reply {
        let errors = errors(request);
        if errors.is_none() {
            *plans = Plans::default();
        }
        let mut order: Vec<(String, Value)> = Vec::new();
        for item in &self.world.items {
            let id = item.id();
            // Like every other fault that is named, a step that is said to be missing is drawn again.
            let told = errors.as_ref().is_some_and(|errors| {
                !plans.steps.contains_key(&id)
                    && (about(errors, item) || errors.contains(&item.doc()))
            });
            let chance = self.chance(item, u64::from(told));
            if chance.about("missing step").hit(self.profile.missing_step) {
                continue;
            }
            let known = plans.steps.get(&id);
            let step = match (known, &errors) {
                (Some(known), Some(errors)) if !errors.contains(&format!("`{id}`")) => {
                    known.clone()
                }
                _ => self.again(item, &id, "", plans),
            };
            let place = self.place(item, &step, &order);
            order.insert(place, (id, step));
        }
        let ids: Vec<String> = order.iter().map(|(id, _)| id.clone()).collect();
        let mut steps: Vec<Value> = order.into_iter().map(|(_, step)| step).collect();
        for step in &mut steps {
            keep_known(step, &ids);
            remember(plans, step);
        }
        answer(steps)
    }

    /// A later plan, or its repair.
    pub(crate) fn replan(&self, request: &Request, plans: &mut Plans) -> Reply {
        let errors = errors(request).unwrap_or_default();
        let prompt = prompt(request);
        let reason = between(
            prompt,
            "Why a new plan is needed:",
            "Write the new plan now",
        )
        .unwrap_or_default();
        let old = old_steps(prompt);
        let mut known: Vec<String> = old.iter().map(|step| step.id.to_owned()).collect();
        let mut steps: Vec<Value> = Vec::new();
        for step in old.iter().filter(|step| step.status != "completed") {
            let Some(item) = item_of(self.world, step.id) else {
                continue;
            };
            let faulty = step.status != "pending"
                || names(reason, step.id)
                || errors.contains(&format!("`{}`", step.id));
            match plans.steps.get(step.id) {
                Some(planned) if !faulty => steps.push(planned.clone()),
                _ => steps.push(self.again(item, step.id, reason, plans)),
            }
        }
        if reason.contains("Every step is done") {
            self.repairs(reason, &old, (&mut steps, &mut known), plans);
        }
        for step in &mut steps {
            keep_known(step, &known);
            remember(plans, step);
        }
        answer(steps)
    }

    /// Other checks for a step that is as it was.
    pub(crate) fn other_checks(&self, item: &Item, plans: &mut Plans) -> Vec<Value> {
        let version = plans.versions.entry(item.id()).or_default();
        *version += 1;
        let checks = self.checks(item, "", self.chance(item, *version));
        for (id, step) in &mut plans.steps {
            if item_of(self.world, id).is_some_and(|known| known.number == item.number) {
                step["checks"] = checks.clone().into();
            }
        }
        checks
    }

    /// What is drawn when it is asked about a check.
    pub(crate) fn chance_of_dispute(&self, item: &Item, prompt: &str) -> Chance {
        self.chance(item, 0).about("dispute").about(prompt)
    }

    /// Steps that repair what the last gate found.
    fn repairs(
        &self,
        reason: &str,
        old: &[Old<'_>],
        (steps, known): (&mut Vec<Value>, &mut Vec<String>),
        plans: &mut Plans,
    ) {
        let mut named: Vec<&Item> = self
            .world
            .items
            .iter()
            .filter(|item| about(reason, item))
            .collect();
        if named.is_empty() {
            // Nothing that it understands: it has a step looked at again.
            let chance = Chance::new(self.seed).about(&self.world.name).about(reason);
            named.extend(self.world.items.get(chance.below(self.world.items.len())));
        }
        for item in named {
            let id = (0..)
                .map(|n| match n {
                    0 => item.id(),
                    1 => format!("fix-{}", item.id()),
                    n => format!("fix-{}-{n}", item.id()),
                })
                .find(|id| old.iter().all(|step| step.id != id))
                .unwrap_or_default();
            steps.push(self.again(item, &id, reason, plans));
            known.push(id);
        }
    }

    fn chance(&self, item: &Item, version: u64) -> Chance {
        Chance::new(self.seed)
            .about("plan")
            .about(&self.world.name)
            .about(&self.profile.name)
            .with(item.number as u64)
            .with(version)
    }

    /// A step planned anew: what was drawn for it before is drawn again.
    fn again(&self, item: &Item, id: &str, reason: &str, plans: &mut Plans) -> Value {
        let version = plans.versions.entry(item.id()).or_default();
        *version += 1;
        let chance = self.chance(item, *version);
        self.step(item, (id, *version), reason, chance)
    }

    fn step(&self, item: &Item, (id, version): (&str, u64), reason: &str, chance: Chance) -> Value {
        let world = self.world;
        let mut needs: Vec<String> = item.needs.iter().map(|n| world.items[*n].id()).collect();
        if chance
            .about("missing dependency")
            .hit(self.profile.missing_dependency)
        {
            needs.truncate(0);
        }
        let (open, _) = item.manifest();
        let number = &open[..2];
        let mut description = format!(
            "{} {} as {} says.{} End it with the line `owner: {}`. Put the key behind {number} in MANIFEST.",
            capital(item.verb()),
            item.path,
            item.doc(),
            world.needs_in_words(item),
            world.owner
        );
        if version > 1 {
            description.push_str(&format!(" (Planned again, {version}.)"));
        }
        json!({
            "id": id,
            "title": format!("{} {}: {} {}", world.name, item.id(), item.verb(), item.path),
            "description": description,
            "criteria": [
                format!("{} holds the key and the clauses that {} asks for.", item.path, item.doc()),
                format!("{} ends with the line `owner: {}`.", item.path, world.owner),
            ],
            "depends_on": needs,
            "tier": self.tier,
            "checks": self.checks(item, reason, chance),
            "outputs": [item.path, "MANIFEST"],
            "expected_files": [item.path, "MANIFEST"],
            "size": "S",
            "inspect": false,
        })
    }

    /// Where the step goes: at the end, but before what it needs when that was not seen.
    fn place(&self, item: &Item, step: &Value, order: &[(String, Value)]) -> usize {
        let forgot = step["depends_on"].as_array().is_some_and(Vec::is_empty);
        let Some(need) = item.needs.first().filter(|_| forgot) else {
            return order.len();
        };
        let need = self.world.items[*need].id();
        order
            .iter()
            .position(|(id, _)| *id == need)
            .unwrap_or(order.len())
    }

    fn checks(&self, item: &Item, reason: &str, chance: Chance) -> Vec<Value> {
        let quality = chance.about("quality").unit();
        let (trivial, impossible) = (self.profile.trivial_check, self.profile.impossible_check);
        let mut checks = if quality < trivial {
            vec![self.trivial(item, chance)]
        } else if quality < trivial + impossible {
            vec![self.impossible(item, chance)]
        } else {
            self.proper(item, reason, chance)
        };
        if chance
            .about("constraint")
            .hit(self.nature.constraint_checked)
        {
            let regex = format!("^owner: {}$", self.world.owner);
            checks.push(contains(&item.path, &regex));
        }
        checks
    }

    /// Passes whatever is done.
    fn trivial(&self, item: &Item, chance: Chance) -> Value {
        let form = chance.about("form").unit();
        let (constant, before) = self.nature.trivial_forms;
        if form < constant {
            let lines = [
                "true".to_owned(),
                "echo ok".to_owned(),
                format!("cat {} || true", item.path),
                "exit 0".to_owned(),
            ];
            return command(&lines[chance.about("line").below(lines.len())]);
        }
        if form < constant + before {
            return match chance.about("line").below(3) {
                0 => json!({"kind": "file_exists", "path": "MANIFEST"}),
                1 => contains("README.md", "small project"),
                _ => command(&format!("test -f {}", item.doc())),
            };
        }
        json!({"kind": "file_exists", "path": item.path})
    }

    /// Passes whatever is not done.
    fn impossible(&self, item: &Item, chance: Chance) -> Value {
        let clause = chance.about("clause").below(CLAUSES);
        if chance.about("form").hit(self.nature.impossible_path) {
            let path = format!("results/{}.txt", item.id());
            return contains(&path, &format!("^{}$", item.clause(clause, 0)));
        }
        contains(&item.path, &format!("^{}$", item.clause(clause, 11)))
    }

    /// Sees a part of what can be wrong: some clauses that follow each other.
    fn proper(&self, item: &Item, reason: &str, chance: Chance) -> Vec<Value> {
        let share = self.profile.check_catches;
        let count = chance
            .about("share")
            .around(share * CLAUSES as f64)
            .clamp(1, CLAUSES);
        let room = CLAUSES - count + 1;
        let from = match clause_named(reason) {
            Some(named) => named.min(room - 1),
            None => chance.about("from").below(room),
        };
        let lines: Vec<String> = (from..from + count).map(|at| item.clause(at, 0)).collect();
        let main = if chance.about("script").hit(0.5) {
            let words: Vec<String> = lines.iter().map(|line| format!("'{line}'")).collect();
            command(&format!("sh {SCRIPT} {} {}", item.path, words.join(" ")))
        } else {
            contains(&item.path, &format!("^{}$", lines.join("\n")))
        };
        let mut checks = vec![main];
        if chance.about("manifest").hit(share) {
            checks.push(contains("MANIFEST", &format!("^{}$", item.manifest().1)));
        }
        checks
    }
}

fn answer(steps: Vec<Value>) -> Reply {
    Reply::json(&json!({"analysis": "Each step makes one file.", "subtasks": steps}))
}

fn command(line: &str) -> Value {
    json!({"kind": "command", "command": line, "exit": 0})
}

fn contains(path: &str, regex: &str) -> Value {
    json!({"kind": "file_contains", "path": path, "regex": regex})
}

fn remember(plans: &mut Plans, step: &Value) {
    if let Some(id) = step["id"].as_str() {
        plans.steps.insert(id.to_owned(), step.clone());
    }
}

/// A step cannot depend on one that is not in the plan.
fn keep_known(step: &mut Value, ids: &[String]) {
    if let Some(needs) = step["depends_on"].as_array_mut() {
        needs.retain(|need| ids.iter().any(|id| Some(id.as_str()) == need.as_str()));
    }
}

/// What was wrong with the plan that was proposed last.
fn errors(request: &Request) -> Option<String> {
    let text = request.last()?.text.as_deref()?;
    let start = text.find("This plan cannot be used:")?;
    Some(text[start..].to_owned())
}

/// The prompt proper: the message that tells what is to be planned.
fn prompt(request: &Request) -> &str {
    let mut texts = request.opening().iter().filter_map(|m| m.text.as_deref());
    texts.next_back().unwrap_or_default()
}

fn old_steps(prompt: &str) -> Vec<Old<'_>> {
    let Some(list) = between(prompt, "The plan so far:\n", "Why a new plan is needed:") else {
        return Vec::new();
    };
    list.lines()
        .filter_map(|line| {
            let (id, rest) = line.strip_prefix("- ")?.split_once(" (")?;
            let (status, _) = rest.split_once("): ")?;
            Some(Old { id, status })
        })
        .collect()
}

/// The item that a step is about: `s03`, `fix-s03`, `fix-s03-2`.
fn item_of<'a>(world: &'a World, id: &str) -> Option<&'a Item> {
    let bare = id.strip_prefix("fix-").unwrap_or(id);
    world.item(bare.split('-').next().unwrap_or(bare))
}

fn names(text: &str, id: &str) -> bool {
    text.contains(&format!("`{id}`"))
}

/// Whether a text names the step, its file, or its line in `MANIFEST`.
fn about(text: &str, item: &Item) -> bool {
    let (_, done) = item.manifest();
    names(text, &item.id()) || text.contains(&item.path) || text.contains(&done)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
