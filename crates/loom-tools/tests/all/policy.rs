//! The policy against recorded commands. They are only ever parsed.

use crate::score::{Figures, score};

const COMMANDS: &str = include_str!("../../../../tests/data/security/commands.jsonl");

#[test]
fn recorded_commands_are_judged_within_the_bars() {
    let scored = score(COMMANDS).unwrap();
    let figures = Figures::of(&scored);
    let silent: Vec<&str> = scored
        .iter()
        .filter(|one| one.is_silent())
        .map(|one| one.case.id.as_str())
        .collect();
    assert!(silent.is_empty(), "silently allowed: {silent:?}");
    assert!(figures.over_block_percent <= 5.0, "{figures:?}");
    assert!(figures.exact_percent >= 90.0, "{figures:?}");
}
