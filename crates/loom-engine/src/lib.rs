//! The runner and the facade: a task from its goal to its verified result.
//!
//! Start at [`Engine`], then the runner's loop.

#![deny(missing_docs)]

mod clock;
mod feed;
mod view;

pub use clock::{Clock, SystemClock};
pub use feed::{Feed, Live, Signal};
pub use view::{
    AttemptView, ErrorRow, FileRow, QuestionView, Steering, SubtaskStatus, SubtaskView, TaskStatus,
    TaskView, VerdictView, describe_end,
};
