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
