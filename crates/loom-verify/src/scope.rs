//! Where a step changed something, and how much: the wrong file, too many files, too many lines.

use crate::protected::{is_test, judging_kind};
use crate::{Fault, GateInput, globs};
use loom_events::{Check, FileChange, FileKind};
use regex::Regex;
use std::sync::LazyLock;

/// A change may be so many times as large as planned.
const SIZE_FACTOR: u64 = 3;

/// Files outside of what was expected that nobody asks about.
const STRAY_FILES: usize = 2;

/// Longest list of paths that is shown.
const SHOWN: usize = 8;

/// Made by tools: neither planned nor written by anybody.
static GENERATED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(^|/)(dist|build|out|target|node_modules|vendor|coverage|__pycache__|\.pytest_cache|\.next|generated|__generated__)/|\.min\.(js|css)$|\.(pyc|map|snap|class|o)$|\.g\.\w+$|_pb2\.py$|\.pb\.go$|\.lock$|-lock\.(json|yaml)$|(^|/)go\.sum$",
    )
    .expect("BUG: the pattern is valid")
});

/// Whether tools make what has this path.
pub(crate) fn is_generated(path: &str) -> bool {
    GENERATED.is_match(path)
}

/// What a change touched, without what tools make.
struct Touched<'a> {
    changes: Vec<&'a FileChange>,
}

impl<'a> Touched<'a> {
    fn by(input: &'a GateInput) -> Self {
        let is_file = |change: &&FileChange| {
            let state = change.after.as_ref().or(change.before.as_ref());
            state.is_some_and(|state| state.kind != FileKind::Directory)
        };
        let changes = input.changes.iter().filter(is_file);
        Self {
            changes: changes.filter(|c| !is_generated(path(c))).collect(),
        }
    }

    fn lines(&self) -> u64 {
        let lines = self
            .changes
            .iter()
            .map(|c| u64::from(c.lines.added) + u64::from(c.lines.removed));
        lines.sum()
    }
}

/// The path under which a change is seen in the end.
fn path(change: &FileChange) -> &str {
    change.new_path.as_deref().unwrap_or(&change.path)
}

/// The faults of a step whose planner said what it is expected to change.
pub(crate) fn faults(input: &GateInput) -> Vec<Fault> {
    let expected = &input.step.expected_files;
    let touched = Touched::by(input);
    if expected.is_empty() || input.step.inspect || touched.changes.is_empty() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let is_inside = |path: &str| {
        globs::any(expected, path)
            || globs::any(&input.step.outputs, path)
            || input
                .step
                .edits_tests
                .as_ref()
                .is_some_and(|e| globs::any(&e.paths, path))
    };
    let (inside, outside): (Vec<&FileChange>, Vec<&FileChange>) = touched
        .changes
        .iter()
        .partition(|change| is_inside(path(change)) || is_inside(&change.path));
    if inside.is_empty() {
        faults.push(Fault {
            what: "the files of this step were changed".to_owned(),
            expected: format!("a change in {}", expected.join(", ")),
            seen: format!("changed were only {}", list(&outside)),
            place: None,
        });
        return faults;
    }
    // New tests, and what the step names, are nobody's surprise.
    let strays: Vec<&FileChange> = outside
        .into_iter()
        .filter(|change| !(change.before.is_none() && is_test(path(change))))
        .filter(|change| !is_named(input, &change.path) && !is_named(input, path(change)))
        .collect();
    let deleted: Vec<&FileChange> = strays
        .iter()
        .copied()
        .filter(|change| change.after.is_none())
        .collect();
    if !deleted.is_empty() {
        faults.push(explain(
            "nothing outside of this step is deleted",
            format!("deletions in {} only", expected.join(", ")),
            format!("deleted: {}", list(&deleted)),
        ));
    } else if strays.len() > STRAY_FILES {
        faults.push(explain(
            "the change stays within this step",
            format!("changes in {}", expected.join(", ")),
            format!(
                "{} other files were changed: {}",
                strays.len(),
                list(&strays)
            ),
        ));
    }
    let (lines, budget) = (touched.lines(), input.step.size.lines() * SIZE_FACTOR);
    if lines > budget {
        faults.push(explain(
            "the change is about as large as planned",
            format!("at most {budget} changed lines, three times what was planned"),
            format!("{lines} changed lines"),
        ));
    }
    faults
}

fn explain(what: &str, expected: String, seen: String) -> Fault {
    Fault {
        what: what.to_owned(),
        expected: format!(
            "{expected}. Take back what the step does not need; if it does, say blocked and explain"
        ),
        seen,
        place: None,
    }
}

/// Whether the step speaks of a file by its name.
fn is_named(input: &GateInput, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    input.step.task.contains(name) || input.step.criteria.iter().any(|c| c.contains(name))
}

/// Suspicions where nobody said what is expected: derived from outputs and checks, so that they may
/// be wrong.
pub(crate) fn flags(input: &GateInput) -> Vec<String> {
    if !input.step.expected_files.is_empty() || input.step.inspect {
        return Vec::new();
    }
    let touched = Touched::by(input);
    let mut flags = Vec::new();
    let checks = input.step.checks.iter().filter_map(Check::path);
    let likely: Vec<String> = input
        .step
        .outputs
        .iter()
        .map(String::as_str)
        .chain(checks)
        .map(str::to_owned)
        .collect();
    let inside =
        |change: &&&FileChange| globs::any(&likely, path(change)) || is_named(input, path(change));
    if !likely.is_empty()
        && !touched.changes.is_empty()
        && !touched.changes.iter().any(|change| inside(&change))
    {
        flags.push(format!(
            "only other files than expected were changed: {}",
            list(&touched.changes)
        ));
    }
    let (lines, budget) = (touched.lines(), input.step.size.lines() * SIZE_FACTOR);
    if lines > budget {
        flags.push(format!("a large change: {lines} lines"));
    }
    let deleted: Vec<&FileChange> = touched
        .changes
        .iter()
        .copied()
        .filter(|change| change.after.is_none() && change.new_path.is_none())
        .filter(|change| !is_named(input, &change.path) && judging_kind(&change.path).is_none())
        .collect();
    if !deleted.is_empty() {
        flags.push(format!("files were deleted: {}", list(&deleted)));
    }
    flags
}

fn list(changes: &[&FileChange]) -> String {
    let mut paths: Vec<&str> = changes.iter().map(|change| path(change)).collect();
    let more = paths.len().saturating_sub(SHOWN);
    paths.truncate(SHOWN);
    let shown = paths.join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Baseline;
    use crate::harness::{Place, step};
    use loom_events::Size;

    fn judged(files: &[(&str, &str)], change: impl Fn(&Place), expected: &[&str]) -> GateInput {
        let place = Place::with(files);
        change(&place);
        let mut step = step(Vec::new());
        step.expected_files = expected.iter().map(|glob| (*glob).to_owned()).collect();
        step.size = Size::S;
        place.input(step, Baseline::default())
    }

    fn lines(count: usize) -> String {
        (0..count).map(|n| format!("line {n}\n")).collect()
    }

    #[test]
    fn the_wrong_file_is_a_fault_with_both_lists() {
        let files = [("src/a.rs", "a\n"), ("src/b.rs", "b\n")];
        let input = judged(
            &files,
            |place| place.write("src/b.rs", "x\n"),
            &["src/a.rs"],
        );
        let faults = faults(&input);
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].expected, "a change in src/a.rs");
        assert_eq!(faults[0].seen, "changed were only src/b.rs");
    }

    #[test]
    fn a_deletion_and_many_files_outside_of_the_step_are_to_be_explained() {
        let files = [
            ("a.rs", "a\n"),
            ("b.rs", "b\n"),
            ("c.rs", "c\n"),
            ("d.rs", "d\n"),
        ];
        let many = judged(
            &files,
            |place| {
                ["a.rs", "b.rs", "c.rs", "d.rs"]
                    .iter()
                    .for_each(|p| place.write(p, "x\n"));
            },
            &["a.rs"],
        );
        assert!(
            faults(&many)[0].seen.starts_with("3 other files"),
            "{:?}",
            faults(&many)
        );
        let deletion = judged(
            &files,
            |place| {
                place.write("a.rs", "x\n");
                place.remove("b.rs");
            },
            &["a.rs"],
        );
        assert_eq!(faults(&deletion)[0].seen, "deleted: b.rs");
        let two = judged(
            &files,
            |place| {
                ["a.rs", "b.rs", "c.rs"]
                    .iter()
                    .for_each(|p| place.write(p, "x\n"));
            },
            &["a.rs"],
        );
        assert_eq!(faults(&two), []);
    }

    #[test]
    fn more_than_three_times_the_planned_lines_are_to_be_explained() {
        let large = judged(&[], |place| place.write("a.rs", &lines(151)), &["a.rs"]);
        assert_eq!(faults(&large)[0].seen, "151 changed lines");
        let fits = judged(&[], |place| place.write("a.rs", &lines(150)), &["a.rs"]);
        assert_eq!(faults(&fits), []);
    }

    #[test]
    fn what_tools_make_and_new_tests_are_apart() {
        let made = |place: &Place| {
            place.write("a.rs", "x\n");
            for path in [
                "Cargo.lock",
                "dist/a.js",
                "dist/b.js",
                "target/x",
                "tests/n1.rs",
                "tests/n2.rs",
                "tests/n3.rs",
            ] {
                place.write(path, &lines(10));
            }
            place.write("dist/c.js", &lines(1000));
        };
        assert_eq!(faults(&judged(&[], made, &["a.rs"])), []);
    }

    #[test]
    fn without_an_expectation_there_are_only_flags() {
        let write = |place: &Place| place.write("b.rs", &lines(700));
        let mut input = judged(&[], write, &[]);
        input.step.outputs = vec!["a.rs".to_owned()];
        assert_eq!(faults(&input), []);
        assert_eq!(flags(&input).len(), 2, "{:?}", flags(&input));
    }
}
