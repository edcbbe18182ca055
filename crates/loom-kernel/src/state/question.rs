//! Questions that wait for a human.

use crate::state::{Owner, State};
use loom_events::{Digest, OnExpiry, Question, Subject, Time};
use serde::Serialize;

/// A question that is open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Open {
    pub(crate) question: Question,
    pub(crate) deadline: Option<Time>,
    pub(crate) on_expiry: OnExpiry,
    pub(crate) owner: Option<Owner>,
}

impl Open {
    /// When it expires. Never within the grace after a start or a resume: whoever was away while
    /// the process was down must have a chance to answer.
    pub(crate) fn expires_at(&self, state: &State) -> Option<Time> {
        self.deadline.map(|at| at.max(state.grace_until()))
    }
}

/// The digest that a grant of a question covers, for a question about a call.
pub(crate) const fn digest(question: &Question) -> Option<&Digest> {
    if let Subject::Call { digest, .. } = &question.subject {
        Some(digest)
    } else {
        None
    }
}
