//! What the harness makes of a weak model: the same tasks, run by the real engine with more and more of
//! its defences, and the truth looked at afterwards.
//!
//! Used by `just score lift`, which runs everything, and by a test that runs a little of it.

mod calibration;
mod cell;
mod faults;
mod outcome;
mod plot;
mod score;
#[cfg(test)]
mod short;
mod spoiled;
mod variant;

pub(crate) use cell::{Cell, Place, run};
pub(crate) use faults::matrix;
pub(crate) use outcome::Tally;
pub(crate) use score::{Extent, measure, say};
pub(crate) use variant::{Class, Variant};
