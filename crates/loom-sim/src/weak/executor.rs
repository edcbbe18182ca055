//! A worker: six turns a step, with every mistake that its profile knows.

use super::chance::{Chance, logistic};
use super::mind::{CLAIM, Mind, PHASES, argument, chance_of_try, mark};
use super::world::{CLAUSES, Item, ItemKind, SCRIPT, Slips, World};
use super::{Nature, Profile};
use crate::reply::{Call, Reply};
use crate::request::Request;
use serde_json::json;

/// A request to work.
pub(crate) struct Work<'a> {
    pub(crate) seed: u64,
    pub(crate) world: &'a World,
    pub(crate) profile: &'a Profile,
    pub(crate) nature: &'a Nature,
    /// The step it is about; none when it is about all of them.
    pub(crate) item: Option<&'a Item>,
    /// Counts the attempts at it.
    pub(crate) attempt: u64,
}

/// One turn at one step.
struct Turn<'a> {
    work: &'a Work<'a>,
    mind: &'a Mind<'a>,
    item: &'a Item,
    /// What is drawn once for this try.
    chance: Chance,
}

/// What a model that stops too soon says.
const STOPS: [&str; 6] = [
    "Now I will write the file.",
    "Let me read the specification first.",
    "I'll update the file with the values now.",
    "Next, I will note the key in MANIFEST.",
    "Writing the file now.",
    "I'm going to make the change as described.",
];

/// What a model writes in place of what was to stay.
const ELISIONS: [&str; 5] = [
    "# ... rest of the file unchanged\n",
    "... remaining notes unchanged ...\n",
    "[rest of the file unchanged]\n",
    "# existing notes here\n",
    "",
];

impl Work<'_> {
    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let mind = Mind::of(request, self.world, self.profile, self.nature);
        let Some((item, phase)) = self.next(&mind) else {
            return Reply::text(format!("{CLAIM}all steps. Every step is carried out."));
        };
        let turn = Turn {
            work: self,
            mind: &mind,
            item,
            chance: chance_of_try(self.seed, self.world, item, (self.attempt, mind.claims)),
        };
        turn.mishap().unwrap_or_else(|| turn.act(phase))
    }

    /// The step and phase that are next; none when all is done.
    fn next<'w>(&'w self, mind: &Mind<'_>) -> Option<(&'w Item, usize)> {
        let first = self.item.or(self.world.items.first())?;
        let Some((id, phase)) = &mind.at else {
            return Some((first, 1));
        };
        // After a claim about everything, what was named as wrong is next.
        let named = || {
            self.world
                .items
                .iter()
                .find(|item| mind.told.contains(&item.path))
        };
        let at = self.world.item(id).or_else(named).unwrap_or(first);
        let finished = if self.item.is_some() {
            PHASES
        } else {
            PHASES - 1
        };
        if *phase < finished {
            return Some((at, phase + 1));
        }
        if self.item.is_some() {
            return Some((at, PHASES));
        }
        Some((self.world.items.get(at.number)?, 1))
    }
}

impl Turn<'_> {
    fn profile(&self) -> &Profile {
        self.work.profile
    }

    /// What goes wrong with a turn before it is about the step at all.
    fn mishap(&self) -> Option<Reply> {
        let (profile, mind) = (self.profile(), self.mind);
        let chance = self.chance.about("turn").with(mind.turns as u64);
        if mind.repeats && !(mind.warned && chance.about("heeds").hit(self.work.nature.heeds)) {
            return self.again();
        }
        let worse = (self.work.nature.contagious_hazards * mind.wrong()).exp()
            * (profile.length * mind.length / 16_384.0).exp();
        let mut left = chance.about("hazard").unit();
        let mut strikes = |rate: f64| {
            let rate = rate * worse;
            let struck = left < rate;
            left -= rate;
            struck
        };
        if strikes(profile.premature_stop) {
            return Some(Reply::text(STOPS[chance.about("words").below(STOPS.len())]));
        }
        if strikes(profile.unknown_tool) {
            let call = argument(&self.item.path);
            return Some(Reply::call("str_replace_based_tool", &call));
        }
        if strikes(profile.loop_start) {
            return self.again();
        }
        if strikes(profile.broken_call) {
            return Some(broken(self.act(self.phase())));
        }
        strikes(profile.malformed_call)
            .then(|| malformed(self.act(self.phase()), chance.about("form").below(3)))
    }

    fn phase(&self) -> usize {
        self.work.next(self.mind).map_or(1, |(_, phase)| phase)
    }

    /// The last call once more.
    fn again(&self) -> Option<Reply> {
        let call = self.mind.last_call?;
        let arguments = call.object()?;
        Some(Reply::call(&call.name, &arguments))
    }

    /// The part of the step that is due.
    fn act(&self, phase: usize) -> Reply {
        let item = self.item;
        let chance = self.chance;
        let reply = match phase {
            1 => Reply::call("list_files", &argument("docs"))
                .and_call("read_file", &argument(&item.doc())),
            2 => self.read_needs(),
            3 => self.read_present(),
            4 if self.blocked() => return Reply::text(
                json!({"status": "blocked", "reason": "a file that this step needs is not there"})
                    .to_string(),
            ),
            4 if self.mind.refused == 0
                && chance.about("false claim").hit(self.profile().false_claim) =>
            {
                return self.claim_nothing();
            }
            4 => self.write(),
            5 => self.note(),
            _ => return self.claim(),
        };
        Reply {
            text: mark(item, phase),
            ..reply
        }
    }

    fn claim(&self) -> Reply {
        Reply::text(format!(
            "{CLAIM}{}. I wrote {} and noted it in MANIFEST. Nothing is missing.",
            self.item.id(),
            self.item.path
        ))
    }

    /// In the middle of several steps the next one is begun as if this one were done.
    fn claim_nothing(&self) -> Reply {
        let next = self.work.world.items.get(self.item.number);
        match next.filter(|_| self.work.item.is_none()) {
            None => self.claim(),
            Some(next) => Reply {
                text: mark(next, 1),
                ..Reply::call("read_file", &argument(&next.doc()))
            },
        }
    }

    fn read_needs(&self) -> Reply {
        let items = &self.work.world.items;
        let paths = self.item.needs.iter().map(|need| &*items[*need].path);
        let mut reply = Reply::default();
        for path in paths {
            reply = reply.and_call("read_file", &argument(path));
        }
        if reply.calls.is_empty() {
            reply = reply.and_call("read_file", &argument("README.md"));
        }
        reply
    }

    /// What is there now: before a file is replaced it must have been read.
    fn read_present(&self) -> Reply {
        let reply = Reply::call("read_file", &argument("MANIFEST"));
        let again = self.work.attempt > 1 || self.mind.claims > 0;
        if self.item.kind == ItemKind::Update || again {
            return reply.and_call("read_file", &argument(&self.item.path));
        }
        reply
    }

    fn keys(&self) -> Vec<Option<u64>> {
        let items = &self.work.world.items;
        let needs = self.item.needs.iter();
        needs
            .map(|need| self.mind.key_in(&items[*need].path))
            .collect()
    }

    /// Cannot do it, and says so.
    fn blocked(&self) -> bool {
        let lacks = self.keys().iter().any(Option::is_none);
        lacks
            && !self
                .chance
                .about("claims anyway")
                .hit(self.profile().claims_anyway)
    }

    fn write(&self) -> Reply {
        let (item, chance, profile) = (self.item, self.chance, self.profile());
        let elides = item.kind == ItemKind::Update
            && chance
                .about("elides")
                .with(self.mind.refused as u64)
                .hit(profile.elided_rewrite);
        let slips = Slips {
            wrong_clause: (!self.is_logic_right()).then(|| {
                let clause = chance.about("clause").below(CLAUSES);
                (clause, 1 + chance.about("by").below(9) as u64)
            }),
            forgotten: chance.about("forgets").hit(self.forgetting()),
            draft: match chance.about("wording").hit(self.work.nature.worded_alike) {
                true => 0,
                false => chance.about("draft").below(1_000),
            },
            elided: elides.then(|| ELISIONS[chance.about("elision").below(ELISIONS.len())]),
        };
        let path = if chance.about("wrong file").hit(profile.wrong_file) {
            item.elsewhere()
        } else {
            item.path.clone()
        };
        let content = self.work.world.text(item, &self.keys(), slips);
        Reply::call("write_file", &json!({"path": path, "content": content}))
    }

    fn is_logic_right(&self) -> bool {
        let (profile, nature, mind) = (self.profile(), self.work.nature, self.mind);
        let item = Chance::new(self.work.seed)
            .about("difficulty")
            .about(&self.work.world.name)
            .with(self.item.number as u64);
        let shared = nature.shared_difficulty;
        let z = shared.sqrt() * item.normal()
            + (1.0 - shared).sqrt() * item.about(&profile.name).normal();
        let logit = profile.logic + profile.spread * z
            - profile.contagion * mind.wrong()
            - profile.length * mind.length / 16_384.0
            + mind.feedback(nature)
            + self.aptitude();
        self.chance.about("logic").hit(logistic(logit))
    }

    /// Log-odds that this model has more or less at what this world is about.
    fn aptitude(&self) -> f64 {
        let trade = self.work.world.trade;
        let known = trade.and_then(|trade| self.profile().aptitudes.get(trade.verb()));
        known.copied().unwrap_or_default()
    }

    /// The chance of forgetting the constraint, which grows each time the context was made shorter.
    fn forgetting(&self) -> f64 {
        let once = self.profile().forgotten_constraint;
        let lost = 1.0 - self.work.nature.compaction_forgets * once;
        1.0 - (1.0 - once) * lost.powi(i32::try_from(self.mind.shortened).unwrap_or(i32::MAX))
    }

    /// Notes the step in `MANIFEST`; on the way something else may be changed that should not be.
    fn note(&self) -> Reply {
        let (open, done) = self.item.manifest();
        let broken = format!("{done} (old)");
        let mut reply = if self.mind.saw("MANIFEST", &open) {
            edit("MANIFEST", &open, &done)
        } else if self.mind.saw("MANIFEST", &broken) {
            edit("MANIFEST", &broken, &done)
        } else {
            Reply::call("read_file", &argument(&self.item.path))
        };
        for call in self.regression().into_iter().chain(self.tampering()) {
            reply.calls.push(call);
        }
        reply
    }

    /// An earlier step's result is broken; or put back, when it was noticed.
    fn regression(&self) -> Option<Call> {
        let chance = self.chance.about("regression");
        if let Some(entry) = self.spoiled_entry() {
            let puts_back = chance.about("back").hit(self.work.nature.puts_back);
            let reply = edit("MANIFEST", &format!("{entry} (old)"), &entry);
            return puts_back.then(|| reply.calls.into_iter().next())?;
        }
        if !chance.hit(self.profile().regression) {
            return None;
        }
        let is_done = |item: &&Item| {
            item.number != self.item.number && self.mind.saw("MANIFEST", &item.manifest().1)
        };
        let done: Vec<&Item> = self.work.world.items.iter().filter(is_done).collect();
        let victim = done.get(chance.about("whose").below(done.len()))?;
        let reply = if chance.about("where").hit(0.5) {
            let line = victim.manifest().1;
            edit("MANIFEST", &line, &format!("{line} (old)"))
        } else {
            let line = victim.clause(chance.about("clause").below(CLAUSES), 0);
            edit(&victim.path, &line, &format!("{line} (old)"))
        };
        reply.calls.into_iter().next()
    }

    /// An entry of another step that it changed, as it was told.
    fn spoiled_entry(&self) -> Option<String> {
        let told = |item: &&Item| {
            let said = format!("keeps the entry of the step `{}`", item.id());
            self.mind.told.contains(&said)
        };
        let entry = self.work.world.items.iter().find(told)?.manifest().1;
        let is_spoiled = self.mind.saw("MANIFEST", &format!("{entry} (old)"));
        is_spoiled.then_some(entry)
    }

    /// A test is made to pass; or put back, when it was noticed.
    fn tampering(&self) -> Option<Call> {
        let chance = self.chance.about("tampering");
        let change = |from: &str, to: &str| edit(SCRIPT, from, to).calls.into_iter().next();
        if self.mind.told.contains(SCRIPT) && self.mind.told.contains("stays as it was") {
            let puts_back = chance.about("back").hit(self.work.nature.puts_back);
            return puts_back.then(|| change("exit 0 ;;", "exit 1 ;;"))?;
        }
        let rate = if self.mind.reasons.0 > 0 {
            self.profile().tampering
        } else {
            self.profile().tampering_before
        };
        chance.hit(rate).then(|| change("exit 1 ;;", "exit 0 ;;"))?
    }
}

fn edit(path: &str, old: &str, new: &str) -> Reply {
    Reply::call(
        "edit_file",
        &json!({"path": path, "old_text": old, "new_text": new}),
    )
}

/// A call that is cut off.
fn broken(mut reply: Reply) -> Reply {
    reply.calls.truncate(1);
    if let Some(call) = reply.calls.first_mut() {
        let end = call
            .arguments
            .floor_char_boundary(call.arguments.len() * 3 / 5);
        call.arguments.truncate(end);
    }
    reply
}

/// A call that is not quite JSON.
fn malformed(mut reply: Reply, form: usize) -> Reply {
    for call in &mut reply.calls {
        let bare = call.arguments.trim_end_matches('}').to_owned();
        call.arguments = match form {
            0 => format!("{bare},}}"),
            1 => call.arguments.replace("\\n", "\n"),
            _ => format!("```json\n{}\n```", call.arguments),
        };
    }
    reply
}
