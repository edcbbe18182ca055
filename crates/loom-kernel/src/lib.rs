//! The decisions of Loom: the pure, deterministic state machine of one task.
//!
//! There is no clock, no randomness, no I/O and no async here; time and outcomes come in as data.
//! Start reading at [`decide`] (`decide/mod.rs` is the ordered list of rules), then [`step`].
//!
//! * [`handle`] books facts and checks fences. It never decides what is next.
//! * [`apply`] is the only mutation, shared by live running and replay.
//! * [`decide`] is total and idempotent: events to record, or what runs at the fixpoint.
//! * [`step`] runs the three to the fixpoint; its [`Batch`] is one commit.

#![deny(missing_docs)]
#![warn(clippy::wildcard_enum_match_arm)]

mod apply;
mod compare;
mod decide;
mod handle;
mod impossible;
mod input;
mod owner;
mod state;
mod status;
mod step;
mod validate;

#[cfg(test)]
mod desk;
#[cfg(test)]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test picks the one variant that it is about; only decisions must name them all"
)]
mod properties;
#[cfg(test)]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test picks the one variant that it is about; only decisions must name them all"
)]
mod scenarios;

pub use apply::apply;
pub use decide::{Decision, decide};
pub use handle::{Rejection, handle};
pub use impossible::Impossible;
pub use input::{Batch, Input, Start};
pub use state::{AttemptView, Manner, PlanningView, State, SubtaskView};
pub use status::{SubtaskStatus, TaskStatus, status, subtask_status};
pub use step::{StepError, step};
pub use validate::validate_plan;
