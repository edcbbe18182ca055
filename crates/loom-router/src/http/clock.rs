//! The clocks of one try: four deadlines, of which always one is next.

use crate::call_error::millis;
use crate::{Deadline, Deadlines};
use loom_events::Latency;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the usage may take to follow the finish chunk, for servers that neither say that it is
/// the end nor close the connection.
const AFTER_FINISH: Duration = Duration::from_secs(2);

/// The clocks of one try.
pub(crate) struct Clock {
    deadlines: Deadlines,
    started: Instant,
    first_token: Option<Instant>,
    last_event: Instant,
    last_progress: Instant,
    finished: bool,
}

impl Clock {
    pub(crate) fn start(deadlines: Deadlines) -> Self {
        let now = Instant::now();
        Self {
            deadlines,
            started: now,
            first_token: None,
            last_event: now,
            last_progress: now,
            finished: false,
        }
    }

    /// Waits for what must come before the first token.
    pub(crate) async fn until_first_token<F: Future>(
        &self,
        work: F,
    ) -> Result<F::Output, Deadline> {
        let (at, deadline) = self.next();
        timeout_at(at, work).await.map_err(|_| deadline)
    }

    /// The deadline that is next, and which it is.
    pub(crate) fn next(&self) -> (Instant, Deadline) {
        let total = (self.started + self.deadlines.total, Deadline::Total);
        let other = if self.finished {
            (self.last_event + AFTER_FINISH, Deadline::Stall)
        } else if self.first_token.is_some() {
            (self.last_event + self.deadlines.stall, Deadline::Stall)
        } else {
            (
                self.last_progress + self.deadlines.first_token,
                Deadline::FirstToken,
            )
        };
        std::cmp::min_by_key(total, other, |(at, _)| *at)
    }

    /// An event came. One without a piece of the answer shows life, but is no token.
    pub(crate) fn event(&mut self, token: bool) {
        self.last_event = Instant::now();
        if token && self.first_token.is_none() {
            self.first_token = Some(self.last_event);
        }
    }

    /// The server reads the prompt and says how far it is: it may take its time, but not stop.
    pub(crate) fn reading(&mut self) {
        self.last_progress = Instant::now();
    }

    /// The model has stopped; only figures are owed.
    pub(crate) const fn finished(&mut self) {
        self.finished = true;
    }

    /// The times of a complete answer.
    pub(crate) fn latency(&self) -> Latency {
        let total = self.started.elapsed();
        let first = self.first_token.map(|at| at - self.started);
        Latency {
            first_token_ms: millis(first.unwrap_or(total)),
            total_ms: millis(total),
        }
    }
}
