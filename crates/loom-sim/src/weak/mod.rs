//! Weak models whose mistakes are drawn from measured rates, on tasks whose true result is known.
//!
//! [`World`] is a generated task: a small project with dependent steps. [`WeakModels`] answers for
//! every model of a server: it plans, works, judges and keeps notes as a [`Profile`] says, and errs as
//! often. [`inspect`] looks at the directory afterwards and says what is really wrong with it. What a
//! harness makes of such a model is a measure of the harness: it sees none of this, only the wire.
//!
//! Every draw is a hash of the seed, the world, the step, the attempt and the purpose, so that a run
//! can be repeated and two ways of running a world meet the same difficulties.

mod chance;
mod dispute;
mod executor;
mod mind;
mod model;
mod planner;
mod profile;
mod truth;
mod verifier;
mod world;

pub use model::WeakModels;
pub use profile::{Nature, Profile};
pub use truth::{Defect, DefectKind, Truth, inspect};
pub use world::{Item, ItemKind, Trade, World};
