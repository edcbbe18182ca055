//! The bounds of the service. Each keeps one caller from taking what all share.

use std::time::Duration;

/// What a service takes at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Connections at once; a further one is told to come again.
    pub connections: usize,
    /// Streams at once.
    pub subscribers: usize,
    /// Tasks without an end; a further one is not taken.
    pub tasks: usize,
    /// How long a request's head may take, also the next one on a connection that is kept open.
    pub head_time: Duration,
    /// How long a body may take.
    pub body_time: Duration,
    /// How long a client may read nothing of what it is sent before its connection is cut. What it
    /// has not read is in the journal, so it resumes where it was.
    pub stall: Duration,
    /// How long a stream is silent before it says that it is still there: proxies cut what is silent
    /// for a minute or less, and clients made with httpx as it comes give up after five seconds.
    pub keep_alive: Duration,
    /// How long at most a stream that has just said something gathers what follows, while many are open and
    /// little is said (what is much, see the module `gather`, takes longer).
    /// Longer than it is would look like a jerk to whoever watches.
    pub gather: Duration,
    /// How long requests that are being answered may take to end once the service stops.
    pub farewell: Duration,
}

impl Limits {
    /// Headers of a request; browsers send some twenty.
    pub(crate) const HEADERS: usize = 64;

    /// Bytes of a request's first line and headers together.
    pub(crate) const HEAD_BYTES: usize = 32 * 1024;

    /// Levels of brackets in a body: a plan has six, and a parser of deep ones uses up its stack.
    pub(crate) const DEPTH: usize = 32;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1024 * 1024,
            connections: 2_048,
            subscribers: 1_536,
            tasks: 1_000,
            head_time: Duration::from_secs(60),
            body_time: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            keep_alive: Duration::from_secs(4),
            gather: Duration::from_millis(100),
            farewell: Duration::from_secs(2),
        }
    }
}
