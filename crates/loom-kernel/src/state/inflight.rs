//! Effects between intent and outcome, and merges that must be taken back.

use crate::state::Backoff;
use loom_events::{AttemptId, Class, Digest, Seq, SubtaskId, Work};
use serde::Serialize;

/// An effect whose outcome is not known yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct InFlight {
    pub(crate) work: Work,
    pub(crate) class: Class,
    /// For a model call: which instructions it carries. They count as heard when it completes.
    pub(crate) steer_upto: Seq,
    /// The attempt it was started for. Kept here since the attempt may be gone before the outcome.
    pub(crate) owner: Option<Owner>,
    /// Whether the process that ran it is gone.
    pub(crate) doubt: bool,
    /// For an effect in doubt that cannot be looked up: whether what it changed is recorded.
    pub(crate) recorded: bool,
    /// For an effect in doubt that cannot be looked up: what a human said.
    pub(crate) resolved: Option<Resolved>,
    /// For an effect in doubt: failed attempts to settle it.
    pub(crate) settling: Backoff,
    /// The digest that a human granted, for a tool call that was held before.
    pub(crate) grant: Option<Digest>,
}

/// What an effect, a question or an event belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Owner {
    pub(crate) subtask: SubtaskId,
    pub(crate) attempt: AttemptId,
    pub(crate) ordinal: u32,
}

/// What a human said about an effect in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Resolved {
    /// It may run again.
    Again,
    /// It must not; the model is told that it may have run.
    Leave,
}

/// A merge of an attempt that did not complete: it must be taken back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Debt {
    pub(crate) owner: Owner,
    pub(crate) tries: Backoff,
}
