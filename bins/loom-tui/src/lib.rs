//! The terminal UI of Loom: a monitor of all work, with every intervention one key away.
//!
//! A client of the HTTP API and nothing else: it keeps no state of its own that the service does not
//! have, and decides nothing. Its core is pure: `update(&mut Model, Msg) -> Vec<Cmd>` and
//! `view(&Model, &mut Frame)`; [`run`] is the thin driver that owns terminal, streams and clock.
//! `docs/tui.md` is its page for users, with its keys and colours.
//!
//! Where things are: `model.rs` what is known, `actions.rs` every key and command in one table,
//! `screens/` and `overlays/` one file each with its state, keys and picture, `watched.rs` the task
//! that is looked at, `driver/` everything that is not pure.

#![deny(missing_docs)]

mod actions;
mod diff;
mod driver;
mod form;
mod input;
mod keys;
mod log;
mod look;
mod model;
mod msg;
mod options;
mod overlays;
mod pager;
mod perform;
mod screens;
mod story;
#[cfg(test)]
mod testing;
pub mod text;
mod update;
mod view;
mod watched;

pub use driver::{TuiError, run};
pub use look::Look;
pub use options::Options;
