//! What is kept of one task for those who look at many runs later: a line of JSON, without anything
//! that depends on the speed of the machine.

use super::cell::Cell;
use super::outcome::Outcome;
use loom_engine::{SubtaskStatus, TaskView};
use loom_events::Verdict;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;

/// What there is to say of a task beside its outcome: what its verdicts rest on.
pub(super) fn evidence(view: &TaskView) -> Value {
    let done = view
        .subtasks
        .iter()
        .filter(|step| step.status == SubtaskStatus::Completed);
    let steps = done.filter_map(|step| {
        let attempt = step.last_attempt()?;
        let seen = attempt.verdict.as_ref()?;
        Some(json!({
            "title": step.spec.title,
            "ordinal": attempt.ordinal,
            "attempts": step.attempts.len(),
            "tier": attempt.tier,
            "verdict": verdict(&seen.verdict),
        }))
    });
    json!({
        "steps": steps.collect::<Vec<_>>(),
        "whole": view.final_verdict.as_ref().map(|seen| verdict(&seen.verdict)),
        "versions": view.plan_version,
    })
}

fn verdict(verdict: &Verdict) -> Value {
    let parts = verdict.confidence.parts.iter();
    json!({
        "value": verdict.confidence.value,
        "parts": parts.map(|part| json!([part.why, part.delta])).collect::<Vec<_>>(),
        "checks": verdict.checks.iter().map(|c| json!([c.check, c.passed, c.power])).collect::<Vec<_>>(),
        "votes": verdict.votes.iter().map(|v| json!([v.model, v.result])).collect::<Vec<_>>(),
    })
}

/// Adds a cell to a file, a line for each task.
pub(super) fn keep(path: &Path, cell: &Cell, outcomes: &[Outcome]) -> std::io::Result<()> {
    let mut file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path)?;
    for (number, outcome) in outcomes.iter().enumerate() {
        let defects = outcome.truth.defects.iter();
        let line = json!({
            "variant": cell.variant.name,
            "class": cell.class.name(),
            "steps": cell.steps,
            "seed": cell.seed,
            "number": number,
            "completed": outcome.completed,
            "finished": outcome.finished(),
            "confidence": outcome.confidence,
            "reason": outcome.reason,
            "turns": outcome.turns,
            "stated": outcome.steps,
            "defects": defects.map(|d| json!([d.step, d.kind.name()])).collect::<Vec<_>>(),
            "evidence": outcome.evidence,
        });
        writeln!(file, "{line}")?;
    }
    Ok(())
}
