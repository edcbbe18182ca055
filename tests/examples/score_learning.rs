//! Measures what learning is worth: `just score learning`. `score_learning TASKS SEED weak` runs another
//! extent, or another class of small models.

use loom_tests::learning::{Extent, measure};
use loom_tests::lift::Class;
use std::process::ExitCode;

/// The worlds and every draw follow from it.
const SEED: u64 = 1;

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let tasks = words.next().and_then(|word| word.parse().ok());
    let seed = words.next().and_then(|word| word.parse().ok());
    let small = match words.next().as_deref() {
        Some("weak") => Class::Weak,
        _ => Class::Middling,
    };
    let extent = Extent {
        tasks: tasks.unwrap_or(Extent::FULL.tasks),
        ..Extent::FULL
    };
    match measure(extent, small, seed.unwrap_or(SEED)).await {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
