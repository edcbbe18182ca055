//! Booking facts and checking fences. One file per command; nothing here decides what is next.

mod abandon;
mod answer;
mod cancel;
mod continue_from;
mod create;
mod edit_plan;
mod note;
mod outcome;
mod pause;
mod queue;
mod recover;
mod resume;
mod retry;
mod steer;

use crate::state::{Life, State};
use crate::{Input, TaskStatus, status};
use loom_events::{Command, EffectId, Event, QuestionId, SubtaskId, Time, Work};

/// Books an input: the events that say what happened, or why it cannot be.
///
/// # Errors
/// [`Rejection`]: the caller's fault, or an effect of the past. Nothing is to be changed then.
pub fn handle(state: &State, input: &Input, now: Time) -> Result<Vec<Event>, Rejection> {
    if state.life == Life::New && !begins(input) {
        return Err(Rejection::NotCreated);
    }
    match input {
        Input::Command(command) => self::command(state, command),
        Input::Outcome { id, outcome } => outcome::handle(state, *id, outcome),
        Input::Note { id, note } => note::handle(state, *id, note),
        Input::Tick => {
            // Whatever is due is derived by `decide` from its `now`.
            let _ = now;
            Ok(Vec::new())
        }
        Input::Queue { first, behind } => queue::handle(state, first.as_ref(), *behind),
        Input::Recover { build } => recover::handle(state, build),
        Input::Abandon { build, reason } => abandon::handle(state, build, reason),
    }
}

/// Whether an input can be the first of a task.
const fn begins(input: &Input) -> bool {
    matches!(
        input,
        Input::Command(Command::Create(_) | Command::Continue(_))
            | Input::Queue {
                first: Some(Command::Create(_) | Command::Continue(_)),
                ..
            }
    )
}

fn command(state: &State, command: &Command) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::Create(task) => create::handle(state, task),
        Command::Continue(past) => continue_from::handle(state, past),
        Command::Pause => pause::handle(state),
        Command::Resume => resume::handle(state),
        Command::Cancel { reason } => cancel::handle(state, reason),
        Command::Steer { text } => steer::handle(state, text),
        Command::Answer {
            question,
            response,
            by,
        } => answer::handle(state, *question, response, by),
        Command::EditPlan { plan } => edit_plan::handle(state, plan),
        Command::Retry { subtask, guidance } => retry::handle(state, subtask, guidance),
    }
}

/// Commands are taken while the task is active, paused or not.
fn must_be_active(state: &State) -> Result<(), Rejection> {
    if state.active() {
        Ok(())
    } else {
        Err(Rejection::Status {
            status: status(state),
        })
    }
}

/// Why an input was not taken.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Rejection {
    /// There is no task yet.
    #[error("the task does not exist yet")]
    NotCreated,
    /// There is one already.
    #[error("the task exists already")]
    Exists,
    /// The goal is empty or too long.
    #[error(
        "the goal has {bytes} bytes: say in 1 to {max} bytes what is wanted, and put long material into a file"
    )]
    Goal {
        /// Its length without surrounding space.
        bytes: usize,
        /// The most that is taken.
        max: usize,
    },
    /// One of the user's own checks says nothing.
    #[error("a check of your own cannot be used: {fault}")]
    Check {
        /// What is wrong with it, and what would be right.
        fault: String,
    },
    /// The task is past the point where this can be asked.
    #[error("the task is {}", words(*status))]
    Status {
        /// What it is.
        status: TaskStatus,
    },
    /// It is paused already.
    #[error("the task is paused already")]
    Paused,
    /// It is not paused.
    #[error("the task is not paused, it is {}", words(*status))]
    NotPaused {
        /// What it is.
        status: TaskStatus,
    },
    /// The text is empty or too long.
    #[error("the instruction has {bytes} bytes: 1 to {max} are taken")]
    Instruction {
        /// Its length without surrounding space.
        bytes: usize,
        /// The most that is taken.
        max: usize,
    },
    /// The question is not open (any more).
    #[error("question {question} is not open: it was answered, has expired or was withdrawn")]
    NoQuestion {
        /// The question.
        question: QuestionId,
    },
    /// The question cannot be answered like that.
    #[error("question {question} takes {takes}")]
    WrongAnswer {
        /// The question.
        question: QuestionId,
        /// What it takes.
        takes: &'static str,
    },
    /// There is no plan that could be edited.
    #[error("there is no plan yet")]
    NoPlan,
    /// The plan is not acceptable.
    #[error("the plan is not acceptable: {}", errors.join("; "))]
    Plan {
        /// Why, one sentence each.
        errors: Vec<String>,
    },
    /// There is no such subtask.
    #[error("the plan has no subtask `{subtask}`")]
    NoSubtask {
        /// The subtask.
        subtask: SubtaskId,
    },
    /// Only what ended without a result can be tried again.
    #[error("subtask `{subtask}` is neither failed nor blocked nor left out")]
    NotRetryable {
        /// The subtask.
        subtask: SubtaskId,
    },
    /// The effect has had its outcome, or never was.
    #[error("effect {effect} is not in flight")]
    NotInFlight {
        /// The effect.
        effect: EffectId,
    },
    /// The effect was started by a process that is gone; what became of it is being settled.
    #[error("effect {effect} was started by an earlier runner")]
    EarlierRunner {
        /// The effect.
        effect: EffectId,
    },
    /// What the effect works for is gone: it must not change anything any more.
    #[error("effect {effect} was superseded")]
    OwnerGone {
        /// The effect.
        effect: EffectId,
    },
    /// The outcome is of another kind than the work.
    #[error("effect {effect} is {work:?}, and that cannot be its outcome")]
    WrongOutcome {
        /// The effect.
        effect: EffectId,
        /// Its work.
        work: Work,
    },
}

const fn words(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Pending => "pending",
        TaskStatus::Queued => "queued",
        TaskStatus::Planning => "being planned",
        TaskStatus::Executing => "running",
        TaskStatus::WaitingApproval => "waiting for an answer",
        TaskStatus::Paused => "paused",
        TaskStatus::Stopping => "stopping",
        TaskStatus::Completed => "completed",
        TaskStatus::Failed => "failed",
        TaskStatus::Cancelled => "cancelled",
    }
}
