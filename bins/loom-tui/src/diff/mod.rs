//! Patches as rows of a screen, and the words of programming languages in them.

mod patch;
mod syntax;

pub(crate) use patch::{Row, Side, pairs, parse};
pub(crate) use syntax::{Language, paint};
