//! Planned checks without power to fail. A check that always passes is worse than none: it looks
//! like evidence.

use crate::check::pattern;
use loom_events::{Check, Plan};
use regex::Regex;
use std::sync::LazyLock;

/// Everything that is wrong with the checks of a plan, as sentences for its repair.
#[must_use]
pub fn lint_plan(plan: &Plan) -> Vec<String> {
    let mut errors = Vec::new();
    for spec in &plan.subtasks {
        for (at, check) in spec.checks.iter().enumerate() {
            if let Some(why) = lint_check(check) {
                errors.push(format!("subtask `{}`, check {}: {why}", spec.id, at + 1));
            }
        }
    }
    errors
}

/// Why a check proves nothing or cannot be run; none when it may be used.
#[must_use]
pub fn lint_check(check: &Check) -> Option<String> {
    match check {
        Check::FileExists { .. } | Check::FileAbsent { .. } => None,
        Check::FileContains { regex, .. } => lint_regex(regex),
        Check::Command {
            command,
            stdout_regex,
            ..
        } => lint_command(command).or_else(|| lint_regex(stdout_regex.as_deref()?)),
        Check::JsonPath { pointer, .. } => (!pointer.is_empty() && !pointer.starts_with('/'))
            .then(|| format!("`{pointer}` is no JSON pointer: write one such as /scripts/test")),
    }
}

fn lint_regex(regex: &str) -> Option<String> {
    match pattern(regex) {
        Err(why) => Some(why),
        Ok(pattern) if pattern.is_match("") => Some(format!(
            "/{regex}/ matches everything: write what must be there"
        )),
        Ok(_) => None,
    }
}

/// Parts of a line that take its power away wherever they stand, each with what is wrong.
static POWERLESS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"--collect-only\b|--no-run\b|--passWithNoTests\b|--if-present\b|--list-tests\b",
            "runs no test",
        ),
        (r"\bset \+e\b", "hides failures with `set +e`"),
        (
            r"\b(curl|wget)\b|\bgit (clone|fetch|pull|push)\b",
            "needs the network",
        ),
        (r"\bsleep\s+([6-9]|\d\d+)", "waits too long"),
    ]
    .into_iter()
    .map(|(pattern, why)| {
        let regex = Regex::new(pattern).expect("BUG: the patterns of the linter are valid");
        (regex, why)
    })
    .collect()
});

fn lint_command(command: &str) -> Option<String> {
    let refuse = |why: &str| {
        Some(format!(
            "`{command}` {why}: write a command that fails before the step is done"
        ))
    };
    if let Some((_, why)) = POWERLESS
        .iter()
        .find(|(pattern, _)| pattern.is_match(command))
    {
        return refuse(why);
    }
    let parts = split(command);
    let Some(last) = parts.last() else {
        return refuse("is empty");
    };
    // The last command of a list decides; after a pipe it does so whatever came before.
    let constant = is_constant(&last.command);
    match last.before {
        Joint::Or if constant => refuse("passes whatever happens"),
        Joint::Pipe if is_filter(&last.command) => {
            refuse("ends in a pipe that hides its exit status")
        }
        Joint::Start | Joint::Then | Joint::Pipe if constant => refuse("always passes"),
        _ if last.in_background => refuse("runs in the background"),
        _ if parts.iter().all(|part| is_constant(&part.command)) => refuse("always passes"),
        _ => None,
    }
}

/// How a command is joined to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    Start,
    /// `;` or a new line.
    Then,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    before: Joint,
    command: String,
    in_background: bool,
}

/// Splits a line at its operators outside of quotes. This is no shell parser: what it gets wrong
/// costs a repair round or lets a weak check through, which the baseline then finds.
fn split(line: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut before = Joint::Start;
    let mut current = String::new();
    let mut quote: Option<char> = None;
    let mut chars = line.chars().peekable();
    let mut finish = |current: &mut String, before: Joint, in_background: bool| {
        let command = std::mem::take(current).trim().to_owned();
        if !command.is_empty() {
            parts.push(Part {
                before,
                command,
                in_background,
            });
        }
    };
    while let Some(c) = chars.next() {
        if let Some(open) = quote {
            current.push(c);
            if c == open {
                quote = None;
            }
            continue;
        }
        let doubled = chars.peek() == Some(&c);
        match c {
            '\\' => {
                current.push(c);
                current.extend(chars.next());
            }
            '\'' | '"' => {
                quote = Some(c);
                current.push(c);
            }
            '&' if current.ends_with('>') || current.ends_with('<') => current.push(c),
            '&' if doubled => {
                chars.next();
                finish(&mut current, before, false);
                before = Joint::And;
            }
            '&' if chars.peek() == Some(&'>') => current.push(c),
            '&' => {
                finish(&mut current, before, true);
                before = Joint::Then;
            }
            '|' if doubled => {
                chars.next();
                finish(&mut current, before, false);
                before = Joint::Or;
            }
            '|' => {
                finish(&mut current, before, false);
                before = Joint::Pipe;
            }
            ';' | '\n' => {
                finish(&mut current, before, false);
                before = Joint::Then;
            }
            _ => current.push(c),
        }
    }
    finish(&mut current, before, false);
    parts
}

/// Whether a command has the same exit status whatever the state of the workspace.
fn is_constant(command: &str) -> bool {
    let mut words = command.split_whitespace();
    matches!(
        words.next(),
        Some("true" | "false" | ":" | "echo" | "printf" | "exit" | "pwd" | "date")
    )
}

/// Whether a command after a pipe passes whatever it is given.
fn is_filter(command: &str) -> bool {
    let mut words = command.split_whitespace();
    matches!(
        words.next(),
        Some("tail" | "head" | "cat" | "tee" | "sort" | "wc" | "less" | "tr" | "sed" | "uniq")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{SubtaskId, SubtaskSpec, Tier};

    fn command(line: &str) -> Check {
        Check::Command {
            command: line.to_owned(),
            exit: 0,
            stdout_regex: None,
        }
    }

    #[test]
    fn commands_that_cannot_fail_are_refused() {
        for line in [
            "true",
            ":",
            "echo ok",
            "exit 0",
            "cargo test || true",
            "cargo test; true",
            "pytest -q | tail -5",
            "npm test | cat",
            "cargo test &",
            "set +e; cargo test",
            "pytest --collect-only",
            "cargo test --no-run",
            "npx jest --passWithNoTests",
            "curl http://localhost:80",
            "sleep 60",
            "echo a && echo b",
            "",
        ] {
            assert!(lint_check(&command(line)).is_some(), "{line}");
        }
    }

    #[test]
    fn commands_that_can_fail_are_accepted() {
        for line in [
            "cargo test",
            "sh test.sh",
            "python3 -c 'import a; a.f()'",
            "grep -q 'a || true' notes.txt",
            "python3 list.py --json | python3 -m json.tool",
            "! grep -rn colour src",
            "test \"$(cat a.txt)\" = \"x\"",
            "python3 run.py 2>&1 | grep -q done",
            "cd sub && make test",
            "sleep 1 && test -f a",
            "diff <(echo a) a.txt",
            "python3 a.py > /dev/null && echo ok",
        ] {
            assert_eq!(lint_check(&command(line)), None, "{line}");
        }
    }

    #[test]
    fn patterns_that_match_everything_or_nothing_readable_are_refused() {
        let contains = |regex: &str| Check::FileContains {
            path: "a".to_owned(),
            regex: regex.to_owned(),
        };
        for regex in [".*", "x*", "", "("] {
            assert!(lint_check(&contains(regex)).is_some(), "{regex}");
        }
        assert_eq!(lint_check(&contains("^version = ")), None);
    }

    #[test]
    fn a_plan_is_linted_with_the_place_of_each_fault() {
        let spec = SubtaskSpec {
            id: SubtaskId::new("a").unwrap(),
            title: String::new(),
            description: String::new(),
            criteria: Vec::new(),
            depends_on: Vec::new(),
            tier: Tier::Small,
            checks: vec![command("cargo test"), command("true")],
            outputs: Vec::new(),
            inspect: false,
        };
        let errors = lint_plan(&Plan {
            subtasks: vec![spec],
        });
        assert_eq!(
            errors,
            [
                "subtask `a`, check 2: `true` always passes: write a command that fails before the step is done"
            ]
        );
    }
}
