//! Asking the planner, first and later. Whether its plan is acceptable is the kernel's to say.

use super::state::step_status;
use super::{Cx, task_state};
use crate::broken::{Broken, chain};
use crate::ledger::{Ledger, PlanningLog};
use loom_events::{
    BlobId, FailureClass, Outcome, PlanReason, PlanningId, Proposal, Role, SubtaskSpec, TaskId,
};
use loom_prompts::{
    ChecksAnswer, ChecksInput, OldStep, PlannerInput, Repair, ReplannerInput, TaskState,
    checks_schema, parse_checks, plan_schema,
};
use loom_router::{ChatRequest, JsonError, JsonSchema};
use loom_verify::lint_check;

/// What a round of planning needs to know.
pub(super) struct Task {
    task: TaskId,
    goal: String,
    context: Option<String>,
    instructions: Vec<String>,
    max_subtasks: u32,
    log: Option<PlanningLog>,
    state: TaskState,
    old_plan: Vec<OldStep>,
    discoveries: Vec<String>,
    /// The step whose checks are asked about, and what was found in its result.
    about: Option<(SubtaskSpec, Vec<String>)>,
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
        Self {
            task: view.id,
            goal: view.goal.clone(),
            context: view.context.clone(),
            instructions: view.steering.iter().map(|s| s.text.clone()).collect(),
            max_subtasks: ledger.state.settings().limits.max_subtasks,
            about: log.as_ref().and_then(|log| about(ledger, &log.why)),
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
        messages: rendered.messages,
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
            let proposal = match task.about {
                None => read(&answer.value),
                Some(_) => read_checks(&answer.value),
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
        answer: cx.put_json(&reply.answer).await?,
        usage: reply.usage,
        model: reply.model,
    })
}

/// A plan whose checks have power to fail, or what is wrong with it.
fn read(value: &serde_json::Value) -> Proposal {
    match loom_prompts::parse_plan(value) {
        Ok(plan) => match loom_verify::lint_plan(&plan) {
            errors if errors.is_empty() => Proposal::Plan { plan },
            errors => Proposal::Unreadable { errors },
        },
        Err(errors) => Proposal::Unreadable { errors },
    }
}

/// Other checks with power to fail, or that the planner stands by its own.
fn read_checks(value: &serde_json::Value) -> Proposal {
    match parse_checks(value) {
        Ok(ChecksAnswer::Kept(why)) => Proposal::Kept { why },
        Ok(ChecksAnswer::Replaced(checks)) => {
            let faults = checks.iter().enumerate().filter_map(|(at, check)| {
                let why = lint_check(check)?;
                Some(format!("check {}: {why}", at + 1))
            });
            match faults.collect::<Vec<String>>() {
                errors if errors.is_empty() => Proposal::Checks { checks },
                errors => Proposal::Unreadable { errors },
            }
        }
        Err(errors) => Proposal::Unreadable { errors },
    }
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
            let mut input = ReplannerInput::new(state, reason(why), task.max_subtasks);
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

fn reason(why: &PlanReason) -> String {
    match why {
        PlanReason::Initial => "There is no plan yet.".to_owned(),
        PlanReason::Exhausted { subtask } => format!(
            "Every attempt at the step `{subtask}` failed. Find another way, or smaller steps."
        ),
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
