//! The oracle: existing tests, and the scripts that checks run. An attempt that changes what it is
//! judged by is not judged by it.

use crate::Fault;
use crate::files::Changed;
use loom_events::Check;
use regex::Regex;
use std::sync::LazyLock;

/// Words with which a step asks for work on tests.
static ASKS_FOR_TESTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(add|writ|creat|updat|adapt|adjust|chang|edit|fix|correct|extend|improv|refactor|renam|remov|delet|mov|port|convert)\w*\b.{0,60}\b(tests?|specs?|fixtures?|snapshots?)\b",
    )
    .expect("BUG: the pattern is valid")
});

/// A fault for each existing test, or script that a check runs, that was changed although the step
/// names neither it nor work on tests.
pub(crate) fn tampered(files: &[Changed], checks: &[Check], asked_for: &str) -> Vec<Fault> {
    let about_tests = ASKS_FOR_TESTS.is_match(asked_for);
    files
        .iter()
        .filter(|file| file.existed)
        .filter(|file| !names(asked_for, &file.path))
        .filter_map(|file| {
            let why = if run_by(checks, &file.path) {
                "it is run by a check"
            } else if is_test(&file.path) && !about_tests {
                "it is a test"
            } else {
                return None;
            };
            Some(Fault {
                what: format!("{} stays as it was ({why})", file.path),
                expected:
                    "the work changed, not what it is judged by; if the test is wrong, say blocked"
                        .to_owned(),
                seen: if file.gone {
                    "it is gone"
                } else {
                    "it was changed"
                }
                .to_owned(),
                place: Some(file.path.clone()),
            })
        })
        .collect()
}

/// Changed tests that the step allowed to be changed: worth a second look, no fault.
pub(crate) fn flags(files: &[Changed]) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.existed && is_test(&file.path))
        .map(|file| format!("an existing test was changed: {}", file.path))
        .collect()
}

/// Whether the text names the file by its path or its file name.
fn names(text: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    text.contains(path) || text.contains(name)
}

/// Whether a command of a check has the path as a word, and the path looks like something that
/// judges: a check may well run the program that the step is about.
fn run_by(checks: &[Check], path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let judges = ["test", "check", "verify"]
        .iter()
        .any(|word| name.contains(word));
    judges
        && checks.iter().any(|check| match check {
            Check::Command { command, .. } => command
                .split(|c: char| {
                    c.is_whitespace() || matches!(c, ';' | '&' | '|' | '"' | '\'' | '(' | ')')
                })
                .any(|word| word.strip_prefix("./").unwrap_or(word) == path),
            Check::FileExists { .. }
            | Check::FileAbsent { .. }
            | Check::FileContains { .. }
            | Check::JsonPath { .. } => false,
        })
}

/// Whether a path is a test or belongs to one, by the customs of the usual languages.
fn is_test(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let mut names: Vec<&str> = lower.split('/').collect();
    let file = names.pop().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or(file);
    let in_directory = names.iter().any(|dir| {
        matches!(
            *dir,
            "tests" | "test" | "__tests__" | "spec" | "__snapshots__" | "testdata"
        )
    });
    in_directory
        || stem == "test"
        || stem == "tests"
        || stem == "conftest"
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_spec")
        || stem == "run_tests"
        || file.contains(".test.")
        || file.contains(".spec.")
        || file.ends_with(".snap")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(path: &str) -> Changed {
        Changed {
            path: path.to_owned(),
            before: Some("a".to_owned()),
            after: Some("b".to_owned()),
            gone: false,
            existed: true,
        }
    }

    fn command(line: &str) -> Check {
        Check::Command {
            command: line.to_owned(),
            exit: 0,
            stdout_regex: None,
        }
    }

    #[test]
    fn a_changed_test_is_a_fault_unless_the_step_asks_for_it() {
        for path in [
            "tests/parser.rs",
            "test_parser.py",
            "src/parser_test.go",
            "web/app.test.ts",
            "spec/user_spec.rb",
            "test.sh",
        ] {
            let files = [changed(path)];
            assert_eq!(
                tampered(&files, &[], "Make the parser faster.").len(),
                1,
                "{path}"
            );
            assert_eq!(
                tampered(&files, &[], "Update the tests to the new name."),
                [],
                "{path}"
            );
        }
    }

    #[test]
    fn a_script_that_a_check_runs_is_protected_whatever_it_is_called() {
        let files = [changed("ci/verify.sh")];
        let checks = [command("sh ./ci/verify.sh && true")];
        assert_eq!(tampered(&files, &checks, "Update the tests.").len(), 1);
        assert_eq!(
            tampered(&files, &checks, "Change verify.sh to print more."),
            []
        );
    }

    #[test]
    fn the_program_that_a_check_runs_may_be_changed() {
        let checks = [command("python3 list.py --json")];
        assert_eq!(tampered(&[changed("list.py")], &checks, "Add --json."), []);
    }

    #[test]
    fn new_tests_may_be_added_and_other_files_changed() {
        let mut new = changed("tests/new.rs");
        new.existed = false;
        assert_eq!(tampered(&[new, changed("src/contest.rs")], &[], "Go."), []);
    }

    #[test]
    fn an_allowed_change_of_a_test_is_flagged() {
        assert_eq!(
            flags(&[changed("tests/a.rs"), changed("src/a.rs")]).len(),
            1
        );
    }
}
