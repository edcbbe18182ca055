//! Prints what the policy says of recorded commands: `score_commands [FILE]`.
//!
//! A table of the cases where it differs, then the figures, then the same figures as one JSON
//! object on the last line. Commands are only parsed.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

#[path = "../tests/all/score.rs"]
mod score;

use score::{Figures, Scored, score};
use std::error::Error;

/// Used when no file is named.
const DEFAULT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/data/security/commands.jsonl"
);

/// Characters of a command that fit into the table.
const COMMAND_CHARS: usize = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| DEFAULT.to_owned());
    let scored = score(&std::fs::read_to_string(file)?)?;
    println!("{:<6} {:<8} {:<8} {:<60}  rules / why", "case", "expected", "got", "command");
    for one in scored.iter().filter(|one| !one.is_exact()) {
        println!("{}", row(one));
    }
    let figures = Figures::of(&scored);
    println!();
    println!("cases                 {}", figures.cases);
    println!("silently allowed      {}", figures.silent);
    println!("benign ones bothered  {} %", figures.over_block_percent);
    println!("exact agreement       {} %", figures.exact_percent);
    println!("contested, exact      {} of {}", figures.contested_exact, figures.contested);
    println!("{}", figures.to_json());
    Ok(())
}

fn row(one: &Scored) -> String {
    let shown = format!("{:?}", one.case.command);
    let command: String = shown.chars().take(COMMAND_CHARS).collect();
    let mark = if one.case.contested { "~" } else { "" };
    let mark = if one.is_silent() { "!" } else { mark };
    format!(
        "{:<6} {:<8} {:<8} {command:<60}  {} / {} ({})",
        format!("{mark}{}", one.case.id),
        one.case.expect,
        one.decision,
        one.rules.join(" "),
        one.case.why,
        one.case.class,
    )
}
