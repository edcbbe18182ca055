//! `continue`: a task that begins where another one was. Its plan is taken over, and the results that
//! count are facts of this task; the rest follows from them.

use super::{Rejection, create};
use crate::state::State;
use loom_events::{Continued, EffectId, Event, Seq};

pub(super) fn handle(state: &State, past: &Continued) -> Result<Vec<Event>, Rejection> {
    let mut events = create::handle(state, &past.task)?;
    events.push(Event::TaskContinued {
        from: past.from,
        at: past.at,
    });
    if past.plan.subtasks.is_empty() {
        return Ok(events);
    }
    let planned = |kept: &loom_events::Kept| {
        let mut specs = past.plan.subtasks.iter();
        specs.any(|spec| spec.id == kept.subtask)
    };
    if let Some(stray) = past.kept.iter().find(|kept| !planned(kept)) {
        let subtask = stray.subtask.clone();
        return Err(Rejection::NoSubtask { subtask });
    }
    events.push(Event::TaskPlanReady {
        planning: None,
        version: 1,
        plan: past.plan.clone(),
        fallback: false,
    });
    events.extend(past.kept.iter().cloned().map(Event::SubtaskKept));
    let facts = past.facts.iter().cloned();
    events.extend(facts.map(|entry| Event::MemoryEntryCreated {
        // None of this task's: it was noted before.
        effect: EffectId(Seq::ZERO),
        entry,
    }));
    Ok(events)
}
