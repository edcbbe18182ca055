//! What is next. This is the page to read.
//!
//! A rule looks at the state and says what must be recorded, if anything. The first one that has
//! something to say is heard, its events are applied, and the list begins again from the top. When
//! no rule has anything to say, the state is at its fixpoint, and [`wishes`] says what should be
//! running: effects are derived from the state each time, never remembered as a consequence of an
//! event. So a journal that was cut anywhere goes on: whatever had not been recorded is said again.
//!
//! The order matters where it is explained beside the rule.

mod attempt;
mod doubt;
mod ending;
pub(crate) mod executions;
mod expiry;
mod finish;
mod ladder;
mod lane;
mod limits;
mod planning;
mod replan;
mod schedule;
mod settle;
mod stopping;
mod summary;
mod supersede;
mod wishes;
mod withdraw;

use crate::state::State;
use loom_events::{Class, EffectId, Event, Time, Work};
use wishes::Wish;

/// What follows from a state.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// This is to be recorded; then decide again.
    Record(Vec<Event>),
    /// Nothing is to be recorded.
    Quiet {
        /// What should run and does not.
        start: Vec<(Work, Class)>,
        /// What runs and should not.
        stop: Vec<EffectId>,
        /// When something will follow from the passing of time alone.
        wake_at: Option<Time>,
    },
}

/// A part of what is decided. Total, and idempotent once its events are applied.
pub(crate) type Rule = fn(&State, Time) -> Option<Vec<Event>>;

/// The rules, in their order. The names are for tests that leave one out.
pub(crate) const RULES: [(&str, Rule); 15] = [
    // A merged and judged result counts, even if the task is stopped in the same instant: taking
    // it back would undo verified work.
    ("settle", settle::completed),
    // Before any other question is asked: whoever said `abort` is not to be asked again.
    ("ending", ending::ended),
    // Nothing else can be said about effects that may or may not have happened.
    ("doubt", doubt::settled),
    // A question without a subject must not hold the end up, nor expire.
    ("withdraw", withdraw::withdrawn),
    // Once the end is decided, only stopping and putting back follows.
    ("stopping", stopping::stopped),
    // Before anything that starts something.
    ("limits", limits::reached),
    ("expiry", expiry::expired),
    ("planning", planning::planned),
    // Before the attempts are asked what follows from them: those of an old plan have no say.
    ("supersede", supersede::superseded),
    ("attempt", attempt::consequences),
    // Before the ladder, which begins a step again that a human wants begun again.
    ("executions", executions::outvoted),
    ("ladder", ladder::climbed),
    // After the ladder, whose re-plans come first; before the schedule, which would start what a
    // new plan is about to change.
    ("replan", replan::replanned),
    ("schedule", schedule::scheduled),
    ("finish", finish::finished),
];

/// Says what follows from a state at a time.
#[must_use]
pub fn decide(state: &State, now: Time) -> Decision {
    decide_by(&RULES, state, now)
}

/// [`decide`] by other rules, for tests that plant a fault.
pub(crate) fn decide_by(rules: &[(&str, Rule)], state: &State, now: Time) -> Decision {
    let said = rules.iter().find_map(|(_, rule)| rule(state, now));
    said.map_or_else(|| quiet(state, now), Decision::Record)
}

fn quiet(state: &State, now: Time) -> Decision {
    let wishes = wishes::wishes(state);
    let due = |wish: &&Wish| wish.not_before.is_none_or(|at| at <= now);
    let idle = |wish: &&Wish| state.in_flight(&wish.work).is_none();
    let start = wishes.iter().filter(idle).filter(due);
    Decision::Quiet {
        start: start.map(|wish| (wish.work.clone(), wish.class)).collect(),
        stop: wishes::unwanted(state),
        wake_at: wake_at(state, &wishes, now),
    }
}

/// Deadlines are no effects: they sit in the state, and this is the next of them.
fn wake_at(state: &State, wishes: &[Wish], now: Time) -> Option<Time> {
    let waiting = wishes.iter().filter_map(|wish| wish.not_before);
    let retries = waiting.filter(|at| *at > now);
    let expiries = state.questions.values().filter_map(|open| {
        let at = open.expires_at(state)?;
        state.going().then_some(at)
    });
    retries.chain(expiries).chain(limits::deadline(state)).min()
}
