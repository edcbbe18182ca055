//! What Loom learns from task to task, and what it does with it. Pure: who stores it, and who asks, is
//! the engine.
//!
//! A finished task is read once ([`Harvest`]); what it teaches goes into the [`Book`], which keeps
//! aggregates and no traces; and the book answers questions: where a step should begin
//! ([`Book::starting_tier`]), how careful to be ([`Book::caution`]), which earlier plans are like this
//! goal ([`Book::similar`]), in which of several wordings a model is told a step ([`Book::wording`]),
//! what the user keeps asking for ([`Book::preferences`]), which model has changed ([`Book::changes`]), how
//! results turn out that are stated to be so and so sure ([`Book::calibration`]). Every answer says why.

#![deny(missing_docs)]

mod advice;
mod book;
mod calibration;
mod caution;
mod curve;
mod guess;
mod harvest;
mod kind;
mod plans;
mod tally;
mod turnout;
mod wording;

pub use advice::{Change, Choice, TierAdvice};
pub use book::{Book, Correction, Key, Line, LineError};
pub use calibration::{Turned, turned_out};
pub use harvest::{Attempted, Harvest};
pub use kind::{Action, Kind, Material, NoKind};
pub use plans::{KnownPlan, Step};
pub use tally::{Beta, Observation, Tally, Turn};
pub use turnout::{Seen, Turnout, rated, reverted, turnouts};
pub use wording::{Wording, WordingAdvice};
