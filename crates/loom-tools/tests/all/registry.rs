//! What is offered, and what is refused before anything happens.

use loom_events::{Class, ToolSpec};
use loom_tools::policy::Policy;
use loom_tools::{Call, CallOutcome, Registry, ShellSettings, Tool, ToolOutput};
use loom_workspace::Sandbox;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A small context is all that many local models have.
const MAX_SPEC_BYTES: usize = 4500;

#[test]
fn all_tools_together_are_described_in_a_few_kilobytes_in_a_stable_order() {
    let specs = Registry::builtin().specs(true);
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "delete_file",
            "edit_file",
            "list_directory",
            "move_file",
            "read_file",
            "search_files",
            "shell_execute",
            "write_file"
        ]
    );
    let shown = specs
        .iter()
        .map(|spec| json!([spec.name, spec.description, spec.parameters]));
    let bytes: usize = shown.map(|spec| spec.to_string().len()).sum();
    assert!(bytes < MAX_SPEC_BYTES, "{bytes}");
}

#[test]
fn without_a_workspace_nothing_that_needs_one_is_offered() {
    assert!(Registry::builtin().specs(false).is_empty());
}

#[test]
fn refusals_say_what_to_send() {
    let registry = Registry::builtin();
    let table = [
        (
            "readfile",
            json!({}),
            "unknown_tool",
            "Did you mean `read_file`?",
        ),
        (
            "send_email",
            json!({}),
            "unknown_tool",
            "The tools are: delete_file, edit_file",
        ),
        (
            "read_file",
            json!({}),
            "schema_violation",
            "`path` (string) is missing",
        ),
        (
            "read_file",
            json!("a"),
            "schema_violation",
            "one JSON object",
        ),
        (
            "read_file",
            json!({"path": "a", "startline": 3}),
            "unknown_parameter",
            "Did you mean `start_line`?",
        ),
        (
            "write_file",
            json!({"path": "a", "content": "b", "dry_run": true}),
            "unknown_parameter",
            "no parameter `dry_run`. Send {\"path\": string, \"content\": string}",
        ),
        (
            "read_file",
            json!({"path": "a", "start_line": "first"}),
            "schema_violation",
            "`start_line` must be an integer, not the string \"first\"",
        ),
        (
            "read_file",
            json!({"path": ["a"]}),
            "schema_violation",
            "`path` must be a string, not the array",
        ),
        (
            "read_file",
            json!({"path": "a", "start_line": 0}),
            "schema_violation",
            "`start_line`: 0 is less than the minimum of 1",
        ),
        (
            "read_file",
            json!({"path": null}),
            "schema_violation",
            "`path` must be a string, not null",
        ),
    ];
    for (name, arguments, code, part) in table {
        let refusal = registry.check(name, arguments).err().unwrap();
        assert_eq!(refusal.code, code, "{}", refusal.message);
        assert!(refusal.message.contains(part), "{}", refusal.message);
    }
}

#[test]
fn what_is_lossless_is_made_to_fit() {
    let registry = Registry::builtin();
    let table = [
        (
            json!({"path": "a", "start_line": "5", "explanation": "because"}),
            json!({"path": "a", "start_line": 5}),
        ),
        (
            json!({"path": 404, "start_line": 4.0, "end_line": null}),
            json!({"path": "404", "start_line": 4}),
        ),
    ];
    for (sent, used) in table {
        let checked = registry.check("functions.read_file", sent).unwrap();
        assert_eq!(checked.arguments(), &used);
        assert_eq!(checked.name(), "read_file");
    }
}

#[test]
fn a_call_has_a_summary_and_a_class() {
    let registry = Registry::builtin();
    let shell = |sandbox| ShellSettings {
        sandbox,
        path_env: "/bin".into(),
        home: None,
        readable: Vec::new(),
        writable: Vec::new(),
        network: false,
        timeout: Duration::from_secs(1),
        max_timeout: Duration::from_secs(1),
        policy: Policy::default(),
    };
    let boxed = shell(Sandbox::Bubblewrap("/usr/bin/bwrap".into()));
    let bare = shell(Sandbox::None);
    let mut online = boxed.clone();
    online.network = true;
    let class = |name: &str, arguments: Value, shell: &ShellSettings| {
        registry.check(name, arguments).unwrap().class(shell)
    };
    assert_eq!(
        class("read_file", json!({"path": "a"}), &boxed),
        Class::Pure
    );
    let write = json!({"path": "a", "content": "b"});
    assert_eq!(class("write_file", write, &bare), Class::Hashed);
    let run = || json!({"command": "make test"});
    assert_eq!(class("shell_execute", run(), &boxed), Class::Restorable);
    assert_eq!(class("shell_execute", run(), &bare), Class::Unknowable);
    assert_eq!(class("shell_execute", run(), &online), Class::Unknowable);
    let read = json!({"path": "a.rs", "start_line": 2, "end_line": 9});
    assert_eq!(
        registry.check("read_file", read).unwrap().summary(),
        "read a.rs:2-9"
    );
}

struct Foreign(ToolSpec);

#[async_trait::async_trait]
impl Tool for Foreign {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Pure
    }

    fn summary(&self, _: &Value) -> String {
        self.0.name.clone()
    }

    fn needs_workspace(&self) -> bool {
        false
    }

    async fn run(&self, _: &Call<'_>) -> CallOutcome {
        ToolOutput::negative("nothing").into()
    }
}

fn foreign(name: &str, parameters: Value) -> Arc<dyn Tool> {
    Arc::new(Foreign(ToolSpec::new(name, "", parameters)))
}

#[test]
fn a_name_is_given_once() {
    let mut registry = Registry::builtin();
    assert!(
        registry
            .register(foreign("recall", json!({"type": "object"})))
            .is_ok()
    );
    let taken = registry
        .register(foreign("read_file", json!({})))
        .unwrap_err();
    assert_eq!(
        taken.to_string(),
        "there is a tool named `read_file` already"
    );
    assert_eq!(registry.specs(false).len(), 1);
}

#[test]
fn a_foreign_tool_may_take_what_it_did_not_declare() {
    let mut registry = Registry::default();
    let open = json!({"type": "object", "properties": {"a": {}}, "additionalProperties": true});
    registry.register(foreign("x", open)).unwrap();
    assert!(registry.check("x", json!({"b": 1})).is_ok());
}

#[test]
fn a_tool_and_its_parameters_answer_to_the_names_that_models_use() {
    let registry = Registry::builtin();
    let table = [
        (
            "bash",
            json!({"cmd": "ls"}),
            "shell_execute",
            json!({"command": "ls"}),
        ),
        (
            "functions.read",
            json!({"file_path": "a"}),
            "read_file",
            json!({"path": "a"}),
        ),
        (
            "str_replace",
            json!({"path": "a", "old_str": "x", "new_str": "y"}),
            "edit_file",
            json!({"path": "a", "old_text": "x", "new_text": "y"}),
        ),
        (
            "create_file",
            json!({"filename": "a", "file_text": ""}),
            "write_file",
            json!({"path": "a", "content": ""}),
        ),
        (
            "grep",
            json!({"pattern": "x"}),
            "search_files",
            json!({"pattern": "x"}),
        ),
        ("ls", json!({}), "list_directory", json!({})),
    ];
    for (name, arguments, proper, fitting) in table {
        let checked = registry
            .check(name, arguments)
            .unwrap_or_else(|r| panic!("{r:?}"));
        assert_eq!((checked.name(), checked.arguments()), (proper, &fitting));
    }
    for guess in ["str_replace_editor", "rm", "find"] {
        assert!(registry.check(guess, json!({})).is_err(), "{guess}");
    }
}

#[test]
fn the_specs_say_which_tools_only_look() {
    let specs = Registry::builtin().specs(true);
    let looking = specs.iter().filter(|spec| spec.read_only);
    let names: Vec<&str> = looking.map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["list_directory", "read_file", "search_files"]);
}

#[test]
fn a_name_that_models_use_for_a_tool_is_taken_too() {
    let mut registry = Registry::builtin();
    registry.register(foreign("grep", json!({}))).unwrap_err();
}
