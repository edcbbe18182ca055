//! The plan of a task in the words of the protocol, which has three statuses.

use agent_client_protocol::v1::schema::{PlanEntry, PlanEntryPriority, PlanEntryStatus};
use loom_view::text::line;
use loom_view::{SubtaskStatus, SubtaskView, TaskView};

/// The steps, in the order of the plan.
pub(crate) fn entries(view: &TaskView) -> Vec<PlanEntry> {
    view.subtasks.iter().map(entry).collect()
}

fn entry(step: &SubtaskView) -> PlanEntry {
    let title = line(&step.spec.title);
    // What did not come about must not look done: it stays pending, and says why.
    let (status, note) = match step.status {
        SubtaskStatus::Pending => (PlanEntryStatus::Pending, None),
        SubtaskStatus::Running => (PlanEntryStatus::InProgress, None),
        SubtaskStatus::Verifying => (PlanEntryStatus::InProgress, Some("is checked")),
        SubtaskStatus::WaitingApproval => (PlanEntryStatus::InProgress, Some("waits for you")),
        SubtaskStatus::Completed => (PlanEntryStatus::Completed, None),
        SubtaskStatus::Skipped => (PlanEntryStatus::Completed, Some("left out")),
        SubtaskStatus::Failed => (PlanEntryStatus::Pending, Some("failed")),
        SubtaskStatus::Blocked => (PlanEntryStatus::Pending, Some("blocked")),
    };
    let content = match note {
        None => title,
        Some(note) => format!("{title} ({note})"),
    };
    PlanEntry::new(content, PlanEntryPriority::Medium, status)
}
