//! Limits of the whole task. Reaching one is a failure with that reason, never a completion.

use super::ending::failed;
use crate::state::State;
use loom_events::{Event, Limit, Time};
use std::time::Duration;

pub(super) fn reached(state: &State, now: Time) -> Option<Vec<Event>> {
    if !state.active() {
        return None;
    }
    let tokens = state.usage.total();
    if tokens >= state.limits().tokens {
        let max = state.limits().tokens;
        let reason = format!("the task used {tokens} tokens, and its limit is {max}");
        return Some(limit(Limit::Tokens, tokens, reason));
    }
    let worked = state.worked_at(now);
    if worked >= state.limits().working_time_ms {
        let worked_for = in_words(worked);
        let reason = format!("the task worked for {worked_for}, which is its limit");
        return Some(limit(Limit::WorkingTime, worked, reason));
    }
    None
}

/// A limit and the failure that it is, in one record: they belong together.
pub(super) fn limit(which: Limit, value: u64, reason: String) -> Vec<Event> {
    vec![Event::LimitReached { which, value }, failed(reason)]
}

/// When the working time will be used up, if work goes on.
pub(super) fn deadline(state: &State) -> Option<Time> {
    let left = state
        .limits()
        .working_time_ms
        .saturating_sub(state.worked_ms);
    let counting = state.active() && state.working();
    counting.then(|| state.floor.after(Duration::from_millis(left)))
}

/// A duration as people say it: in minutes when it has many, else in seconds.
fn in_words(millis: u64) -> String {
    match millis / 1000 {
        seconds @ ..180 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_limit_is_not_zero_minutes() {
        assert_eq!(in_words(40_000), "40 seconds");
        assert_eq!(in_words(8 * 3_600_000), "480 minutes");
    }
}
