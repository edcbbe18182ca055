//! Recorded outputs of models: each must be read exactly as it was meant, or refused.

use crate::score::{Figures, Grade, grade_all, tools};

const CASES: &str = include_str!("../../../../tests/data/model-failures/corpus.jsonl");
const TOOLS: &str = include_str!("../../../../tests/data/model-failures/tools.json");

#[test]
fn recorded_outputs_are_read_as_they_were_meant_and_nothing_runs_that_should_not() {
    let tools = tools(TOOLS).unwrap();
    let graded = grade_all(CASES, &tools).unwrap();
    let failed: Vec<String> = graded
        .iter()
        .filter(|one| one.grade != Grade::Right)
        .map(|one| format!("{} {:?} {}: {}", one.id, one.grade, one.failure, one.seen))
        .collect();
    let figures = Figures::of(&graded);
    assert!(
        figures.is_met(),
        "{}\n{}",
        figures.to_json(),
        failed.join("\n")
    );
}

const VARIANTS: &str = include_str!("../../../../tests/data/model-failures/variants.jsonl");

/// Cases of our own, written from the rules and not from the code, one or more for each rule.
#[test]
fn variants_of_the_recorded_outputs_are_read_by_the_same_rules() {
    let tools = tools(TOOLS).unwrap();
    let graded = grade_all(VARIANTS, &tools).unwrap();
    let failed: Vec<String> = graded
        .iter()
        .filter(|one| one.grade != Grade::Right)
        .map(|one| format!("{} {:?} {}: {}", one.id, one.grade, one.failure, one.seen))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
