//! Checks that are planned wrong: they name something that is not there and that no step makes, or
//! need something that is not installed. Their red says nothing about the work.

use crate::check::Look;
use crate::files::text;
use crate::needs::sees_a_quote;
use crate::{Step, globs};
use loom_events::{Check, Plan, SubtaskId, SubtaskSpec};
use loom_workspace::Workspace;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// A check that needs what is not there in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Astray {
    /// Its step.
    pub subtask: SubtaskId,
    /// The check, in words.
    pub check: String,
    /// What is wrong, as a sentence for the repair of a plan.
    pub why: String,
}

/// Checks that look at what nothing makes in time: another step makes it and is not waited for, or
/// nothing does, by what the step says of its files. Reads the workspace: call it where blocking is
/// allowed.
#[must_use]
pub fn plan_paths(plan: &Plan, workspace: &Workspace) -> Vec<Astray> {
    let by_id: BTreeMap<&SubtaskId, &SubtaskSpec> =
        plan.subtasks.iter().map(|spec| (&spec.id, spec)).collect();
    let mut astray = Vec::new();
    for spec in &plan.subtasks {
        let before = dependencies(spec, &by_id);
        let in_time = |path: &str| {
            let of = |spec: &&SubtaskSpec| makes(spec, path);
            makes(spec, path) || before.iter().filter_map(|id| by_id.get(id)).any(of)
        };
        let missing = |path: &String| !in_time(path) && !is_there(workspace, path);
        for check in spec.every_check() {
            let paths = read_by(check);
            let whys = paths.iter().filter(|path| missing(path));
            astray.extend(whys.filter_map(|path| {
                Some(Astray {
                    subtask: spec.id.clone(),
                    check: check.to_string(),
                    why: why_astray(plan, (spec, check), path)?,
                })
            }));
        }
    }
    astray
}

fn why_astray(plan: &Plan, (spec, check): (&SubtaskSpec, &Check), path: &str) -> Option<String> {
    let needs = format!(
        "subtask `{}`: its check \"{check}\" needs `{path}`, which",
        spec.id
    );
    let mut others = plan.subtasks.iter();
    if let Some(maker) = others.find(|other| other.outputs.iter().any(|output| output == path)) {
        let id = &maker.id;
        return Some(format!(
            "{needs} is made by `{id}`: depend on that subtask, or check something else"
        ));
    }
    // A step that says nothing of its files leaves it to the check to say what it makes; and of a
    // command nobody knows what it makes itself, or which of its words are files.
    let silent = spec.outputs.is_empty() && spec.expected_files.is_empty();
    let silent = silent || check.command().is_some();
    let named = spec.description.contains(path) || spec.title.contains(path);
    (!silent && !named).then(|| {
        format!(
            "{needs} is not there and which no step says it makes: correct the path, or name it \
             under outputs"
        )
    })
}

/// Steps none of whose checks can show that they were done: before the work they are green, or they
/// only look whether a file is there. As sentences for the repair of a plan. Commands are not run, so
/// that theirs is only seen where it is plain. Reads the workspace.
#[must_use]
pub fn blind_steps(plan: &Plan, workspace: &Workspace) -> Vec<String> {
    let by_id: BTreeMap<&SubtaskId, &SubtaskSpec> =
        plan.subtasks.iter().map(|spec| (&spec.id, spec)).collect();
    let blind = |spec: &&SubtaskSpec| {
        let before = dependencies(spec, &by_id);
        // What an earlier step changes may be another thing by then.
        let settled = |path: &str| {
            let of = |spec: &&SubtaskSpec| makes(spec, path);
            !before.iter().filter_map(|id| by_id.get(id)).any(of)
        };
        let tells = |check: &Check| {
            let green = match check.path() {
                Some(path) if settled(path) => is_green(check, workspace),
                _ => false,
            };
            !green && !only_looks(check) && !sees_a_quote(spec, check)
        };
        !spec.inspect && !spec.outputs.is_empty() && !spec.checks.iter().any(tells)
    };
    let steps = plan.subtasks.iter().filter(blind);
    steps
        .map(|spec| {
            format!(
                "subtask `{}`: none of its checks can show that it was done, since each is green \
                 already, only looks whether a file is there, or sees one criterion of several; add \
                 one that looks at what {} holds or does",
                spec.id,
                spec.outputs.join(", ")
            )
        })
        .collect()
}

/// Whether a check sees that a file is there and nothing of what it holds.
fn only_looks(check: &Check) -> bool {
    if matches!(check, Check::FileExists { .. }) {
        return true;
    }
    let words: Vec<String> = check.command().map(words).into_iter().flatten().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(words.as_slice(), ["ls", _] | ["test" | "[", "-e" | "-f" | "-d" | "-s", _, ..] if words.len() <= 4)
}

/// Whether a check of a file holds now.
fn is_green(check: &Check, workspace: &Workspace) -> bool {
    match check {
        Check::FileContains { path, regex } => {
            let regex = regex::RegexBuilder::new(regex).multi_line(true).build();
            text(workspace, path).is_some_and(|text| regex.is_ok_and(|r| r.is_match(&text)))
        }
        Check::FileAbsent { path } => !is_there(workspace, path),
        _ => false,
    }
}

/// Files that a goal names and that no step speaks of, as sentences for the repair of a plan. A word
/// without a directory is one only when there is such a file: `Node.js` is none. Reads the workspace.
#[must_use]
pub fn forgotten(goal: &str, plan: &Plan, workspace: &Workspace) -> Vec<String> {
    let said: Vec<String> = plan
        .subtasks
        .iter()
        .map(|spec| {
            let parts = [&spec.title, &spec.description].into_iter();
            let parts = parts.chain(&spec.criteria).chain(&spec.outputs);
            let parts: Vec<&str> = parts.map(String::as_str).collect();
            parts.join("\n")
        })
        .collect();
    let mut named: Vec<String> = Vec::new();
    for word in words(goal) {
        let word = word.trim_end_matches(['.', ',', ':', '!', '?']);
        let known = |path: &String| path == word;
        let is_file = is_path(word) && (word.contains('/') || is_there(workspace, word));
        if is_file && !named.iter().any(known) && !said.iter().any(|s| s.contains(word)) {
            named.push(word.to_owned());
        }
    }
    named
        .into_iter()
        .map(|path| {
            format!(
                "the goal speaks of `{path}` and no subtask does: add what is asked for there, or \
                 name it in the subtask that sees to it"
            )
        })
        .collect()
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
        assert!(errors[0].why.contains("made by `make`"), "{errors:?}");
        assert_eq!(plan_paths(&plan_with(&["between"]), &place.workspace), []);
        place.write("data/a.json", "{}");
        assert_eq!(plan_paths(&plan_with(&[]), &place.workspace), []);
    }

    #[test]
    fn a_check_of_a_file_that_nobody_makes_is_the_planners_mistake() {
        let place = Place::with(&[]);
        let whys = |step: serde_json::Value| {
            let mut spec = serde_json::json!({"id": "a", "title": "", "description": "Write a.txt.",
                "checks": [{"kind": "file_contains", "path": "results/a.txt", "regex": "x"}]});
            for (name, value) in step.as_object().unwrap() {
                spec[name] = value.clone();
            }
            plan_paths(&plan(serde_json::json!([spec])), &place.workspace).len()
        };
        assert_eq!(whys(serde_json::json!({"outputs": ["a.txt"]})), 1);
        for fine in [
            serde_json::json!({}),
            serde_json::json!({"outputs": ["a.txt"], "checks": [
                {"kind": "command", "command": "cat a.txt | python3 -m json.tool"}]}),
            serde_json::json!({"outputs": ["results/a.txt"]}),
            serde_json::json!({"expected_files": ["results/*"]}),
            serde_json::json!({"outputs": ["a.txt"], "description": "a.txt, and results/a.txt"}),
        ] {
            assert_eq!(whys(fine.clone()), 0, "{fine}");
        }
    }

    #[test]
    fn a_step_whose_checks_see_no_content_is_named() {
        let place = Place::with(&[("README.md", "# Old\n")]);
        let blind = |check: serde_json::Value| {
            let json = serde_json::json!([
                {"id": "before", "title": "", "description": "x", "outputs": ["made.md"]},
                {"id": "a", "title": "", "description": "x", "outputs": ["a.md"],
                 "depends_on": ["before"], "checks": [check]},
            ]);
            let named = blind_steps(&plan(json), &place.workspace);
            named.iter().any(|why| why.contains("`a`"))
        };
        for seen in [
            serde_json::json!({"kind": "file_exists", "path": "a.md"}),
            serde_json::json!({"kind": "command", "command": "test -f a.md"}),
            serde_json::json!({"kind": "file_contains", "path": "README.md", "regex": "^# Old$"}),
        ] {
            assert!(blind(seen.clone()), "{seen}");
        }
        for fine in [
            serde_json::json!({"kind": "file_contains", "path": "a.md", "regex": "x"}),
            serde_json::json!({"kind": "file_absent", "path": "made.md"}),
            serde_json::json!({"kind": "command", "command": "sh run.sh a.md"}),
        ] {
            assert!(!blind(fine.clone()), "{fine}");
        }
    }

    #[test]
    fn what_the_goal_names_is_in_some_step() {
        let plan = plan(serde_json::json!([
            {"id": "a", "title": "Write a.md", "description": "as docs/a.md says"},
        ]));
        let place = Place::with(&[("b.md", "")]);
        let goal = "Write a.md as docs/a.md says, and `b.md`, docs/c.md, e.g. for Node.js.";
        let named = forgotten(goal, &plan, &place.workspace);
        assert_eq!(named.len(), 2, "{named:?}");
        assert!(named[0].contains("`b.md`") && named[1].contains("`docs/c.md`"));
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
