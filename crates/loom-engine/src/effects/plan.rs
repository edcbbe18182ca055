//! Asking the planner, first and later. Whether its plan is acceptable is the kernel's to say.

use super::prepare::CHECKS_SAY_NOTHING;
use super::state::step_status;
use super::{Cx, task_state};
use crate::broken::{Broken, chain};
use crate::ledger::{Ledger, PlanningLog};
use loom_events::{
    BlobId, FailureClass, Outcome, Plan, PlanReason, PlanningId, Proposal, Role, SubtaskSpec,
    TaskId,
};
use loom_prompts::{
    ChecksAnswer, ChecksInput, OldStep, PlannerInput, Repair, ReplannerInput, TaskState,
    checks_schema, parse_checks, plan_schema,
};
use loom_router::{ChatRequest, JsonError, JsonSchema};

/// What a round of planning needs to know.
pub(super) struct Task {
    task: TaskId,
    goal: String,
    context: Option<String>,
    instructions: Vec<String>,
    max_subtasks: u32,
    /// Whether planned checks are held to rules.
    check_rules: bool,
    log: Option<PlanningLog>,
    state: TaskState,
    old_plan: Vec<OldStep>,
    discoveries: Vec<String>,
    /// The step whose checks are asked about, and what was found in its result.
    about: Option<(SubtaskSpec, Vec<String>)>,
    /// Why the step that a new plan is wanted for ended.
    why_ended: Option<String>,
}

impl Task {
    pub(super) fn new(ledger: &Ledger, planning: PlanningId) -> Self {
        let view = &ledger.view;
        let old = |s: &crate::SubtaskView| OldStep {
            spec: s.spec.clone(),
            status: step_status(s.status),
            summary: match &s.reason {
                Some(reason) if s.summary.is_empty() => reason.clone(),
                _ => s.summary.clone(),
            },
        };
        let log = ledger.plannings.get(&planning).cloned();
        let wanted_for = log.as_ref().and_then(|log| match &log.why {
            PlanReason::Exhausted { subtask } => ledger.state.subtask(subtask),
            PlanReason::Initial
            | PlanReason::Interval
            | PlanReason::Discovery { .. }
            | PlanReason::Checks { .. }
            | PlanReason::FinalGate { .. } => None,
        });
        Self {
            why_ended: wanted_for.map(|sub| sub.why.to_owned()),
            task: view.id,
            goal: view.goal.clone(),
            context: view.context.clone(),
            instructions: view.steering.iter().map(|s| s.text.clone()).collect(),
            max_subtasks: ledger.state.settings().limits.max_subtasks,
            about: log.as_ref().and_then(|log| about(ledger, &log.why)),
            check_rules: ledger.state.settings().defences.check_rules,
            log,
            state: task_state(ledger, None),
            old_plan: view.subtasks.iter().map(old).collect(),
            discoveries: view.discoveries.clone(),
        }
    }
}

/// The step whose checks a planning is about.
fn about(ledger: &Ledger, why: &PlanReason) -> Option<(SubtaskSpec, Vec<String>)> {
    let PlanReason::Checks { subtask, .. } = why else {
        return None;
    };
    let spec = ledger.view.subtask(subtask)?.spec.clone();
    let last = ledger.attempts_of(subtask).next_back();
    let findings = last.map(|(_, log)| log.findings.clone());
    Some((spec, findings.unwrap_or_default()))
}

pub(super) async fn run(task: Task, cx: Cx) -> Result<Outcome, Broken> {
    let refused = task.log.as_ref().and_then(|log| log.refused.clone());
    let repair = match refused {
        None => None,
        Some((answer, errors)) => Some(Repair {
            answer: answer_text(&cx, answer.as_ref()).await?,
            errors,
        }),
    };
    let (role, rendered) = render(&task, repair, &cx).await?;
    let tier = cx.shared.top_tier(role);
    let request = ChatRequest {
        messages: cx.shown(rendered.messages),
        think: true,
        role: Some(role),
        task: Some(task.task),
        ..ChatRequest::default()
    };
    let schema = match task.about {
        None => JsonSchema {
            name: "plan".to_owned(),
            schema: plan_schema(),
        },
        Some(_) => JsonSchema {
            name: "checks".to_owned(),
            schema: checks_schema(),
        },
    };
    let cancel = &cx.signals.cancel;
    // Asked once: the repair round of the kernel is the second question, with every error in it.
    let asked = cx
        .shared
        .router
        .json_once_for(role, tier, &schema, &request, cancel)
        .await;
    let (proposal, reply) = match asked {
        Ok(answer) => {
            cx.signals.degraded(&answer.degraded).await?;
            let proposal = match &task.about {
                None => read(&answer.value, &task, &cx).await?,
                Some((step, _)) => read_checks(&answer.value, step, &task, &cx).await?,
            };
            (proposal, answer.reply)
        }
        Err(JsonError::Invalid { errors, reply, .. }) => (Proposal::Unreadable { errors }, *reply),
        Err(JsonError::Call(error)) => {
            return Ok(super::model::call_failed(&error, cancel.is_cancelled()));
        }
        Err(error @ (JsonError::NoModel(_) | JsonError::BadSchema { .. })) => {
            return Err(Broken::new(FailureClass::Environment, chain(&error)));
        }
    };
    Ok(Outcome::Planned {
        proposal,
        answer: cx.put_answer(&reply.answer).await?,
        usage: reply.usage,
        model: reply.model,
    })
}

/// A plan whose checks find what they need, or what is wrong with it. Whether it is acceptable in
/// itself is the kernel's to say.
async fn read(value: &serde_json::Value, task: &Task, cx: &Cx) -> Result<Proposal, Broken> {
    let plan = match loom_prompts::parse_plan(value) {
        Ok(plan) => plan,
        Err(errors) => return Ok(Proposal::Unreadable { errors }),
    };
    let errors = paths(plan.clone(), task, cx).await?;
    Ok(if errors.is_empty() {
        Proposal::Plan { plan }
    } else {
        Proposal::Unreadable { errors }
    })
}

/// Other checks that find what they need, or that the planner stands by its own.
async fn read_checks(
    value: &serde_json::Value,
    step: &SubtaskSpec,
    task: &Task,
    cx: &Cx,
) -> Result<Proposal, Broken> {
    let checks = match parse_checks(value) {
        Ok(ChecksAnswer::Kept(why)) => return Ok(Proposal::Kept { why }),
        Ok(ChecksAnswer::Replaced(checks)) => checks,
        Err(errors) => return Ok(Proposal::Unreadable { errors }),
    };
    let others = task.old_plan.iter().map(|old| old.spec.clone());
    let mut plan = Plan {
        subtasks: others.filter(|spec| spec.id != step.id).collect(),
    };
    plan.subtasks.push(SubtaskSpec {
        checks: checks.clone(),
        ..step.clone()
    });
    let mut errors = paths(plan, task, cx).await?;
    let about_it = format!("`{}`", step.id);
    errors.retain(|error| error.contains(&about_it));
    Ok(if errors.is_empty() {
        Proposal::Checks { checks }
    } else {
        Proposal::Unreadable { errors }
    })
}

/// What the checks of a plan need and will not find.
async fn paths(plan: Plan, task: &Task, cx: &Cx) -> Result<Vec<String>, Broken> {
    if !task.check_rules {
        return Ok(Vec::new());
    }
    let errors = cx
        .files("the workspace could not be looked at", move |workspace| {
            Ok(loom_verify::plan_paths(&plan, workspace))
        })
        .await?;
    Ok(errors.unwrap_or_default())
}

async fn answer_text(cx: &Cx, id: Option<&BlobId>) -> Result<String, Broken> {
    match id {
        None => Ok(String::new()),
        Some(id) => Ok(cx.get_json::<loom_events::Answer>(id).await?.text),
    }
}

async fn render(
    task: &Task,
    repair: Option<Repair>,
    cx: &Cx,
) -> Result<(Role, loom_prompts::Rendered), Broken> {
    if let Some((step, evidence)) = &task.about {
        let input = checks_input(task, step, evidence, repair);
        let rendered = cx.shared.prompts.checks(&input).map_err(|error| {
            Broken::environment("the question about checks could not be made", &error)
        })?;
        return Ok((Role::Replanner, rendered));
    }
    let workspace = cx
        .files("the workspace could not be listed", |workspace| {
            Ok(loom_verify::overview(workspace))
        })
        .await?;
    let prompts = &cx.shared.prompts;
    let why = task.log.as_ref().map(|log| &log.why);
    let (role, rendered) = match why {
        None | Some(PlanReason::Initial) => {
            let input = PlannerInput {
                goal: task.goal.clone(),
                context: task.context.clone(),
                instructions: task.instructions.clone(),
                workspace,
                max_subtasks: task.max_subtasks,
                repair,
                ..PlannerInput::default()
            };
            (Role::Planner, prompts.planner(&input))
        }
        Some(why) => {
            let state = task.state.clone();
            let mut input = ReplannerInput::new(state, reason(why, task), task.max_subtasks);
            input.context.clone_from(&task.context);
            input.old_plan.clone_from(&task.old_plan);
            input.discoveries.clone_from(&task.discoveries);
            input.workspace = workspace;
            input.repair = repair;
            (Role::Replanner, prompts.replanner(&input))
        }
    };
    let rendered = rendered
        .map_err(|error| Broken::environment("the planner's prompt could not be made", &error))?;
    Ok((role, rendered))
}

fn checks_input(
    task: &Task,
    step: &SubtaskSpec,
    evidence: &[String],
    repair: Option<Repair>,
) -> ChecksInput {
    let (disputed, reason) = match task.log.as_ref().map(|log| &log.why) {
        Some(PlanReason::Checks { checks, reason, .. }) => (checks.clone(), reason.clone()),
        _ => (Vec::new(), String::new()),
    };
    ChecksInput {
        step: step.clone(),
        instructions: task.instructions.clone(),
        disputed,
        reason,
        evidence: evidence.to_vec(),
        repair,
        budget: None,
    }
}

fn reason(why: &PlanReason, task: &Task) -> String {
    let given_back = task
        .why_ended
        .as_deref()
        .filter(|why| why.starts_with(CHECKS_SAY_NOTHING));
    match why {
        PlanReason::Initial => "There is no plan yet.".to_owned(),
        PlanReason::Exhausted { subtask } => match given_back {
            Some(why) => format!(
                "The step `{subtask}` was not tried: {why}. Correct these checks and keep the rest \
                 of the plan."
            ),
            None => format!(
                "Every attempt at the step `{subtask}` failed. Find another way, or smaller steps."
            ),
        },
        PlanReason::Interval => {
            "Several steps are done: see whether the rest of the plan still fits.".to_owned()
        }
        PlanReason::Discovery { text } => format!("Something new was found: {text}"),
        PlanReason::Checks {
            subtask, reason, ..
        } => format!("The checks of the step `{subtask}` may be wrong: {reason}"),
        PlanReason::FinalGate { feedback } => {
            format!("Every step is done, but the whole does not meet the goal yet: {feedback}")
        }
    }
}
