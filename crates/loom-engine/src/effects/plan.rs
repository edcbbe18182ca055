//! Asking the planner, first and later. Whether its plan is acceptable is the kernel's to say.

use super::prepare::CHECKS_SAY_NOTHING;
use super::state::step_status;
use super::{Cx, task_state};
use crate::broken::{Broken, chain};
use crate::ledger::{Ledger, PlanningLog};
use crate::project;
use loom_events::{
    Adjusted, Adjustment, BlobId, Check, FailureClass, Note, Outcome, Plan, PlanReason, PlanningId,
    Proposal, Role, SubtaskId, SubtaskSpec, TaskId, TaskSettings, Tier,
};
use loom_prompts::{
    ChecksAnswer, ChecksInput, Learned, OldStep, PlannerInput, Rendered, Repair, ReplannerInput,
    TaskState, checks_schema, parse_checks, plan_schema,
};
use loom_router::{ChatRequest, JsonError, JsonSchema};
use loom_verify::Astray;

/// What a round of planning needs to know.
pub(super) struct Task {
    task: TaskId,
    goal: String,
    context: Option<String>,
    instructions: Vec<String>,
    settings: TaskSettings,
    /// Completed steps: a new plan may rest on them.
    done: Vec<SubtaskSpec>,
    log: Option<PlanningLog>,
    state: TaskState,
    old_plan: Vec<OldStep>,
    discoveries: Vec<String>,
    /// The step whose checks are asked about, and what was found in its result.
    about: Option<(SubtaskSpec, Vec<String>)>,
    /// Why the step that a new plan is wanted for ended.
    why_ended: Option<String>,
    /// What is done otherwise because of earlier tasks, as recorded so far.
    learned: Vec<Adjustment>,
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
            learned: view.learned.clone(),
            why_ended: wanted_for.map(|sub| sub.why.to_owned()),
            task: view.id,
            goal: view.goal.clone(),
            context: with_own_checks(view.context.clone(), ledger.state.settings()),
            instructions: view.steering.iter().map(|s| s.text.clone()).collect(),
            settings: ledger.state.settings().clone(),
            done: ledger.done().cloned().collect(),
            about: log.as_ref().and_then(|log| about(ledger, &log.why)),
            log,
            state: task_state(ledger, None),
            old_plan: view.subtasks.iter().map(old).collect(),
            discoveries: view.discoveries.clone(),
        }
    }
}

/// What the planner is told about the goal besides it: also what the user will look at in the end, so
/// that a step does it.
fn with_own_checks(context: Option<String>, settings: &TaskSettings) -> Option<String> {
    let own = &settings.verification.checks;
    if own.is_empty() {
        return context;
    }
    let said = format!(
        "In the end these commands must succeed: {}",
        own.iter()
            .map(|line| format!("`{line}`"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    Some(match context {
        Some(context) => format!("{context}\n\n{said}"),
        None => said,
    })
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

pub(super) async fn run(mut task: Task, cx: Cx) -> Result<Outcome, Broken> {
    task.learned.extend(before_plan(&task, &cx).await?);
    let refused = task.log.as_ref().and_then(|log| log.refused.clone());
    let repair = match refused {
        None => None,
        Some((answer, errors)) => Some(Repair {
            answer: answer_text(&cx, answer.as_ref()).await?,
            errors,
        }),
    };
    let earlier = repair.as_ref().map(|repair| repair.answer.clone());
    let Asked {
        role,
        rendered,
        example,
    } = render(&task, repair, &cx).await?;
    let tier = cx.shared.top_tier(role);
    let request = ChatRequest {
        messages: cx.asking(role, rendered, example).await?,
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
        // Its class says whether another try may help; a server that loads its model is the usual case.
        Err(JsonError::NoModel(error)) => return Err(Broken(error.to_failure())),
        Err(error @ JsonError::BadSchema { .. }) => {
            return Err(Broken::new(FailureClass::Environment, chain(&error)));
        }
    };
    let proposal = or_earlier(proposal, earlier.as_deref(), &task, &cx).await?;
    of_plan(&proposal, &task, &cx).await?;
    Ok(Outcome::Planned {
        proposal,
        answer: cx.put_answer(&reply.answer).await?,
        usage: reply.usage,
        model: reply.model,
    })
}

/// What earlier tasks have to say before anything is planned. Asked once: what was recorded then
/// counts to the end of the task, also after a crash.
async fn before_plan(task: &Task, cx: &Cx) -> Result<Vec<Adjustment>, Broken> {
    let first = task
        .log
        .as_ref()
        .is_none_or(|log| log.refused.is_none() && log.why == PlanReason::Initial);
    if !first || !task.settings.learning || !task.learned.is_empty() {
        return Ok(Vec::new());
    }
    let learning = &cx.shared.learning;
    let said = learning
        .before_plan(&cx.shared, &task.goal, &task.settings)
        .await;
    for adjustment in &said {
        cx.signals
            .must_note(Note::Learned(adjustment.clone()))
            .await?;
    }
    Ok(said)
}

/// The steps that are better begun with a larger model. Recorded before the plan is, so that none
/// begins without it.
async fn of_plan(proposal: &Proposal, task: &Task, cx: &Cx) -> Result<(), Broken> {
    let Proposal::Plan { plan } = proposal else {
        return Ok(());
    };
    if !task.settings.learning {
        return Ok(());
    }
    let begins_at = |spec: &SubtaskSpec| {
        let recorded = task.learned.iter().filter_map(|one| match &one.what {
            Adjusted::StartingTier { subtask, tier } if *subtask == spec.id => Some(*tier),
            _ => None,
        });
        recorded.fold(spec.tier, Tier::max)
    };
    // What is done is not done again.
    let open = Plan {
        subtasks: plan
            .subtasks
            .iter()
            .filter(|spec| task.done.iter().all(|done| done.id != spec.id))
            .cloned()
            .collect(),
    };
    let learning = &cx.shared.learning;
    for adjustment in learning.of_plan(&cx.shared, &open, begins_at).await {
        cx.signals.must_note(Note::Learned(adjustment)).await?;
    }
    Ok(())
}

/// What of it a planner is told.
fn told(learned: &[Adjustment]) -> Learned {
    let mut told = Learned::default();
    for one in learned {
        match &one.what {
            Adjusted::Caution(caution) => told.small_steps |= caution.small_steps,
            Adjusted::Plans { plans } => told.plans.extend(plans.iter().cloned()),
            Adjusted::Preferences { texts } => told.preferences.extend(texts.iter().cloned()),
            Adjusted::StartingTier { .. } | Adjusted::Calibration(_) | Adjusted::Wording { .. } => {
            }
        }
    }
    told
}

/// A repair that cannot be read does not take the plan away that was to be repaired.
async fn or_earlier(
    proposal: Proposal,
    earlier: Option<&str>,
    task: &Task,
    cx: &Cx,
) -> Result<Proposal, Broken> {
    let unreadable = matches!(proposal, Proposal::Unreadable { .. }) && task.about.is_none();
    let Some(earlier) = earlier.filter(|_| unreadable) else {
        return Ok(proposal);
    };
    let Ok(value) = serde_json::from_str::<serde_json::Value>(earlier) else {
        return Ok(proposal);
    };
    Ok(match read(&value, task, cx).await? {
        plan @ Proposal::Plan { .. } => plan,
        _ => proposal,
    })
}

/// A plan with what its words say in its fields, or what is wrong with it. A fault of a check is the
/// planner's to repair once; after that the check is left out, and the plan stays. Whether the plan is
/// acceptable in itself is the kernel's to say.
async fn read(value: &serde_json::Value, task: &Task, cx: &Cx) -> Result<Proposal, Broken> {
    let initial = task.log.as_ref().map(|log| &log.why);
    if let None | Some(PlanReason::Initial) = initial
        && let Some(example) = cx.shared.prompts.example(&task.goal)
    {
        let errors = example.left_over(value);
        if !errors.is_empty() {
            return Ok(Proposal::Unreadable { errors });
        }
    }
    let mut plan = match loom_prompts::parse_plan(value) {
        Ok(plan) => plan,
        Err(errors) => return Ok(Proposal::Unreadable { errors }),
    };
    if !task.settings.defences.check_rules {
        return Ok(Proposal::Plan { plan });
    }
    plan = loom_verify::with_quoted(loom_verify::with_needs(plan, &task.done));
    let first = task.log.as_ref().is_none_or(|log| log.refused.is_none());
    let found = look(plan.clone(), task, first, cx).await?;
    if first {
        let mut errors: Vec<String> = found.astray.into_iter().map(|one| one.why).collect();
        errors.extend(found.doubts);
        if errors.is_empty() {
            return Ok(Proposal::Plan { plan });
        }
        // All at once: there is one repair.
        if let Err(others) = loom_kernel::validate_plan(&plan, &task.settings, &task.done) {
            errors.splice(0..0, others);
        }
        return Ok(Proposal::Unreadable { errors });
    }
    let mut left_out = Vec::new();
    for spec in &mut plan.subtasks {
        let is_astray = |check: &Check| {
            let words = check.to_string();
            let mut found = found.astray.iter();
            found.any(|one| one.subtask == spec.id && one.check == words)
        };
        let (bad, good) = std::mem::take(&mut spec.checks)
            .into_iter()
            .partition(is_astray);
        spec.checks = good;
        let bad: Vec<Check> = bad;
        left_out.extend(bad.iter().map(|check| left_out_of(&spec.id, check)));
        let all = spec.held_out.len();
        spec.held_out.retain(|held| !is_astray(&held.check));
        // What is noted is read by whoever works, so it does not name the check.
        left_out.extend((spec.held_out.len() < all).then(|| {
            format!(
                "a held-out check of `{}` was left out, since it needs what nobody makes",
                spec.id
            )
        }));
    }
    cx.signals.degraded(&left_out).await?;
    Ok(Proposal::Plan { plan })
}

fn left_out_of(step: &SubtaskId, check: &Check) -> String {
    format!("a check of `{step}` was left out, since it needs what nobody makes: {check}")
}

/// What is to be said of a plan before it is taken.
#[derive(Default)]
struct Found {
    astray: Vec<Astray>,
    /// What is said once, and does not stand in the way of a plan the second time.
    doubts: Vec<String>,
}

async fn look(plan: Plan, task: &Task, first: bool, cx: &Cx) -> Result<Found, Broken> {
    let mut whole = plan.clone();
    whole.subtasks.extend(
        task.done
            .iter()
            .filter(|done| plan.subtasks.iter().all(|spec| spec.id != done.id))
            .cloned(),
    );
    // A later plan need not speak of what is done.
    let goal = (first && task.old_plan.is_empty()).then(|| task.goal.clone());
    let found = cx
        .files("the workspace could not be looked at", move |workspace| {
            let mut doubts = loom_verify::blind_steps(&plan, workspace);
            let missing = goal.map(|goal| loom_verify::forgotten(&goal, &plan, workspace));
            doubts.extend(missing.into_iter().flatten());
            Ok(Found {
                astray: loom_verify::plan_paths(&whole, workspace),
                doubts,
            })
        })
        .await?;
    Ok(found.unwrap_or_default())
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
    let mut errors = Vec::new();
    if task.settings.defences.check_rules {
        let found = look(plan, task, false, cx).await?;
        let mine = found
            .astray
            .into_iter()
            .filter(|one| one.subtask == step.id);
        errors.extend(mine.map(|one| one.why));
    }
    Ok(if errors.is_empty() {
        Proposal::Checks { checks }
    } else {
        Proposal::Unreadable { errors }
    })
}

async fn answer_text(cx: &Cx, id: Option<&BlobId>) -> Result<String, Broken> {
    match id {
        None => Ok(String::new()),
        Some(id) => Ok(cx.get_json::<loom_events::Answer>(id).await?.text),
    }
}

/// A question as it is to be put.
struct Asked {
    role: Role,
    rendered: Rendered,
    /// The example in it, with its hash.
    example: Option<String>,
}

async fn render(task: &Task, repair: Option<Repair>, cx: &Cx) -> Result<Asked, Broken> {
    if let Some((step, evidence)) = &task.about {
        let input = ChecksInput {
            budget: budget(Role::Replanner, cx),
            ..checks_input(task, step, evidence, repair)
        };
        let rendered = cx.shared.prompts.checks(&input).map_err(|error| {
            Broken::environment("the question about checks could not be made", &error)
        })?;
        return Ok(Asked {
            role: Role::Replanner,
            rendered,
            example: None,
        });
    }
    let workspace = cx
        .files("the workspace could not be listed", |workspace| {
            Ok(loom_verify::overview(workspace))
        })
        .await?;
    let material = project::material(Vec::new(), cx).await?;
    let prompts = &cx.shared.prompts;
    let why = task.log.as_ref().map(|log| &log.why);
    let mut example = None;
    let (role, rendered) = match why {
        None | Some(PlanReason::Initial) => {
            example = prompts.example(&task.goal);
            let input = PlannerInput {
                goal: task.goal.clone(),
                context: task.context.clone(),
                instructions: task.instructions.clone(),
                workspace,
                notes: material.notes,
                skills: material.skills,
                example: example.cloned(),
                budget: budget(Role::Planner, cx),
                max_subtasks: task.settings.limits.max_subtasks,
                learned: told(&task.learned),
                repair,
            };
            (Role::Planner, prompts.planner(&input))
        }
        Some(why) => {
            let state = task.state.clone();
            let mut input =
                ReplannerInput::new(state, reason(why, task), task.settings.limits.max_subtasks);
            input.context.clone_from(&task.context);
            input.old_plan.clone_from(&task.old_plan);
            input.discoveries.clone_from(&task.discoveries);
            input.workspace = workspace;
            input.notes = material.notes;
            input.skills = material.skills;
            input.budget = budget(Role::Replanner, cx);
            input.preferences = told(&task.learned).preferences;
            input.repair = repair;
            (Role::Replanner, prompts.replanner(&input))
        }
    };
    let mut rendered = rendered
        .map_err(|error| Broken::environment("the planner's prompt could not be made", &error))?;
    rendered.trimmed.splice(0..0, material.left_out);
    let is_shown = rendered.parts.iter().any(|part| part.name == "example");
    Ok(Asked {
        role,
        example: example
            .filter(|_| is_shown)
            .map(|example| example.version().to_owned()),
        rendered,
    })
}

fn budget(role: Role, cx: &Cx) -> Option<u64> {
    cx.shared.question_budget(role, cx.shared.top_tier(role))
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
