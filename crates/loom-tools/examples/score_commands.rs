//! Prints what the policy says of recorded commands: `score_commands [FILE]`.
//!
//! A table of the cases where it differs, then the figures, then the same figures as one JSON
//! object on the last line. Commands are only parsed.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

#[path = "../tests/all/score.rs"]
mod score;

use score::{Figures, score};
use std::error::Error;

/// Used when no file is named.
const DEFAULT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/data/security/commands.jsonl"
);

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args()
        .nth(1)
        .unwrap_or_else(|| DEFAULT.to_owned());
    let scored = score(&std::fs::read_to_string(file)?)?;
    println!(
        "{:<6} {:<8} {:<8} {:<60}  rules / why",
        "case", "expected", "got", "command"
    );
    for one in scored.iter().filter(|one| !one.is_exact()) {
        println!("{}", one.row());
    }
    let figures = Figures::of(&scored);
    println!();
    println!("cases                 {}", figures.cases);
    println!("silently allowed      {}", figures.silent);
    println!("benign ones bothered  {} %", figures.over_block_percent);
    println!("exact agreement       {} %", figures.exact_percent);
    println!(
        "contested, exact      {} of {}",
        figures.contested_exact, figures.contested
    );
    println!("{}", figures.to_json());
    Ok(())
}
