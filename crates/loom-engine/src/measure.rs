//! Measuring a verifier, for a command: the same question, prompts and reading as in a gate, without a
//! task around it.

use loom_events::Role;
use loom_prompts::{Prompts, TemplateError};
use loom_router::{Judging, Router, RouterError, Usable};
use loom_verify::{MeasureError, ModelJudge, measure_judge};
use std::path::Path;
use std::sync::Arc;

/// Why a verifier was not measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JudgingError {
    /// Its entry makes no sense.
    #[error(transparent)]
    Router(#[from] RouterError),
    /// The prompts cannot be used.
    #[error(transparent)]
    Prompts(#[from] TemplateError),
    /// It could not be asked.
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

/// Shows a model 24 small changes, half of them wrong, one call each, and counts what it says.
/// `progress` is told how many of how many were shown.
///
/// # Errors
/// [`JudgingError`]: then nothing is known.
pub async fn measure_verifier(
    model: Usable,
    overrides: Option<&Path>,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Result<Judging, JudgingError> {
    let Usable {
        mut entry,
        mut capabilities,
    } = model;
    // What was measured before must not stand in the way.
    capabilities.judging = None;
    entry.roles = vec![Role::Verifier];
    let name = entry.name.clone();
    let router = Router::new(vec![entry])?;
    router.learn(&name, capabilities);
    let prompts = match overrides {
        Some(overrides) => Prompts::with_overrides(overrides)?,
        None => Prompts::builtin()?,
    };
    let judge = ModelJudge::new(Arc::new(router), Arc::new(prompts));
    Ok(measure_judge(&judge, progress).await?)
}
