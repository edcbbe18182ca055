//! Measures what learning is worth: `just score learning`. `score_learning TASKS SEED middling` runs another
//! extent, one seed, or another class of small models.

use loom_tests::learning::{Extent, measure};
use loom_tests::lift::Class;
use std::process::ExitCode;

/// The worlds and every draw follow from them.
const SEEDS: [u64; 3] = [1, 2, 3];

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let tasks = words.next().and_then(|word| word.parse().ok());
    let seed: Option<u64> = words.next().and_then(|word| word.parse().ok());
    let small = match words.next().as_deref() {
        Some("middling") => Class::Middling,
        _ => Class::Weak,
    };
    let seeds = seed.map_or_else(|| SEEDS.to_vec(), |seed| vec![seed]);
    let extent = Extent {
        tasks: tasks.unwrap_or(Extent::FULL.tasks),
        ..Extent::FULL
    };
    match measure(extent, small, &seeds).await {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
