//! What a test runner reports of itself: how many tests were run, how many passed, and which.
//!
//! An exit status alone proves little: a filter that selects nothing, and a suite that ends itself
//! early, exit with 0 as well.

use regex::{Captures, Regex};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The report of a test run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that were run: passed and failed ones.
    pub(crate) run: u64,
    pub(crate) failed: u64,
    /// Names of tests that passed, where the runner says them.
    pub(crate) passed: BTreeSet<String>,
}

impl Tally {
    /// Whether a test passed: by its whole name, or by the end of its path.
    pub(crate) fn has_passed(&self, name: &str) -> bool {
        self.passed.iter().any(|passed| {
            passed
                .strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with([':', '.', '/', ' ', '>']))
        })
    }
}

/// A line of a runner's summary, and how its numbers are read.
struct Format {
    line: Regex,
    read: fn(&Captures<'_>) -> Tally,
    /// Whether several such lines add up; otherwise the last one counts.
    adds: bool,
}

/// The summaries of the usual runners. The first format that matches anything is the one.
static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| {
    [
        // cargo test
        (r"^test result: \w+\. (\d+) passed; (\d+) failed;", two as fn(&Captures<'_>) -> Tally, true),
        // cargo nextest
        (r"^\s*Summary \[.*\]\s+(\d+) tests? run: (\d+) passed", run_and_passed, true),
        // unittest
        (r"^Ran (\d+) tests? in", run, true),
        // jest
        (r"^Tests:\s+(.*\d+ total)", words, true),
        // vitest
        (r"^\s*Tests\s+(\d+ .*\(\d+\))\s*$", words, true),
        // node --test
        (r"^(?:#|ℹ) tests (\d+)", run, true),
        // pytest, with and without its rulers
        (r"^=*\s*((?:\d+ (?:passed|failed|skipped|errors?|xfailed|xpassed|deselected|warnings?|rerun)(?:, )?)+) in [\d.]+s", words, false),
        (r"^=*\s*no tests ran in ", none, false),
        // rspec, minitest, ExUnit
        (r"^(\d+) examples?, (\d+) failures?", run_and_failed, true),
        (r"^(\d+) runs, \d+ assertions, (\d+) failures", run_and_failed, true),
        (r"^(?:\d+ doctests?, )?(\d+) tests?, (\d+) failures?", run_and_failed, true),
        // dotnet test
        (r"Failed:\s+(\d+), Passed:\s+(\d+),", failed_and_passed, true),
        // maven: the last line is the sum
        (r"^(?:\[\w+\]\s*)?Tests run: (\d+), Failures: (\d+), Errors: \d+, Skipped: \d+\s*$", run_and_failed, false),
        // phpunit
        (r"^OK \((\d+) tests?,", run, true),
        // ctest
        (r"^\d+% tests passed, (\d+) tests failed out of (\d+)", failed_of, true),
    ]
    .into_iter()
    .map(|(line, read, adds)| Format {
        line: multi_line(line),
        read,
        adds,
    })
    .collect()
});

fn multi_line(pattern: &str) -> Regex {
    regex::RegexBuilder::new(pattern)
        .multi_line(true)
        .build()
        .expect("BUG: the patterns of runners are valid")
}

fn number(captures: &Captures<'_>, at: usize) -> u64 {
    let text = captures.get(at).map_or("", |found| found.as_str());
    text.parse().unwrap_or(0)
}

fn tally(run: u64, failed: u64) -> Tally {
    Tally {
        run,
        failed,
        passed: BTreeSet::new(),
    }
}

fn two(captures: &Captures<'_>) -> Tally {
    let (passed, failed) = (number(captures, 1), number(captures, 2));
    tally(passed.saturating_add(failed), failed)
}

fn run_and_passed(captures: &Captures<'_>) -> Tally {
    let (run, passed) = (number(captures, 1), number(captures, 2));
    tally(run, run.saturating_sub(passed))
}

fn run_and_failed(captures: &Captures<'_>) -> Tally {
    tally(number(captures, 1), number(captures, 2))
}

fn failed_and_passed(captures: &Captures<'_>) -> Tally {
    let (failed, passed) = (number(captures, 1), number(captures, 2));
    tally(passed.saturating_add(failed), failed)
}

fn failed_of(captures: &Captures<'_>) -> Tally {
    tally(number(captures, 2), number(captures, 1))
}

fn run(captures: &Captures<'_>) -> Tally {
    tally(number(captures, 1), 0)
}

fn none(_: &Captures<'_>) -> Tally {
    Tally::default()
}

static COUNTED: LazyLock<Regex> = LazyLock::new(|| multi_line(r"(\d+) ([a-z]+)"));

/// "1 failed, 2 passed, 3 skipped": what was skipped was not run.
fn words(captures: &Captures<'_>) -> Tally {
    let text = captures.get(1).map_or("", |found| found.as_str());
    let mut seen = Tally::default();
    for counted in COUNTED.captures_iter(text) {
        let count = number(&counted, 1);
        match counted.get(2).map_or("", |word| word.as_str()) {
            "passed" | "xpassed" | "xfailed" => seen.run = seen.run.saturating_add(count),
            "failed" | "error" | "errors" => {
                seen.run = seen.run.saturating_add(count);
                seen.failed = seen.failed.saturating_add(count);
            }
            _ => {}
        }
    }
    seen
}

/// Failures of unittest stand on a line of their own.
static UNITTEST_FAILED: LazyLock<Regex> =
    LazyLock::new(|| multi_line(r"^FAILED \((?:failures=(\d+))?(?:, )?(?:errors=(\d+))?"));
static UNITTEST_SKIPPED: LazyLock<Regex> =
    LazyLock::new(|| multi_line(r"^(?:OK|FAILED) \(.*skipped=(\d+)"));
static NODE_FAILED: LazyLock<Regex> = LazyLock::new(|| multi_line(r"^(?:#|ℹ) fail (\d+)"));
static NODE_SKIPPED: LazyLock<Regex> = LazyLock::new(|| multi_line(r"^(?:#|ℹ) skipped (\d+)"));
static MOCHA: LazyLock<Regex> = LazyLock::new(|| multi_line(r"^\s+(\d+) (passing|failing)\b"));
static GO: LazyLock<Regex> = LazyLock::new(|| multi_line(r"^\s*--- (PASS|FAIL): (\S+)"));
static GO_JSON: LazyLock<Regex> =
    LazyLock::new(|| multi_line(r#"^\{.*"Action":"(pass|fail)".*"Test":"([^"]+)""#));
static GO_PACKAGE: LazyLock<Regex> = LazyLock::new(|| {
    multi_line(
        r"^(ok|FAIL|\?)\s+\S+\s+(?:[\d.]+s|\(cached\)|\[no test files\]|\[build failed\]).*$",
    )
});
static TAP: LazyLock<Regex> = LazyLock::new(|| {
    multi_line(r"(?i)^(not )?ok\b\s*\d*\s*(?:-\s*)?([^#\n]*?)\s*(#\s*(?:skip|todo)\b.*)?$")
});
static TAP_PLAN: LazyLock<Regex> = LazyLock::new(|| multi_line(r"^1\.\.(\d+)"));

/// Names of passed tests: cargo, nextest, pytest, unittest.
static PASSED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"^test (\S+) \.\.\. ok$",
        r"^\s*PASS \[.*?\] (?:\(.*?\) )?(\S+ \S+)$",
        r"^(\S+::\S+) PASSED\b",
        r"^(\w+) \([\w.]+\)(?:.*)? \.\.\. ok$",
        r"^\s*(?:✓|✔|√)\s+(.+?)(?: \(?\d+(?:\.\d+)? ?ms\)?)?$",
    ]
    .map(multi_line)
    .into()
});

/// The report in what a test run printed; none when there is none that is known.
pub(crate) fn read(output: &str) -> Option<Tally> {
    let output = plain(output);
    let mut seen = summary(&output).or_else(|| by_test(&output))?;
    for pattern in PASSED.iter() {
        let names = pattern.captures_iter(&output);
        seen.passed.extend(names.map(|found| found[1].to_owned()));
    }
    Some(seen)
}

/// Without the colours of a terminal.
fn plain(output: &str) -> String {
    static COLOURS: LazyLock<Regex> = LazyLock::new(|| multi_line("\u{1b}\\[[0-9;]*m"));
    COLOURS.replace_all(output, "").replace('\r', "")
}

fn summary(output: &str) -> Option<Tally> {
    let format = FORMATS.iter().find(|format| format.line.is_match(output))?;
    let all = format.line.captures_iter(output).map(|c| (format.read)(&c));
    let mut seen = if format.adds {
        all.fold(Tally::default(), |sum, one| {
            tally(
                sum.run.saturating_add(one.run),
                sum.failed.saturating_add(one.failed),
            )
        })
    } else {
        all.last()?
    };
    let sum = |pattern: &Regex| -> u64 {
        let all = pattern.captures_iter(output);
        all.map(|c| number(&c, 1).saturating_add(if c.len() > 2 { number(&c, 2) } else { 0 }))
            .sum()
    };
    if seen.failed == 0 {
        seen.failed = sum(&UNITTEST_FAILED).max(sum(&NODE_FAILED));
    }
    let skipped = sum(&UNITTEST_SKIPPED).max(sum(&NODE_SKIPPED));
    seen.run = seen.run.saturating_sub(skipped);
    Some(seen)
}

/// Runners that report each test and no sum: go, mocha, TAP.
fn by_test(output: &str) -> Option<Tally> {
    let mut seen = Tally::default();
    for found in GO
        .captures_iter(output)
        .chain(GO_JSON.captures_iter(output))
    {
        seen.run += 1;
        if found[1].eq_ignore_ascii_case("pass") {
            seen.passed.insert(found[2].to_owned());
        } else {
            seen.failed += 1;
        }
    }
    if seen.run > 0 {
        return Some(seen);
    }
    let packages: Vec<_> = GO_PACKAGE
        .find_iter(output)
        .map(|found| found.as_str())
        .collect();
    if !packages.is_empty() {
        // Without -v a package is all that is named: one that has tests counts as one.
        let without =
            |line: &&&str| line.contains("[no test files]") || line.contains("[no tests to run]");
        let with = packages.iter().filter(|line| !without(line));
        let failed = with.clone().filter(|line| line.starts_with("FAIL")).count();
        return Some(tally(with.count() as u64, failed as u64));
    }
    if MOCHA.is_match(output) {
        for found in MOCHA.captures_iter(output) {
            let count = number(&found, 1);
            seen.run = seen.run.saturating_add(count);
            if &found[2] == "failing" {
                seen.failed = seen.failed.saturating_add(count);
            }
        }
        return Some(seen);
    }
    tap(output)
}

fn tap(output: &str) -> Option<Tally> {
    let planned = TAP_PLAN.captures(output).map(|plan| number(&plan, 1))?;
    let mut seen = Tally::default();
    for found in TAP.captures_iter(output) {
        if found.get(3).is_some() {
            continue;
        }
        seen.run += 1;
        if found.get(1).is_some() {
            seen.failed += 1;
        } else {
            seen.passed.insert(found[2].trim().to_owned());
        }
    }
    // A run that ends itself early leaves tests of its plan out.
    let skipped = TAP
        .captures_iter(output)
        .filter(|f| f.get(3).is_some())
        .count() as u64;
    let missing = planned.saturating_sub(seen.run.saturating_add(skipped));
    seen.failed = seen.failed.saturating_add(missing);
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reports_of_the_usual_runners_are_read() {
        for (output, run, failed) in [
            (
                "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n\ntest result: FAILED. 1 passed; 2 failed; 0 ignored\n",
                6,
                2,
            ),
            (
                "     Summary [   0.005s] 5 tests run: 4 passed, 1 failed, 0 skipped\n",
                5,
                1,
            ),
            (
                "=== 3 passed, 1 failed, 2 skipped, 1 warning in 0.12s ===\n",
                4,
                1,
            ),
            (
                "\u{1b}[32m\u{1b}[1m2 passed\u{1b}[0m\u{1b}[32m in 0.01s\u{1b}[0m\n",
                2,
                0,
            ),
            ("1 error in 0.10s\n", 1, 1),
            ("no tests ran in 0.01s\n", 0, 0),
            ("2 deselected in 0.01s\n", 0, 0),
            ("Ran 5 tests in 0.001s\n\nOK (skipped=2)\n", 3, 0),
            (
                "Ran 5 tests in 0.001s\n\nFAILED (failures=1, errors=2)\n",
                5,
                3,
            ),
            ("Ran 0 tests in 0.000s\n\nOK\n", 0, 0),
            (
                "=== RUN   TestA\n--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\n",
                2,
                1,
            ),
            (
                "ok  \texample.com/a\t0.002s\n?   \texample.com/b\t[no test files]\n",
                1,
                0,
            ),
            ("ok  \texample.com/a\t0.002s [no tests to run]\n", 0, 0),
            (
                "{\"Time\":\"x\",\"Action\":\"pass\",\"Package\":\"a\",\"Test\":\"TestA\",\"Elapsed\":0}\n",
                1,
                0,
            ),
            (
                "Tests:       1 failed, 1 skipped, 2 passed, 4 total\n",
                3,
                1,
            ),
            (" Tests  1 failed | 2 passed (3)\n", 3, 1),
            ("  3 passing (10ms)\n  1 failing\n", 4, 1),
            (
                "# tests 4\n# suites 0\n# pass 2\n# fail 1\n# skipped 1\n",
                3,
                1,
            ),
            ("1..3\nok 1 - a\nnot ok 2 - b\nok 3 # skip later\n", 2, 1),
            ("5 examples, 2 failures, 1 pending\n", 5, 2),
            (
                "4 runs, 9 assertions, 1 failures, 0 errors, 0 skips\n",
                4,
                1,
            ),
            (
                "Passed!  - Failed:     0, Passed:     5, Skipped:     0, Total:     5\n",
                5,
                0,
            ),
            (
                "[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s\n[INFO] Tests run: 7, Failures: 1, Errors: 0, Skipped: 0\n",
                7,
                1,
            ),
            ("100% tests passed, 0 tests failed out of 4\n", 4, 0),
            ("OK (6 tests, 12 assertions)\n", 6, 0),
        ] {
            let seen = read(output).unwrap_or_default();
            assert_eq!((seen.run, seen.failed), (run, failed), "{output}");
            assert!(read(output).is_some(), "{output}");
        }
    }

    #[test]
    fn what_is_no_report_is_none() {
        for output in [
            "",
            "ok\n",
            "all 3 tests passed, trust me\n",
            "hello world\n",
        ] {
            assert_eq!(read(output), None, "{output}");
        }
    }

    #[test]
    fn a_run_that_ends_itself_before_its_plan_is_done_has_failed() {
        let seen = read("1..3\nok 1 - a\n").unwrap();
        assert_eq!((seen.run, seen.failed), (1, 2));
    }

    #[test]
    fn passed_tests_are_known_by_name_and_by_the_end_of_their_path() {
        let seen =
            read("test parser::reads_a ... ok\ntest result: ok. 1 passed; 0 failed; 0").unwrap();
        assert!(seen.has_passed("reads_a") && seen.has_passed("parser::reads_a"));
        assert!(!seen.has_passed("eads_a") && !seen.has_passed("reads_b"));
        let seen = read("tests/test_a.py::test_x PASSED [100%]\n1 passed in 0.01s\n").unwrap();
        assert!(seen.has_passed("test_x"));
    }
}
