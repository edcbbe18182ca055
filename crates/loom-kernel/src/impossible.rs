//! What cannot follow from a journal: said by `apply` instead of guessing.

use loom_events::{AttemptId, EffectId, QuestionId, Seq, SubtaskId, TaskId, Work};

/// An event that does not fit the state it is applied to. On live running this is a bug of the
/// kernel; on replay the journal is damaged or was written by another build.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Impossible {
    /// The event belongs to another task.
    #[error("event of task {found} in the journal of task {expected}")]
    OtherTask {
        /// The task of the state.
        expected: TaskId,
        /// The task of the event.
        found: TaskId,
    },
    /// A gap or a repetition.
    #[error("event {found} where {expected} was expected")]
    Gap {
        /// The next seq of the state.
        expected: Seq,
        /// The seq of the event.
        found: Seq,
    },
    /// The journal does not begin with `task_created`, or has it twice.
    #[error("`{event}` at {seq}: `task_created` is the first event and no other")]
    Beginning {
        /// Name of the event.
        event: &'static str,
        /// Its place.
        seq: Seq,
    },
    /// Something after the terminal event.
    #[error("`{event}` at {seq} after the end of the task")]
    AfterEnd {
        /// Name of the event.
        event: &'static str,
        /// Its place.
        seq: Seq,
    },
    /// A terminal event while something is still in flight, owed or not decided.
    #[error("`{event}` at {seq} before the task was stopped and drained")]
    NotDrained {
        /// Name of the event.
        event: &'static str,
        /// Its place.
        seq: Seq,
    },
    /// A second intent for a slot that is in flight.
    #[error("{work:?} was started at {seq} while it is in flight")]
    SlotTaken {
        /// The work.
        work: Work,
        /// The place of the second intent.
        seq: Seq,
    },
    /// An outcome or a note of an effect that is not in flight.
    #[error("`{event}` of effect {effect}, which is not in flight")]
    NoEffect {
        /// The effect.
        effect: EffectId,
        /// Name of the event.
        event: &'static str,
    },
    /// An outcome that does not fit the work of its effect.
    #[error("`{event}` as the outcome of effect {effect}, which is {work:?}")]
    WrongOutcome {
        /// The effect.
        effect: EffectId,
        /// Name of the event.
        event: &'static str,
        /// Its work.
        work: Work,
    },
    /// An answer to a question that is not open.
    #[error("`{event}` of question {question}, which is not open")]
    NoQuestion {
        /// The question.
        question: QuestionId,
        /// Name of the event.
        event: &'static str,
    },
    /// An attempt that is not running.
    #[error("`{event}` of attempt {attempt}, which is not running")]
    NoAttempt {
        /// The attempt.
        attempt: AttemptId,
        /// Name of the event.
        event: &'static str,
    },
    /// A subtask that is not there, or not in a state in which this can happen to it.
    #[error("`{event}` does not fit subtask {subtask}")]
    Subtask {
        /// The subtask.
        subtask: SubtaskId,
        /// Name of the event.
        event: &'static str,
    },
    /// A completion that rests on no passed gate of that attempt.
    #[error("subtask {subtask} completed without the verdict at {verdict}")]
    NoVerdict {
        /// The subtask.
        subtask: SubtaskId,
        /// The verdict it names.
        verdict: Seq,
    },
    /// A planning or plan version that is not the open or next one.
    #[error("`{event}` at {seq} does not fit the planning under way")]
    Planning {
        /// Name of the event.
        event: &'static str,
        /// Its place.
        seq: Seq,
    },
    /// The rules of `decide` go on for ever.
    #[error("no fixpoint at {seq}: two rules undo each other")]
    NoFixpoint {
        /// Where it was given up.
        seq: Seq,
    },
}
