//! `edit_plan`: a human replaces what is still to be done. A planning under way is given up.

use super::{Rejection, must_be_active};
use crate::state::{Stage, State};
use crate::validate::{of_no_workspace, validate_plan};
use loom_events::{Event, Plan, SubtaskSpec};

pub(super) fn handle(state: &State, plan: &Plan) -> Result<Vec<Event>, Rejection> {
    must_be_active(state)?;
    if state.version == 0 {
        return Err(Rejection::NoPlan);
    }
    let mut errors = changed_completed(state, plan);
    let kept = state.kept();
    if state.new.workspace.is_none() {
        errors.extend(of_no_workspace(plan, &kept));
    }
    if let Err(more) = validate_plan(plan, state.settings(), &kept) {
        errors.extend(more);
    }
    if !errors.is_empty() {
        return Err(Rejection::Plan { errors });
    }
    let abandoned = state.planning.as_ref().map(|p| Event::PlanningAbandoned {
        planning: p.id,
        reason: "the plan was edited by hand".to_owned(),
    });
    let ready = Event::TaskPlanReady {
        planning: None,
        version: state.version + 1,
        plan: plan.clone(),
        fallback: false,
    };
    Ok(abandoned.into_iter().chain([ready]).collect())
}

/// What is completed must be in the new plan as it was.
fn changed_completed(state: &State, plan: &Plan) -> Vec<String> {
    let completed = |spec: &&SubtaskSpec| {
        let sub = state.subs.get(&spec.id);
        sub.is_some_and(|sub| matches!(sub.stage, Stage::Completed(_)))
    };
    let specs = state.plan.subtasks.iter().filter(completed);
    specs
        .filter(|spec| !plan.subtasks.contains(spec))
        .map(|spec| format!("subtask `{}` is completed and must stay as it is", spec.id))
        .collect()
}
