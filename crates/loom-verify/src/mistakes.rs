//! Checks that are planned wrong: they name something that is not there and that no step makes, or
//! need something that is not installed. Their red says nothing about the work.

use crate::check::Look;
use crate::{Step, globs};
use loom_events::{Check, Plan, SubtaskId, SubtaskSpec};
use loom_workspace::Workspace;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Paths of checks that nothing makes in time, as sentences for the repair of a plan. Reads the
/// workspace: call it where blocking is allowed.
#[must_use]
pub fn plan_paths(plan: &Plan, workspace: &Workspace) -> Vec<String> {
    let by_id: BTreeMap<&SubtaskId, &SubtaskSpec> =
        plan.subtasks.iter().map(|spec| (&spec.id, spec)).collect();
    let mut errors = Vec::new();
    for spec in &plan.subtasks {
        let before = dependencies(spec, &by_id);
        let in_time = |path: &str| {
            let of = |spec: &&SubtaskSpec| makes(spec, path);
            makes(spec, path) || before.iter().filter_map(|id| by_id.get(id)).any(of)
        };
        for check in &spec.checks {
            for path in read_by(check) {
                if in_time(&path) || is_there(workspace, &path) {
                    continue;
                }
                // What only this check speaks of is for the step to make.
                let maker = plan
                    .subtasks
                    .iter()
                    .find(|other| other.outputs.contains(&path));
                if let Some(maker) = maker {
                    errors.push(format!(
                        "subtask `{}`: its check \"{check}\" needs `{path}`, which is made by `{}`: \
                         depend on that subtask, or check something else",
                        spec.id, maker.id
                    ));
                }
            }
        }
    }
    errors
}

fn makes(spec: &SubtaskSpec, path: &str) -> bool {
    globs::any(&spec.outputs, path) || globs::any(&spec.expected_files, path)
}

/// Everything that is completed before a step, itself left out.
fn dependencies<'a>(
    spec: &'a SubtaskSpec,
    by_id: &BTreeMap<&'a SubtaskId, &'a SubtaskSpec>,
) -> BTreeSet<&'a SubtaskId> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&SubtaskId> = spec.depends_on.iter().collect();
    while let Some(id) = open.pop() {
        if *id != spec.id && found.insert(id) {
            open.extend(by_id.get(id).into_iter().flat_map(|spec| &spec.depends_on));
        }
    }
    found
}

/// Paths that a check reads and that must be there for it.
fn read_by(check: &Check) -> Vec<String> {
    match check {
        // That something is absent needs no file, and a count may be of none.
        Check::FileAbsent { .. } | Check::Unchanged { .. } => Vec::new(),
        Check::FileExists { .. }
        | Check::FileContains { .. }
        | Check::JsonPath { .. }
        | Check::Symbol { .. } => check.path().map(str::to_owned).into_iter().collect(),
        Check::Command { .. } | Check::Tests { .. } | Check::Count { .. } => check
            .command()
            .map(|line| words(line).filter(|word| is_path(word)).collect())
            .unwrap_or_default(),
    }
}

/// The words of a line, without quotes and joints.
pub(crate) fn words(line: &str) -> impl Iterator<Item = String> {
    line.split(|c: char| c.is_whitespace() || ";&|\"'()<>=`".contains(c))
        .map(|word| word.strip_prefix("./").unwrap_or(word).to_owned())
        .filter(|word| !word.is_empty())
}

/// Whether a word is a path to a file of the workspace, as far as its form says.
fn is_path(word: &str) -> bool {
    static FILE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[\w@.-]+(/[\w@.-]+)*\.[A-Za-z][A-Za-z0-9]{0,5}$")
            .expect("BUG: the pattern is valid")
    });
    FILE.is_match(word) && !word.starts_with('-') && !word.contains("..")
}

fn is_there(workspace: &Workspace, path: &str) -> bool {
    matches!(workspace.state(path), Ok(Some(_)))
}

/// Words of programs that did not find what they were given.
static NOT_FOUND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)no such file|cannot open|can't open|cannot find|can't find|could not find|not found|does not exist|file or directory not found",
    )
    .expect("BUG: the pattern is valid")
});

/// A module that could not be loaded: Python and Node.
static NO_MODULE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"No module named '?([\w.]+)'?|Cannot find (?:module|package) ['"]([^'"]+)['"]"#)
        .expect("BUG: the pattern is valid")
});

/// Why a check that is red before the work says nothing about it, in a sentence for the planner.
pub(crate) fn mistake(
    check: &Check,
    look: &Look,
    step: &Step,
    workspace: &Workspace,
) -> Option<String> {
    let output = look.output.as_deref()?;
    let command = check.command()?;
    if look.passed {
        return None;
    }
    let missing = words(command).filter(|word| is_path(word)).find(|path| {
        let said = output
            .lines()
            .any(|line| line.contains(path.as_str()) && NOT_FOUND.is_match(line));
        said && !is_there(workspace, path) && !is_spoken_of(step, path)
    });
    if let Some(path) = missing {
        return Some(format!(
            "`{command}` needs `{path}`, which is not there and which the step does not make"
        ));
    }
    let module = NO_MODULE.captures(output)?;
    let module = module.get(1).or_else(|| module.get(2))?.as_str();
    // A module of the workspace, or one that the step is about, will be there.
    let own = module.starts_with('.')
        || module
            .split(['.', '/'])
            .filter(|part| part.len() > 1)
            .any(|part| is_spoken_of(step, part) || is_own(workspace, part));
    (!own).then(|| format!("`{command}` cannot run here: the module {module} is not installed"))
}

fn is_own(workspace: &Workspace, module: &str) -> bool {
    [
        module.to_owned(),
        format!("{module}.py"),
        format!("src/{module}"),
    ]
    .iter()
    .any(|path| is_there(workspace, path))
}

/// Whether the step names it, in words or among its files.
fn is_spoken_of(step: &Step, what: &str) -> bool {
    let name = what.rsplit('/').next().unwrap_or(what);
    let files = step.outputs.iter().chain(&step.expected_files);
    step.task.contains(name)
        || step.criteria.iter().any(|text| text.contains(name))
        || files.into_iter().any(|path| path.contains(name))
        || globs::any(&step.expected_files, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Place, command, contains, step};

    fn plan(json: serde_json::Value) -> Plan {
        serde_json::from_value(serde_json::json!({ "subtasks": json })).unwrap()
    }

    #[test]
    fn a_check_that_needs_what_another_step_makes_must_depend_on_it() {
        let place = Place::with(&[("run.sh", "exit 0\n")]);
        let plan_with = |depends: &[&str]| {
            plan(serde_json::json!([
                {"id": "make", "title": "", "description": "x", "outputs": ["data/a.json"]},
                {"id": "between", "title": "", "description": "x", "depends_on": ["make"]},
                {"id": "use", "title": "", "description": "x", "depends_on": depends, "checks": [
                    {"kind": "json_path", "path": "data/a.json", "pointer": "/a"},
                    {"kind": "command", "command": "sh run.sh data/a.json"},
                    {"kind": "file_contains", "path": "new.txt", "regex": "x"},
                    {"kind": "file_absent", "path": "old.txt"},
                ]},
            ]))
        };
        let errors = plan_paths(&plan_with(&[]), &place.workspace);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].contains("made by `make`"), "{errors:?}");
        assert_eq!(
            plan_paths(&plan_with(&["between"]), &place.workspace),
            Vec::<String>::new()
        );
        place.write("data/a.json", "{}");
        assert_eq!(
            plan_paths(&plan_with(&[]), &place.workspace),
            Vec::<String>::new()
        );
    }

    fn red(output: &str) -> Look {
        Look {
            output: Some(output.to_owned()),
            ..Look::default()
        }
    }

    #[test]
    fn a_check_that_can_never_pass_is_the_planners_mistake() {
        let place = Place::with(&[("lib.py", "")]);
        let of = |line: &str, output: &str| {
            mistake(
                &command(line),
                &red(output),
                &step(Vec::new()),
                &place.workspace,
            )
        };
        for (line, output) in [
            (
                "sh scripts/verify.sh",
                "sh: 0: cannot open scripts/verify.sh: No such file",
            ),
            (
                "python3 tools/a.py",
                "python3: can't open file '/w/tools/a.py': [Errno 2] No such file or directory",
            ),
            (
                "python3 -m pytest -q",
                "/usr/bin/python3: No module named pytest",
            ),
            ("node run.js", "Error: Cannot find module 'express'\n"),
        ] {
            assert!(of(line, output).is_some(), "{line}");
        }
        for (line, output) in [
            // The step speaks of it.
            ("sh greet.sh", "sh: 0: cannot open greet.sh: No such file"),
            // It is there; what is missing is something else.
            (
                "python3 lib.py",
                "FileNotFoundError: No such file or directory: 'data.txt'",
            ),
            // A module of the workspace that does not load yet.
            (
                "python3 -c 'import lib.x'",
                "ModuleNotFoundError: No module named 'lib.x'",
            ),
            ("sh a.sh", "expected 1, saw 2"),
        ] {
            assert_eq!(of(line, output), None, "{line}");
        }
        let file = contains("missing.txt", "x");
        assert_eq!(
            mistake(&file, &red(""), &step(Vec::new()), &place.workspace),
            None
        );
    }
}
