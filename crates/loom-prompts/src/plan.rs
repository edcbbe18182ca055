//! The plan as a planner writes it: schema and reading.
//!
//! A check is one flat object here, since grammars of local servers handle neither `$ref` nor
//! `oneOf` well; reading turns it into the typed form and refuses what would change its meaning.

use crate::check::{check, check_schema, held_out, relative};
use crate::read::{Fields, kind};
use crate::tokens::clip_chars;
use loom_events::{EditsTests, HeldOut, Plan, Size, SubtaskId, SubtaskSpec, Tier};
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
                        "expected_files": texts(),
                        "size": {"type": "string", "enum": ["S", "M", "L"]},
                        "edits_tests": {
                            "type": "object",
                            "properties": {"paths": texts(), "reason": text()},
                            "required": ["paths", "reason"],
                        },
                        "inspect": {"type": "boolean"},
                    },
                    "required": ["id", "title", "description", "criteria", "checks"],
                },
            },
        },
        "required": ["subtasks"],
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

/// What a held-out check is about when the planner did not say.
const UNNAMED: &str = "The step does all that it was asked to do.";

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
    let outputs = paths(&mut fields, "outputs");
    let expected_files = paths(&mut fields, "expected_files");
    let size = size(&mut fields);
    let edits_tests = edits_tests(&mut fields, &label);
    let inspect = fields.flag("inspect");
    let checks = fields.list(&["checks"]);
    let mut shown = Vec::new();
    let mut held = Vec::new();
    for (at, value) in checks.iter().enumerate() {
        let label = format!("{label}, check {}", at + 1);
        let Some(check) = check(label, value, fields.errors()) else {
            continue;
        };
        match held_out(value) {
            None => shown.push(check),
            Some(criterion) => held.push(HeldOut {
                criterion: match criterion.is_empty() {
                    true => UNNAMED.to_owned(),
                    false => criterion,
                },
                check,
            }),
        }
    }
    let (id, description) = (id?, description?);
    Some(SubtaskSpec {
        title: title.unwrap_or_else(|| clip_chars(&description, 60)),
        id,
        description,
        criteria,
        depends_on,
        tier,
        checks: shown,
        held_out: held,
        outputs,
        inspect,
        expected_files,
        size,
        edits_tests,
        // Never a model's to say: what it costs is the user's.
        vote: None,
    })
}

fn paths(fields: &mut Fields<'_>, name: &str) -> Vec<String> {
    let texts = fields.texts(&[name]);
    texts.iter().map(|path| relative(path)).collect()
}

fn size(fields: &mut Fields<'_>) -> Size {
    let Some(word) = fields.text(&["size"]) else {
        return Size::default();
    };
    match word.to_ascii_lowercase().as_str() {
        "s" | "small" => Size::S,
        "m" | "medium" => Size::M,
        "l" | "large" => Size::L,
        _ => {
            fields.complain(format!("`size` is {word}: write S, M or L"));
            Size::default()
        }
    }
}

/// The object, or only its paths. An empty object is how a constrained model says no.
fn edits_tests(fields: &mut Fields<'_>, label: &str) -> Option<EditsTests> {
    let edits = match fields.get(&["edits_tests"])? {
        Value::Object(_) => {
            let value = fields.get(&["edits_tests"])?;
            let mut own = Fields::of(format!("{label}, edits_tests"), value, fields.errors())?;
            EditsTests {
                paths: paths(&mut own, "paths"),
                reason: own.text(&["reason"]).unwrap_or_default(),
            }
        }
        // "No", in the form of another kind of field.
        Value::Bool(false) => return None,
        Value::Bool(true) => {
            fields.complain("`edits_tests` is true: write {\"paths\": [ … ], \"reason\": \"…\"}");
            return None;
        }
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => EditsTests {
            paths: paths(fields, "edits_tests"),
            reason: String::new(),
        },
    };
    (!edits.paths.is_empty()).then_some(edits)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extent_of_a_step_is_read_in_the_forms_that_models_use() {
        let spec = |more: Value| {
            let mut subtask = json!({"id": "a", "title": "A", "description": "d"});
            for (name, value) in more.as_object().unwrap() {
                subtask[name] = value.clone();
            }
            one(subtask)
        };
        let full = spec(json!({
            "expected_files": ["./src/*.rs"], "size": "l",
            "edits_tests": {"paths": ["tests/a.rs"], "reason": "the name changes"}
        }))
        .unwrap();
        assert_eq!(full.expected_files, ["src/*.rs"]);
        assert_eq!(full.size, Size::L);
        assert_eq!(full.edits_tests.unwrap().reason, "the name changes");
        for none in [
            json!({}),
            json!({"edits_tests": {"paths": [], "reason": ""}}),
        ] {
            let spec = spec(none).unwrap();
            assert_eq!((spec.size, spec.edits_tests), (Size::M, None));
        }
        assert_eq!(
            spec(json!({"size": "XXL", "edits_tests": true})).unwrap_err(),
            [
                "subtask 1 (`a`): `size` is XXL: write S, M or L",
                "subtask 1 (`a`): `edits_tests` is true: write {\"paths\": [ … ], \"reason\": \"…\"}",
            ]
        );
    }

    fn one(subtask: Value) -> Result<SubtaskSpec, Vec<String>> {
        parse_plan(&json!({"subtasks": [subtask]})).map(|mut plan| plan.subtasks.remove(0))
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
                 file_contains, command, json_path, count, tests, unchanged or symbol",
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
