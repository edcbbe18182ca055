//! The state of one task: what the journal folds to. Data and small questions about it; what it
//! means is in `decide`, how it changes in `apply`.

mod attempt;
mod backoff;
mod inflight;
mod manner;
mod plan;
mod question;
mod round;
mod task;
mod view;

pub(crate) use attempt::{Acting, Attempt, Call, CallState, Last, Loops, Proof};
pub(crate) use backoff::Backoff;
pub(crate) use inflight::{Debt, InFlight, Owner, Resolved};
pub use manner::Manner;
pub(crate) use plan::{Done, Extraction, Help, Planning, Proposed, Stage, Subtask};
pub(crate) use question::{Open, digest};
pub(crate) use round::{Aside, Round};
pub use task::State;
pub(crate) use task::{Finale, FinaleStage, Life};
pub use view::{AttemptView, PlanningView, SubtaskView};
