//! What a command says about a check: its exit status, its output, and the report of a test runner.

use crate::check::{Look, pattern, shortened};
use crate::tally::{self, Tally};
use crate::{Ended, Seen};
use loom_events::{Check, CountOp, Counted};
use regex::Regex;
use std::sync::LazyLock;

/// Lines of output shown in a detail: the end, where test runners sum up.
const SHOWN_LINES: usize = 25;

/// Judges a check by what its command did. `tests_before` are the tests that were run before the
/// work.
pub(crate) fn judge(check: &Check, seen: Seen, tests_before: Option<u64>) -> Look {
    match check {
        Check::Command {
            command,
            exit,
            stdout_regex,
        } => judge_command(
            command,
            (*exit, stdout_regex.as_deref()),
            seen,
            tests_before,
        ),
        Check::Tests {
            command,
            min,
            must_pass,
        } => judge_tests(
            (command, min.unwrap_or(1).max(1), must_pass),
            seen,
            tests_before,
        ),
        Check::Count {
            of: Counted::Command(command),
            op,
            n,
        } => judge_count(command, (*op, *n), seen),
        Check::Count { .. }
        | Check::FileExists { .. }
        | Check::FileAbsent { .. }
        | Check::FileContains { .. }
        | Check::JsonPath { .. }
        | Check::Unchanged { .. }
        | Check::Symbol { .. } => Look::default(),
    }
}

fn judge_command(
    command: &str,
    (exit, stdout_regex): (i32, Option<&str>),
    seen: Seen,
    tests_before: Option<u64>,
) -> Look {
    let mut expected = format!("exit {exit}");
    if let Some(regex) = stdout_regex {
        expected.push_str(&format!(" and output that matches /{regex}/"));
    }
    let mut look = Look {
        expected: expected.clone(),
        duration: seen.duration,
        degraded: seen.degraded,
        ..Look::default()
    };
    look.unusable = cannot_say(command, &seen.ended, &seen.output);
    let matches = match stdout_regex.map(pattern) {
        None => true,
        Some(Ok(pattern)) => pattern.is_match(&seen.output),
        Some(Err(why)) => {
            look.unusable.get_or_insert(why);
            false
        }
    };
    look.passed = seen.ended == Ended::Exit(exit) && matches && look.unusable.is_none();
    look.seen = if seen.ended == Ended::Exit(exit) && !matches {
        format!(
            "{}, but no match in the output{}",
            seen.ended,
            tail(&seen.output)
        )
    } else if look.passed {
        seen.ended.to_string()
    } else {
        format!("{}{}", seen.ended, tail(&seen.output))
    };
    if runs_tests(command) {
        counted(&mut look, &seen.output, tests_before);
    }
    look.output = Some(seen.output);
    look
}

/// What a run of tests said of itself counts beside its exit status: a run of no tests says nothing,
/// and one of fewer tests than before left some out.
fn counted(look: &mut Look, output: &str, before: Option<u64>) {
    let Some(tally) = tally::read(output) else {
        return;
    };
    look.tests = Some(tally.run);
    if look.passed && tally.run == 0 {
        look.passed = false;
        let why = "no test was run".to_owned();
        look.seen.clone_from(&why);
        look.unusable = Some(why);
    } else if look.passed && before.is_some_and(|before| tally.run < before) {
        look.passed = false;
        fewer(look, tally.run, before);
    }
}

fn fewer(look: &mut Look, run: u64, before: Option<u64>) {
    let before = before.unwrap_or_default();
    look.expected = format!("at least the {before} tests that were run before the work");
    look.seen = format!("only {run} tests were run");
}

/// Whether a line runs tests with one of the usual runners.
fn runs_tests(line: &str) -> bool {
    static RUNNERS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"\b(pytest|unittest|nextest|jest|vitest|mocha|rspec|minitest|phpunit|ctest|tox|nox)\b|\b(cargo|go|npm|pnpm|yarn|bun|deno|dotnet|mvn|gradle|make|rake|rails|mix|swift)\b[^|;&]*\btests?\b|\bnode\b.*--test\b",
        )
        .expect("BUG: the pattern of runners is valid")
    });
    RUNNERS.is_match(line)
}

/// A test run: by the report of its runner, and by its exit status where there is none.
fn judge_tests(
    (command, min, must_pass): (&str, u64, &[String]),
    seen: Seen,
    tests_before: Option<u64>,
) -> Look {
    let mut look = Look {
        expected: format!("a green run of at least {min} tests"),
        duration: seen.duration,
        degraded: seen.degraded,
        unusable: cannot_say(command, &seen.ended, &seen.output),
        ..Look::default()
    };
    let green = seen.ended == Ended::Exit(0);
    let reported = tally::read(&seen.output);
    let tally = reported.clone().unwrap_or_else(|| Tally {
        // A runner that says nothing of itself is one test.
        run: 1,
        failed: u64::from(!green),
        ..Tally::default()
    });
    look.tests = reported.as_ref().map(|tally| tally.run);
    let missing: Vec<&str> = must_pass
        .iter()
        .map(String::as_str)
        .filter(|name| {
            !(tally.has_passed(name) || (green && says_passed(name, &seen.output, &tally)))
        })
        .collect();
    let fewer_than_before = tests_before.is_some_and(|before| tally.run < before);
    look.passed = false;
    if !green || tally.failed > 0 {
        look.seen = format!(
            "{}, {} of {} tests failed{}",
            seen.ended,
            tally.failed,
            tally.run,
            tail(&seen.output)
        );
    } else if tally.run < min {
        look.seen = match tally.run {
            0 => "no test was run".to_owned(),
            run => format!("only {run} tests were run"),
        };
    } else if fewer_than_before {
        fewer(&mut look, tally.run, tests_before);
    } else if !missing.is_empty() {
        look.expected = format!("these tests pass: {}", must_pass.join(", "));
        look.seen = format!(
            "not among those that passed: {}{}",
            missing.join(", "),
            tail(&seen.output)
        );
    } else {
        look.passed = look.unusable.is_none();
        look.seen = format!("{} tests passed", tally.run);
    }
    look.output = Some(seen.output);
    look
}

/// Whether a green run names the test where its runner lists none that passed.
fn says_passed(name: &str, output: &str, tally: &Tally) -> bool {
    tally.passed.is_empty() && output.contains(name)
}

/// A number that a command prints, or the lines that it prints.
fn judge_count(command: &str, (op, n): (CountOp, u64), seen: Seen) -> Look {
    let mut look = Look {
        expected: format!("a count {op} {n}"),
        duration: seen.duration,
        degraded: seen.degraded,
        unusable: cannot_say(command, &seen.ended, &seen.output),
        ..Look::default()
    };
    let printed = seen.output.trim();
    let lines = || {
        printed
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count() as u64
    };
    let count = printed.parse().unwrap_or_else(|_| lines());
    // `grep -c` exits with 1 when it counts none.
    let ended_well = matches!(seen.ended, Ended::Exit(0 | 1));
    look.passed = ended_well && op.holds(count, n) && look.unusable.is_none();
    look.seen = if ended_well {
        format!("a count of {count}")
    } else {
        format!("{}{}", seen.ended, tail(&seen.output))
    };
    look.output = Some(seen.output);
    look
}

/// Whether the command says nothing about the work: it could not be run, or its program is not
/// installed. A program of the workspace that is missing does say something.
fn cannot_say(command: &str, ended: &Ended, output: &str) -> Option<String> {
    match ended {
        Ended::NotRun(why) => Some(format!("`{command}` was not run: {why}")),
        Ended::Exit(126 | 127) => missing_program(output)
            .map(|program| format!("`{command}` cannot run here: {program} is not installed")),
        Ended::Exit(_) | Ended::TimedOut | Ended::Signal(_) => None,
    }
}

/// The bare name that a shell could not find, in the words of the usual shells.
fn missing_program(output: &str) -> Option<String> {
    output.lines().find_map(|line| {
        let before = line
            .strip_suffix(": command not found")
            .or_else(|| line.strip_suffix(": not found"))?;
        let name = before.rsplit(": ").next()?.trim();
        (!name.is_empty() && !name.contains('/') && !name.contains(' ')).then(|| name.to_owned())
    })
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    let mut text = String::new();
    for line in shown {
        text.push_str("\n| ");
        text.push_str(&shortened(line));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn seen(ended: Ended, output: &str) -> Seen {
        Seen {
            ended,
            output: output.to_owned(),
            duration: Duration::ZERO,
            degraded: Vec::new(),
        }
    }

    #[test]
    fn a_command_holds_by_exit_and_output_together() {
        let ok =
            |ended, output, regex| judge_command("x", (0, regex), seen(ended, output), None).passed;
        assert!(ok(Ended::Exit(0), "", None));
        assert!(ok(Ended::Exit(0), "a\n3 passed\n", Some("^3 passed$")));
        assert!(!ok(Ended::Exit(0), "2 passed", Some("3 passed")));
        assert!(!ok(Ended::Exit(1), "3 passed", Some("3 passed")));
        assert!(!ok(Ended::TimedOut, "", None));
    }

    #[test]
    fn a_failed_command_shows_the_end_of_what_it_printed() {
        let output: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let look = judge_command("x", (0, None), seen(Ended::Exit(1), &output), None);
        assert!(look.seen.starts_with("exit 1\n| line 75"), "{}", look.seen);
        assert!(look.seen.ends_with("| line 99"));
        assert_eq!(look.output.as_deref(), Some(output.as_str()));
    }

    #[test]
    fn a_program_that_is_not_installed_says_nothing_about_the_work() {
        for output in [
            "sh: 1: pytest: not found",
            "bash: line 1: pytest: command not found",
        ] {
            let look = judge_command("pytest -q", (0, None), seen(Ended::Exit(127), output), None);
            assert!(
                look.unusable
                    .as_deref()
                    .unwrap()
                    .contains("pytest is not installed")
            );
            assert!(!look.passed);
        }
    }

    #[test]
    fn a_script_of_the_workspace_that_is_missing_does_say_something() {
        for output in [
            "sh: 0: cannot open test.sh: No such file",
            "sh: 1: ./test.sh: not found",
            "bash: ./test.sh: No such file or directory",
        ] {
            let look = judge_command("./test.sh", (0, None), seen(Ended::Exit(127), output), None);
            assert_eq!(look.unusable, None, "{output}");
            assert!(!look.passed);
        }
    }

    #[test]
    fn a_filter_that_selects_no_test_proves_nothing() {
        let none = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 5 filtered out\n";
        let look = judge_command(
            "cargo test nothing",
            (0, None),
            seen(Ended::Exit(0), none),
            None,
        );
        assert!(!look.passed && look.unusable.is_some());
        // What only looks like a runner's words is no runner's.
        assert!(judge_command("sh a.sh", (0, None), seen(Ended::Exit(0), none), None).passed);
    }

    #[test]
    fn a_suite_that_got_shorter_is_red_although_it_exits_with_0() {
        let two = "2 passed in 0.01s\n";
        let look =
            |before| judge_command("pytest -q", (0, None), seen(Ended::Exit(0), two), before);
        assert!(look(None).passed && look(Some(2)).passed);
        let shorter = look(Some(3));
        assert!(!shorter.passed && shorter.unusable.is_none());
        assert_eq!(shorter.seen, "only 2 tests were run");
    }

    #[test]
    fn tests_pass_by_their_report_and_not_by_exit_0_alone() {
        let look = |min, must: &[&str], output: &str, before| {
            let must: Vec<String> = must.iter().map(|name| (*name).to_owned()).collect();
            judge_tests(("pytest", min, &must), seen(Ended::Exit(0), output), before)
        };
        let green = "tests/a.py::test_x PASSED\n1 passed in 0.01s\n";
        assert!(look(1, &["test_x"], green, None).passed);
        assert!(look(1, &[], "", None).passed, "a plain exit is one test");
        for (min, must, output, before, why) in [
            (
                1,
                &[][..],
                "no tests ran in 0.00s\n",
                None,
                "no test was run",
            ),
            (2, &[], green, None, "only 1 tests"),
            (2, &[], "", None, "only 1 tests"),
            (
                1,
                &["test_y"],
                green,
                None,
                "not among those that passed: test_y",
            ),
            (1, &[], green, Some(4), "only 1 tests"),
            (
                1,
                &[],
                "1 passed, 1 failed in 0.01s\n",
                None,
                "1 of 2 tests failed",
            ),
        ] {
            let look = look(min, must, output, before);
            assert!(!look.passed && look.seen.contains(why), "{}", look.seen);
        }
        let red = judge_tests(("pytest", 1, &[]), seen(Ended::Exit(1), green), None);
        assert!(!red.passed);
    }

    #[test]
    fn a_count_is_the_number_printed_or_the_lines_printed() {
        let count =
            |ended, output, n| judge_count("x", (CountOp::Equal, n), seen(ended, output)).passed;
        assert!(count(Ended::Exit(0), " 3\n", 3));
        assert!(count(Ended::Exit(0), "a\n\nb\n", 2));
        assert!(count(Ended::Exit(1), "0\n", 0));
        assert!(!count(Ended::Exit(0), "3\n", 2));
        assert!(!count(Ended::Exit(2), "", 0));
        assert!(!count(Ended::TimedOut, "", 0));
    }
}
