//! Other names that models use for the tools and their parameters: those they were trained with.
//!
//! **Invariant:** a name is here only when it can mean nothing else. What would need a guess is left
//! out, and is refused with the proper name: `text_editor` and `str_replace_editor` (they also view
//! and create), `rm` (it may mean a directory), `find` (by name or by content), `query` for a
//! pattern (a text, where ours is a regular expression), `timeout` for `timeout_s` (others count
//! milliseconds), `offset` for a line (others count bytes).

use loom_events::ToolSpec;
use serde_json::Value;
use std::collections::BTreeMap;

type Names = &'static [&'static str];

/// Tool, its other names.
const TOOLS: &[(&str, Names)] = &[
    ("delete_file", &["remove_file"]),
    ("edit_file", &["str_replace"]),
    ("list_directory", &["list_dir", "ls"]),
    ("move_file", &["rename_file"]),
    ("read_file", &["cat_file", "read", "view_file"]),
    ("search_files", &["grep", "search"]),
    (
        "shell_execute",
        &[
            "bash",
            "execute_command",
            "run_command",
            "run_shell_command",
            "shell",
        ],
    ),
    ("write_file", &["create_file"]),
];

/// Parameter, its other names, in whatever tool has the parameter.
const PARAMETERS: &[(&str, Names)] = &[
    ("command", &["cmd"]),
    ("content", &["contents", "file_text"]),
    ("from", &["old_path", "source"]),
    ("new_text", &["newString", "new_str", "new_string"]),
    ("old_text", &["oldString", "old_str", "old_string"]),
    ("path", &["filePath", "file_path", "filename"]),
    ("pattern", &["regex"]),
    ("to", &["destination", "new_path"]),
];

/// Adds the names that models use for a tool of ours.
pub(crate) fn named(mut spec: ToolSpec) -> ToolSpec {
    let declared = spec.parameters.get("properties").and_then(Value::as_object);
    let parameters: BTreeMap<String, Vec<String>> = PARAMETERS
        .iter()
        .filter(|(name, _)| declared.is_some_and(|declared| declared.contains_key(*name)))
        .map(|(name, others)| ((*name).to_owned(), owned(others)))
        .collect();
    let tool = TOOLS.iter().find(|(name, _)| *name == spec.name);
    spec.aliases = tool.map(|(_, others)| owned(others)).unwrap_or_default();
    spec.parameter_aliases = parameters;
    spec
}

fn owned(names: Names) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The arguments under the proper names of their parameters. One that is there under its proper
/// name too stays under the other one: which of the two is meant would be a guess, so it is refused.
pub(crate) fn proper_parameters(spec: &ToolSpec, mut arguments: Value) -> Value {
    let Value::Object(given) = &mut arguments else {
        return arguments;
    };
    for (proper, others) in &spec.parameter_aliases {
        let mut used = others.iter().filter(|other| given.contains_key(*other));
        let (Some(other), None) = (used.next(), used.next()) else {
            continue;
        };
        if !given.contains_key(proper)
            && let Some(value) = given.remove(other)
        {
            given.insert(proper.clone(), value);
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn write_file() -> ToolSpec {
        let parameters = json!({"type": "object", "properties": {"path": {}, "content": {}}});
        named(ToolSpec::new("write_file", "", parameters))
    }

    #[test]
    fn a_parameter_gets_its_proper_name_and_only_those_that_the_tool_has_are_known() {
        let spec = write_file();
        let known: Vec<&str> = spec.parameter_aliases.keys().map(String::as_str).collect();
        assert_eq!(known, ["content", "path"]);
        let given = json!({"filePath": "a", "contents": "x"});
        let proper = proper_parameters(&spec, given);
        assert_eq!(proper, json!({"path": "a", "content": "x"}));
    }

    #[test]
    fn which_of_two_is_meant_is_not_guessed() {
        let spec = write_file();
        for given in [
            json!({"path": "a", "file_path": "b"}),
            json!({"file_path": "a", "filename": "b"}),
        ] {
            assert_eq!(proper_parameters(&spec, given.clone()), given);
        }
    }

    #[test]
    fn no_name_is_that_of_another_tool_or_parameter() {
        for table in [TOOLS, PARAMETERS] {
            let mut all: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            all.extend(table.iter().flat_map(|(_, others)| *others));
            let before = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), before);
        }
    }
}
