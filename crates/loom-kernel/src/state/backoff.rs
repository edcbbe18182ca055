//! Waiting after a transient failure. A deadline in the state, not an effect: there is nothing to
//! journal and nothing that could be in doubt.

use loom_events::{Failure, FailureClass, Time};
use serde::Serialize;
use std::time::Duration;

/// The wait after the first failure; it doubles with each further one. Short enough not to be
/// noticed after a reset, long enough for a server to come up again within the default tries.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait of our own; beyond this a person believes that nothing happens any more.
const LONGEST: Duration = Duration::from_secs(60);

/// The longest wait that a server can ask for; more is a mistake or an outage, not a rate limit.
const LONGEST_ASKED: Duration = Duration::from_secs(15 * 60);

/// Failures in a row of one slot, and until when it waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Backoff {
    pub(crate) failures: u32,
    pub(crate) until: Option<Time>,
    pub(crate) why: String,
}

impl Backoff {
    pub(crate) fn failed(&mut self, at: Time, failure: &Failure) {
        let own = FIRST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        let asked = failure
            .retry_after_ms
            .map_or(Duration::ZERO, Duration::from_millis)
            .min(LONGEST_ASKED);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(at.after(own.max(asked)));
        self.why.clone_from(&failure.message);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The failure that too many transient ones in a row amount to.
    pub(crate) fn given_up(&self) -> Failure {
        Failure {
            class: FailureClass::Environment,
            message: format!("failed {} times in a row: {}", self.failures, self.why),
            retry_after_ms: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(retry_after_ms: Option<u64>) -> Vec<u64> {
        let failure = Failure {
            class: FailureClass::Transient,
            message: "reset".into(),
            retry_after_ms,
        };
        let mut backoff = Backoff::default();
        (0..9)
            .map(|_| {
                backoff.failed(Time::EPOCH, &failure);
                backoff.until.unwrap().since(Time::EPOCH).as_secs()
            })
            .collect()
    }

    #[test]
    fn the_wait_doubles_from_one_second_to_a_minute() {
        assert_eq!(waits(None), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_server_that_asks_for_more_time_gets_it_within_reason() {
        assert_eq!(waits(Some(20_000))[..6], [20, 20, 20, 20, 20, 32]);
        assert_eq!(waits(Some(u64::MAX))[0], 900);
    }
}
