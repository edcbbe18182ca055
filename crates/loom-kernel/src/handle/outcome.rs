//! Outcomes of effects. Two fences: an effect that is not in flight, or that an earlier runner
//! started, is rejected. One whose owner is gone is *booked* all the same, since its tokens and its
//! changed files are real; `apply` gives it no influence.

use super::Rejection;
use crate::state::{InFlight, State};
use loom_events::{EffectId, Event, Outcome, Question, Subject, Verdict, VerdictResult, Work};

pub(super) fn fence(state: &State, id: EffectId) -> Result<&InFlight, Rejection> {
    let effect = id;
    let found = state.inflight.get(&id);
    let found = found.ok_or(Rejection::NotInFlight { effect })?;
    if found.doubt {
        return Err(Rejection::EarlierRunner { effect });
    }
    Ok(found)
}

pub(super) fn handle(
    state: &State,
    effect: EffectId,
    outcome: &Outcome,
) -> Result<Vec<Event>, Rejection> {
    let work = &fence(state, effect)?.work;
    let event = event(effect, work, outcome).ok_or_else(|| Rejection::WrongOutcome {
        effect,
        work: work.clone(),
    })?;
    Ok(vec![event])
}

/// The event that an outcome of this work is; none when it cannot be one of it.
fn event(effect: EffectId, work: &Work, outcome: &Outcome) -> Option<Event> {
    Some(match (outcome.clone(), work) {
        (
            Outcome::Planned {
                proposal,
                answer,
                usage,
                model,
            },
            Work::Plan { .. },
        ) => Event::PlanProposed {
            effect,
            proposal,
            answer,
            usage,
            model,
        },
        (Outcome::Prepared(prepared), Work::Prepare { attempt }) => Event::AttemptPrepared {
            effect,
            attempt: *attempt,
            prepared,
        },
        (Outcome::Replied(reply), Work::Model { .. }) => {
            Event::ModelCallCompleted { effect, reply }
        }
        (Outcome::ToolDone(result), Work::Tool { .. }) => {
            Event::ToolCallCompleted { effect, result }
        }
        (Outcome::ToolHeld(question), Work::Tool { .. }) if about(work, &question) => {
            Event::ToolCallHeld { effect, question }
        }
        (Outcome::Verified(verdict), Work::Verify { .. } | Work::Final { .. })
        | (Outcome::Rechecked(verdict), Work::Recheck { .. }) => verified(effect, verdict),
        (Outcome::Merged { base_moved }, Work::Merge { .. }) => {
            Event::Merged { effect, base_moved }
        }
        (Outcome::Conflicted { paths }, Work::Merge { .. }) => {
            Event::MergeConflicted { effect, paths }
        }
        (Outcome::Unmerged, Work::Unmerge { .. }) => Event::Unmerged { effect },
        (
            Outcome::Extracted {
                summary,
                fallback,
                usage,
            },
            Work::Extract { subtask, .. },
        ) => Event::ExtractionFinished {
            effect,
            subtask: subtask.clone(),
            summary,
            fallback,
            usage,
        },
        (Outcome::Reconciled(found), Work::Reconcile { intent }) => Event::EffectReconciled {
            effect,
            intent: *intent,
            found,
        },
        (Outcome::Failed(failure), Work::Plan { .. } | Work::Model { .. }) => {
            Event::ModelCallFailed {
                effect,
                failure,
                partial: None,
            }
        }
        (Outcome::CallFailed { failure, partial }, Work::Plan { .. } | Work::Model { .. }) => {
            Event::ModelCallFailed {
                effect,
                failure,
                partial,
            }
        }
        (Outcome::Failed(failure), _) => Event::EffectFailed { effect, failure },
        (Outcome::Interrupted { maybe }, _) => Event::EffectInterrupted { effect, maybe },
        (
            Outcome::Planned { .. }
            | Outcome::Prepared(_)
            | Outcome::Replied(_)
            | Outcome::ToolDone(_)
            | Outcome::ToolHeld(_)
            | Outcome::Verified(_)
            | Outcome::Merged { .. }
            | Outcome::Conflicted { .. }
            | Outcome::Rechecked(_)
            | Outcome::Unmerged
            | Outcome::Extracted { .. }
            | Outcome::CallFailed { .. }
            | Outcome::Reconciled(_),
            _,
        ) => return None,
    })
}

fn verified(effect: EffectId, verdict: Verdict) -> Event {
    match verdict.result {
        VerdictResult::Pass => Event::VerificationPassed { effect, verdict },
        VerdictResult::Fail => Event::VerificationFailed { effect, verdict },
        VerdictResult::Inconclusive => Event::VerificationInconclusive { effect, verdict },
    }
}

/// Whether a question is about the call that was held.
fn about(work: &Work, question: &Question) -> bool {
    let Work::Tool {
        attempt,
        turn,
        call,
    } = work
    else {
        return false;
    };
    match &question.subject {
        Subject::Call {
            attempt: a,
            turn: t,
            call: c,
            ..
        }
        | Subject::Ask {
            attempt: a,
            turn: t,
            call: c,
        } => (a, t, c) == (attempt, turn, call),
        Subject::Result { .. }
        | Subject::Exhausted { .. }
        | Subject::Executions { .. }
        | Subject::ByHand { .. }
        | Subject::Plan { .. }
        | Subject::PlanLimit { .. }
        | Subject::Doubt { .. } => false,
    }
}
