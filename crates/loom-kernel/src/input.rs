//! What goes into a step and what comes out of it.

use loom_events::{Class, Command, EffectId, Envelope, Note, Outcome, TaskId, Time, Work};

/// Anything that can reach a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Somebody asks for something.
    Command(Command),
    /// An effect has ended. Exactly one for each [`Start`], also for one that was stopped.
    Outcome {
        /// The effect, as given in [`Start::id`].
        id: EffectId,
        /// What came of it.
        outcome: Outcome,
    },
    /// A fact from inside a running effect. The effect goes on only after it is durable, and not
    /// at all when it is rejected.
    Note {
        /// The effect.
        id: EffectId,
        /// The fact.
        note: Note,
    },
    /// Time has passed: [`Batch::wake_at`] was reached.
    Tick,
    /// It is not the task's turn: nothing starts until [`Input::Recover`].
    Queue {
        /// What begins the task, when it is new.
        first: Option<Command>,
        /// The task that it waits for.
        behind: TaskId,
    },
    /// A process took the task up after a stop or a crash. Everything in flight is in doubt.
    Recover {
        /// Which build.
        build: String,
    },
    /// The same of a task that whatever runs it dies of: it is taken up only to be ended.
    Abandon {
        /// Which build.
        build: String,
        /// What it died of, in a sentence.
        reason: String,
    },
}

/// An effect to be started. Its intent is in the same batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The seq of its intent.
    pub id: EffectId,
    /// What is to be done.
    pub work: Work,
    /// What happens when its outcome is lost.
    pub class: Class,
}

/// The result of one step: one commit, then the effects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// To be appended in one commit, before anything else is done.
    pub events: Vec<Envelope>,
    /// To be started after the commit.
    pub start: Vec<Start>,
    /// To be stopped. Level-triggered: named again in every batch until its outcome arrives.
    pub stop: Vec<EffectId>,
    /// When to send [`Input::Tick`], if nothing else comes before.
    pub wake_at: Option<Time>,
}
