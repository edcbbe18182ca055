//! One check, looked at once: does it hold, and what was seen.

use crate::files::{MAX_BYTES, blocking};
use crate::globs::Glob;
use crate::{CheckRunner, command, syntax};
use loom_events::{Check, CountOp, Counted, FileChange, FileKind};
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
    /// How many tests were run, by the runner's own report.
    pub(crate) tests: Option<u64>,
    pub(crate) degraded: Vec<String>,
}

/// Longest line shown.
const SHOWN_CHARS: usize = 200;

/// What a check is looked at in.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) workspace: &'a Arc<Workspace>,
    pub(crate) runner: &'a dyn CheckRunner,
    /// What the work changed; nothing before it.
    pub(crate) changes: &'a [FileChange],
    /// Tests that were run before the work.
    pub(crate) tests_before: Option<u64>,
}

/// Looks at one check.
pub(crate) async fn look(scene: Scene<'_>, check: &Check, timeout: Duration) -> Look {
    if let Some(line) = check.command() {
        let seen = scene.runner.run(line, timeout).await;
        return command::judge(check, seen, scene.tests_before);
    }
    if let Check::Unchanged { glob } = check {
        return unchanged(glob, scene.changes);
    }
    let (workspace, check) = (Arc::clone(scene.workspace), check.clone());
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
        Check::Count {
            of: Counted::Glob(glob),
            op,
            n,
        } => count(workspace, glob, *op, *n),
        Check::Symbol { path, name } => symbol(workspace, path, name),
        // These are looked at elsewhere.
        Check::Command { .. }
        | Check::Tests { .. }
        | Check::Count { .. }
        | Check::Unchanged { .. } => Look::default(),
    }
}

fn count(workspace: &Workspace, glob: &str, op: CountOp, n: u64) -> Look {
    let expected = format!("{op} {n} files");
    let pattern = match Glob::new(glob) {
        Ok(pattern) => pattern,
        Err(why) => return unusable(&expected, why),
    };
    let files = workspace
        .walk()
        .filter(|entry| entry.kind != FileKind::Directory && pattern.matches(&entry.path));
    let seen = files.count() as u64;
    if op.holds(seen, n) {
        held(&expected, &format!("{seen} files"))
    } else {
        missed(&expected, &format!("{seen} files"), glob)
    }
}

fn unchanged(glob: &str, changes: &[FileChange]) -> Look {
    let expected = "no file of these is changed, added or removed";
    let pattern = match Glob::new(glob) {
        Ok(pattern) => pattern,
        Err(why) => return unusable(expected, why),
    };
    let paths = changes
        .iter()
        .flat_map(|change| [Some(&change.path), change.new_path.as_ref()])
        .flatten();
    let touched: Vec<&str> = paths
        .filter(|path| pattern.matches(path))
        .map(String::as_str)
        .collect();
    match touched.first() {
        None => held(expected, "nothing was changed"),
        Some(first) => missed(expected, &format!("changed: {}", touched.join(", ")), first),
    }
}

fn symbol(workspace: &Workspace, path: &str, name: &str) -> Look {
    let expected = format!("a definition of {name}");
    let text = match read_text(workspace, path) {
        Ok(text) => text,
        Err(error) => return missed(&expected, &error.to_string(), path),
    };
    // Without a grammar the name itself must do.
    let found = syntax::defines(path, &text, name).unwrap_or_else(|| {
        let last = name.rsplit(['.', ':', '#']).next().unwrap_or(name);
        text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
            .any(|word| word == last)
    });
    if found {
        held(&expected, "it is defined")
    } else {
        missed(&expected, "nothing of that name is defined", path)
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

pub(crate) fn shortened(text: &str) -> String {
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
