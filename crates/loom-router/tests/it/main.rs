//! The router against real HTTP: a scripted server for every fault, and a real one where installed.
#![expect(
    clippy::unwrap_used,
    reason = "what the helpers of a test unwrap is part of the test"
)]

mod discovery;
mod documentation;
mod failures;
mod json;
mod llama_server;
mod probing;
mod routing;
mod server;
mod streaming;
