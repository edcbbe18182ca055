//! A check as a planner writes it: one flat object, since grammars of local servers handle neither
//! `$ref` nor `oneOf` well. Reading turns it into the typed form and refuses what would be lost.

use crate::read::Fields;
use loom_events::{Check, CountOp, Counted};
use serde_json::{Value, json};

/// Every kind of check.
const KINDS: [&str; 9] = [
    "file_exists",
    "file_absent",
    "file_contains",
    "command",
    "json_path",
    "count",
    "tests",
    "unchanged",
    "symbol",
];

/// JSON schema of a check.
pub(crate) fn check_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "kind": {
                "type": "string",
                "enum": KINDS,
            },
            "path": {"type": "string"},
            "regex": {"type": "string"},
            "command": {"type": "string"},
            "exit": {"type": "integer"},
            "stdout_regex": {"type": "string"},
            "pointer": {"type": "string"},
            "equals": {"type": ["string", "number", "boolean"]},
            "glob": {"type": "string"},
            "op": {"type": "string", "enum": CountOp::ALL.map(CountOp::symbol)},
            "n": {"type": "integer"},
            "min": {"type": "integer"},
            "must_pass": {"type": "array", "items": {"type": "string"}},
            "name": {"type": "string"},
            "held_out": {"type": "boolean"},
            "criterion": {"type": "string"},
        },
        "required": ["kind"],
    })
}

/// The names a path, a regex and a command go by; the first is ours.
const PATH: [&str; 3] = ["path", "file", "file_path"];
const REGEX: [&str; 2] = ["regex", "pattern"];
const COMMAND: [&str; 2] = ["command", "cmd"];
const EXIT: [&str; 2] = ["exit", "exit_code"];
const GLOB: [&str; 2] = ["glob", "pattern"];
const NAME: [&str; 2] = ["name", "symbol"];

/// Reads one check; what would change its meaning is an error.
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
        "count" => count(&mut fields),
        "tests" => tests(&mut fields),
        "unchanged" => unchanged(&mut fields),
        "symbol" => symbol(&mut fields),
        other => {
            let (last, others) = KINDS.split_last().expect("BUG: there are kinds");
            fields.complain(format!(
                "`{other}` is no kind of check: use {} or {last}",
                others.join(", ")
            ));
            return None;
        }
    };
    refuse_other_fields(&mut fields, &kind);
    let faultless = fields.errors().len() == before;
    check.filter(|_| faultless)
}

/// Whether a check is to be held out, and what it is said to be about.
pub(crate) fn held_out(value: &Value) -> Option<String> {
    let held = value.get("held_out")?;
    let on = held.as_bool() == Some(true) || held.as_str() == Some("true");
    on.then(|| {
        let said = value.get("criterion").and_then(Value::as_str);
        said.unwrap_or_default().trim().to_owned()
    })
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

fn count(fields: &mut Fields<'_>) -> Option<Check> {
    let of = match (fields.text(&["glob"]), fields.text(&COMMAND)) {
        (Some(glob), None) => Some(Counted::Glob(relative(&glob))),
        (None, Some(command)) => Some(Counted::Command(command)),
        (None, None) => {
            fields.complain("write `glob` or `command`: what is counted");
            None
        }
        (Some(_), Some(_)) => {
            fields.complain("has `glob` and `command`: write one of them");
            None
        }
    };
    let op = match fields.text(&["op"]) {
        None => Some(CountOp::Equal),
        Some(word) => comparison(&word).or_else(|| {
            fields.complain(format!("`op` is {word}: write =, >=, <=, > or <"));
            None
        }),
    };
    let n = number(fields, "n");
    if n.is_none() {
        fields.complain("`n` is missing: write a number from 0");
    }
    Some(Check::Count {
        of: of?,
        op: op?,
        n: n?,
    })
}

/// A comparison in the spellings of the usual languages.
fn comparison(word: &str) -> Option<CountOp> {
    Some(match word {
        "=" | "==" | "eq" | "-eq" => CountOp::Equal,
        ">=" | "ge" | "gte" | "-ge" | "≥" => CountOp::AtLeast,
        "<=" | "le" | "lte" | "-le" | "≤" => CountOp::AtMost,
        ">" | "gt" | "-gt" => CountOp::MoreThan,
        "<" | "lt" | "-lt" => CountOp::LessThan,
        _ => return None,
    })
}

fn number(fields: &mut Fields<'_>, name: &str) -> Option<u64> {
    u64::try_from(fields.integer(&[name])?).ok()
}

fn tests(fields: &mut Fields<'_>) -> Option<Check> {
    let command = fields.required(&COMMAND, "write the line that runs the tests")?;
    Some(Check::Tests {
        command,
        min: number(fields, "min").filter(|min| *min > 0),
        must_pass: fields.texts(&["must_pass"]),
    })
}

fn unchanged(fields: &mut Fields<'_>) -> Option<Check> {
    let names = [GLOB.as_slice(), &PATH].concat();
    let glob = fields.required(&names, "write which files stay as they are")?;
    Some(Check::Unchanged {
        glob: relative(&glob),
    })
}

fn symbol(fields: &mut Fields<'_>) -> Option<Check> {
    let path = path(fields);
    let name = fields.required(&NAME, "write the name that the file defines")?;
    Some(Check::Symbol { path: path?, name })
}

/// A field of another kind of check would be lost, and with it what the planner meant.
fn refuse_other_fields(fields: &mut Fields<'_>, kind: &str) {
    let own: Vec<&str> = match kind {
        "file_contains" => [PATH.as_slice(), &REGEX].concat(),
        "command" => [COMMAND.as_slice(), &EXIT, &["stdout_regex"]].concat(),
        "json_path" => [PATH.as_slice(), &["pointer", "equals"]].concat(),
        "count" => [COMMAND.as_slice(), &["glob", "op", "n"]].concat(),
        "tests" => [COMMAND.as_slice(), &["min", "must_pass"]].concat(),
        "unchanged" => [GLOB.as_slice(), &PATH].concat(),
        "symbol" => [PATH.as_slice(), &NAME].concat(),
        _ => PATH.to_vec(),
    };
    // Words about the check change nothing, and models like to fill in an exit status everywhere.
    let harmless = [
        "kind",
        "type",
        "description",
        "name",
        "why",
        "id",
        "exit",
        "held_out",
        "criterion",
    ];
    let foreign: Vec<&str> = fields
        .names()
        .filter(|name| !own.contains(name) && !harmless.contains(name))
        .filter(|name| !says_nothing(name, fields.get(&[name])))
        .collect();
    for name in foreign {
        fields.complain(format!(
            "`{name}` is not a field of {kind}, which has {}: remove it or use another kind",
            own_names(kind)
        ));
    }
}

/// Whether a field of another kind holds only what a constrained model writes for "nothing".
fn says_nothing(name: &str, value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Number(number)) => matches!(name, "n" | "min") && number.as_u64() == Some(0),
        Some(Value::String(_)) => name == "op",
        Some(Value::Null | Value::Bool(_) | Value::Object(_)) | None => false,
    }
}

fn own_names(kind: &str) -> &'static str {
    match kind {
        "file_contains" => "path and regex",
        "command" => "command, exit and stdout_regex",
        "json_path" => "path, pointer and equals",
        "count" => "glob or command, op and n",
        "tests" => "command, min and must_pass",
        "unchanged" => "glob",
        "symbol" => "path and name",
        _ => "path",
    }
}

/// A path as the workspace knows it. What leads outside is left for validation to refuse.
pub(crate) fn relative(path: &str) -> String {
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

    fn read(written: Value) -> Result<Check, Vec<String>> {
        let mut errors = Vec::new();
        let read = check("the check".to_owned(), &written, &mut errors);
        read.ok_or(errors)
    }

    fn errors_of_check(written: Value) -> Vec<String> {
        read(written).unwrap_err()
    }

    fn check_of(written: Value) -> Check {
        read(written).unwrap()
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
        for (written, read) in cases.into_iter().chain(counting()) {
            assert_eq!(check_of(written), read);
        }
    }

    /// The kinds that count, in the spellings of models.
    fn counting() -> [(Value, Check); 6] {
        [
            (
                json!({"kind": "count", "glob": "./docs/*.md", "op": ">=", "n": 3}),
                Check::Count {
                    of: Counted::Glob("docs/*.md".to_owned()),
                    op: CountOp::AtLeast,
                    n: 3,
                },
            ),
            (
                json!({"kind": "count", "glob": "", "cmd": "grep -c x a", "op": "==", "n": "0"}),
                Check::Count {
                    of: Counted::Command("grep -c x a".to_owned()),
                    op: CountOp::Equal,
                    n: 0,
                },
            ),
            (
                json!({"kind": "tests", "command": "pytest", "min": 2, "must_pass": ["test_a"]}),
                Check::Tests {
                    command: "pytest".to_owned(),
                    min: Some(2),
                    must_pass: vec!["test_a".to_owned()],
                },
            ),
            (
                json!({"kind": "tests", "command": "pytest", "min": 0, "must_pass": [], "n": 0}),
                Check::Tests {
                    command: "pytest".to_owned(),
                    min: None,
                    must_pass: Vec::new(),
                },
            ),
            (
                json!({"kind": "unchanged", "path": "src/**"}),
                Check::Unchanged {
                    glob: "src/**".to_owned(),
                },
            ),
            (
                json!({"kind": "symbol", "path": "a.py", "name": "A.f", "exit": 0}),
                Check::Symbol {
                    path: "a.py".to_owned(),
                    name: "A.f".to_owned(),
                },
            ),
        ]
    }

    #[test]
    fn a_count_says_what_is_counted_how_it_compares_and_with_what() {
        assert_eq!(
            errors_of_check(json!({"kind": "count", "op": "about", "n": -1})),
            [
                "the check: write `glob` or `command`: what is counted",
                "the check: `op` is about: write =, >=, <=, > or <",
                "the check: `n` is missing: write a number from 0",
            ]
        );
        let both = json!({"kind": "count", "glob": "*", "command": "ls", "n": 1});
        assert_eq!(errors_of_check(both).len(), 1);
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
                "the check: `regex` is not a field of file_exists, which has path: \
              remove it or use another kind"
            ]
        );
    }
}
