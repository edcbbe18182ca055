//! Loom for agents: a server of the Model Context Protocol in front of Loom's HTTP API, on standard
//! input and output ([`serve_stdio`]) or over streamable HTTP ([`serve_http`]), in both eras of the
//! protocol (stateless since 2026-07-28, and the older ones with a handshake).
//!
//! It is a client of the service and nothing more: it keeps no state of a task, so that a task goes on
//! whoever is restarted, and is found again by its id. Which service that is, the caller says
//! ([`loomd::Connect`]). Start reading at `server.rs`, then `tools/`.

#![deny(missing_docs)]

mod ask;
mod caller;
mod extension;
mod http;
mod progress;
mod question;
mod resources;
mod schema;
mod server;
mod shown;
mod stdio;
mod story;
mod tools;
mod uri;
mod wait;

pub use http::{HttpError, PATH, serve_handler, serve_http};
pub use server::Options;
pub use stdio::{StdioError, serve_stdio};
