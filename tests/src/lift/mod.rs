//! What the harness makes of a weak model: the same tasks, run by the real engine with more and more of
//! its defences, and the truth looked at afterwards.
//!
//! Used by the example `score_lift`, which runs everything, and by a test that runs a little of it.

mod calibration;
mod cell;
mod faults;
mod kept;
mod outcome;
mod person;
mod plot;
mod score;
mod spoiled;
mod variant;

pub use cell::{Cell, Place, run};
pub use faults::matrix;
pub use outcome::Tally;
pub use person::{Person, reckoned, taught};
pub use score::{Extent, look, measure, say};
pub use variant::{Class, Variant};
