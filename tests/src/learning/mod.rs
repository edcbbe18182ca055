//! What learning is worth: the same tasks with the same models, with learning on and off.
//!
//! Used by the example `score_learning`, which runs the whole, and by a test that runs a little of it.

mod run;
mod score;

pub use run::{Bench, Step};
pub use score::{Extent, measure};
