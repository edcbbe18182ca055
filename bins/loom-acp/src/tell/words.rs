//! What Loom says in words: what is not a plan and not a call, and the end, honestly.

use loom_events::{Event, SubtaskId, Summary};
use loom_view::text::{line, plural};
use loom_view::{TaskStatus, TaskView, describe_compared, describe_end};

/// What an event says; none of one that is shown otherwise, or is bookkeeping.
pub(crate) fn narrated(event: &Event, view: &TaskView) -> Option<String> {
    let title = |id: &SubtaskId| match view.subtask(id) {
        Some(step) => line(&step.spec.title),
        None => id.to_string(),
    };
    Some(match event {
        Event::TaskQueued { behind } => {
            format!("It waits for task {behind}, and begins by itself.")
        }
        Event::TaskPlanning { .. } => "Planning.".to_owned(),
        Event::TaskReplanning { .. } => "Planning again.".to_owned(),
        Event::PlanRejected { errors, .. } => {
            format!("The plan cannot be followed: {}.", line(&errors.join("; ")))
        }
        Event::PlanningAbandoned { reason, .. } => format!("No new plan: {}.", line(reason)),
        Event::TaskPlanReady { fallback: true, .. } => {
            "No plan came that can be used: the goal is one step.".to_owned()
        }
        Event::SubtaskStarted {
            subtask, ordinal, ..
        } if *ordinal > 1 => format!("Attempt {ordinal} of “{}”.", title(subtask)),
        Event::AttemptEnded {
            subtask,
            why,
            feedback,
            ..
        } if !matches!(why, loom_events::AttemptEnd::Passed) => {
            format!(
                "“{}”: {}.",
                title(subtask),
                line(&describe_end(why, feedback))
            )
        }
        Event::ExecutionsCompared {
            subtask,
            standings,
            outcome,
        } => format!(
            "“{}”: {}.",
            title(subtask),
            describe_compared(standings, outcome)
        ),
        Event::SubtaskFailed { subtask, reason } => {
            format!("“{}” failed: {}.", title(subtask), line(reason))
        }
        Event::SubtaskBlocked { subtask, reason } => {
            format!("“{}” is blocked: {}.", title(subtask), line(reason))
        }
        Event::ModelCallFailed { failure, .. } => {
            format!("No answer from the model: {}.", line(&failure.message))
        }
        Event::Degraded { what } => format!("Degraded: {}.", line(what)),
        _ => return None,
    })
}

/// How a task ended, and what its result rests on; none of one that has not.
pub(crate) fn outcome(view: &TaskView) -> Option<String> {
    let why = view.reason.as_deref().map(line).unwrap_or_default();
    let mut text = match view.status {
        TaskStatus::Completed => "**Completed.**".to_owned(),
        TaskStatus::Failed => format!("**Failed:** {why}."),
        TaskStatus::Cancelled => "**Cancelled.**".to_owned(),
        _ => return None,
    };
    if let Some(summary) = &view.summary {
        text += &rests_on(view, summary);
    }
    let changed = view.files.len();
    if changed > 0 {
        let task = view.id;
        text += &format!(
            " {} changed; `loom diff {task}` shows the changes, `loom revert {task}` takes them back.",
            plural(changed, "file")
        );
    }
    Some(text)
}

fn rests_on(view: &TaskView, summary: &Summary) -> String {
    let named = |ids: &[SubtaskId]| {
        let titles = ids.iter().map(|id| match view.subtask(id) {
            Some(step) => format!("“{}”", line(&step.spec.title)),
            None => id.to_string(),
        });
        titles.collect::<Vec<_>>().join(", ")
    };
    let mut text = String::new();
    if !summary.verified.is_empty() {
        let steps = plural(summary.verified.len(), "step");
        text += &format!(" Checks verified {steps}.");
    }
    if !summary.claimed.is_empty() {
        text += &format!(
            " Only a model's word stands for {}: look at it.",
            named(&summary.claimed)
        );
    }
    if !summary.unfinished.is_empty() {
        text += &format!(" Not done: {}.", named(&summary.unfinished));
    }
    if summary.needs_human {
        text += " Only a human could have gone on.";
    }
    if summary.unclean {
        text += " Something could not be put back: the directory needs a look.";
    }
    text
}
