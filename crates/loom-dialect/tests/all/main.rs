//! The reader of answers as a whole: recorded failures, any chunks, hostile text.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers of a test unwrap is part of the test"
)]

mod answers;
mod corpus;
mod hostile;
mod score;
