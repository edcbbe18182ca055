//! Whether a plan can be worked on. Every fault is one sentence that a model can repair from.

mod checks;
mod line;
mod power;
mod reach;

use loom_events::{Limits, Plan, SubtaskId, SubtaskSpec, TaskSettings};
use std::collections::{BTreeMap, BTreeSet};

/// Faults reported at once. A plan with more is not repaired but made again, and the prompt of the
/// repair round has a budget.
const MAX_ERRORS: usize = 20;

/// Checks a plan as a planner or a human proposes it.
///
/// `kept` are the completed subtasks of the current plan: they may be depended on without being in
/// the new one, and are not judged again when they are in it. With the rules for checks switched off
/// only the form of a check is looked at.
///
/// # Errors
/// One sentence for each fault: which subtask, what is wrong, what to do instead.
pub fn validate_plan(
    plan: &Plan,
    settings: &TaskSettings,
    kept: &[SubtaskSpec],
) -> Result<(), Vec<String>> {
    let is_kept = |spec: &&SubtaskSpec| kept.iter().any(|k| k.id == spec.id);
    let new: Vec<&SubtaskSpec> = plan.subtasks.iter().filter(|s| !is_kept(s)).collect();
    let known: BTreeSet<&SubtaskId> = plan.subtasks.iter().chain(kept).map(|s| &s.id).collect();
    let mut errors = Vec::new();
    size(&new, kept.is_empty(), &settings.limits, &mut errors);
    duplicates(plan, &mut errors);
    for spec in &new {
        subtask(spec, &known, &mut errors);
        checks::faults(spec, settings.defences.check_rules, &mut errors);
    }
    if let Some(cycle) = cycle(&new) {
        errors.push(format!(
            "the dependencies go in a circle: {}; remove one of them",
            cycle.join(" → ")
        ));
    }
    errors.truncate(MAX_ERRORS);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// What a plan wants of a workspace where there is none: nobody could make it, nor tell whether it is
/// there. One sentence for each step that is still to be done.
pub(crate) fn of_no_workspace(plan: &Plan, kept: &[SubtaskSpec]) -> Vec<String> {
    let wants = |spec: &&SubtaskSpec| {
        let of_files = spec.every_check().next().is_some() || !spec.outputs.is_empty();
        of_files && !kept.iter().any(|k| k.id == spec.id)
    };
    let wanting = plan.subtasks.iter().filter(wants);
    let said = wanting.map(|spec| {
        format!(
            "`{}` has checks or outputs, and this task has no workspace where they could be; plan a step that only answers, without them",
            spec.id
        )
    });
    said.take(MAX_ERRORS).collect()
}

/// Why a command of the user's own says nothing: it cannot fail. Where it reaches is theirs to say; the
/// sandbox and the policy hold for it as for any command.
pub(crate) fn power_fault(line: &str) -> Option<String> {
    power::fault(line, false)
}

/// The plan without those of its checks that are faulty, and what is left out, when nothing else is
/// wrong with it. A step that has no check left is for the verifier to judge.
pub(crate) fn without_faulty_checks(
    plan: &Plan,
    settings: &TaskSettings,
    kept: &[SubtaskSpec],
) -> Option<(Plan, Vec<String>)> {
    let mut plan = plan.clone();
    let mut left_out = Vec::new();
    for spec in &mut plan.subtasks {
        checks::leave_out(spec, settings.defences.check_rules, &mut left_out);
    }
    let usable = validate_plan(&plan, settings, kept).is_ok();
    usable.then_some((plan, left_out))
}

fn size(new: &[&SubtaskSpec], first: bool, limits: &Limits, errors: &mut Vec<String>) {
    let max = limits.max_subtasks;
    if new.is_empty() {
        errors.push(if first {
            "the plan has no subtasks; give at least one".to_owned()
        } else {
            "the plan has nothing that is still to be done; give at least one new subtask"
                .to_owned()
        });
    }
    if new.len() > usize::try_from(max).unwrap_or(usize::MAX) {
        let count = new.len();
        errors.push(format!(
            "the plan has {count} subtasks and at most {max} are allowed; join some of them"
        ));
    }
}

fn duplicates(plan: &Plan, errors: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    let mut told = BTreeSet::new();
    for spec in &plan.subtasks {
        if !seen.insert(&spec.id) && told.insert(&spec.id) {
            errors.push(format!(
                "the id `{}` is used more than once; give each subtask its own id",
                spec.id
            ));
        }
    }
}

/// Characters in which a step says what is to be done: they stand in its prompt whatever happens, and
/// the smallest window has room for them and for the work.
const MAX_WORDS: usize = 10_000;

fn subtask(spec: &SubtaskSpec, known: &BTreeSet<&SubtaskId>, errors: &mut Vec<String>) {
    let id = &spec.id;
    let said = [&spec.title, &spec.description]
        .into_iter()
        .chain(&spec.criteria);
    let long = said.map(|text| text.chars().count()).sum::<usize>();
    if long > MAX_WORDS {
        errors.push(format!(
            "`{id}`: title, description and criteria have {long} characters and at most {MAX_WORDS} are allowed; say what matters, or make several subtasks of it"
        ));
    }
    if spec.description.trim().is_empty() {
        errors.push(format!(
            "`{id}`: the description is empty; say what is to be done"
        ));
    }
    for dependency in &spec.depends_on {
        if dependency == id {
            errors.push(format!("`{id}` depends on itself; remove that dependency"));
        } else if !known.contains(dependency) {
            errors.push(format!(
                "`{id}` depends on `{dependency}`, which is no subtask of the plan"
            ));
        }
    }
    for output in &spec.outputs {
        if let Some(fault) = path_fault(output) {
            errors.push(format!("`{id}`: the output `{output}` {fault}"));
        }
    }
    let globs = spec.edits_tests.iter().flat_map(|edits| &edits.paths);
    for glob in spec.expected_files.iter().chain(globs) {
        if let Some(fault) = path_fault(glob) {
            errors.push(format!("`{id}`: the expected file `{glob}` {fault}"));
        }
    }
}

/// A path that leaves the workspace, in words. Lexical: `..` is refused wherever it leads, since
/// links decide where that is.
fn path_fault(path: &str) -> Option<&'static str> {
    if path.trim().is_empty() {
        Some("is empty; give a path relative to the workspace")
    } else if path.starts_with(['/', '\\', '~']) || path.as_bytes().get(1) == Some(&b':') {
        Some("is absolute; give it relative to the workspace")
    } else if path.split(['/', '\\']).any(|part| part == "..") {
        Some("contains `..`; only paths inside the workspace are allowed")
    } else if path.contains('\0') {
        Some("contains a NUL character")
    } else {
        None
    }
}

/// The first circle of dependencies, as the ids along it.
fn cycle(new: &[&SubtaskSpec]) -> Option<Vec<String>> {
    let by_id: BTreeMap<&SubtaskId, &SubtaskSpec> = new.iter().map(|s| (&s.id, *s)).collect();
    let mut finished: BTreeSet<&SubtaskId> = BTreeSet::new();
    for spec in new {
        let mut path: Vec<(&SubtaskSpec, usize)> = vec![(spec, 0)];
        while let Some((at, next)) = path.last_mut() {
            let at = *at;
            let Some(dependency) = at.depends_on.get(*next) else {
                finished.insert(&at.id);
                path.pop();
                continue;
            };
            *next += 1;
            // A dependency on itself has its own sentence.
            if dependency == &at.id || finished.contains(dependency) {
                continue;
            }
            if let Some(start) = path.iter().position(|(s, _)| &s.id == dependency) {
                let along = path[start..].iter().map(|(s, _)| s.id.to_string());
                return Some(along.chain([dependency.to_string()]).collect());
            }
            if let Some(further) = by_id.get(dependency) {
                path.push((further, 0));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(json: serde_json::Value) -> Plan {
        serde_json::from_value(serde_json::json!({ "subtasks": json })).unwrap()
    }

    fn errors(json: serde_json::Value) -> Vec<String> {
        validate_plan(&plan(json), &TaskSettings::default(), &[])
            .err()
            .unwrap_or_default()
    }

    fn one(field: &str, value: serde_json::Value) -> Vec<String> {
        let mut spec = serde_json::json!({"id": "a", "title": "A", "description": "do a"});
        spec[field] = value;
        errors(serde_json::json!([spec]))
    }

    #[test]
    fn a_plain_plan_is_accepted() {
        let json = serde_json::json!([
            {"id": "a", "title": "A", "description": "do a", "outputs": ["src/a.rs"]},
            {"id": "b", "title": "B", "description": "do b", "depends_on": ["a"],
             "checks": [{"kind": "command", "command": "cargo test -p b"}]},
        ]);
        assert_eq!(errors(json), Vec::<String>::new());
    }

    #[test]
    fn a_step_that_says_too_much_is_refused() {
        assert!(one("description", "x".repeat(9_000).into()).is_empty());
        let errors = one("description", "x".repeat(10_001).into());
        assert!(errors[0].contains("at most 10000"), "{errors:?}");
        assert_eq!(
            one("criteria", serde_json::json!(["x".repeat(10_001)])).len(),
            1
        );
    }

    #[test]
    fn an_empty_plan_and_one_that_is_too_long_are_refused() {
        assert_eq!(
            errors(serde_json::json!([])),
            ["the plan has no subtasks; give at least one"]
        );
        let long: Vec<_> = (0..41)
            .map(|n| serde_json::json!({"id": format!("s{n}"), "title": "", "description": "x"}))
            .collect();
        assert_eq!(
            errors(long.into()),
            ["the plan has 41 subtasks and at most 40 are allowed; join some of them"]
        );
    }

    #[test]
    fn every_fault_of_the_graph_is_named() {
        let json = serde_json::json!([
            {"id": "a", "title": "", "description": "x", "depends_on": ["b"]},
            {"id": "b", "title": "", "description": "x", "depends_on": ["c"]},
            {"id": "c", "title": "", "description": "x", "depends_on": ["a", "gone"]},
            {"id": "d", "title": "", "description": " ", "depends_on": ["d"]},
            {"id": "d", "title": "", "description": "x"},
        ]);
        assert_eq!(
            errors(json),
            [
                "the id `d` is used more than once; give each subtask its own id",
                "`c` depends on `gone`, which is no subtask of the plan",
                "`d`: the description is empty; say what is to be done",
                "`d` depends on itself; remove that dependency",
                "the dependencies go in a circle: a → b → c → a; remove one of them",
            ]
        );
    }

    #[test]
    fn a_long_chain_does_not_overflow_the_stack_and_a_diamond_is_no_circle() {
        let chain: Vec<_> = (0..5_000)
            .map(|n| {
                let next = format!("s{}", (n + 1) % 5_000);
                serde_json::json!({"id": format!("s{n}"), "title": "", "description": "x",
                                   "depends_on": [next]})
            })
            .collect();
        assert!(errors(chain.into()).iter().any(|e| e.contains("circle")));
        let diamond = serde_json::json!([
            {"id": "a", "title": "", "description": "x"},
            {"id": "b", "title": "", "description": "x", "depends_on": ["a"]},
            {"id": "c", "title": "", "description": "x", "depends_on": ["a"]},
            {"id": "d", "title": "", "description": "x", "depends_on": ["b", "c"]},
        ]);
        assert_eq!(errors(diamond), Vec::<String>::new());
    }

    #[test]
    fn paths_stay_inside_the_workspace() {
        for bad in [
            "/etc/passwd",
            "../x",
            "a/../../x",
            "~/x",
            "C:\\x",
            " ",
            "a\0",
        ] {
            assert_eq!(one("outputs", serde_json::json!([bad])).len(), 1, "{bad:?}");
            let check = serde_json::json!([{"kind": "file_exists", "path": bad}]);
            assert_eq!(one("checks", check).len(), 1, "{bad:?}");
        }
        for good in ["a", "a/b.c", "./a", "a..b", ".hidden"] {
            assert!(
                one("outputs", serde_json::json!([good])).is_empty(),
                "{good}"
            );
        }
    }

    #[test]
    fn patterns_and_pointers_must_be_readable() {
        let check = serde_json::json!([{"kind": "file_contains", "path": "a", "regex": "("}]);
        assert_eq!(
            one("checks", check),
            ["`a`: `(` is not a regular expression: error: unclosed group"]
        );
        let check = serde_json::json!([{"kind": "json_path", "path": "a", "pointer": "x"}]);
        assert_eq!(
            one("checks", check),
            ["`a`: `x` is not a JSON pointer; write it as `/key/0`"]
        );
    }

    #[test]
    fn patterns_that_match_everything_prove_nothing() {
        for regex in [".*", "x*", ""] {
            let check = serde_json::json!([{"kind": "file_contains", "path": "a", "regex": regex}]);
            assert_eq!(one("checks", check).len(), 1, "{regex}");
        }
        let empty =
            serde_json::json!([{"kind": "command", "command": "sh t.sh", "stdout_regex": "^$"}]);
        assert_eq!(one("checks", empty), Vec::<String>::new());
    }

    #[test]
    fn the_kinds_that_count_are_held_to_the_same_rules() {
        for (check, fault) in [
            (
                serde_json::json!({"kind": "tests", "command": "true"}),
                "cannot fail",
            ),
            (
                serde_json::json!({"kind": "tests", "command": "pytest | tail"}),
                "hides",
            ),
            (
                serde_json::json!({"kind": "count", "of": {"command": "curl x"}, "op": "=", "n": 1}),
                "network",
            ),
            (
                serde_json::json!({"kind": "count", "of": {"glob": "../*"}, "op": "=", "n": 1}),
                "`..`",
            ),
            (
                serde_json::json!({"kind": "count", "of": {"glob": "*"}, "op": ">=", "n": 0}),
                "always",
            ),
            (
                serde_json::json!({"kind": "unchanged", "glob": "/etc/*"}),
                "absolute",
            ),
            (
                serde_json::json!({"kind": "symbol", "path": "a.py", "name": "def f("}),
                "not a name",
            ),
        ] {
            let errors = one("checks", serde_json::json!([check]));
            assert!(errors.len() == 1 && errors[0].contains(fault), "{errors:?}");
        }
        for check in [
            serde_json::json!({"kind": "tests", "command": "pytest -q", "min": 3}),
            serde_json::json!({"kind": "count", "of": {"command": "wc -l < a | cat"}, "op": ">", "n": 2}),
            serde_json::json!({"kind": "count", "of": {"glob": "docs/*.md"}, "op": "=", "n": 0}),
            serde_json::json!({"kind": "symbol", "path": "a.rs", "name": "Parser::parse"}),
        ] {
            assert_eq!(
                one("checks", serde_json::json!([check])),
                Vec::<String>::new()
            );
        }
    }

    #[test]
    fn with_the_rules_off_only_the_form_is_looked_at() {
        let mut settings = TaskSettings::default();
        settings.defences.check_rules = false;
        let plan = plan(serde_json::json!([
            {"id": "a", "title": "", "description": "x", "checks": [
                {"kind": "command", "command": "true"},
                {"kind": "file_contains", "path": "a", "regex": "("},
            ]},
        ]));
        let errors = validate_plan(&plan, &settings, &[]).unwrap_err();
        assert_eq!(
            errors,
            ["`a`: `(` is not a regular expression: error: unclosed group"]
        );
    }

    #[test]
    fn completed_work_may_be_depended_on_and_is_not_judged_again() {
        let done = plan(serde_json::json!([
            {"id": "done", "title": "", "description": "", "depends_on": ["long-gone"]}
        ]));
        let next = plan(serde_json::json!([
            {"id": "done", "title": "", "description": ""},
            {"id": "next", "title": "", "description": "x", "depends_on": ["done"]}
        ]));
        let settings = TaskSettings::default();
        assert_eq!(validate_plan(&next, &settings, &done.subtasks), Ok(()));
        let nothing = validate_plan(&done, &settings, &done.subtasks).unwrap_err();
        assert!(nothing[0].contains("still to be done"), "{nothing:?}");
    }
}
