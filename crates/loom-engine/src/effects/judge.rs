//! Running a gate: over an attempt's result, or over the whole goal at the end.

use super::by_hand;
use super::checks::Checks;
use super::merge::settled_manifest;
use super::{Cx, FrozenPrompt, Known};
use crate::broken::{Broken, chain};
use crate::ledger::{Entry, Ledger, recheck_name};
use crate::{SubtaskStatus, SubtaskView};
use loom_events::{
    Adjusted, AttemptId, BlobId, Calibration, Defences, FileChange, ModelReply, Outcome, Plan,
    Role, Rung, SubtaskId, SubtaskSpec, Tier, Verdict, VerdictResult, Verification, Work,
};
use loom_kernel::Start;
use loom_prompts::Rendered;
use loom_verify::{
    AttemptFacts, Baseline, Earlier, EvidenceSink, Execution, GateInput, GateTools, ModelJudge,
    PromptSink, Step, gate,
};
use std::sync::Arc;

/// What a gate needs to know.
pub(super) struct Task {
    step: Step,
    settings: Verification,
    defences: Defences,
    attempt: AttemptFacts,
    /// The steps that are completed.
    done: Vec<SubtaskSpec>,
    /// What they changed.
    earlier: Vec<Earlier>,
    /// The last answer without calls, whose words are the claim.
    last_reply: Option<ModelReply>,
    /// The tree that the work began with.
    base: Option<BlobId>,
    /// The frozen prompts that hold the baselines of the checks.
    prompts: Vec<BlobId>,
    round: u32,
    /// For a result that was merged onto other work.
    recheck: Option<Recheck>,
    /// For a step that the user did.
    by_hand: Option<ByHand>,
    /// How such results turned out in earlier tasks, as this one was told at its beginning.
    calibration: Option<Calibration>,
}

/// What the user did: only the checks are asked about it, and nothing of it is put back.
struct ByHand {
    attempt: AttemptId,
    /// Changes of theirs that are journaled.
    told: Vec<FileChange>,
}

/// What was merged: only the deterministic checks are asked again, and only about that.
struct Recheck {
    attempt: AttemptId,
    changes: Vec<FileChange>,
}

impl Task {
    /// The gate of one attempt.
    pub(super) fn of_attempt(
        ledger: &Ledger,
        start: &Start,
        attempt: AttemptId,
    ) -> Result<Self, Broken> {
        let unknown = || Broken::damaged(&format!("attempt {attempt}"));
        let log = ledger.attempts.get(&attempt).ok_or_else(unknown)?;
        let subtask = ledger.view.subtask(&log.subtask).ok_or_else(unknown)?;
        let prepared = log.prepared.as_ref().ok_or_else(unknown)?;
        let last_reply = log.entries.iter().rev().find_map(|entry| match entry {
            Entry::Answered { reply, .. } => Some(reply.clone()),
            Entry::Asked { .. }
            | Entry::Result { .. }
            | Entry::Nudge { .. }
            | Entry::Trimmed { .. } => None,
        });
        let settings = &ledger.state.settings().verification;
        let recheck = matches!(start.work, Work::Recheck { .. }).then(|| Recheck {
            attempt,
            changes: ledger.changes_by(attempt),
        });
        let by_hand = (log.rung == Rung::ByHand).then(|| ByHand {
            attempt,
            told: ledger.changes_by(attempt),
        });
        let mut defences = ledger.state.settings().defences;
        if by_hand.is_some() {
            // Whoever says what is wanted may change what judges, and whatever they like.
            (defences.protection, defences.scope) = (false, false);
        }
        Ok(Self {
            step: Step::of_subtask(&subtask.spec),
            defences,
            settings: Verification {
                tier: match (&recheck, &by_hand) {
                    (None, None) => settings.tier,
                    _ => settings.tier.min(1),
                },
                ..settings.clone()
            },
            attempt: AttemptFacts {
                by_hand: by_hand.is_some(),
                execution: log.execution.map(|_| others(ledger, &log.subtask)),
                touched: log.touched > 0,
                answer: String::new(),
                model: prepared.model.clone(),
                tier: log.tier,
                ordinal: log.ordinal,
                red_before: red_before(ledger, &log.subtask),
                degraded: prepared.degraded.clone(),
                seed: attempt.0.0,
            },
            done: ledger.done().cloned().collect(),
            earlier: ledger.changed_before(),
            last_reply,
            base: prepared.base.clone(),
            prompts: vec![prepared.prompt.clone()],
            round: round(start),
            recheck,
            // Nobody knows how sure people are.
            calibration: by_hand.is_none().then(|| calibration(ledger)).flatten(),
            by_hand,
        })
    }

    /// The gate over the whole goal.
    pub(super) fn of_goal(ledger: &Ledger, start: &Start) -> Self {
        let view = &ledger.view;
        // What a person left out is not held against what was done.
        let (left_out, asked): (Vec<_>, Vec<_>) = view
            .subtasks
            .iter()
            .partition(|s| s.status == SubtaskStatus::Skipped);
        let plan = Plan {
            subtasks: asked.iter().map(|s| s.spec.clone()).collect(),
        };
        let prepared = || ledger.attempts.values().filter_map(|a| a.prepared.as_ref());
        let tier = ledger.attempts.values().map(|a| a.tier).max();
        let settings = &ledger.state.settings().verification;
        Self {
            step: Step {
                // Of nothing at all nobody says that it is only to be looked at.
                inspect: !asked.is_empty() && asked.iter().all(|s| s.spec.inspect),
                ..Step::of_goal(&without(&view.goal, &left_out), &plan, &settings.checks)
            },
            settings: settings.clone(),
            defences: ledger.state.settings().defences,
            attempt: AttemptFacts {
                by_hand: false,
                execution: None,
                touched: ledger.attempts.values().any(|a| a.touched > 0),
                answer: String::new(),
                model: prepared()
                    .next_back()
                    .map(|p| p.model.clone())
                    .unwrap_or_default(),
                tier: tier.unwrap_or(Tier::Small),
                ordinal: 1,
                red_before: ledger.followed_up.clone(),
                degraded: view.degraded.clone(),
                seed: start.id.0.0,
            },
            // All of it is judged.
            done: Vec::new(),
            earlier: Vec::new(),
            last_reply: None,
            base: prepared().find_map(|p| p.base.clone()),
            prompts: prepared().map(|p| p.prompt.clone()).collect(),
            round: round(start),
            recheck: None,
            by_hand: None,
            // What is known is of steps.
            calibration: None,
        }
    }
}

/// The executions of a step that passed before the one that is judged.
fn others(ledger: &Ledger, subtask: &SubtaskId) -> Execution {
    let made = ledger.state.made_by_others(subtask);
    Execution {
        others: made.map(Option::<&_>::cloned).collect(),
    }
}

/// The goal, with what a person has left out of it.
fn without(goal: &str, left_out: &[&SubtaskView]) -> String {
    if left_out.is_empty() {
        return goal.to_owned();
    }
    let titles: Vec<_> = left_out.iter().map(|s| s.spec.title.as_str()).collect();
    format!(
        "{goal}\n\nThe user has left these steps out, so what they would have brought is not missing: {}",
        titles.join("; ")
    )
}

fn calibration(ledger: &Ledger) -> Option<Calibration> {
    let learned = ledger.view.learned.iter().rev();
    let mut known = learned.filter_map(|one| match &one.what {
        Adjusted::Calibration(calibration) => Some(calibration.clone()),
        Adjusted::StartingTier { .. }
        | Adjusted::Caution(_)
        | Adjusted::Plans { .. }
        | Adjusted::Preferences { .. }
        | Adjusted::Wording { .. } => None,
    });
    known.next()
}

/// Checks that were red at an earlier gate of a subtask.
fn red_before(ledger: &Ledger, subtask: &SubtaskId) -> Vec<String> {
    let red = ledger.attempts_of(subtask).flat_map(|(_, log)| &log.red);
    red.cloned().collect()
}

const fn round(start: &Start) -> u32 {
    match &start.work {
        Work::Verify { round, .. } | Work::Final { round, .. } => *round,
        _ => 0,
    }
}

pub(super) async fn run(task: Task, cx: Cx) -> Result<Outcome, Broken> {
    if let Some(by_hand) = &task.by_hand {
        if let Some(base) = &task.base {
            by_hand::record(base, &by_hand.told, &cx).await?;
        }
        let attempt = by_hand.attempt;
        return judge_copy(task, attempt, cx).await;
    }
    match &task.recheck {
        Some(recheck) => {
            let attempt = recheck.attempt;
            judge_copy(task, attempt, cx).await
        }
        None => judge(task, cx).await,
    }
}

/// Judges the tree in a copy of it, which is thrown away: the user may be working in the tree itself,
/// and nothing of that is to be put back.
async fn judge_copy(task: Task, attempt: AttemptId, cx: Cx) -> Result<Outcome, Broken> {
    let Some(origin) = cx.place.workspace.clone() else {
        return judge(task, cx).await;
    };
    let name = recheck_name(attempt);
    let merged = settled_manifest(&origin, &cx).await?;
    let fork = match cx.place.forks.create(&name, &origin, merged).await {
        Ok(fork) => fork,
        Err(error) => {
            let what = format!(
                "a result was checked in the workspace itself, since a fork cannot be had: {}",
                chain(&error)
            );
            cx.signals.degraded(&[what]).await?;
            return judge(task, cx).await;
        }
    };
    let there = cx.clone().inside(fork).await?;
    let judged = tokio::select! {
        verdict = verdict(&task, &there) => verdict,
        () = cx.signals.cancel.cancelled() => Ok(Outcome::Interrupted { maybe: false }),
    };
    if let Err(error) = cx.place.forks.remove([name].into(), &origin).await {
        tracing::warn!(error = chain(&error), "a fork was not removed");
    }
    judged
}

async fn judge(task: Task, cx: Cx) -> Result<Outcome, Broken> {
    // What the checks leave behind is not the user's and not the attempt's: it is put back.
    let before = cx.snapshot().await?;
    let judged = tokio::select! {
        verdict = verdict(&task, &cx) => Some(verdict),
        () = cx.signals.cancel.cancelled() => None,
    };
    if let Some(before) = &before {
        cx.put_back(before, Known::Snapshot(&[])).await?;
    }
    match judged {
        Some(verdict) => verdict,
        None => Ok(Outcome::Interrupted { maybe: false }),
    }
}

async fn verdict(task: &Task, cx: &Cx) -> Result<Outcome, Broken> {
    let mut attempt = task.attempt.clone();
    if let Some(reply) = &task.last_reply {
        let answer: loom_events::Answer = cx.get_json(&reply.answer).await?;
        attempt.answer = answer.text;
    }
    let input = GateInput {
        step: task.step.clone(),
        workspace: cx.workspace.clone(),
        changes: changes(task, cx).await?,
        attempt,
        baseline: baseline(task, cx).await?,
        done: task.done.clone(),
        earlier: task.earlier.clone(),
        settings: task.settings.clone(),
        defences: task.defences,
        round: task.round,
        redactor: Arc::clone(&cx.shared.redactor),
    };
    let judge = ModelJudge::new(
        Arc::clone(&cx.shared.router),
        Arc::clone(&cx.shared.prompts),
    )
    .for_task(cx.signals.task)
    .keeping(Arc::new(cx.clone()));
    let tools = GateTools {
        runner: &Checks::new(cx),
        judge: &judge,
        evidence: cx,
    };
    match gate(&input, &tools).await {
        Ok(verdict) if task.recheck.is_some() => Ok(Outcome::Rechecked(verdict)),
        Ok(verdict) => Ok(Outcome::Verified(turned_out(verdict, task))),
        Err(failure) => Err(Broken(failure)),
    }
}

/// A verdict that says of a result that passed how sure such results turned out to be.
fn turned_out(verdict: Verdict, task: &Task) -> Verdict {
    let passed = verdict.result == VerdictResult::Pass;
    match task.calibration.as_ref().filter(|_| passed) {
        None => verdict,
        Some(calibration) => Verdict {
            confidence: loom_learning::turned_out(verdict.confidence, calibration),
            ..verdict
        },
    }
}

/// The net effect on the tree since the base, whatever led to it.
async fn changes(task: &Task, cx: &Cx) -> Result<Vec<FileChange>, Broken> {
    if let Some(recheck) = &task.recheck {
        return Ok(recheck.changes.clone());
    }
    let Some(base) = &task.base else {
        return Ok(Vec::new());
    };
    cx.changes_since(base, "the workspace could not be compared")
        .await
}

/// What the checks said before the work; of a check that several steps share the first trial counts.
async fn baseline(task: &Task, cx: &Cx) -> Result<Baseline, Broken> {
    let mut trials: Vec<loom_verify::Trial> = Vec::new();
    for prompt in &task.prompts {
        let frozen: FrozenPrompt = cx.get_json(prompt).await?;
        for trial in frozen.baseline.trials {
            if !trials.iter().any(|known| known.check == trial.check) {
                trials.push(trial);
            }
        }
    }
    Ok(Baseline { trials })
}

#[async_trait::async_trait]
impl PromptSink for Cx {
    async fn asking(&self, rendered: &Rendered) {
        // A gate that is being stopped may still ask; what comes of it counts for nothing.
        if let Err(broken) = Self::asking(self, Role::Verifier, rendered.clone(), None).await {
            tracing::debug!(%broken, "a question to a verifier was not kept");
        }
    }
}

#[async_trait::async_trait]
impl EvidenceSink for Cx {
    async fn keep(&self, bytes: Vec<u8>) -> Option<BlobId> {
        match self.put(self.shared.redactor.bytes(bytes)).await {
            Ok(id) => Some(id),
            Err(broken) => {
                tracing::warn!(%broken, "evidence was not kept");
                None
            }
        }
    }
}
