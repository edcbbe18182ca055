//! The gate: tier 1, then tier 2, then one verdict with its confidence.

use crate::{CheckRunner, EvidenceSink, GateInput, Judge};
use loom_events::{Failure, Verdict};

/// What a gate works with.
#[derive(Clone, Copy)]
pub struct GateTools<'a> {
    /// Runs the commands of checks.
    pub runner: &'a dyn CheckRunner,
    /// The verifier.
    pub judge: &'a dyn Judge,
    /// Keeps full outputs.
    pub evidence: &'a dyn EvidenceSink,
}

/// Judges the work. The future may be dropped at any point; asking again starts afresh.
///
/// # Errors
/// [`Failure`] when the verifier could not be asked, which is not the work's fault.
pub async fn gate(_input: &GateInput, _tools: &GateTools<'_>) -> Result<Verdict, Failure> {
    unimplemented!()
}
