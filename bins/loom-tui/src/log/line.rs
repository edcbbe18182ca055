//! One line of the log, what it is about, and which lines are shown.

use crate::look::Tone;
use loom_events::{EffectId, LineCount, Seq, Time};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// The event it tells of.
    pub(crate) seq: Seq,
    /// When.
    pub(crate) at: Time,
    /// What it is about.
    pub(crate) kind: Kind,
    /// What it means.
    pub(crate) tone: Tone,
    /// How far it is indented: 0 the task, 1 a subtask, 2 what happens in it.
    pub(crate) depth: u8,
    /// The text, clean.
    pub(crate) text: String,
    /// The tool call that it stands for, whose outcome will change it.
    pub(crate) effect: Option<EffectId>,
    /// Lines that the call added and removed.
    pub(crate) lines: LineCount,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The task, its plan, its steps.
    Step,
    /// What a model says.
    Model,
    /// What a tool does.
    Tool,
    /// What a gate concluded.
    Verdict,
    /// What a human is asked or says.
    Human,
    /// Something went wrong, or was caught.
    Problem,
}

/// Which lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Filter {
    /// All.
    #[default]
    All,
    /// Steps and verdicts.
    Steps,
    /// Tool calls.
    Tools,
    /// What models say.
    Talk,
    /// What went wrong or was caught.
    Problems,
}

impl Filter {
    /// The next one.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::All => Self::Steps,
            Self::Steps => Self::Tools,
            Self::Tools => Self::Talk,
            Self::Talk => Self::Problems,
            Self::Problems => Self::All,
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Steps => "steps and verdicts",
            Self::Tools => "tool calls",
            Self::Talk => "what models say",
            Self::Problems => "problems",
        }
    }

    pub(super) fn admits(self, line: &LogLine) -> bool {
        match self {
            Self::All => true,
            Self::Steps => matches!(line.kind, Kind::Step | Kind::Verdict | Kind::Human),
            Self::Tools => line.kind == Kind::Tool,
            Self::Talk => line.kind == Kind::Model,
            Self::Problems => {
                line.kind == Kind::Problem || matches!(line.tone, Tone::Bad | Tone::Caught)
            }
        }
    }
}
