//! What comes into the core and what goes out of it.

use crate::keys::Key;
use crate::log::Scan;
use loom_client::wire::{
    DiffList, EventPage, MemoryPage, ModelList, NewTaskRequest, Ready, SubtaskTrace, Task, TaskPage,
};
use loom_events::{
    Plan, QuestionId, Record, Response, RevertReport, RevertRequest, Seq, SubtaskId, TaskId, Time,
};
use loom_view::Live;

/// What happened.
#[derive(Debug)]
pub(crate) enum Msg {
    /// The time; comes before whatever happened at it.
    Clock(Time),
    /// A key was pressed.
    Key(Key),
    /// A text was pasted.
    Paste(String),
    /// A mouse button was pressed at a column and a row.
    Click(u16, u16),
    /// The wheel was turned by so many lines; down is positive.
    Wheel(i32),
    /// The screen has so many columns and rows.
    Resize(u16, u16),
    /// Something happened to a task, any task.
    Stirred {
        /// Whether somebody who is elsewhere should hear of it.
        calls: bool,
    },
    /// The stream of all tasks is cut, with the reason.
    Offline(String),
    /// It is open again.
    Online,
    /// Records of the task that is watched, in order.
    Records(TaskId, Vec<Record>),
    /// What happens right now in the task that is watched.
    Live(Box<Live>),
    /// The task that is watched cannot be followed.
    Unwatchable(TaskId, String),
    /// An answer to a [`Cmd::Load`].
    Loaded(Box<Loaded>),
    /// A request was taken; what the service says of it.
    Done(String),
    /// What was said of a task is kept; what the service says of it.
    Rated(TaskId, String),
    /// A task was begun.
    Begun(TaskId, String),
    /// A request was refused or never arrived.
    Failed {
        /// What was wanted, to fit “failed to {}”.
        what: &'static str,
        /// Why it was not done.
        why: String,
        /// How it came to that.
        tried: Tried,
    },
}

/// How something came to be asked for that failed.
#[derive(Debug)]
pub(crate) enum Tried {
    /// It is asked for again and again by itself.
    Poll,
    /// It was asked for once, for somebody who looks.
    Load(Load),
    /// A task was to be begun; the form has all of it.
    Submit,
    /// Somebody asked it of a task, and may have typed much.
    Wish(TaskId, Box<Wish>),
}

/// What an answer holds.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it travels in a box")]
pub(crate) enum Loaded {
    Tasks(TaskPage),
    Task(Box<Task>),
    Older(TaskId, Seq, EventPage),
    /// The first events.
    First(TaskId, EventPage),
    Newer(TaskId, EventPage),
    /// A page for a search; what was asked for.
    Scanned(TaskId, Scan, EventPage),
    Diff(TaskId, DiffList),
    Memory(Option<TaskId>, MemoryPage),
    Trace(TaskId, SubtaskTrace),
    Models(ModelList),
    Ready(Ready),
    /// What a revert would do, or did.
    Revert(TaskId, RevertRequest, RevertReport),
    /// Directories that complete a path.
    Paths(String, Vec<String>),
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Cmd {
    /// End the program.
    Quit,
    /// Stop the program until the shell goes on with it.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Ring.
    Bell,
    /// Follow a task from its beginning, and no other one.
    Watch(TaskId),
    /// Follow none.
    Unwatch,
    /// Ask the service for something.
    Load(Load),
    /// Look which directories complete a path.
    Complete(String),
    /// Begin a task.
    Submit(Box<NewTaskRequest>),
    /// Ask something of a task.
    Ask(TaskId, Wish),
}

/// What the service is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    Tasks,
    /// What the journal of a task does not say.
    Task(TaskId),
    Events {
        task: TaskId,
        after: Seq,
        until: Option<Seq>,
    },
    /// The first events of a task.
    First(TaskId),
    /// A page for a search in the log.
    Scan(TaskId, Scan),
    Diff(TaskId),
    Memory(TaskId),
    Search(String),
    Trace(TaskId, SubtaskId),
    Models,
    Ready,
}

/// What is asked of a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    Steer(String),
    Cancel(String),
    Pause,
    Resume,
    Answer(QuestionId, Response),
    Revert(RevertRequest),
    Edit(Plan),
    Retry(Option<SubtaskId>, String),
    /// Whether it is right: all of it, or these steps.
    Rate(bool, Vec<SubtaskId>),
}

impl Wish {
    /// What it is, to fit “failed to {}”.
    pub(crate) const fn words(&self) -> &'static str {
        match self {
            Self::Steer(_) => "give the instruction",
            Self::Cancel(_) => "cancel the task",
            Self::Pause => "pause the task",
            Self::Resume => "resume the task",
            Self::Answer(..) => "answer the question",
            Self::Revert(_) => "take the changes back",
            Self::Edit(_) => "change the plan",
            Self::Retry(..) => "try again",
            Self::Rate(..) => "keep what you say of it",
        }
    }
}
