//! What a call brings: pieces while it runs, one reply at its end.

use loom_events::{Answer, Finish, Latency, Usage};

/// A complete answer and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatReply {
    /// Text, thoughts and calls, unreadable ones with a refusal for the model.
    pub answer: Answer,
    /// Tokens, as reported; otherwise estimated and marked so.
    pub usage: Usage,
    /// Times of the try that succeeded, without the wait for a free slot.
    pub latency: Latency,
    /// Why the model stopped, as reported.
    pub finish: Finish,
    /// Name of the model entry that answered.
    pub model: String,
    /// The model's id as the server reported it. Some servers echo what was asked.
    pub reported: Option<String>,
}

/// One piece of an answer under way, for people to watch.
///
/// The reply says more exactly what is text and what is a call: a call that a server leaves in the
/// text is seen here as text.
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
