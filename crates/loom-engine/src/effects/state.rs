//! From the view of a task to the state that prompts show: only what helps a model, nothing of
//! Loom's own bookkeeping.

use crate::ledger::Ledger;
use loom_events::{Fact, MemoryKind, SubtaskId};
use loom_prompts::{ErrorLine, FileLine, StepLine, StepStatus, TaskState};
use loom_view::{SubtaskStatus, TaskView};

/// The state of a task as it stands, for the prompt of `current`.
pub(crate) fn task_state(ledger: &Ledger, current: Option<&SubtaskId>) -> TaskState {
    let view = &ledger.view;
    TaskState {
        goal: view.goal.clone(),
        plan_version: view.plan_version,
        steps: steps(view),
        current: current.cloned(),
        instructions: view.steering.iter().map(|s| s.text.clone()).collect(),
        decisions: decisions(view),
        errors: view.errors.iter().map(error_line).collect(),
        changes: view
            .files
            .iter()
            .map(|row| FileLine {
                path: row.path.clone(),
                added: row.lines.added,
                removed: row.lines.removed,
            })
            .collect(),
    }
}

/// What was decided, the newest last; where two decisions are about the same, with their dates.
fn decisions(view: &TaskView) -> Vec<String> {
    let of_kind = |fact: &&Fact| fact.entry.kind == MemoryKind::Decision;
    let mut facts: Vec<&Fact> = view.memory.iter().filter(of_kind).collect();
    facts.sort_by_key(|fact| fact.last);
    let line = |fact: &Fact| match fact.about {
        Some(_) => format!("[{}] {}", fact.last.minute(), fact.entry.summary),
        None => fact.entry.summary.clone(),
    };
    facts.into_iter().map(line).collect()
}

fn steps(view: &TaskView) -> Vec<StepLine> {
    let line = |s: &crate::SubtaskView| StepLine {
        id: s.spec.id.clone(),
        title: s.spec.title.clone(),
        status: step_status(s.status),
        summary: s.summary.clone(),
    };
    view.subtasks.iter().map(line).collect()
}

fn error_line(row: &crate::ErrorRow) -> ErrorLine {
    let what = match &row.subtask {
        Some(subtask) => format!("{subtask}: {}", row.what),
        None => row.what.clone(),
    };
    ErrorLine {
        what,
        resolution: (!row.resolution.is_empty()).then(|| row.resolution.clone()),
    }
}

/// The prompts' word for a status.
pub(crate) const fn step_status(status: SubtaskStatus) -> StepStatus {
    match status {
        SubtaskStatus::Pending => StepStatus::Pending,
        SubtaskStatus::Running => StepStatus::Running,
        SubtaskStatus::Verifying => StepStatus::Verifying,
        SubtaskStatus::WaitingApproval => StepStatus::WaitingApproval,
        SubtaskStatus::Completed => StepStatus::Completed,
        SubtaskStatus::Failed => StepStatus::Failed,
        SubtaskStatus::Blocked => StepStatus::Blocked,
        SubtaskStatus::Skipped => StepStatus::Skipped,
    }
}
