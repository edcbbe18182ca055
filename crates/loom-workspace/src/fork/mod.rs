//! Forks: cheap copies of a workspace, each for one attempt alone, and the way back.
//!
//! `forks` is where they live and how they come and go; `making` fills one from a manifest, with
//! `content` for the bytes of one file, `aside` for what manifests leave out and `links` for links
//! that would lead back into the original. `merge` brings a result back: `states` decides for one
//! path, `text` for the lines of one file. `divergence` compares two results. Nothing here changes
//! the original but [`Workspace::merge`](crate::Workspace::merge), through `apply` like any other
//! change.

mod aside;
mod content;
mod divergence;
mod error;
mod forks;
mod links;
mod making;
mod merge;
mod removal;
mod report;
mod states;
mod text;

pub use divergence::{Divergence, PathDivergence, divergence};
pub use error::ForkError;
pub use forks::{Fork, Forks};
pub use merge::{LeftAlone, MergeError, MergePlan};
pub use report::{ForkBounds, ForkReport, NotForked, Strategy, WhyNotForked};
pub use states::{MergeConflict, MergeConflictKind};
