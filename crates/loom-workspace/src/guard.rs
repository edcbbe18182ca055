//! Names inside the workspace that a file tool must not change freely.

/// What a file tool may do to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It may be changed.
    Free,
    /// Only after a human agreed.
    Ask(&'static str),
    /// Not at all.
    Never(&'static str),
}

const GIT: &str = "git's own files run code (hooks, configuration); use git through the shell";
const EDITOR: &str = "editors and agents run what stands there, outside of the sandbox";
const LOOM: &str = "it could loosen Loom's own rules";
const KEYS: &str = "it holds keys";
const SHELL: &str = "the shell runs it when somebody enters or logs in";
const MODULES: &str = "git fetches and runs what stands there";

/// Judges a resolved path: on the result of links and `..`, never on what was typed.
#[must_use]
pub fn guard(path: &str) -> Guard {
    let names: Vec<String> = path.split('/').map(fold).collect();
    let last = names.last().map_or("", String::as_str);
    if names.iter().any(|name| name == ".git") {
        return Guard::Never(GIT);
    }
    names
        .iter()
        .find_map(|name| guarded_directory(name))
        .or_else(|| guarded_file(last))
        .map_or(Guard::Free, Guard::Ask)
}

/// Case-folding file systems take `.GIT` for `.git`, and HFS+ ignores invisible characters.
fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'))
        .flat_map(char::to_lowercase)
        .collect()
}

fn guarded_directory(name: &str) -> Option<&'static str> {
    match name {
        ".loom" => Some(LOOM),
        ".vscode" | ".idea" | ".claude" | ".codex" | ".cursor" => Some(EDITOR),
        ".ssh" | ".gnupg" => Some(KEYS),
        _ => None,
    }
}

fn guarded_file(name: &str) -> Option<&'static str> {
    match name {
        ".mcp.json" => Some(EDITOR),
        ".envrc" | ".bashrc" | ".bash_profile" | ".bash_login" | ".bash_logout" | ".profile"
        | ".zshrc" | ".zshenv" | ".zprofile" | ".zlogin" => Some(SHELL),
        ".gitmodules" | ".gitconfig" => Some(MODULES),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_is_never_changed_in_any_spelling() {
        for path in [
            ".git",
            ".git/config",
            "sub/.git/hooks/x",
            ".GIT/config",
            ".g\u{200c}it/x",
        ] {
            assert!(matches!(guard(path), Guard::Never(_)), "{path}");
        }
    }

    #[test]
    fn what_runs_elsewhere_is_asked_for() {
        for path in [
            ".envrc",
            "a/.bashrc",
            ".vscode/tasks.json",
            ".loom/config.toml",
            ".gitmodules",
        ] {
            assert!(matches!(guard(path), Guard::Ask(_)), "{path}");
        }
    }

    #[test]
    fn similar_names_are_free() {
        for path in [
            ".gitignore",
            "docs/.git-notes.md",
            ".github/workflows/ci.yml",
            "git",
            "a.git",
        ] {
            assert_eq!(guard(path), Guard::Free, "{path}");
        }
    }
}
