//! Assignments: what they are worth later, and which of them make other programs run code.

use super::parse::{children, named, source};
use super::place::{Place, UNKNOWN};
use super::rules;
use super::walk::Walk;
use tree_sitter::Node;

/// Values that are kept of one variable.
const MAX_VALUES: usize = 16;

impl Walk<'_> {
    /// `x=1` alone: the variable is known from here on.
    pub(super) fn assignment(&mut self, node: Node<'_>, text: &str) {
        let (name, values) = self.assigned(node, text);
        self.check_setting(&name, &values);
        let known = self.variables.entry(name).or_default();
        known.clear();
        known.extend(values.into_iter().take(MAX_VALUES));
    }

    /// `x=1 command`: seen by the command, and not by its words.
    pub(super) fn setting(&mut self, node: Node<'_>, text: &str) {
        let (name, values) = self.assigned(node, text);
        self.check_setting(&name, &values);
    }

    fn assigned(&mut self, node: Node<'_>, text: &str) -> (String, Vec<String>) {
        let name = node.child_by_field_name("name");
        let name = name.map_or("", |name| source(name, text)).to_owned();
        let values = match node.child_by_field_name("value") {
            Some(value) => self.values(value, text),
            None => vec![String::new()],
        };
        (name, values)
    }

    /// `export`, `declare`, `local` and the like.
    pub(super) fn declaration(&mut self, node: Node<'_>, text: &str) {
        let mut named_any = false;
        for child in named(node) {
            match child.kind() {
                "variable_assignment" => {
                    named_any = true;
                    self.assignment(child, text);
                }
                "variable_name" => named_any = true,
                _ => {
                    for field in self.fields(child, text) {
                        named_any |= !field.text.starts_with('-');
                        if let Some((name, value)) = field.text.split_once('=') {
                            self.check_setting(name, &[value.to_owned()]);
                        }
                    }
                }
            }
        }
        let word = children(node)
            .first()
            .map_or("", |word| source(*word, text));
        if !named_any && matches!(word, "export" | "declare" | "typeset") {
            self.matched(rules::ENVIRONMENT, source(node, text));
        }
    }

    /// Judges a setting of the environment.
    pub(super) fn check_setting(&mut self, name: &str, values: &[String]) {
        for value in values {
            self.check_value(name, value);
        }
    }

    fn check_value(&mut self, name: &str, value: &str) {
        let shown = format!("{name}={value}");
        let has = |list: &str| list.split(' ').any(|known| known == name);
        let loads = ["-r", "--require", "--import", "--loader"];
        let runs_code = match name {
            "PATH" => return self.check_path(value, &shown),
            // The start-up file of a POSIX shell; without a path it is somebody's own variable.
            "ENV" => value.contains('/'),
            "NODE_OPTIONS" => loads.iter().any(|option| value.contains(option)),
            "LD_LIBRARY_PATH" => value.split(':').any(|dir| dir == "."),
            _ => {
                let names_program = has(rules::CODE_VARIABLES) || has(rules::PROGRAM_VARIABLES);
                names_program && !is_harmless(value)
            }
        };
        if runs_code {
            self.matched(rules::INJECTED_CODE, shown);
        } else if name.starts_with("GIT_CONFIG_KEY") || name.starts_with("GIT_CONFIG_VALUE") {
            self.matched(rules::GIT_CODE, shown);
        } else if name.starts_with("LOOM_") {
            self.matched(rules::LOOM, shown);
        }
    }

    /// Programs must not come from where a task can put them under the name of another.
    fn check_path(&mut self, value: &str, shown: &str) {
        for dir in value.split(':') {
            if dir == "$PATH" || dir.starts_with(UNKNOWN) {
                continue;
            }
            let usual = [
                "bin", ".bin", "sbin", "debug", "release", "shims", "Scripts",
            ];
            let is_usual = usual.contains(&dir.rsplit('/').next().unwrap_or_default());
            match Place::of(dir, &self.cwd, self.workspace) {
                Place::Workspace(path) if path.is_empty() || !is_usual => {
                    self.matched(rules::SHADOW, shown);
                }
                Place::Temporary | Place::Parent(_) => self.matched(rules::SHADOW, shown),
                Place::Workspace(path) if path == "bin" => self.matched(rules::SHADOW, shown),
                _ => {}
            }
        }
    }
}

/// Whether a setting names only a program that does nothing by itself.
pub(super) fn is_harmless(value: &str) -> bool {
    let program = value.split(' ').next().unwrap_or_default();
    let known = rules::HARMLESS_PROGRAMS
        .split(' ')
        .any(|harmless| harmless == program);
    let is_shell = program.ends_with("sh");
    // A shell with arguments runs them.
    let bare_enough = !is_shell || value == program;
    value.is_empty()
        || (known && bare_enough && !value.contains([';', '|', '&', '`', '$', '(', '\n']))
}

/// Whether a variable is called like one that holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "CREDENTIAL",
        "API_KEY",
        "APIKEY",
        "PRIVATE_KEY",
        "ACCESS_KEY",
    ];
    let upper = name.to_uppercase();
    PARTS.iter().any(|part| upper.contains(part))
}
