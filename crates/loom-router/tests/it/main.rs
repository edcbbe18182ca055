//! The router against real HTTP: a scripted server for every fault, and a real one where installed.
#![expect(
    clippy::unwrap_used,
    reason = "what the helpers of a test unwrap is part of the test"
)]

mod anthropic;
mod context;
mod describing;
mod discovery;
mod documentation;
mod embedding;
mod failures;
mod fake;
mod faults;
mod health;
mod json;
mod llama_server;
mod llama_server_slots;
mod mlx_server;
mod ollama;
mod probing;
mod real_server;
mod recovery;
mod routing;
mod scheduling;
mod server;
mod streaming;
