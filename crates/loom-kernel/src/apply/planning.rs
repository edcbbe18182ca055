//! Plans: proposed, rejected, abandoned, accepted.

use super::{Place, take, wrong};
use crate::Impossible;
use crate::state::{Backoff, Finale, FinaleStage, Planning, Proposed, Stage, State, Subtask};
use loom_events::{
    EffectId, Plan, PlanReason, PlanningId, Proposal, Seq, SkippedBy, SubtaskSpec, Usage, Work,
};

pub(super) fn began(
    state: &mut State,
    at: &Place,
    why: &PlanReason,
    steer_upto: Seq,
) -> Result<(), Impossible> {
    if state.planning.is_some() || !state.active() {
        return Err(unfit(at));
    }
    // What led to it is dealt with now, even if nothing comes of it: else it would be asked for ever.
    match why {
        PlanReason::Checks { subtask, .. } => {
            if let Some(sub) = state.subs.get_mut(subtask) {
                sub.disputed = true;
            }
        }
        PlanReason::Exhausted { subtask } => {
            if let Some(sub) = state.subs.get_mut(subtask) {
                sub.replanned = true;
            }
            all_dealt_with(state);
        }
        PlanReason::Initial
        | PlanReason::Interval
        | PlanReason::Discovery { .. }
        | PlanReason::FinalGate { .. } => all_dealt_with(state),
    }
    state.planning = Some(Planning {
        id: PlanningId(at.seq),
        why: why.clone(),
        round: 0,
        errors: Vec::new(),
        steer_upto,
        backoff: Backoff::default(),
        stage: Proposed::Nothing,
    });
    Ok(())
}

/// The planner sees everything that speaks for another plan.
fn all_dealt_with(state: &mut State) {
    state.discovery = None;
    state.unwanted = None;
    state.completed = 0;
}

pub(super) fn proposed(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    (proposal, usage): (&Proposal, &Usage),
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    state.usage = state.usage.plus(*usage);
    if !matches!(taken.effect.work, Work::Plan { .. }) {
        return Err(wrong(at, effect, &taken.effect.work));
    }
    let Some(planning) = state.planning.as_mut().filter(|_| taken.alive) else {
        return Ok(());
    };
    state.heard = state.heard.max(taken.effect.steer_upto);
    planning.backoff.clear();
    planning.stage = match proposal {
        Proposal::Plan { plan } => Proposed::Plan(plan.clone()),
        Proposal::Checks { checks } => Proposed::Checks(checks.clone()),
        Proposal::Kept { why } => Proposed::Kept(why.clone()),
        Proposal::Unreadable { errors } => Proposed::Unreadable(errors.clone()),
    };
    Ok(())
}

pub(super) fn rejected(
    state: &mut State,
    at: &Place,
    (id, round): (PlanningId, u32),
    errors: &[String],
) -> Result<(), Impossible> {
    let open = state.planning.as_mut();
    let planning = open.filter(|p| p.id == id && p.round == round);
    let planning = planning.ok_or_else(|| unfit(at))?;
    planning.errors = errors.to_vec();
    planning.backoff.clear();
    planning.stage = if !planning.is_last_round() {
        planning.round += 1;
        Proposed::Nothing
    } else {
        Proposed::Hopeless
    };
    Ok(())
}

pub(super) fn abandoned(state: &mut State, at: &Place, id: PlanningId) -> Result<(), Impossible> {
    let planning = state.planning.take().filter(|p| p.id == id);
    let planning = planning.ok_or_else(|| unfit(at))?;
    // An instruction that only this planning was about has had its chance.
    state.heard = state.heard.max(planning.steer_upto);
    if let (PlanReason::FinalGate { .. }, FinaleStage::Failed { answered, .. }) =
        (planning.why, &mut state.finale.stage)
    {
        *answered = true;
    }
    Ok(())
}

pub(super) fn ready(
    state: &mut State,
    at: &Place,
    planning: Option<PlanningId>,
    (version, plan): (u32, &Plan),
) -> Result<(), Impossible> {
    let open = state.planning.as_ref().map(|p| p.id);
    if version != state.version + 1 || planning != open {
        return Err(unfit(at));
    }
    let made = state.planning.take();
    state.version = version;
    state.plan = plan.clone();
    if made.is_some_and(|made| made.only_checks()) {
        // At most one for each subtask, so that the limit still bounds the versions.
        state.extra_versions = state.extra_versions.saturating_add(1);
    } else {
        state.completed = 0;
        state.discovery = None;
    }
    state.finale = Finale::default();
    // Once agreed, later plans of the same task run without another review. A plan that a human
    // wrote needs none.
    state.agreed |= planning.is_none() || !state.new.settings.review_plan;
    for spec in &plan.subtasks {
        adopt(state, spec);
    }
    Ok(())
}

/// Takes a subtask of a new plan over: what is unchanged goes on as it is.
fn adopt(state: &mut State, spec: &SubtaskSpec) {
    let Some(sub) = state.subs.get_mut(&spec.id) else {
        let new = Subtask::new(spec.clone());
        state.subs.insert(spec.id.clone(), new);
        return;
    };
    let changed = &sub.spec != spec;
    match &sub.stage {
        // A running attempt of a changed spec is ended by `decide`, which then adopts the spec.
        Stage::Completed(_) | Stage::Running(_) => {}
        Stage::Skipped(SkippedBy::Replan | SkippedBy::Dependency | SkippedBy::End) => {
            sub.restart(spec.clone());
        }
        Stage::Pending
        | Stage::Tried { .. }
        | Stage::Failed
        | Stage::Blocked
        | Stage::Skipped(SkippedBy::Human) => {
            // Executions that wait are ended by `decide` first, like a running attempt.
            if changed && sub.round.aside.is_empty() {
                sub.restart(spec.clone());
            }
        }
    }
}

const fn unfit(at: &Place) -> Impossible {
    Impossible::Planning {
        event: at.name,
        seq: at.seq,
    }
}
