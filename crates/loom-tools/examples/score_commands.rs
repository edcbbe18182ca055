//! Prints what the policy says of recorded commands: `score_commands [FILE]`.
//!
//! A table of the cases where it differs, then the figures of each class and of all, then those of
//! all as one JSON object on the last line. Fails when they miss the bars. Commands are only parsed.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

#[path = "../tests/all/score.rs"]
mod score;

use score::{Figures, Scored, by_class, score};
use std::error::Error;
use std::process::ExitCode;

/// Used when no file is named.
const DEFAULT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/data/security/commands.jsonl"
);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let file = std::env::args()
        .nth(1)
        .unwrap_or_else(|| DEFAULT.to_owned());
    let scored = score(&std::fs::read_to_string(file)?)?;
    print_differences(&scored);
    let all = Figures::of(&scored.iter().collect::<Vec<_>>());
    println!(
        "{:<14} {:>6} {:>8} {:>10} {:>8}",
        "class", "cases", "silent", "bothered", "exact"
    );
    for (class, figures) in by_class(&scored) {
        println!("{}", figures.row(class));
    }
    println!("{}", all.row("all"));
    println!(
        "contested, exact: {} of {}",
        all.contested_exact, all.contested
    );
    println!("{}", all.to_json());
    match all.within_the_bars() {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}

fn print_differences(scored: &[Scored]) {
    let different: Vec<&Scored> = scored.iter().filter(|one| !one.is_exact()).collect();
    if different.is_empty() {
        return;
    }
    println!(
        "{:<6} {:<8} {:<8} {:<60}  rules / why",
        "case", "expected", "got", "command"
    );
    for one in different {
        println!("{}", one.row());
    }
    println!();
}
