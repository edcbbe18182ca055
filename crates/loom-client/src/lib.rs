//! The HTTP API of Loom: its wire types in [`wire`], a typed [`Client`], and streams that go on
//! where they were cut ([`Client::follow`]).
//!
//! Nothing here decides anything, keeps state of a task, or knows how the service is built; a front
//! end that shows a task folds its records with `loom_view::TaskView`.

#![deny(missing_docs)]

mod client;
mod endpoint;
mod error;
mod follow;
pub mod wire;

pub use client::{Client, TaskQuery};
pub use endpoint::{Endpoint, TOKEN_FILE};
pub use error::ClientError;
pub use follow::Followed;
