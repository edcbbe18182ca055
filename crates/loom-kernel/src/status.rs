//! Status is a function of state, never a field: nothing sets `waiting_approval`.

use crate::state::{Acting, Attempt, CallState, Last, Life, Stage, State};
use loom_events::{End, Subject, SubtaskId};

/// Where a task is, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskStatus {
    /// Created, nothing begun.
    Pending,
    /// Another task is in the way.
    Queued,
    /// A plan is being made and nothing else runs.
    Planning,
    /// Work goes on.
    Executing,
    /// Nothing is in flight, and a question is open.
    WaitingApproval,
    /// On a human's word.
    Paused,
    /// The end is decided; what runs is being stopped and put back.
    Stopping,
    /// Everything passed.
    Completed,
    /// It ended without that.
    Failed,
    /// It was ended by request.
    Cancelled,
}

/// Where a subtask is, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubtaskStatus {
    /// Waits for its dependencies, a place or its next attempt.
    Pending,
    /// An attempt works.
    Running,
    /// Its result is being judged or merged.
    Verifying,
    /// It waits for a human.
    WaitingApproval,
    /// Its gates passed.
    Completed,
    /// No attempt was left.
    Failed,
    /// The model could not go on.
    Blocked,
    /// It was or will be left out.
    Skipped,
}

/// The status of a task.
#[must_use]
pub fn status(state: &State) -> TaskStatus {
    match &state.life {
        Life::New => TaskStatus::Pending,
        Life::Stopping(_) => TaskStatus::Stopping,
        Life::Done(End::Completed) => TaskStatus::Completed,
        Life::Done(End::Failed { .. }) => TaskStatus::Failed,
        Life::Done(End::Cancelled { .. }) => TaskStatus::Cancelled,
        Life::Active if state.paused => TaskStatus::Paused,
        Life::Active if state.queued => TaskStatus::Queued,
        Life::Active if !state.working() => TaskStatus::WaitingApproval,
        Life::Active if state.version == 0 && state.planning.is_none() => TaskStatus::Pending,
        Life::Active if state.planning.is_some() && state.running().next().is_none() => {
            TaskStatus::Planning
        }
        Life::Active => TaskStatus::Executing,
    }
}

/// The status of a subtask of this or an earlier plan.
#[must_use]
pub fn subtask_status(state: &State, id: &SubtaskId) -> Option<SubtaskStatus> {
    let sub = state.subs.get(id)?;
    let subtask = || id.clone();
    let asked = state.asked(&Subject::Exhausted { subtask: subtask() })
        || state.asked(&Subject::Executions { subtask: subtask() });
    Some(match &sub.stage {
        Stage::Tried { .. } | Stage::Blocked if asked => SubtaskStatus::WaitingApproval,
        Stage::Pending | Stage::Tried { .. } => SubtaskStatus::Pending,
        Stage::Running(attempt) => running_status(state, attempt),
        Stage::Completed(_) => SubtaskStatus::Completed,
        Stage::Failed => SubtaskStatus::Failed,
        Stage::Blocked => SubtaskStatus::Blocked,
        Stage::Skipped(_) => SubtaskStatus::Skipped,
    })
}

fn running_status(state: &State, attempt: &Attempt) -> SubtaskStatus {
    let result = Subject::Result {
        attempt: attempt.id,
    };
    match &attempt.last {
        _ if attempt.in_hand() => SubtaskStatus::WaitingApproval,
        Last::Passed(_) if state.asked(&result) => SubtaskStatus::WaitingApproval,
        Last::Acting(acting) if waits_for_human(acting) => SubtaskStatus::WaitingApproval,
        Last::Spoke { .. } | Last::Unsure { .. } | Last::GateFailed { .. } => {
            SubtaskStatus::Verifying
        }
        Last::Passed(_)
        | Last::Agreed(_)
        | Last::Merged { .. }
        | Last::Rechecked(_)
        | Last::Conflict(_)
        | Last::Ended(_) => SubtaskStatus::Verifying,
        Last::Started
        | Last::Prepared
        | Last::Acting(_)
        | Last::Nudged
        | Last::Denied(_)
        | Last::Failed(_) => SubtaskStatus::Running,
    }
}

fn waits_for_human(acting: &Acting) -> bool {
    let asked = |call: &crate::state::Call| matches!(call.state, CallState::Asked(_));
    acting.calls.iter().any(asked)
}
