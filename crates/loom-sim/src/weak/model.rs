//! The models of a server, as one responder: who is asked, about which world, in which role.

use super::chance::hash;
use super::dispute;
use super::executor::Work;
use super::mind::between;
use super::planner::{Planning, Plans};
use super::verifier::Judging;
use super::world::World;
use super::{Nature, Profile};
use crate::fault::{Fault, Refused};
use crate::recognize::Role;
use crate::reply::{Reply, Responder};
use crate::request::Request;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Simulated models that err as their profiles say.
pub struct WeakModels {
    seed: u64,
    nature: Nature,
    profiles: Vec<(String, Profile, u64)>,
    hidden: Mutex<Hidden>,
}

/// What a model cannot tell from a request, and would know: which try it is, what it planned.
#[derive(Default)]
struct Hidden {
    attempts: HashMap<String, u64>,
    openings: HashMap<u64, u64>,
    plans: HashMap<String, Plans>,
}

impl WeakModels {
    /// Models by the id that requests name. The number is the size class that a planner asks for.
    #[must_use]
    pub fn new(seed: u64, nature: Nature, profiles: Vec<(String, Profile, u64)>) -> Self {
        Self {
            seed,
            nature,
            profiles,
            hidden: Mutex::default(),
        }
    }

    fn profile(&self, request: &Request) -> Option<(&Profile, u64)> {
        let asked = self.profiles.iter().find(|(id, ..)| *id == request.model);
        let (_, profile, tier) = asked.or(self.profiles.first())?;
        Some((profile, *tier))
    }

    /// Everything is whole between any two of its changes.
    fn hidden(&self) -> MutexGuard<'_, Hidden> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, request: &Request, world: &World, profile: &Profile) -> Reply {
        let title = request
            .opening()
            .iter()
            .filter_map(|message| between(message.text.as_deref()?, "Your step: ", "\n"))
            .next_back()
            .unwrap_or_default();
        let mut words = title.split_whitespace();
        let step = words.find_map(|word| world.item(word.strip_suffix(':')?));
        let which = step.map_or_else(|| "all".to_owned(), super::Item::id);
        let attempt = self.attempt(request, &format!("{} {which}", world.name));
        let work = Work {
            seed: self.seed,
            world,
            profile,
            nature: &self.nature,
            item: step,
            attempt,
        };
        work.answer(request)
    }

    /// Which attempt at its step a conversation is, from 1: each begins with a request without answers.
    fn attempt(&self, request: &Request, step: &str) -> u64 {
        let opening = request.opening().iter().filter_map(|m| m.text.as_deref());
        let opening = opening.fold(hash(step), |sum, text| sum.rotate_left(7) ^ hash(text));
        let mut hidden = self.hidden();
        if request.turn() > 0
            && let Some(known) = hidden.openings.get(&opening)
        {
            return *known;
        }
        let count = hidden.attempts.entry(step.to_owned()).or_default();
        *count += 1;
        let count = *count;
        hidden.openings.insert(opening, count);
        count
    }
}

impl Responder for WeakModels {
    fn respond(&self, request: &Request) -> Reply {
        let texts = request.opening().iter().filter_map(|m| m.text.as_deref());
        let world = texts
            .filter_map(|text| World::named_in(self.seed, text))
            .next_back();
        let (Some(world), Some((profile, tier))) = (world, self.profile(request)) else {
            return refused("this request is about no world that is known here");
        };
        let planning = Planning {
            seed: self.seed,
            world: &world,
            profile,
            nature: &self.nature,
            tier,
        };
        if dispute::is_asked(request) {
            let mut hidden = self.hidden();
            let plans = hidden.plans.entry(world.name.clone()).or_default();
            return planning.settle(request, plans);
        }
        match request.role {
            Some(Role::Executor) => self.work(request, &world, profile),
            Some(Role::Planner) => {
                let mut hidden = self.hidden();
                let plans = hidden.plans.entry(world.name.clone()).or_default();
                planning.plan(request, plans)
            }
            Some(Role::Replanner) => {
                let mut hidden = self.hidden();
                let plans = hidden.plans.entry(world.name.clone()).or_default();
                planning.replan(request, plans)
            }
            Some(Role::Verifier) => Judging {
                seed: self.seed,
                world: &world,
                profile,
                nature: &self.nature,
            }
            .verdict(request),
            Some(Role::Extractor) => {
                Reply::json(&json!({"summary": "the file is written", "entries": []}))
            }
            None => refused("nobody knows who is being asked"),
        }
    }
}

fn refused(why: &str) -> Reply {
    Reply::default().with_fault(Fault::Http(Refused {
        status: 400,
        message: Some(why.to_owned()),
        retry_after: None,
    }))
}
