//! Several executions of one step, where nothing strong can judge a single one: when a step has them,
//! what follows when they were compared, and the end of those that were not taken.
//!
//! They are attempts like any other, one after the other, each in a fork of the state that the first
//! one began with. One that passes its gate is set aside instead of merged. So forks, gates, merges,
//! recovery and costs are those of attempts, and all that is new is the choice.

use super::ending::question;
use crate::compare::{Comparison, differences, ranked};
use crate::state::{Stage, State, Subtask};
use loom_events::{
    AttemptEnd, Check, Compared, Event, OnExpiry, Question, Risk, Rung, Subject, SubtaskId,
    SubtaskSpec, TakenBy, Time, Voting,
};

/// Steps that rest on another one, at whatever distance, before much depends on it.
const MANY_DEPENDENTS: usize = 3;

/// What a step says that takes something away which no check would miss.
const TAKES_AWAY: [&str; 12] = [
    "delete",
    "deletes",
    "remove",
    "removes",
    "drop",
    "drops",
    "erase",
    "purge",
    "wipe",
    "truncate",
    "overwrite",
    "uninstall",
];

/// What is done with executions that nothing tells apart, beside taking one.
const WAYS_OUT: [&str; 4] = ["retry", "skip", "take over", "abort"];

/// The number of the execution that the next attempt at a step is; none when it stands alone.
pub(super) fn next(state: &State, (id, sub): (&SubtaskId, &Subtask), kind: Rung) -> Option<u32> {
    let round = &sub.round;
    if round.open() && round.made < state.executions() {
        return Some(round.made + 1);
    }
    let able = kind != Rung::ByHand && state.new.workspace.is_some() && !sub.spec.inspect;
    (able && state.vote(&sub.spec) == Voting::Executions && state.executions() > 1).then_some(())?;
    // Until one was prepared nobody knows what its checks can prove.
    let weak = sub.strong != Some(true);
    // Who asks for it of one step need not say why.
    let asked = sub.spec.vote.is_some();
    let at_stake = asked
        || destructive(&sub.spec)
        || sub.differently
        || dependents(state, id) >= MANY_DEPENDENTS;
    (weak && at_stake).then_some(1)
}

/// Whether a step takes something away. A wrong yes costs two more executions, a wrong no some doubt.
fn destructive(spec: &SubtaskSpec) -> bool {
    let says = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric())
            .any(|word| TAKES_AWAY.contains(&word.to_lowercase().as_str()))
    };
    says(&spec.title)
        || says(&spec.description)
        || spec
            .every_check()
            .any(|c| matches!(c, Check::FileAbsent { .. }))
}

/// How many steps of the plan rest on this one.
fn dependents(state: &State, id: &SubtaskId) -> usize {
    let mut on_it: Vec<&SubtaskId> = vec![id];
    let mut at = 0;
    while let Some(of) = on_it.get(at).copied() {
        at += 1;
        for spec in &state.plan.subtasks {
            if spec.depends_on.contains(of) && !on_it.contains(&&spec.id) {
                on_it.push(&spec.id);
            }
        }
    }
    on_it.len() - 1
}

/// What follows for a step whose last execution has ended.
pub(super) fn follows(
    state: &State,
    (id, sub): (&SubtaskId, &Subtask),
    now: Time,
) -> Option<Vec<Event>> {
    match sub.round.compared(state.executions()) {
        Comparison::Open => Some(vec![Event::SubtaskRetrying {
            subtask: id.clone(),
            rung: sub.rung,
            not_before: now,
        }]),
        // Once there is a place for it; and nobody is the ladder's.
        Comparison::Known(Compared::Taken { .. }) | Comparison::Nobody => None,
        Comparison::Known(Compared::Diverged) if !sub.round.diverged => {
            Some(vec![compared(id, sub, Compared::Diverged)])
        }
        Comparison::Known(Compared::Diverged) => ask(state, (id, sub), now),
    }
}

fn compared(id: &SubtaskId, sub: &Subtask, outcome: Compared) -> Event {
    Event::ExecutionsCompared {
        subtask: id.clone(),
        standings: ranked(&sub.round.candidates()),
        outcome,
    }
}

/// The execution that counts, for whoever has a place for it.
pub(super) fn taken(state: &State, id: &SubtaskId, sub: &Subtask) -> Option<Vec<Event>> {
    let waits = matches!(sub.stage, Stage::Tried { .. }) && sub.round.open() && sub.help.is_none();
    let outcome = match (sub.round.compared(state.executions()), sub.round.chosen) {
        _ if !waits => return None,
        (Comparison::Known(known @ Compared::Taken { .. }), _) => known,
        (Comparison::Known(Compared::Diverged), Some(attempt)) => Compared::Taken {
            attempt,
            by: TakenBy::Human,
        },
        (Comparison::Known(Compared::Diverged) | Comparison::Open | Comparison::Nobody, _) => {
            return None;
        }
    };
    Some(vec![compared(id, sub, outcome)])
}

fn ask(state: &State, (id, sub): (&SubtaskId, &Subtask), now: Time) -> Option<Vec<Event>> {
    let subject = Subject::Executions {
        subtask: id.clone(),
    };
    if !state.going() || sub.round.chosen.is_some() || state.asked(&subject) {
        return None;
    }
    let candidates = sub.round.candidates();
    let taking = (1..=candidates.len()).map(|at| format!("take {at}"));
    let asked = Question {
        subject,
        reason: format!(
            "`{id}`: {} executions passed and made different things, and nothing tells which is right",
            candidates.len()
        ),
        action: differences(&candidates),
        risk: Risk::Medium,
        rules: Vec::new(),
        choices: taking.chain(WAYS_OUT.map(str::to_owned)).collect(),
        default: None,
    };
    Some(vec![question(state, asked, OnExpiry::Fail, now)])
}

/// The end of an execution that waits in vain.
pub(super) fn outvoted(state: &State, _: Time) -> Option<Vec<Event>> {
    if !state.active() {
        return None;
    }
    state.subs.iter().find_map(|(id, sub)| {
        let aside = sub.round.aside.first()?;
        let waits = match &sub.stage {
            Stage::Pending | Stage::Running(_) | Stage::Tried { .. } => true,
            Stage::Completed(_) | Stage::Failed | Stage::Blocked | Stage::Skipped(_) => false,
        };
        let in_vain = !waits || sub.round.over || sub.help.is_some();
        in_vain.then(|| vec![ended(id, sub, aside.attempt.id)])
    })
}

/// The event that ends one.
pub(crate) fn ended(id: &SubtaskId, sub: &Subtask, attempt: loom_events::AttemptId) -> Event {
    let feedback = match sub.round.diverged {
        true => "several executions of this step passed and made different things",
        false => "another execution of this step was taken",
    };
    Event::AttemptEnded {
        attempt,
        subtask: id.clone(),
        why: AttemptEnd::Outvoted,
        feedback: feedback.to_owned(),
        counts: false,
    }
}
