//! Prints how recorded outputs of models are read: `score_corpus [FILE [TOOLS]]`.
//!
//! A table of the cases that came out otherwise than they should, then the figures, then the same
//! figures as one JSON object on the last line. Exits non-zero when the reach is not met.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

#[path = "../tests/all/score.rs"]
mod score;

use score::{Figures, Grade, grade_all, tools};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

/// Used when no file is named.
const DATA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/data/model-failures"
);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .unwrap_or_else(|| format!("{DATA}/corpus.jsonl"));
    // The tools stand beside the cases, or are those of the project.
    let beside = Path::new(&file).with_file_name("tools.json");
    let tools_file = match arguments.next() {
        Some(file) => file.into(),
        None if beside.exists() => beside,
        None => format!("{DATA}/tools.json").into(),
    };
    let tools = tools(&std::fs::read_to_string(tools_file)?)?;
    let graded = grade_all(&std::fs::read_to_string(&file)?, &tools)?;
    for one in graded.iter().filter(|one| one.grade != Grade::Right) {
        println!(
            "{:<8} {:<28} {}\n         {}",
            one.id,
            format!("{:?}", one.grade),
            one.failure,
            one.seen
        );
    }
    let figures = Figures::of(&graded);
    println!();
    println!("cases                        {}", figures.total);
    println!("exactly as expected          {}", figures.right);
    println!(
        "run although they should not {} ({} of them change something)",
        figures.wrong_calls, figures.wrong_mutating
    );
    println!("missed                       {}", figures.missed);
    println!("refused for another reason   {}", figures.wrong_code);
    println!("{}", figures.to_json());
    Ok(match figures.is_met() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
