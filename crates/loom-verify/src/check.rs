//! One check, looked at once: does it hold, and what was seen.

use crate::files::{MAX_BYTES, blocking};
use crate::{CheckRunner, Ended, Seen};
use loom_events::Check;
use loom_workspace::{FsError, Workspace};
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How a check looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) passed: bool,
    /// What should be, in a line.
    pub(crate) expected: String,
    /// What is, in one or a few lines.
    pub(crate) seen: String,
    pub(crate) place: Option<String>,
    /// Everything that a command printed.
    pub(crate) output: Option<String>,
    /// Why it cannot say anything here, such as a program that is not installed.
    pub(crate) unusable: Option<String>,
    pub(crate) duration: Duration,
    pub(crate) degraded: Vec<String>,
}

/// Lines of output shown in a detail: the end, where test runners sum up.
const SHOWN_LINES: usize = 25;

/// Longest line shown.
const SHOWN_CHARS: usize = 200;

/// Looks at one check.
pub(crate) async fn look(
    workspace: &Arc<Workspace>,
    check: &Check,
    runner: &dyn CheckRunner,
    timeout: Duration,
) -> Look {
    if let Check::Command {
        command,
        exit,
        stdout_regex,
    } = check
    {
        let seen = runner.run(command, timeout).await;
        return judge_command(command, *exit, stdout_regex.as_deref(), seen);
    }
    let (workspace, check) = (Arc::clone(workspace), check.clone());
    blocking(move || look_at_files(&workspace, &check)).await
}

fn look_at_files(workspace: &Workspace, check: &Check) -> Look {
    match check {
        Check::FileExists { path } => match workspace.state(path) {
            Ok(Some(_)) => held("it is there", "it is there"),
            Ok(None) => missed("it is there", "nothing is there", path),
            Err(error) => missed("it is there", &error.to_string(), path),
        },
        Check::FileAbsent { path } => match workspace.state(path) {
            Ok(None) => held("nothing is there", "nothing is there"),
            Ok(Some(_)) => missed("nothing is there", "it is there", path),
            Err(error) => missed("nothing is there", &error.to_string(), path),
        },
        Check::FileContains { path, regex } => file_contains(workspace, path, regex),
        Check::JsonPath {
            path,
            pointer,
            equals,
        } => json_path(workspace, path, pointer, equals.as_ref()),
        Check::Command { .. } => Look::default(),
    }
}

fn held(expected: &str, seen: &str) -> Look {
    Look {
        passed: true,
        expected: expected.to_owned(),
        seen: seen.to_owned(),
        ..Look::default()
    }
}

fn missed(expected: &str, seen: &str, place: &str) -> Look {
    Look {
        expected: expected.to_owned(),
        seen: seen.to_owned(),
        place: Some(place.to_owned()),
        ..Look::default()
    }
}

fn unusable(expected: &str, why: String) -> Look {
    Look {
        expected: expected.to_owned(),
        seen: why.clone(),
        unusable: Some(why),
        ..Look::default()
    }
}

/// As everywhere with checks: `^` and `$` match at every line.
pub(crate) fn pattern(regex: &str) -> Result<Regex, String> {
    RegexBuilder::new(regex)
        .multi_line(true)
        .build()
        .map_err(|error| format!("/{regex}/ is no regular expression: {error}"))
}

fn read_text(workspace: &Workspace, path: &str) -> Result<String, FsError> {
    let bytes = workspace.read(path, MAX_BYTES)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn file_contains(workspace: &Workspace, path: &str, regex: &str) -> Look {
    let expected = format!("a match of /{regex}/");
    let pattern = match pattern(regex) {
        Ok(pattern) => pattern,
        Err(why) => return unusable(&expected, why),
    };
    let text = match read_text(workspace, path) {
        Ok(text) => text,
        Err(error) => return missed(&expected, &error.to_string(), path),
    };
    match pattern.find(&text) {
        Some(found) => {
            let line = text[..found.start()].matches('\n').count() + 1;
            held(&expected, &format!("a match in line {line}"))
        }
        None => {
            let lines = text.lines().count();
            missed(&expected, &format!("no match in its {lines} lines"), path)
        }
    }
}

fn json_path(workspace: &Workspace, path: &str, pointer: &str, equals: Option<&Value>) -> Look {
    let expected = match equals {
        Some(value) => format!("{pointer} is {value}"),
        None => format!("{pointer} is there"),
    };
    let text = match read_text(workspace, path) {
        Ok(text) => text,
        Err(error) => return missed(&expected, &error.to_string(), path),
    };
    let json: Value = match serde_json::from_str(&text) {
        Ok(json) => json,
        Err(error) => return missed(&expected, &format!("not JSON: {error}"), path),
    };
    match (json.pointer(pointer), equals) {
        (None, _) => missed(&expected, &format!("nothing at {pointer}"), path),
        (Some(value), Some(wanted)) if !same(wanted, value) => missed(
            &expected,
            &format!("{pointer} is {}", shortened(&value.to_string())),
            path,
        ),
        (Some(value), _) => held(&expected, &shortened(&value.to_string())),
    }
}

/// Equal, where a number or a truth value may have been planned as a text: the schema of a plan
/// lets a model write `"5"` for 5.
fn same(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::String(text), Value::Number(number)) => *text == number.to_string(),
        (Value::String(text), Value::Bool(flag)) => *text == flag.to_string(),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => wanted == value,
    }
}

fn judge_command(command: &str, exit: i32, stdout_regex: Option<&str>, seen: Seen) -> Look {
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

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        let ok = |ended, output, regex| judge_command("x", 0, regex, seen(ended, output)).passed;
        assert!(ok(Ended::Exit(0), "", None));
        assert!(ok(Ended::Exit(0), "a\n3 passed\n", Some("^3 passed$")));
        assert!(!ok(Ended::Exit(0), "2 passed", Some("3 passed")));
        assert!(!ok(Ended::Exit(1), "3 passed", Some("3 passed")));
        assert!(!ok(Ended::TimedOut, "", None));
    }

    #[test]
    fn a_failed_command_shows_the_end_of_what_it_printed() {
        let output: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let look = judge_command("x", 0, None, seen(Ended::Exit(1), &output));
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
            let look = judge_command("pytest -q", 0, None, seen(Ended::Exit(127), output));
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
            let look = judge_command("./test.sh", 0, None, seen(Ended::Exit(127), output));
            assert_eq!(look.unusable, None, "{output}");
            assert!(!look.passed);
        }
    }

    #[test]
    fn a_value_planned_as_text_is_the_number_that_reads_the_same() {
        assert!(same(&json!("5"), &json!(5)));
        assert!(same(&json!(5), &json!(5.0)));
        assert!(same(&json!("true"), &json!(true)));
        assert!(!same(&json!("5"), &json!(50)));
        assert!(!same(&json!(5), &json!("5")));
        assert!(!same(&json!("null"), &json!(null)));
    }
}
