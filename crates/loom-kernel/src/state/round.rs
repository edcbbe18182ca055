//! The executions of one step that are compared with each other.

use crate::compare::{Candidate, Comparison, compare};
use crate::state::Attempt;
use loom_events::AttemptId;
use serde::Serialize;

/// Executions of one step, one after the other, each in a fork of the same state. Nothing was begun
/// while `made` is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Round {
    /// Executions begun.
    pub(crate) made: u32,
    /// Those that passed their gates and wait, in the order in which they did.
    pub(crate) aside: Vec<Aside>,
    /// Whether they were found to differ, with nothing that tells them apart.
    pub(crate) diverged: bool,
    /// The one that a human chose.
    pub(crate) chosen: Option<AttemptId>,
    /// Whether it came to an end: who still waits does so in vain.
    pub(crate) over: bool,
}

/// An execution that waits: it is as it was when its gate passed, and nothing of it runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Aside {
    pub(crate) attempt: Attempt,
    pub(crate) candidate: Candidate,
}

impl Round {
    /// Whether it is under way.
    pub(crate) const fn open(&self) -> bool {
        self.made > 0 && !self.over
    }

    /// Those that wait, as far as they are compared.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let waiting = self.aside.iter();
        waiting.map(|aside| aside.candidate.clone()).collect()
    }

    /// What follows from them, when so many are to be made.
    pub(crate) fn compared(&self, of: u32) -> Comparison {
        compare(&self.candidates(), self.made, of)
    }

    pub(crate) fn take(&mut self, attempt: AttemptId) -> Option<Attempt> {
        let at = self.aside.iter().position(|a| a.attempt.id == attempt)?;
        Some(self.aside.remove(at).attempt)
    }
}
