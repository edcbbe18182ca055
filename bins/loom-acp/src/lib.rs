//! Loom for editors: an agent of the Agent Client Protocol (version 1) in front of Loom's HTTP API, on
//! standard input and output ([`serve_stdio`]) or on any other transport ([`serve`]).
//!
//! A prompt is a task, the plan and the tool calls of the task are shown as they happen, and what Loom
//! asks is put to the human as a request for permission. It is a client of the service and nothing
//! more: it keeps no state of a task, so that a task goes on whoever is restarted, and a session can be
//! loaded again. Start reading at `agent.rs` (what is answered to a client), then `turn.rs` (a task
//! that is watched) and `tell/` (what of it is shown).

#![deny(missing_docs)]

mod agent;
mod ask;
mod output;
mod prompt;
mod session;
mod sessions;
mod tell;
mod turn;

pub use agent::{AcpError, serve, serve_stdio};
