//! What should be running. Derived from the state each time: there is no list of things to do.

use super::{doubt, finish, lane};
use crate::state::{Acting, Attempt, CallState, Extraction, Last, Proposed, Stage, State};
use loom_events::{Class, EffectId, Said, Time, Work};

/// Read-only calls of one reply that run at once. Small: they are for sharing one commit and the
/// waits of a slow disk, not for load.
const READ_BATCH: usize = 8;

/// Extractions that run at once. One: they use the utility model beside the work that matters.
const EXTRACTIONS: usize = 1;

/// An effect that should be running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) work: Work,
    pub(super) class: Class,
    /// After a transient failure: not before this time.
    pub(super) not_before: Option<Time>,
}

impl Wish {
    const fn new(work: Work, class: Class, not_before: Option<Time>) -> Self {
        Self {
            work,
            class,
            not_before,
        }
    }
}

pub(super) fn wishes(state: &State) -> Vec<Wish> {
    let mut wishes = Vec::new();
    // What waits for another task touches nothing, also when it is to end.
    if state.going() || (state.stopping() && !state.queued) {
        reconciliations(state, &mut wishes);
        take_back(state, &mut wishes);
    }
    if state.going() {
        plan(state, &mut wishes);
        for (_, attempt) in state.running() {
            attempt_wishes(state, attempt, &mut wishes);
        }
        extractions(state, &mut wishes);
        last_gate(state, &mut wishes);
    }
    wishes
}

/// What runs and should not: work for somebody who is gone, and while paused whatever can be asked
/// again. A merge, an un-merge and a reconciliation are short and are left to finish; so is, while
/// paused, a call that cannot be put back.
pub(super) fn unwanted(state: &State) -> Vec<EffectId> {
    let effects = state.inflight.iter().filter(|(_, effect)| !effect.doubt);
    let unwanted = effects.filter(|(_, effect)| {
        let short = matches!(
            effect.work,
            Work::Merge { .. } | Work::Unmerge { .. } | Work::Reconcile { .. }
        );
        let again = matches!(effect.class, Class::Pure | Class::Restorable);
        let alive = state.wanted_by_owner(&effect.work);
        !short && (!alive || (state.paused && again))
    });
    unwanted.map(|(id, _)| *id).collect()
}

fn reconciliations(state: &State, wishes: &mut Vec<Wish>) {
    for (id, effect) in state.inflight.iter().filter(|(_, effect)| effect.doubt) {
        let looked_at = match effect.class {
            Class::Pure => false,
            Class::Hashed | Class::Restorable => true,
            Class::Unknowable => !effect.recorded,
        };
        if looked_at && effect.settling.failures < doubt::tries(state) {
            let work = Work::Reconcile { intent: *id };
            wishes.push(Wish::new(work, Class::Pure, effect.settling.until));
        }
    }
}

/// Merges are taken back one at a time, the newest first: it lies on top.
fn take_back(state: &State, wishes: &mut Vec<Wish>) {
    let busy = state
        .inflight
        .values()
        .any(|effect| matches!(effect.work, Work::Merge { .. } | Work::Recheck { .. }));
    let mut debts = state.debts.iter().rev();
    let payable = debts.find(|(_, debt)| debt.tries.failures < doubt::tries(state));
    if let Some((attempt, debt)) = payable.filter(|_| !busy) {
        let work = Work::Unmerge { attempt: *attempt };
        wishes.push(Wish::new(work, Class::Restorable, debt.tries.until));
    }
}

fn plan(state: &State, wishes: &mut Vec<Wish>) {
    let Some(planning) = &state.planning else {
        return;
    };
    if planning.stage == Proposed::Nothing {
        let work = Work::Plan {
            planning: planning.id,
            round: planning.round,
        };
        wishes.push(Wish::new(work, Class::Pure, planning.backoff.until));
    }
}

fn attempt_wishes(state: &State, attempt: &Attempt, wishes: &mut Vec<Wish>) {
    let id = attempt.id;
    let held_up =
        !attempt.fork && attempt.last != Last::Started && !lane::may_work_in_place(state, attempt);
    if held_up || attempt.in_hand() || !lane::may_be_handed(state, attempt) {
        return;
    }
    let mut wish = |work, class| wishes.push(Wish::new(work, class, attempt.backoff.until));
    match &attempt.last {
        Last::Started => wish(Work::Prepare { attempt: id }, Class::Restorable),
        Last::Prepared | Last::Nudged => wish(model(attempt), Class::Pure),
        Last::Acting(acting) if acting.answered() => wish(model(attempt), Class::Pure),
        Last::Acting(acting) => {
            for (work, class) in calls(state, attempt, acting) {
                wish(work, class);
            }
        }
        Last::Spoke {
            said: Said::Done,
            unreadable: false,
        } => wish(verify(attempt, 0), Class::Restorable),
        Last::Unsure { round, .. } => wish(verify(attempt, round + 1), Class::Restorable),
        Last::Passed(proof) if attempt.fork && !state.needs_approval(attempt, proof) => {
            if lane::may_merge(state, attempt) {
                wish(Work::Merge { attempt: id }, Class::Restorable);
            }
        }
        Last::Agreed(_) if attempt.fork => {
            if lane::may_merge(state, attempt) {
                wish(Work::Merge { attempt: id }, Class::Restorable);
            }
        }
        Last::Merged {
            base_moved: true, ..
        } => wish(Work::Recheck { attempt: id }, Class::Restorable),
        // An event follows, or a human's answer.
        Last::Spoke { .. }
        | Last::GateFailed { .. }
        | Last::Passed(_)
        | Last::Agreed(_)
        | Last::Merged { .. }
        | Last::Rechecked(_)
        | Last::Conflict(_)
        | Last::Denied(_)
        | Last::Failed(_)
        | Last::Ended(_) => {}
    }
}

const fn model(attempt: &Attempt) -> Work {
    Work::Model {
        attempt: attempt.id,
        turn: attempt.turn,
    }
}

const fn verify(attempt: &Attempt, round: u32) -> Work {
    Work::Verify {
        attempt: attempt.id,
        gate: attempt.gate,
        round,
    }
}

/// The calls of a reply run one after the other, in the order of the reply. A row of read-only ones
/// may run at once: they cannot see each other.
fn calls(state: &State, attempt: &Attempt, acting: &Acting) -> Vec<(Work, Class)> {
    let ready = |at: &usize| {
        let call = &acting.calls[*at];
        match &call.state {
            CallState::Waiting | CallState::Granted(..) => true,
            CallState::Held(_) => state.granted(call),
            CallState::Asked(_) | CallState::Answered => false,
        }
    };
    let mut open = (0..acting.calls.len())
        .filter(|at| acting.calls[*at].state != CallState::Answered)
        .peekable();
    let alone = open
        .peek()
        .is_some_and(|at| acting.calls[*at].class != Class::Pure);
    let row = open.take_while(|at| alone || acting.calls[*at].class == Class::Pure);
    let row = row.take(if alone { 1 } else { READ_BATCH });
    row.filter(ready)
        .map(|at| {
            let work = Work::Tool {
                attempt: attempt.id,
                turn: attempt.turn - 1,
                call: u32::try_from(at).unwrap_or(u32::MAX),
            };
            (work, acting.calls[at].class)
        })
        .collect()
}

/// Extraction does not hold up what depends on the subtask, only the end of the task.
fn extractions(state: &State, wishes: &mut Vec<Wish>) {
    let owed = state.subs.iter().filter_map(|(id, sub)| {
        let Stage::Completed(done) = &sub.stage else {
            return None;
        };
        let Extraction::Owed(backoff) = &done.extraction else {
            return None;
        };
        let work = Work::Extract {
            subtask: id.clone(),
            attempt: done.attempt,
        };
        Some(Wish::new(work, Class::Pure, backoff.until))
    });
    wishes.extend(owed.take(EXTRACTIONS));
}

fn last_gate(state: &State, wishes: &mut Vec<Wish>) {
    if finish::last_gate_due(state) {
        let work = Work::Final {
            version: state.version,
            round: state.finale.round,
        };
        wishes.push(Wish::new(
            work,
            Class::Restorable,
            state.finale.backoff.until,
        ));
    }
}
