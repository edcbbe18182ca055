//! The plan as a planner writes it: schema and reading.
//!
//! A check is one flat object here, since grammars of local servers handle neither `$ref` nor
//! `oneOf` well; reading turns it into the typed form and refuses what would change its meaning.

use crate::read::{Fields, kind};
use crate::tokens::clip_chars;
use loom_events::{Check, Plan, SubtaskId, SubtaskSpec, Tier};
use serde_json::{Value, json};

/// JSON schema of a plan, within what grammar-constrained servers handle.
///
/// Properties are in the order in which a model should write them: constrained decoding follows it.
/// Only what cannot be done without is required, and more is not forbidden: a schema is also used to
/// validate what an unconstrained model wrote, and [`parse_plan`] says better what is wrong.
#[must_use]
pub fn plan_schema() -> Value {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "properties": {
            "analysis": text(),
            "subtasks": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "id": text(),
                        "title": text(),
                        "description": text(),
                        "criteria": texts(),
                        "depends_on": texts(),
                        "tier": {"type": "integer", "enum": [1, 2, 3]},
                        "checks": {"type": "array", "items": check_schema()},
                        "outputs": texts(),
                        "inspect": {"type": "boolean"},
                    },
                    "required": ["id", "title", "description", "criteria", "checks"],
                },
            },
        },
        "required": ["subtasks"],
    })
}

pub(crate) fn check_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "kind": {
                "type": "string",
                "enum": ["file_exists", "file_absent", "file_contains", "command", "json_path"],
            },
            "path": {"type": "string"},
            "regex": {"type": "string"},
            "command": {"type": "string"},
            "exit": {"type": "integer"},
            "stdout_regex": {"type": "string"},
            "pointer": {"type": "string"},
            "equals": {"type": ["string", "number", "boolean"]},
        },
        "required": ["kind"],
    })
}

/// Reads a plan leniently in form and strictly in meaning.
///
/// # Errors
/// Every fault as a sentence that a model can act on. Whether a plan that could be read is
/// acceptable (dependencies, limits, power of its checks) is decided elsewhere.
pub fn parse_plan(value: &Value) -> Result<Plan, Vec<String>> {
    let mut errors = Vec::new();
    let Some(list) = subtask_list(value) else {
        return Err(vec![format!(
            "the answer has no list `subtasks`: write {{\"analysis\": …, \"subtasks\": [ … ]}}, not {}",
            kind(value)
        )]);
    };
    if list.is_empty() {
        errors.push("the plan has no subtasks: write at least one".to_owned());
    }
    let subtasks = list
        .iter()
        .enumerate()
        .filter_map(|(at, value)| subtask(at + 1, value, &mut errors))
        .collect();
    if errors.is_empty() {
        Ok(Plan { subtasks })
    } else {
        Err(errors)
    }
}

/// The list under its usual names, bare, or inside a wrapper that models like to add.
fn subtask_list(value: &Value) -> Option<&Vec<Value>> {
    if let Value::Array(list) = value {
        return Some(list);
    }
    ["subtasks", "steps", "tasks", "plan"]
        .iter()
        .find_map(|name| match value.get(name)? {
            Value::Array(list) => Some(list),
            inner @ Value::Object(_) => inner
                .get("subtasks")
                .or_else(|| inner.get("steps"))?
                .as_array(),
            _ => None,
        })
}

fn subtask(number: usize, value: &Value, errors: &mut Vec<String>) -> Option<SubtaskSpec> {
    let label = match value.get("id").and_then(Value::as_str) {
        Some(id) => format!("subtask {number} (`{}`)", clip_chars(id, 64)),
        None => format!("subtask {number}"),
    };
    let mut fields = Fields::of(label.clone(), value, errors)?;
    let title = fields.text(&["title", "name"]);
    let description = fields.required(
        &["description", "task", "instructions"],
        "say all that somebody needs who knows nothing else",
    );
    let id = fields
        .text(&["id"])
        .or_else(|| title.clone())
        .or_else(|| Some(format!("step-{number}")))
        .and_then(|text| subtask_id(&mut fields, "id", &text));
    let criteria = fields.texts(&["criteria", "acceptance_criteria"]);
    let depends_on = fields
        .texts(&["depends_on", "dependencies"])
        .iter()
        .filter_map(|text| subtask_id(&mut fields, "depends_on", text))
        .collect();
    let tier = tier(&mut fields);
    let outputs = fields
        .texts(&["outputs"])
        .iter()
        .map(|path| relative(path))
        .collect();
    let inspect = fields.flag("inspect");
    let checks = fields.list(&["checks"]);
    let checks = checks
        .iter()
        .enumerate()
        .filter_map(|(at, value)| {
            let label = format!("{label}, check {}", at + 1);
            check(label, value, fields.errors())
        })
        .collect();
    let (id, description) = (id?, description?);
    Some(SubtaskSpec {
        title: title.unwrap_or_else(|| clip_chars(&description, 60)),
        id,
        description,
        criteria,
        depends_on,
        tier,
        checks,
        outputs,
        inspect,
    })
}

/// An id in kebab case: other spellings have one obvious kebab form, which is taken.
fn subtask_id(fields: &mut Fields<'_>, field: &str, text: &str) -> Option<SubtaskId> {
    let mut kebab = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            kebab.push(c.to_ascii_lowercase());
        } else if !kebab.ends_with('-') && !kebab.is_empty() {
            kebab.push('-');
        }
    }
    kebab.truncate(SubtaskId::MAX_LEN);
    let id = SubtaskId::new(kebab.trim_end_matches('-'));
    if id.is_err() {
        fields.complain(format!(
            "`{field}` holds `{}`: write 1 to 64 small letters, digits and hyphens",
            clip_chars(text, 64)
        ));
    }
    id.ok()
}

fn tier(fields: &mut Fields<'_>) -> Tier {
    let word = fields
        .get(&["tier"])
        .and_then(Value::as_str)
        .map(str::to_ascii_lowercase);
    match word.as_deref() {
        Some("small" | "easy") => return Tier::Small,
        Some("medium" | "normal") => return Tier::Medium,
        Some("large" | "hard") => return Tier::Large,
        _ => {}
    }
    let Some(number) = fields.integer(&["tier"]) else {
        return Tier::default();
    };
    let tier = u8::try_from(number)
        .ok()
        .and_then(|number| Tier::try_from(number).ok());
    tier.unwrap_or_else(|| {
        fields.complain(format!("`tier` is {number}: write 1, 2 or 3"));
        Tier::default()
    })
}

/// The names a path, a regex and a command go by; the first is ours.
const PATH: [&str; 3] = ["path", "file", "file_path"];
const REGEX: [&str; 2] = ["regex", "pattern"];
const COMMAND: [&str; 2] = ["command", "cmd"];
const EXIT: [&str; 2] = ["exit", "exit_code"];

pub(crate) fn check(label: String, value: &Value, errors: &mut Vec<String>) -> Option<Check> {
    let mut fields = Fields::of(label, value, errors)?;
    let kind = fields
        .required(&["kind", "type"], "write the kind of check")?
        .to_ascii_lowercase()
        .replace('-', "_");
    let before = fields.errors().len();
    let check = match kind.as_str() {
        "file_exists" => path(&mut fields).map(|path| Check::FileExists { path }),
        "file_absent" => path(&mut fields).map(|path| Check::FileAbsent { path }),
        "file_contains" => file_contains(&mut fields),
        "command" => command(&mut fields),
        "json_path" => json_path(&mut fields),
        other => {
            fields.complain(format!(
                "`{other}` is no kind of check: use file_exists, file_absent, file_contains, \
                 command or json_path"
            ));
            return None;
        }
    };
    refuse_other_fields(&mut fields, &kind);
    let faultless = fields.errors().len() == before;
    check.filter(|_| faultless)
}

fn path(fields: &mut Fields<'_>) -> Option<String> {
    let path = fields.required(&PATH, "write a path relative to the workspace")?;
    Some(relative(&path))
}

fn file_contains(fields: &mut Fields<'_>) -> Option<Check> {
    let path = path(fields);
    let regex = fields.required(&REGEX, "write what the file must match")?;
    Some(Check::FileContains { path: path?, regex })
}

fn command(fields: &mut Fields<'_>) -> Option<Check> {
    let command = fields.required(&COMMAND, "write a line for sh")?;
    let exit = match fields.integer(&EXIT) {
        None => 0,
        Some(number) => i32::try_from(number)
            .ok()
            .filter(|exit| (0..=255).contains(exit))
            .or_else(|| {
                fields.complain(format!("`exit` is {number}: write 0 to 255"));
                None
            })?,
    };
    Some(Check::Command {
        command,
        exit,
        stdout_regex: fields.text(&["stdout_regex"]),
    })
}

fn json_path(fields: &mut Fields<'_>) -> Option<Check> {
    let path = path(fields);
    let pointer = fields.required(&["pointer"], "write a JSON pointer such as /scripts/test")?;
    let equals = fields
        .get(&["equals"])
        .filter(|value| value.as_str() != Some(""))
        .cloned();
    Some(Check::JsonPath {
        path: path?,
        pointer: slashed(&pointer),
        equals,
    })
}

/// A field of another kind of check would be lost, and with it what the planner meant.
fn refuse_other_fields(fields: &mut Fields<'_>, kind: &str) {
    let own: Vec<&str> = match kind {
        "file_contains" => [PATH.as_slice(), &REGEX].concat(),
        "command" => [COMMAND.as_slice(), &EXIT, &["stdout_regex"]].concat(),
        "json_path" => [PATH.as_slice(), &["pointer", "equals"]].concat(),
        _ => PATH.to_vec(),
    };
    // Words about the check change nothing, and models like to fill in an exit status everywhere.
    let harmless = ["kind", "type", "description", "name", "why", "id", "exit"];
    let foreign: Vec<&str> = fields
        .names()
        .filter(|name| !own.contains(name) && !harmless.contains(name))
        .collect();
    for name in foreign {
        fields.complain(format!(
            "`{name}` is not a field of {kind}, which has {}: remove it or use another kind",
            own_names(kind)
        ));
    }
}

fn own_names(kind: &str) -> &'static str {
    match kind {
        "file_contains" => "path and regex",
        "command" => "command, exit and stdout_regex",
        "json_path" => "path, pointer and equals",
        _ => "path",
    }
}

/// A path as the workspace knows it. What leads outside is left for validation to refuse.
fn relative(path: &str) -> String {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    path.to_owned()
}

/// A pointer from the dotted form that models know better: `$.scripts.test` is `/scripts/test`.
fn slashed(pointer: &str) -> String {
    if pointer.starts_with('/') {
        return pointer.to_owned();
    }
    let path = pointer.strip_prefix('$').unwrap_or(pointer);
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.contains('/') {
        return format!("/{path}");
    }
    let steps: Vec<String> = path
        .replace('[', ".")
        .replace(']', "")
        .split('.')
        .filter(|step| !step.is_empty())
        .map(|step| format!("/{}", step.trim_matches(['\'', '"'])))
        .collect();
    steps.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(subtask: Value) -> Result<SubtaskSpec, Vec<String>> {
        parse_plan(&json!({"subtasks": [subtask]})).map(|mut plan| plan.subtasks.remove(0))
    }

    fn errors_of_check(check: Value) -> Vec<String> {
        one(json!({"id": "a", "title": "A", "description": "d", "checks": [check]})).unwrap_err()
    }

    fn check_of(check: Value) -> Check {
        one(json!({"id": "a", "title": "A", "description": "d", "checks": [check]}))
            .unwrap()
            .checks
            .remove(0)
    }

    #[test]
    fn every_kind_of_check_is_read() {
        let path = || "a.json".to_owned();
        let cases = [
            (
                json!({"kind": "file_exists", "path": "./a.json"}),
                Check::FileExists { path: path() },
            ),
            (
                json!({"kind": "file-absent", "file": "a.json"}),
                Check::FileAbsent { path: path() },
            ),
            (
                json!({"type": "file_contains", "path": "a.json", "pattern": "x"}),
                Check::FileContains {
                    path: path(),
                    regex: "x".to_owned(),
                },
            ),
            (
                json!({"kind": "command", "command": "sh t.sh", "exit": "3", "stdout_regex": "ok"}),
                Check::Command {
                    command: "sh t.sh".to_owned(),
                    exit: 3,
                    stdout_regex: Some("ok".to_owned()),
                },
            ),
            (
                json!({"kind": "json_path", "path": "a.json", "pointer": "$.scripts.test", "equals": 5}),
                Check::JsonPath {
                    path: path(),
                    pointer: "/scripts/test".to_owned(),
                    equals: Some(json!(5)),
                },
            ),
        ];
        for (written, read) in cases {
            assert_eq!(check_of(written), read);
        }
    }

    #[test]
    fn empty_fields_of_other_kinds_are_nothing() {
        let filled =
            json!({"kind": "file_exists", "path": "a", "regex": "", "command": null, "exit": 0});
        assert_eq!(
            check_of(filled),
            Check::FileExists {
                path: "a".to_owned()
            }
        );
    }

    #[test]
    fn a_field_that_would_be_lost_is_refused_with_what_to_do() {
        assert_eq!(
            errors_of_check(json!({"kind": "file_exists", "path": "a", "regex": "x"})),
            [
                "subtask 1 (`a`), check 1: `regex` is not a field of file_exists, which has path: \
              remove it or use another kind"
            ]
        );
    }

    #[test]
    fn every_fault_is_reported_at_once_and_by_its_place() {
        let plan = json!({"subtasks": [
            {"id": "a", "title": "A", "checks": [{"kind": "file_contains", "path": "x"}]},
            {"id": "b", "title": "B", "description": "d", "tier": 7, "checks": [{"kind": "grep"}, "x"]},
            5,
        ]});
        let errors = parse_plan(&plan).unwrap_err();
        assert_eq!(
            errors,
            [
                "subtask 1 (`a`): `description` is missing: say all that somebody needs who knows nothing else",
                "subtask 1 (`a`), check 1: `regex` is missing: write what the file must match",
                "subtask 2 (`b`): `tier` is 7: write 1, 2 or 3",
                "subtask 2 (`b`), check 1: `grep` is no kind of check: use file_exists, file_absent, \
                 file_contains, command or json_path",
                "subtask 2 (`b`), check 2 is a text: write an object",
                "subtask 3 is a number: write an object",
            ]
        );
    }

    #[test]
    fn ids_are_brought_to_kebab_case_also_where_they_are_referred_to() {
        let plan = json!({"subtasks": [
            {"id": "Fix_Parser", "title": "A", "description": "d"},
            {"title": "Write the docs!", "description": "d", "depends_on": "Fix_Parser"},
        ]});
        let plan = parse_plan(&plan).unwrap();
        assert_eq!(plan.subtasks[0].id.as_str(), "fix-parser");
        assert_eq!(plan.subtasks[1].id.as_str(), "write-the-docs");
        assert_eq!(plan.subtasks[1].depends_on, [plan.subtasks[0].id.clone()]);
    }

    #[test]
    fn the_usual_wrappers_are_unwrapped_and_nothing_else_is() {
        let subtask = json!({"id": "a", "title": "A", "description": "d"});
        for whole in [
            json!([subtask]),
            json!({"plan": {"subtasks": [subtask]}}),
            json!({"steps": [subtask]}),
        ] {
            assert_eq!(parse_plan(&whole).unwrap().subtasks.len(), 1, "{whole}");
        }
        for none in [
            json!("a plan"),
            json!({}),
            json!({"subtasks": "a"}),
            json!(null),
        ] {
            let errors = parse_plan(&none).unwrap_err();
            assert!(errors[0].contains("no list `subtasks`"), "{errors:?}");
        }
        assert_eq!(
            parse_plan(&json!({"subtasks": []})).unwrap_err(),
            ["the plan has no subtasks: write at least one"]
        );
    }

    #[test]
    fn the_schema_writes_the_kind_of_a_check_first_and_the_id_of_a_subtask_too() {
        let schema = plan_schema();
        let subtask = &schema["properties"]["subtasks"]["items"]["properties"];
        let first = |object: &Value| object.as_object().unwrap().keys().next().unwrap().clone();
        assert_eq!(first(subtask), "id");
        assert_eq!(first(&subtask["checks"]["items"]["properties"]), "kind");
    }

    #[test]
    fn the_schema_stays_within_what_grammars_handle() {
        for schema in [
            plan_schema(),
            crate::verdict_schema(),
            crate::memory_schema(),
        ] {
            let text = schema.to_string();
            for word in ["$ref", "oneOf", "anyOf", "allOf", "pattern\"", "format"] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
