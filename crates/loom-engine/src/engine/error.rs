//! Why an engine does not do what it was asked to.

use crate::reader::QueryError;
use crate::runner::{CommandRefused, RunnerError};
use loom_events::{NewTask, TaskId};

/// Why a task was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The goal says nothing.
    #[error("the goal is empty: say in a sentence what is to be done")]
    EmptyGoal,
    /// The goal is a document.
    #[error("the goal has {0} bytes, more than {max}: put the material into a file of the workspace", max = NewTask::MAX_GOAL_BYTES)]
    LongGoal(usize),
    /// Nobody can be told at that address.
    #[error("`callback_url` cannot be a receiver: {0}")]
    Callback(String),
    /// The workspace cannot be one.
    #[error(transparent)]
    Workspace(#[from] loom_workspace::OpenError),
    /// There is no model for a role that every task needs.
    #[error(transparent)]
    NoModel(#[from] loom_router::NoModel),
    /// The task's own directory cannot be made.
    #[error("make the directory of the task")]
    Place(#[source] std::io::Error),
    /// The kernel refused it.
    #[error(transparent)]
    Rejected(#[from] loom_kernel::Rejection),
    /// The journal did not take it.
    #[error(transparent)]
    Runner(#[from] RunnerError),
}

/// Why a command was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such task here.
    #[error("task {0} does not exist")]
    NoSuchTask(TaskId),
    /// It has ended.
    #[error("task {task} has ended ({status}); nothing can be asked of it any more")]
    Ended {
        /// The task.
        task: TaskId,
        /// How it ended.
        status: &'static str,
    },
    /// The task does not take it in its state.
    #[error(transparent)]
    Refused(#[from] CommandRefused),
    /// The task could not be taken up again.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// It could not be looked up.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Why an unfinished task could not be taken up again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResumeError {
    /// Its journal cannot be folded.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// It is history of another data directory, or that cannot be told.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Its workspace is gone or cannot be used any more.
    #[error("take task {task} up again")]
    Workspace {
        /// The task.
        task: TaskId,
        /// The cause.
        #[source]
        source: loom_workspace::OpenError,
    },
    /// Its own directory cannot be made.
    #[error("make the directory of task {task}")]
    Place {
        /// The task.
        task: TaskId,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A container that a crash has left may still write.
    #[error("end the containers that task {task} may have left")]
    Containers {
        /// The task.
        task: TaskId,
        /// The cause.
        #[source]
        source: loom_workspace::DockerError,
    },
}
