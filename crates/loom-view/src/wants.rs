//! What an answer to a question must be, whoever puts it to a human.

use crate::QuestionView;
use loom_events::Subject;

/// What an answer to a question must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Yes or no. Only a human may say it.
    Consent {
        /// Whether it may also be said for the rest of the task.
        task: bool,
    },
    /// Words.
    Words,
    /// What to do with a step that could not be done.
    WayOut,
    /// Whether a step that the user took over is done.
    Done,
}

impl Wants {
    /// What a question about a subject wants.
    #[must_use]
    pub const fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Call { .. } => Self::Consent { task: true },
            Subject::Plan { .. }
            | Subject::Result { .. }
            | Subject::PlanLimit { .. }
            | Subject::Doubt { .. } => Self::Consent { task: false },
            Subject::Ask { .. } | Subject::Executions { .. } => Self::Words,
            Subject::Exhausted { .. } => Self::WayOut,
            Subject::ByHand { .. } => Self::Done,
        }
    }

    /// The word for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consent { .. } => "consent",
            Self::Words => "words",
            Self::WayOut => "way_out",
            Self::Done => "done",
        }
    }
}

impl QuestionView {
    /// What its answer must be.
    #[must_use]
    pub const fn wants(&self) -> Wants {
        Wants::of(&self.question.subject)
    }
}
