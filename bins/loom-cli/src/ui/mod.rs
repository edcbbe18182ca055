//! Everything that reaches a screen or a pipe: one writer, its colours, its measure of width.

mod style;
mod text;
mod writer;

pub(crate) use style::{Style, Tone};
pub(crate) use text::{clean, clip, count, duration, first_line, fit, plural, size, width, wrap};
pub(crate) use writer::{Ui, restore_cursor};
