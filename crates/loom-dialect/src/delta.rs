//! The pieces of an answer under way, for people to watch.

/// One piece of an answer under way.
///
/// The reply says more exactly what is text and what is a call: a call that a server leaves in the
/// text may be seen here as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delta<'a> {
    /// Visible text.
    Text(&'a str),
    /// A thought.
    Thought(&'a str),
    /// A call of this tool has begun.
    Call(&'a str),
}

/// Takes the pieces of an answer as they come. It must return at once.
pub trait DeltaSink: Send {
    /// The next piece.
    fn delta(&mut self, delta: Delta<'_>);

    /// So many tokens of the prompt have been read, of so many; only some servers tell.
    fn progress(&mut self, done: u64, total: u64) {
        let _ = (done, total);
    }
}

/// A sink for callers that only want the reply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl DeltaSink for Discard {
    fn delta(&mut self, _: Delta<'_>) {}
}

impl<F: FnMut(Delta<'_>) + Send> DeltaSink for F {
    fn delta(&mut self, delta: Delta<'_>) {
        self(delta);
    }
}
