//! What a grammar sees in a changed file: whether it can be read, which names it defines, what
//! became of its functions. Nothing here runs anything.

mod broken;
mod language;
mod stubs;
mod symbols;

pub(crate) use broken::error;
pub(crate) use language::Language;
pub(crate) use stubs::stubs;
pub(crate) use symbols::defines;
