//! The first plan, judging what a planner proposes, and the review of a plan.

use super::ending::{ask, failed};
use crate::state::{Planning, Proposed, Stage, State};
use crate::validate::{of_no_workspace, validate_plan, without_faulty_checks};
use loom_events::{
    Check, Event, Failure, Limit, OnExpiry, Plan, PlanReason, Question, Risk, Size, SkippedBy,
    Subject, SubtaskId, SubtaskSpec, Tier, Time, Work,
};

pub(super) fn planned(state: &State, now: Time) -> Option<Vec<Event>> {
    if !state.active() {
        return None;
    }
    match &state.planning {
        Some(planning) => gave_up(state, planning).or_else(|| judged(state, planning)),
        None if state.version == 0 => state.going().then(|| vec![first(state)]),
        None => review(state, now),
    }
}

/// A planner is asked; without that defence the goal is its own plan, which is no fallback.
fn first(state: &State) -> Event {
    if state.new.settings.defences.plan {
        return Event::TaskPlanning {
            why: PlanReason::Initial,
            steer_upto: state.steered,
        };
    }
    Event::TaskPlanReady {
        planning: None,
        version: 1,
        plan: whole_goal(&state.new.goal),
        fallback: false,
    }
}

fn judged(state: &State, planning: &Planning) -> Option<Vec<Event>> {
    match &planning.stage {
        Proposed::Nothing => None,
        Proposed::Plan(_) if planning.only_checks() => {
            let error = "only the checks of one step are asked about: answer with them alone";
            Some(rejected(planning, vec![error.to_owned()]))
        }
        Proposed::Plan(plan) => proposed(state, planning, plan),
        Proposed::Checks(checks) => match with_checks(state, planning, checks) {
            Some(plan) => proposed(state, planning, &plan),
            None => Some(abandoned(planning, "nobody asked about checks".to_owned())),
        },
        Proposed::Kept(why) => {
            let reason = format!("the planner stands by its checks: {why}");
            Some(abandoned(planning, reason))
        }
        Proposed::Unreadable(errors) => Some(rejected(planning, errors.clone())),
        Proposed::Hopeless => Some(hopeless(state, planning)),
        Proposed::Failed(failure) => Some(given_up(state, planning, failure)),
    }
}

/// Too many transient failures in a row are not transient.
fn gave_up(state: &State, planning: &Planning) -> Option<Vec<Event>> {
    let failures = planning.backoff.failures;
    (failures > state.limits().transient_retries).then(|| {
        let mut events = vec![Event::LimitReached {
            which: Limit::TransientRetries,
            value: u64::from(failures),
        }];
        events.extend(given_up(state, planning, &planning.backoff.given_up()));
        events
    })
}

fn proposed(state: &State, planning: &Planning, plan: &Plan) -> Option<Vec<Event>> {
    // A merge finishes first: what it completes is part of the new plan.
    let landing = state.inflight.values().any(|effect| {
        matches!(effect.work, Work::Merge { .. }) && state.wanted_by_owner(&effect.work)
    });
    if landing || state.running().any(|(_, attempt)| attempt.merging()) {
        return None;
    }
    let plan = &with_votes(state, plan);
    let kept = state.kept();
    let mut settled = kept.clone();
    settled.extend(left_out(state, plan));
    if let Some(nowhere) = nowhere(state, planning, plan, &settled) {
        return Some(nowhere);
    }
    let Err(errors) = validate_plan(plan, state.settings(), &settled) else {
        return Some(vec![ready(state, planning, with_kept(kept, plan), false)]);
    };
    // A bad check is no reason to throw a plan away that is good otherwise.
    let usable = match planning.is_last_round() && !planning.only_checks() {
        true => without_faulty_checks(plan, state.settings(), &settled),
        false => None,
    };
    let Some((plan, left_out)) = usable else {
        return Some(rejected(planning, errors));
    };
    let new = left_out.into_iter().filter(|w| !state.degraded.contains(w));
    let told = new.map(|what| Event::Degraded { what });
    let ready = ready(state, planning, with_kept(kept, &plan), false);
    Some(told.chain([ready]).collect())
}

/// A plan for files of a task that has no place for any. A planner that insists on them has understood
/// the goal: it cannot be reached like this, and whatever a worker said of it could not be checked.
fn nowhere(
    state: &State,
    planning: &Planning,
    plan: &Plan,
    settled: &[SubtaskSpec],
) -> Option<Vec<Event>> {
    if state.new.workspace.is_some() {
        return None;
    }
    let errors = of_no_workspace(plan, settled);
    if errors.is_empty() {
        return None;
    }
    Some(match planning.is_last_round() && state.version == 0 {
        true => vec![failed(format!(
            "the goal needs files, and this task has no workspace: begin it again with a directory ({})",
            errors.join("; ")
        ))],
        false => rejected(planning, errors),
    })
}

/// What a human left out and a new plan has unchanged stays left out: it is nothing to be done, so
/// a plan of nothing else would complete the task with nothing.
fn left_out(state: &State, plan: &Plan) -> impl Iterator<Item = SubtaskSpec> {
    let skipped = |spec: &&SubtaskSpec| {
        let sub = state.subs.get(&spec.id).filter(|sub| &sub.spec == *spec);
        sub.is_some_and(|sub| sub.stage == Stage::Skipped(SkippedBy::Human))
    };
    plan.subtasks.iter().filter(skipped).cloned()
}

/// What a human asked for of a step stays asked for when a planner has the step in a new plan, and no
/// planner asks for it.
fn with_votes(state: &State, plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for spec in &mut plan.subtasks {
        let before = state.plan.subtasks.iter().find(|old| old.id == spec.id);
        spec.vote = before.and_then(|old| old.vote);
    }
    plan
}

/// Completed work is never dropped, and stays as it was done.
fn with_kept(kept: Vec<SubtaskSpec>, plan: &Plan) -> Plan {
    let is_kept = |spec: &&SubtaskSpec| kept.iter().any(|k| k.id == spec.id);
    let new: Vec<_> = plan
        .subtasks
        .iter()
        .filter(|s| !is_kept(s))
        .cloned()
        .collect();
    Plan {
        subtasks: kept.into_iter().chain(new).collect(),
    }
}

/// The plan as it is, with other checks for the subtask that was asked about.
fn with_checks(state: &State, planning: &Planning, checks: &[Check]) -> Option<Plan> {
    let PlanReason::Checks {
        subtask,
        checks: disputed,
        ..
    } = &planning.why
    else {
        return None;
    };
    let mut plan = state.plan.clone();
    let spec = plan.subtasks.iter_mut().find(|spec| &spec.id == subtask)?;
    spec.checks = checks.to_vec();
    // One that is held out is never shown to be mended: when the work speaks against it, it goes.
    spec.held_out
        .retain(|held| !disputed.contains(&held.words()));
    Some(plan)
}

fn rejected(planning: &Planning, errors: Vec<String>) -> Vec<Event> {
    vec![Event::PlanRejected {
        planning: planning.id,
        round: planning.round,
        errors,
    }]
}

const fn ready(state: &State, planning: &Planning, plan: Plan, fallback: bool) -> Event {
    Event::TaskPlanReady {
        planning: Some(planning.id),
        version: state.version + 1,
        plan,
        fallback,
    }
}

/// No usable plan after the repair round: the old one stays, or one subtask keeps the task alive.
fn hopeless(state: &State, planning: &Planning) -> Vec<Event> {
    if state.version > 0 {
        let reason = format!("no usable plan: {}", planning.errors.join("; "));
        return abandoned(planning, reason);
    }
    let why = planning.errors.first().map_or("", String::as_str);
    let what = format!("the planner made no usable plan, so the whole goal is one subtask: {why}");
    let told = state.degraded.contains(&what);
    let degraded = (!told).then_some(Event::Degraded { what });
    let plan = whole_goal(&state.new.goal);
    let ready = ready(state, planning, plan, true);
    degraded.into_iter().chain([ready]).collect()
}

/// The planner could not be asked.
fn given_up(state: &State, planning: &Planning, failure: &Failure) -> Vec<Event> {
    let reason = format!("no plan could be made: {}", failure.message);
    if state.version > 0 {
        abandoned(planning, reason)
    } else {
        vec![failed(reason)]
    }
}

fn abandoned(planning: &Planning, reason: String) -> Vec<Event> {
    vec![Event::PlanningAbandoned {
        planning: planning.id,
        reason,
    }]
}

/// Title of such a plan's only subtask: as much of the goal as fits a line.
const TITLE: usize = 60;

/// One subtask for the whole goal. A medium model: nothing is known of it, and the smallest would
/// have to be lucky.
fn whole_goal(goal: &str) -> Plan {
    let id = SubtaskId::new("whole-goal").expect("BUG: a constant in kebab case");
    let line = goal.trim().lines().next().unwrap_or_default();
    let title: String = line.chars().take(TITLE).collect();
    Plan {
        subtasks: vec![SubtaskSpec {
            criteria: vec!["What the goal asks for is there and complete.".to_owned()],
            tier: Tier::Medium,
            size: Size::L,
            ..SubtaskSpec::new(id, title, goal.trim())
        }],
    }
}

/// The plan is shown before anything runs, if that was asked for.
fn review(state: &State, now: Time) -> Option<Vec<Event>> {
    let subject = Subject::Plan {
        version: state.version,
    };
    if state.agreed || state.unwanted.is_some() || state.asked(&subject) {
        return None;
    }
    let steps = state.plan.subtasks.iter();
    let steps: Vec<String> = steps.map(|s| format!("{}: {}", s.id, s.title)).collect();
    let question = Question {
        subject,
        reason: "the plan is to be reviewed before anything runs".to_owned(),
        action: steps.join("\n"),
        risk: Risk::Low,
        rules: Vec::new(),
        choices: Vec::new(),
        default: None,
    };
    Some(vec![ask(state, question, OnExpiry::Fail, now)])
}
