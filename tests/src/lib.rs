//! What tests and scores share; the tests themselves are in `main.rs` beside this directory.

pub mod learning;
pub mod lift;
