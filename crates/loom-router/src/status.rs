//! What is known about each model from the calls so far.

use crate::{CallError, ChatReply, ModelEntry};
use loom_events::{Latency, Role, Tier};
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One line of `loom models`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelStatus {
    /// Name of the entry.
    pub name: String,
    /// Kind of provider.
    pub provider: &'static str,
    /// Address of the server.
    pub base_url: String,
    /// The model's id at the server, when configured.
    pub model: Option<String>,
    /// Size class.
    pub tier: Tier,
    /// What it may be asked to be.
    pub roles: Vec<Role>,
    /// Context window in tokens, when known.
    pub context_length: Option<u32>,
    /// Calls that ended in a reply.
    pub succeeded: u64,
    /// Calls that failed, after their retries; cancelled ones count as neither.
    pub failed: u64,
    /// Calls waiting for a slot or running.
    pub in_flight: u32,
    /// Times of the last reply.
    pub last_latency: Option<Latency>,
    /// The last failure, unless a reply came since.
    pub last_error: Option<String>,
}

/// The figures of one model.
#[derive(Default)]
pub(crate) struct Record(Mutex<Figures>);

#[derive(Clone, Default)]
struct Figures {
    succeeded: u64,
    failed: u64,
    in_flight: u32,
    last_latency: Option<Latency>,
    last_error: Option<String>,
}

impl Record {
    /// A call begins; it counts as in flight until the guard is dropped, however it ends.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.figures().in_flight += 1;
        InFlight(self)
    }

    /// A call has ended.
    pub(crate) fn end(&self, result: &Result<ChatReply, CallError>) {
        let mut figures = self.figures();
        match result {
            Ok(reply) => {
                figures.succeeded += 1;
                figures.last_latency = Some(reply.latency);
                figures.last_error = None;
            }
            Err(CallError::Cancelled { .. }) => {}
            Err(error) => {
                figures.failed += 1;
                figures.last_error = Some(format!("failed to {error}"));
            }
        }
    }

    /// The figures, with what is configured.
    pub(crate) fn status(&self, entry: &ModelEntry) -> ModelStatus {
        let figures = self.figures().clone();
        ModelStatus {
            name: entry.name.clone(),
            provider: entry.provider.name(),
            base_url: entry.base_url.clone(),
            model: entry.model.clone(),
            tier: entry.tier,
            roles: entry.roles.clone(),
            context_length: entry.context_length,
            succeeded: figures.succeeded,
            failed: figures.failed,
            in_flight: figures.in_flight,
            last_latency: figures.last_latency,
            last_error: figures.last_error,
        }
    }

    /// Counters are whole after every statement, so a panic elsewhere does not spoil them.
    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call in flight.
pub(crate) struct InFlight<'a>(&'a Record);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.figures().in_flight -= 1;
    }
}
