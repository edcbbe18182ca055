//! The history that a model is sent, from the records of its conversation.
//!
//! `valid` makes it one that every template accepts, `style` gives it the form that the model's
//! family wants, and `plain` says it without any calls, for templates that refuse them.

mod plain;
mod style;
mod valid;

pub(crate) use style::Style;
