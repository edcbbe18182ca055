//! Everything that reaches a screen or a pipe: one writer, its colours, its measure of width.

mod style;
mod text;
mod writer;

pub(crate) use loom_tui::text::{clean, clip, count, first_line, fit, plural, width};
pub(crate) use style::{Style, Tone};
pub(crate) use text::{duration, size, wrap};
pub(crate) use writer::{Ui, restore_cursor};
