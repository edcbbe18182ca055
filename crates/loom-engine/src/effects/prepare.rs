//! Preparing an attempt: its place, put where the ladder wants it, the checks tried before the work,
//! the model chosen, the prompt frozen.

use super::checks::Checks;
use super::{Cx, FrozenPrompt, Known, beside, by_hand, survey, task_state};
use crate::broken::{Broken, chain};
use crate::ledger::{KeptFork, Ledger};
use crate::project;
use crate::vectors::ADDED;
use loom_events::{
    Adjusted, AttemptId, BlobId, CheckPower, Fact, FailureClass, Note, Outcome, Prepared,
    PromptPart, Role, Rung, Seq, SubtaskId, SubtaskSpec, Tier, ToolSpec,
};
use loom_prompts::{ExecutorInput, TaskState, estimate_tokens, tool_reminder};
use loom_router::Selected;
use loom_state::MemoryQuery;
use loom_tools::{Offer, SkillTool};
use loom_verify::{Baseline, Step};
use loom_workspace::{Sandbox, Workspace};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Begins the failure of a step whose checks are the planner's to correct.
pub(super) const CHECKS_SAY_NOTHING: &str = "checks of this step can never pass";

/// Facts offered to an executor; the template keeps what fits.
const MEMORIES: usize = 8;

/// Bytes of the definitions of servers' tools, when nobody knows the window: a small one holds them.
const OFFER_BYTES: usize = 24 << 10;

/// Bytes of a token in a definition, with care: JSON has shorter tokens than prose.
const BYTES_PER_TOKEN: usize = 3;

/// What the preparation of an attempt needs to know.
pub(super) struct Task {
    task: loom_events::TaskId,
    pub(super) attempt: AttemptId,
    goal: String,
    pub(super) spec: SubtaskSpec,
    rung: Rung,
    tier: Tier,
    /// What the previous attempt was told at its end.
    feedback: Option<String>,
    guidance: Vec<String>,
    /// The snapshot that the subtask began with, and the last prompt, which holds the baseline of
    /// its checks.
    base: Option<(BlobId, BlobId)>,
    /// Whether others may work at the same time.
    beside_others: bool,
    /// Which of several executions that are compared, from 1.
    pub(super) execution: Option<u32>,
    /// The state that the first of them began with.
    pub(super) same: Option<BlobId>,
    /// The fork in which it goes on.
    pub(super) kept: Option<KeptFork>,
    /// The states that attempts began with, and the prompts that hold what checks said then.
    pub(super) tried: Vec<(BlobId, BlobId)>,
    pub(super) heard: Seq,
    /// Whether checks are tried before the work.
    check_rules: bool,
    /// Whether the planner may be asked to correct checks that say nothing.
    may_give_back: bool,
    survey: survey::Survey,
    /// What the user asked for in earlier tasks, as recorded.
    preferences: Vec<String>,
    wordings: Wordings,
    state: TaskState,
}

/// In which wordings models are told this step.
enum Wordings {
    /// In the usual one, since nothing is learned.
    Usual,
    /// In those that were recorded for it, by model; for another model it is chosen.
    Chosen(BTreeMap<String, Option<String>>),
}

impl Wordings {
    fn new(ledger: &Ledger, subtask: &SubtaskId) -> Self {
        if !ledger.state.settings().learning {
            return Self::Usual;
        }
        let learned = ledger.view.learned.iter();
        let chosen = learned.filter_map(|one| match &one.what {
            Adjusted::Wording {
                subtask: of,
                model,
                wording,
            } if of == subtask => Some((model.clone(), wording.clone())),
            _ => None,
        });
        Self::Chosen(chosen.collect())
    }
}

impl Task {
    pub(super) fn new(ledger: &Ledger, attempt: AttemptId) -> Result<Self, Broken> {
        let unknown = || Broken::damaged(&format!("attempt {attempt}"));
        let log = ledger.attempts.get(&attempt).ok_or_else(unknown)?;
        let subtask = ledger.view.subtask(&log.subtask).ok_or_else(unknown)?;
        let earlier = || {
            ledger
                .attempts_of(&log.subtask)
                .filter(|(id, _)| *id < attempt)
        };
        let tried: Vec<(BlobId, BlobId)> = earlier()
            .filter_map(|(_, log)| {
                let prepared = log.prepared.as_ref()?;
                Some((prepared.base.clone()?, prepared.prompt.clone()))
            })
            .collect();
        // What a fork began with is no state to put the workspace back to: a fork may lack something.
        let in_place = earlier().filter_map(|(_, log)| {
            let prepared = log.prepared.as_ref().filter(|p| p.fork.is_none())?;
            Some((prepared.base.clone()?, prepared.prompt.clone()))
        });
        let in_place: Vec<(BlobId, BlobId)> = in_place.collect();
        let first = in_place.first().map(|(base, _)| base.clone());
        let last = in_place.last().map(|(_, prompt)| prompt.clone());
        // Those of the same round know nothing of each other, or they would be one opinion.
        let of_round = log.execution.map_or(0, |execution| execution - 1) as usize;
        let same = earlier().rev().take(of_round).last();
        let same = same.and_then(|(_, log)| log.prepared.as_ref()?.base.clone());
        let feedback = earlier()
            .rev()
            .nth(of_round)
            .map(|(_, log)| log.feedback.clone())
            .filter(|text| !text.trim().is_empty());
        Ok(Self {
            task: ledger.view.id,
            attempt,
            goal: ledger.view.goal.clone(),
            spec: subtask.spec.clone(),
            rung: log.rung,
            tier: log.tier,
            feedback,
            guidance: subtask.guidance.clone(),
            base: first.zip(last),
            beside_others: ledger.state.settings().max_parallel_subtasks > 1,
            execution: log.execution,
            same,
            kept: ledger.kept_fork(attempt),
            tried,
            heard: ledger.state.last_seq(),
            check_rules: ledger.state.settings().defences.check_rules,
            may_give_back: ledger.state.may_give_back(&log.subtask),
            survey: survey::Survey::due(ledger, attempt),
            preferences: preferences(ledger),
            wordings: Wordings::new(ledger, &log.subtask),
            state: task_state(ledger, Some(&log.subtask)),
        })
    }
}

fn preferences(ledger: &Ledger) -> Vec<String> {
    let learned = ledger.view.learned.iter();
    let texts = learned.filter_map(|one| match &one.what {
        Adjusted::Preferences { texts } => Some(texts.clone()),
        Adjusted::StartingTier { .. }
        | Adjusted::Caution(_)
        | Adjusted::Plans { .. }
        | Adjusted::Calibration(_)
        | Adjusted::Wording { .. } => None,
    });
    texts.flatten().collect()
}

pub(super) async fn run(task: Task, cx: Cx) -> Result<Outcome, Broken> {
    if task.rung == Rung::ByHand {
        return by_hand::prepare(&task, &cx).await;
    }
    survey::run(task.survey, &cx).await?;
    let apart = task.beside_others || task.execution.is_some() || task.kept.is_some();
    let stand = match apart {
        true => {
            if !task.beside_others && task.execution == Some(1) {
                clear(&task, &cx).await?;
            }
            beside::stand(&task, &cx).await?
        }
        false => ground(&task, &cx).await?,
    };
    let Some(stand) = stand else {
        return Ok(Outcome::Interrupted { maybe: false });
    };
    // One that is held out only says nothing then: what is told here is read by whoever works.
    let mistakes = stand.baseline.mistakes(&task.spec.checks);
    if task.may_give_back && !mistakes.is_empty() {
        let what = format!("{CHECKS_SAY_NOTHING}: {}", mistakes.join("; "));
        return Err(Broken::new(FailureClass::Plan, what));
    }
    let min_tier = match task.rung {
        Rung::TopTier => cx.shared.top_tier(Role::Executor),
        Rung::Planned | Rung::Feedback | Rung::NextTier | Rung::ByHand => task.tier,
    };
    let selected = cx
        .shared
        .router
        .select(Role::Executor, min_tier)
        .map_err(|none| Broken::new(FailureClass::Environment, chain(&none)))?;
    let Some(offer) = offer(&selected.name, &cx).await else {
        return Ok(Outcome::Interrupted { maybe: false });
    };
    let material = project::material(project::files_of(&task.spec), &cx).await?;
    if task.survey == survey::Survey::Told && material.unagreed > 0 {
        let text = unagreed(material.unagreed, &cx);
        cx.signals.must_note(Note::Progress { text }).await?;
    }
    let memory = recall(&task, &cx).await?;
    let mut input = ExecutorInput::new(task.state.clone(), task.spec.clone());
    input.memory = memory;
    input.feedback = feedback(&task);
    input.notes = material.notes;
    input.skills = material.skills;
    input.preferences.clone_from(&task.preferences);
    input.budget = cx.shared.prompt_budget(&selected.name);
    let wording = wording(&task, &selected, &cx).await?;
    let prompts = &cx.shared.prompts;
    let rendered = prompts
        .executor_as(wording.as_deref(), &input)
        .map_err(|error| Broken::environment("the executor's prompt could not be made", &error))?;
    let frozen = FrozenPrompt {
        messages: cx.shown(rendered.messages),
        tools: tools(offer.specs, !input.skills.is_empty(), &cx),
        think: matches!(task.rung, Rung::TopTier),
        heard: task.heard,
        reminder: tool_reminder(&task.goal, &task.spec.title),
        baseline: shown(stand.baseline, &cx),
    };
    let sandbox = cx.workspace.as_ref().map(|_| &cx.shell.sandbox);
    let mut degraded: Vec<String> = selected.degraded.into_iter().collect();
    degraded.extend(sandbox.and_then(Sandbox::weakness));
    degraded.extend(offer.notes);
    degraded.extend(stand.degraded);
    let powers: Vec<CheckPower> = frozen.baseline.trials.iter().map(|t| t.power).collect();
    Ok(Outcome::Prepared(Prepared {
        fork: stand.fork,
        base: stand.base,
        prompt: cx.put_json(&frozen).await?,
        model: selected.name,
        template: rendered.template,
        baseline: powers,
        parts: [tools_part(&frozen.tools)]
            .into_iter()
            .chain(rendered.parts)
            .collect(),
        trimmed: material
            .left_out
            .into_iter()
            .chain(rendered.trimmed)
            .collect(),
        sandbox: sandbox.map(|sandbox| sandbox.name().to_owned()),
        degraded,
    }))
}

/// In which wording the model is told the step. What was recorded counts to the end of the task, also
/// after a crash; where there is nothing to choose from nothing is recorded.
async fn wording(task: &Task, selected: &Selected, cx: &Cx) -> Result<Option<String>, Broken> {
    let Wordings::Chosen(chosen) = &task.wordings else {
        return Ok(None);
    };
    if let Some(recorded) = chosen.get(&selected.name) {
        return Ok(recorded.clone());
    }
    let learning = &cx.shared.learning;
    let advice = learning
        .wording(&cx.shared, task.task, &task.spec.id, &selected.name)
        .await;
    let Some((wording, adjustment)) = advice else {
        return Ok(None);
    };
    cx.signals.must_note(Note::Learned(adjustment)).await?;
    Ok(wording)
}

/// What the tools cost, which are sent in a field of their own.
fn tools_part(tools: &[ToolSpec]) -> PromptPart {
    let text = |tool: &ToolSpec| format!("{} {} {}", tool.name, tool.description, tool.parameters);
    PromptPart {
        name: "tool_definitions".to_owned(),
        tokens: tools.iter().map(|tool| estimate_tokens(&text(tool))).sum(),
    }
}

/// Says once in a task that skills of the project are not used.
fn unagreed(skills: usize, cx: &Cx) -> String {
    let place = cx.place.workspace.as_ref();
    let dir = place.map_or_else(String::new, |w| w.path().display().to_string());
    let (count, what) = match skills {
        1 => ("1 skill".to_owned(), "is not used"),
        many => (format!("{many} skills"), "are not used"),
    };
    format!("{count} of the project {what}, since you have not agreed: loom trust {dir}")
}

/// What was seen, without secrets; the checks themselves are compared with those of the plan.
fn shown(mut baseline: Baseline, cx: &Cx) -> Baseline {
    for trial in &mut baseline.trials {
        cx.shared.redactor.string(&mut trial.seen);
        if let Some(unusable) = &mut trial.unusable {
            cx.shared.redactor.string(unusable);
        }
    }
    baseline
}

/// What servers offer to the attempt, within a quarter of the window. None when it was interrupted:
/// a server that comes up slowly is waited for.
async fn offer(model: &str, cx: &Cx) -> Option<Offer> {
    let room = cx.shared.window(model).map_or(OFFER_BYTES, |window| {
        usize::try_from(window).unwrap_or(usize::MAX) / 4 * BYTES_PER_TOKEN
    });
    tokio::select! {
        offer = cx.shared.servers.offer(room) => Some(offer),
        () = cx.signals.cancel.cancelled() => None,
    }
}

/// All tools in order of names: it never changes within an attempt, or the cached prefix of its
/// prompts would be lost.
fn tools(offered: Vec<ToolSpec>, skills: bool, cx: &Cx) -> Vec<ToolSpec> {
    let mut tools = cx.shared.registry.specs(cx.workspace.is_some());
    tools.retain(|tool| skills || tool.name != SkillTool::NAME);
    tools.extend(offered);
    tools.sort_by(|one, other| one.name.cmp(&other.name));
    tools
}

/// What an attempt stands on.
#[derive(Default)]
pub(super) struct Stand {
    /// The fork that it works in; none when that is the workspace itself.
    pub(super) fork: Option<String>,
    /// The snapshot that its work is compared with.
    pub(super) base: Option<BlobId>,
    pub(super) baseline: Baseline,
    pub(super) degraded: Vec<String>,
}

/// Puts the workspace back to what the subtask began with, where an earlier attempt worked in it:
/// executions begin there, and one of them is merged into it.
async fn clear(task: &Task, cx: &Cx) -> Result<(), Broken> {
    if let Some((base, _)) = &task.base {
        cx.snapshot().await?;
        cx.put_back(base, Known::Now).await?;
    }
    Ok(())
}

/// An attempt alone in the workspace: the state that the subtask began with, put back where the rung wants a clean start, and what its
/// checks said about it. None when it was interrupted.
async fn ground(task: &Task, cx: &Cx) -> Result<Option<Stand>, Broken> {
    if let Some((base, prompt)) = &task.base {
        // The same model goes on from its own work; another one starts from the base.
        if matches!(task.rung, Rung::NextTier | Rung::TopTier) {
            cx.snapshot().await?;
            cx.put_back(base, Known::Now).await?;
        }
        let earlier: FrozenPrompt = cx.get_json(prompt).await?;
        let known = |check| earlier.baseline.trials.iter().any(|t| &t.check == check);
        if task.spec.every_check().all(known) {
            return Ok(Some(Stand {
                base: Some(base.clone()),
                baseline: earlier.baseline,
                ..Stand::default()
            }));
        }
    }
    let Some(workspace) = cx.workspace.clone() else {
        return Ok(Some(Stand::default()));
    };
    let now = cx.snapshot().await?;
    // A step that a new plan changed has other checks. They are tried on what the step began with:
    // on the work itself a right check is green, and proves nothing.
    if let Some((base, _)) = &task.base {
        cx.put_back(base, Known::Now).await?;
    }
    let baseline = try_checks(task, &workspace, cx).await;
    // Checks may leave caches and reports behind: the attempt starts from the user's own files.
    if let Some(now) = &now {
        let recorded = cx.signals.recorded();
        cx.put_back(now, Known::Snapshot(&recorded)).await?;
    }
    let base = match &task.base {
        Some((base, _)) => Some(base.clone()),
        None => now,
    };
    Ok(baseline.map(|baseline| Stand {
        base,
        baseline,
        ..Stand::default()
    }))
}

/// What the checks say now. None when it was interrupted.
pub(super) async fn try_checks(
    task: &Task,
    workspace: &Arc<Workspace>,
    cx: &Cx,
) -> Option<Baseline> {
    if !task.check_rules {
        return Some(Baseline::default());
    }
    let runner = Checks::new(cx);
    let step = Step::of_subtask(&task.spec);
    let tried = loom_verify::baseline(workspace, &step, &runner);
    tokio::select! {
        baseline = tried => Some(baseline),
        () = cx.signals.cancel.cancelled() => None,
    }
}

async fn recall(task: &Task, cx: &Cx) -> Result<Vec<Fact>, Broken> {
    let query = MemoryQuery {
        task: Some(task.task),
        text: Some(format!("{} {}", task.spec.title, task.spec.description)),
        limit: MEMORIES,
        ..MemoryQuery::default()
    };
    let vectors = &cx.shared.vectors;
    let rows = vectors
        .search(&cx.shared, query, |_| ADDED)
        .await
        .map_err(|error| Broken::environment("the memory could not be searched", &error))?;
    Ok(rows.into_iter().map(Fact::from).collect())
}

fn feedback(task: &Task) -> Option<String> {
    let guidance = task
        .guidance
        .iter()
        .map(|text| format!("The user says: {text}"));
    let parts: Vec<String> = task.feedback.iter().cloned().chain(guidance).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}
