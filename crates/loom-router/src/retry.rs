//! How long to wait before a failed call is tried again.

use crate::CallError;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first wait: a hiccup is over by then.
const FIRST: Duration = Duration::from_millis(250);

/// The longest wait of our own: a server that takes longer to come back is reported, not waited for.
const LONGEST: Duration = Duration::from_secs(8);

/// The longest wait that a server may ask for here. What asks for more fails now and says when to
/// come back, so that the caller can pause the task instead of holding a slot.
const LONGEST_ASKED: Duration = Duration::from_secs(30);

/// The wait before try number `tried + 1`, or `None` when there is to be none.
///
/// `chance` in 0..1 spreads callers that failed at the same moment over half of the wait.
pub(crate) fn wait(error: &CallError, tried: u32, retries: u32, chance: f64) -> Option<Duration> {
    if tried > retries || !error.is_worth_retrying() {
        return None;
    }
    let doubled = FIRST.saturating_mul(1 << tried.saturating_sub(1).min(16));
    let own = doubled.min(LONGEST).mul_f64(0.5 + chance / 2.0);
    match error.retry_after() {
        Some(asked) if asked > LONGEST_ASKED => None,
        Some(asked) => Some(asked.max(own)),
        None => Some(own),
    }
}

/// A number in 0..1. The keys of a new hash state are random, which is enough to part two callers.
pub(crate) fn chance() -> f64 {
    let bits = RandomState::new().hash_one(());
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Deadline;

    fn busy(retry_after: Option<u64>) -> CallError {
        CallError::Busy {
            server: "s".into(),
            model: "m".into(),
            status: 503,
            said: "loading".into(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn waits_double_up_to_a_bound_and_end_with_the_retries() {
        let wait = |tried| wait(&busy(None), tried, 12, 1.0).map(|wait| wait.as_millis());
        let waits: Vec<_> = (1..=7).map(wait).collect();
        let expected = [250, 500, 1000, 2000, 4000, 8000, 8000];
        assert_eq!(waits, expected.map(Some));
        assert_eq!(wait(13), None);
    }

    #[test]
    fn chance_takes_away_at_most_half() {
        assert_eq!(
            wait(&busy(None), 1, 3, 0.0),
            Some(Duration::from_millis(125))
        );
        assert!((0.0..=1.0).contains(&chance()));
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_minutes() {
        let wait = |asked| wait(&busy(Some(asked)), 1, 3, 1.0);
        assert_eq!(wait(0), Some(FIRST));
        assert_eq!(wait(7), Some(Duration::from_secs(7)));
        assert_eq!(wait(600), None);
    }

    #[test]
    fn a_slow_answer_is_not_asked_for_again_but_a_slow_connection_is() {
        let timed_out = |deadline| CallError::TimedOut {
            server: "s".into(),
            model: "m".into(),
            deadline,
            limit: FIRST,
            partial: None,
        };
        assert!(wait(&timed_out(Deadline::Connect), 1, 3, 1.0).is_some());
        for deadline in [Deadline::FirstToken, Deadline::Stall, Deadline::Total] {
            assert_eq!(wait(&timed_out(deadline), 1, 3, 1.0), None);
        }
    }
}
