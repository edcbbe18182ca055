//! The service of Loom: its HTTP API over one engine. Of the product the only code that knows axum,
//! beside the one route of `loom-mcp`.
//!
//! Start at `table.rs`, which lists every route, then `http/route.rs` for what a route is and `access/`
//! for what stands in front of it. A handler reads its request, makes one call of the engine, and
//! gives back a word of `loom_client::wire`; it decides nothing about a task.

#![deny(missing_docs)]

mod access;
mod app;
mod beside;
mod docs;
mod fault;
mod front;
mod http;
mod limits;
mod notify;
mod openapi;
mod routes;
mod run;
mod server;
pub mod setup;
mod shown;
mod table;
mod way;

pub use access::{Scope, TokenError, Tokens};
pub use front::{FrontError, Service, Visible};
pub use limits::Limits;
pub use run::run;
pub use server::{ServeError, Server, VERSION};
pub use setup::SetupError;
pub use way::{Clients, Connect, ConnectError, DataDir, Held, Way, WayError};

/// The description of the API, as `/openapi.json` gives it.
#[must_use]
pub fn openapi() -> String {
    openapi::document(&table::table()).to_string()
}
