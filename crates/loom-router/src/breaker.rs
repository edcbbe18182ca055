//! Whether a server is to be asked at all: after failures in a row it is left alone for a while.
//!
//! A pure state machine; time comes in. Main type: [`Breaker`]. It says nothing about how often one
//! call is tried, which is `retry`.

use crate::{CallError, Deadline};
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row after which a server rests. More than a call with the default retries makes, so
/// that one call alone, which may be at fault itself, does not stop the others.
pub(crate) const LEAST_FAILURES: u32 = 5;

/// The first rest: a server that was restarted is back by then.
const FIRST_REST: Duration = Duration::from_secs(2);

/// The longest rest: the user who has repaired something does not wait longer than this.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// When to come back while another call finds out whether the server answers.
const WHILE_TRYING: Duration = Duration::from_secs(1);

/// The health of one server.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: State,
    /// Failures in a row that make it rest.
    bound: u32,
    failures: u32,
    /// Rests since it last answered.
    rests: u32,
    has_answered: bool,
    last: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Everything goes through.
    Closed,
    /// Nothing goes through before that moment.
    Open { until: Instant, why: Why },
    /// One call is through and decides.
    Trying,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It failed; one call has to show that it answers again.
    Failed,
    /// It asked to be left alone; after that it is as good as before.
    Asked,
}

/// What a call that was let through may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// One of many.
    Normal,
    /// The one that decides whether others may follow.
    Probe,
}

/// Why a call is not let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    /// When to come back.
    pub(crate) left: Duration,
    /// What happened.
    pub(crate) last: String,
    /// Whether another call is finding out right now.
    pub(crate) trying: bool,
}

impl Breaker {
    /// A server that nobody has asked, and that rests after so many failures in a row.
    pub(crate) fn new(bound: u32) -> Self {
        Self {
            state: State::Closed,
            bound: bound.max(1),
            failures: 0,
            rests: 0,
            has_answered: false,
            last: String::new(),
        }
    }

    /// Whether the server is being left alone. A rest that is over is none.
    pub(crate) fn rest(&self, now: Instant) -> Option<Rest> {
        let (left, trying) = match self.state {
            State::Closed => return None,
            State::Open { until, .. } if until <= now => return None,
            State::Open { until, .. } => (until - now, false),
            State::Trying => (WHILE_TRYING, true),
        };
        Some(Rest {
            left,
            last: self.last.clone(),
            trying,
        })
    }

    /// Whether it has answered and nothing has failed since.
    pub(crate) const fn is_known_to_answer(&self) -> bool {
        self.has_answered && self.failures == 0
    }

    /// A call wants to begin.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<Pass, Rest> {
        if let Some(rest) = self.rest(now) {
            return Err(rest);
        }
        let failed = matches!(
            self.state,
            State::Open {
                why: Why::Failed,
                ..
            }
        );
        self.state = if failed { State::Trying } else { State::Closed };
        Ok(if failed { Pass::Probe } else { Pass::Normal })
    }

    /// Something of an answer came. That lets others in; only a whole answer clears what was before,
    /// since a server may break down in the middle of every one.
    pub(crate) const fn spoke(&mut self) {
        if matches!(self.state, State::Trying) {
            self.state = State::Closed;
            self.failures = self.bound - 1;
        }
    }

    /// A call ended with an answer, or with a refusal that shows that the server is well.
    pub(crate) fn answered(&mut self) {
        // A server that asked to be left alone is, whatever another call of it still brings.
        if !matches!(
            self.state,
            State::Open {
                why: Why::Asked,
                ..
            }
        ) {
            self.state = State::Closed;
        }
        self.failures = 0;
        self.rests = 0;
        self.has_answered = true;
    }

    /// The call that had to decide was taken back before it had.
    pub(crate) fn abandoned(&mut self, now: Instant) {
        if self.state == State::Trying {
            self.state = State::Open {
                until: now,
                why: Why::Failed,
            };
        }
    }

    /// A try failed. True when further tries are of no use now.
    pub(crate) fn failed(&mut self, error: &CallError, now: Instant) -> bool {
        match weight(error) {
            Weight::Nothing => self.abandoned(now),
            Weight::Alive => self.answered(),
            Weight::Failure => return self.count(error, now),
        }
        if let Some(asked) = error.retry_after() {
            self.last = error.to_string();
            self.state = State::Open {
                until: now + asked,
                why: Why::Asked,
            };
        }
        false
    }

    fn count(&mut self, error: &CallError, now: Instant) -> bool {
        self.last = error.to_string();
        self.failures = self.failures.saturating_add(1);
        let asked = error.retry_after();
        let exhausted = self.state == State::Trying || self.failures >= self.bound;
        if !exhausted && asked.is_none() {
            return false;
        }
        // Calls that were under way when it began to rest do not make the rest longer.
        let own = match self.state {
            State::Open { until, .. } if until > now => until - now,
            _ if exhausted => {
                self.rests += 1;
                let doubled = FIRST_REST.saturating_mul(1 << (self.rests - 1).min(16));
                doubled.min(LONGEST_REST)
            }
            _ => Duration::ZERO,
        };
        self.state = State::Open {
            until: now + own.max(asked.unwrap_or_default()),
            why: if exhausted { Why::Failed } else { Why::Asked },
        };
        exhausted
    }
}

/// What an error says about the server.
enum Weight {
    /// Nothing at all.
    Nothing,
    /// That it answers.
    Alive,
    /// That it does not.
    Failure,
}

const fn weight(error: &CallError) -> Weight {
    match error {
        CallError::Unreachable { .. } | CallError::Broken { .. } => Weight::Failure,
        // It wrote until the end of its time.
        CallError::TimedOut {
            deadline: Deadline::Total,
            ..
        } => Weight::Alive,
        CallError::TimedOut { .. } => Weight::Failure,
        CallError::Busy { status: 429, .. } => Weight::Alive,
        CallError::Busy { .. } => Weight::Failure,
        CallError::Cancelled { .. }
        | CallError::UnknownEntry { .. }
        | CallError::Resting { .. } => Weight::Nothing,
        _ => Weight::Alive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> CallError {
        CallError::Unreachable {
            server: "s".into(),
            model: "m".into(),
            reason: "refused".into(),
        }
    }

    fn busy(status: u16, retry_after: Option<u64>) -> CallError {
        CallError::Busy {
            server: "s".into(),
            model: "m".into(),
            status,
            said: "no".into(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A breaker that has just been opened by failures.
    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(3);
        for last in [false, false, true] {
            assert_eq!(breaker.admit(now), Ok(Pass::Normal));
            assert_eq!(breaker.failed(&refused(), now), last);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let now = Instant::now();
        let rest = opened(now).rest(now).unwrap();
        assert_eq!((rest.left, rest.trying), (FIRST_REST, false));
        assert!(rest.last.contains("refused"));

        let mut breaker = Breaker::new(3);
        for _ in 0..10 {
            assert!(!breaker.failed(&refused(), now));
            assert!(!breaker.failed(&busy(503, None), now));
            breaker.answered();
        }
        assert_eq!(breaker.rest(now), None);
        assert!(breaker.is_known_to_answer());
    }

    #[test]
    fn after_the_rest_exactly_one_call_goes_through() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        now += seconds(1);
        assert_eq!(breaker.admit(now).unwrap_err().left, seconds(1));
        now += seconds(1);
        assert_eq!(breaker.rest(now), None, "it may be chosen again");
        assert_eq!(breaker.admit(now), Ok(Pass::Probe));
        assert!(breaker.admit(now).unwrap_err().trying);
        breaker.answered();
        assert_eq!(breaker.admit(now), Ok(Pass::Normal));
    }

    #[test]
    fn rests_grow_up_to_a_bound_and_an_answer_makes_them_short_again() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        let mut rests = vec![breaker.rest(now).unwrap().left.as_secs()];
        for _ in 0..6 {
            now += breaker.rest(now).unwrap().left;
            assert_eq!(breaker.admit(now), Ok(Pass::Probe));
            assert!(breaker.failed(&refused(), now));
            rests.push(breaker.rest(now).unwrap().left.as_secs());
        }
        assert_eq!(rests, [2, 4, 8, 16, 32, 60, 60]);
        now += LONGEST_REST;
        assert_eq!(breaker.admit(now), Ok(Pass::Probe));
        breaker.answered();
        for _ in 0..3 {
            breaker.failed(&refused(), now);
        }
        assert_eq!(breaker.rest(now).unwrap().left, FIRST_REST);
    }

    #[test]
    fn a_probe_that_is_taken_back_leaves_its_place_to_the_next() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        now += FIRST_REST;
        assert_eq!(breaker.admit(now), Ok(Pass::Probe));
        breaker.abandoned(now);
        assert_eq!(breaker.admit(now), Ok(Pass::Probe));
    }

    #[test]
    fn a_server_that_breaks_down_in_every_answer_rests_again_at_once() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        now += FIRST_REST;
        assert_eq!(breaker.admit(now), Ok(Pass::Probe));
        breaker.spoke();
        assert_eq!(breaker.admit(now), Ok(Pass::Normal), "others may follow");
        assert!(breaker.failed(&refused(), now));
        assert_eq!(breaker.rest(now).unwrap().left, 2 * FIRST_REST);
    }

    #[test]
    fn calls_under_way_do_not_lengthen_a_rest() {
        let now = Instant::now();
        let mut breaker = opened(now);
        for _ in 0..20 {
            assert!(breaker.failed(&refused(), now + seconds(1)));
        }
        assert_eq!(breaker.rest(now).unwrap().left, FIRST_REST);
    }

    #[test]
    fn a_server_that_asks_for_rest_gets_exactly_that_and_stays_healthy() {
        let now = Instant::now();
        let mut breaker = Breaker::new(3);
        for _ in 0..5 {
            assert!(!breaker.failed(&busy(429, None), now));
        }
        assert_eq!(breaker.rest(now), None, "being busy is no fault");
        assert!(!breaker.failed(&busy(429, Some(90)), now));
        assert_eq!(breaker.rest(now).unwrap().left, seconds(90));
        breaker.answered();
        assert!(breaker.admit(now + seconds(89)).is_err());
        assert_eq!(breaker.admit(now + seconds(90)), Ok(Pass::Normal));
        assert!(!breaker.failed(&busy(503, Some(7)), now + seconds(90)));
        assert_eq!(breaker.rest(now + seconds(90)).unwrap().left, seconds(7));
    }

    #[test]
    fn a_refusal_is_a_sign_of_life() {
        let now = Instant::now();
        let mut breaker = Breaker::new(2);
        let refusal = CallError::Refused {
            server: "s".into(),
            model: "m".into(),
            status: 400,
            said: "no".into(),
        };
        for _ in 0..4 {
            breaker.failed(&refused(), now);
            breaker.failed(&refusal, now);
        }
        assert_eq!(breaker.rest(now), None);
    }
}
