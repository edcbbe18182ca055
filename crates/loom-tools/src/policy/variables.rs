//! Assignments: what they are worth later, and which of them make other programs run code.

use super::parse::{children, named, source};
use super::place::{Place, UNKNOWN};
use super::rules;
use super::walk::Walk;
use tree_sitter::Node;

impl Walk<'_> {
    /// `x=1` alone: the variable is known from here on.
    pub(super) fn assignment(&mut self, node: Node<'_>, text: &str) {
        let (name, values) = self.assigned(node, text);
        self.check_setting(&name, &values);
        self.remember(&name, values);
    }

    /// A variable may have these values from here on.
    pub(super) fn remember(&mut self, name: &str, values: Vec<String>) {
        if !self.state.set(name, values) {
            self.too_large(name);
        }
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
            "PYTHONPATH" | "NODE_PATH" | "RUBYLIB" | "CLASSPATH" | "LUA_PATH" | "LUA_CPATH"
            | "GEM_PATH" | "GEM_HOME" => return self.check_modules(value, &shown),
            "GIT_DIR" | "GIT_WORK_TREE" | "GIT_COMMON_DIR" | "GIT_INDEX_FILE" => {
                let place = Place::of(value, &self.state.cwd, self.workspace);
                !matches!(place, Place::Workspace(_) | Place::Unknown)
            }
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
        } else if name == "SSH_AUTH_SOCK" && !value.is_empty() {
            self.matched(rules::CREDENTIALS, shown);
        } else if name.starts_with("LOOM_") {
            self.matched(rules::LOOM, shown);
        }
    }

    /// Nor must parts of programs, from where others put things.
    fn check_modules(&mut self, value: &str, shown: &str) {
        for dir in value.split([':', ';']).filter(|dir| !dir.is_empty()) {
            let place = Place::of(dir, &self.state.cwd, self.workspace);
            if matches!(place, Place::Temporary | Place::Parent(_)) {
                self.matched(rules::SHADOW, shown);
            }
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
            match Place::of(dir, &self.state.cwd, self.workspace) {
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

/// Variables whose value is the same nearly everywhere.
pub(super) fn usual(name: &str) -> Option<&'static str> {
    Some(match name {
        "HOME" => "~",
        "IFS" => " ",
        "$" => "$$",
        "!" => "%!",
        "PPID" => "$PPID",
        "PATH" => "$PATH",
        "LOOM_SCRATCH" | "TMPDIR" => "/tmp",
        "SHELL" | "BASH" => "bash",
        "XDG_CONFIG_HOME" => "~/.config",
        "XDG_DATA_HOME" => "~/.local/share",
        "XDG_CACHE_HOME" => "~/.cache",
        "XDG_RUNTIME_DIR" => "/run/user/1000",
        "CARGO_HOME" => "~/.cargo",
        "GNUPGHOME" => "~/.gnupg",
        "KUBECONFIG" => "~/.kube/config",
        "HISTFILE" => "~/.bash_history",
        _ => return None,
    })
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
