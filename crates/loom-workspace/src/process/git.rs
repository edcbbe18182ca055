//! What git would run or read later, outside: no command in a sandbox may change it.

use std::fs;
use std::path::{Path, PathBuf};

/// A path of a repository that stays where it is, whatever a command does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) path: PathBuf,
    /// Whether what lies in it may be changed.
    pub(super) writable: bool,
}

/// What is kept of the repository in a workspace, outermost first. Each is to be mounted on itself:
/// a mount cannot be moved away to make room for a forged one.
pub(super) fn kept(workspace: &Path) -> Vec<Kept> {
    let git = workspace.join(".git");
    let kind = |path: &Path| fs::symlink_metadata(path).map(|found| found.file_type());
    let writable = match kind(&git) {
        Ok(kind) if kind.is_dir() => true,
        // A worktree's: it says where the repository is.
        Ok(kind) if kind.is_file() => false,
        _ => return Vec::new(),
    };
    let run = ["hooks", "config", "config.worktree"].map(|name| git.join(name));
    let there = run
        .into_iter()
        .filter(|path| kind(path).is_ok_and(|kind| !kind.is_symlink()))
        .map(|path| Kept {
            path,
            writable: false,
        });
    let outer = Kept {
        path: git.clone(),
        writable,
    };
    std::iter::once(outer).chain(there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(workspace: &Path) -> Vec<(String, bool)> {
        let name = |kept: Kept| {
            let path = kept.path.strip_prefix(workspace).unwrap();
            (path.display().to_string(), kept.writable)
        };
        kept(workspace).into_iter().map(name).collect()
    }

    #[test]
    fn of_a_repository_what_git_runs_is_kept_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        assert!(names(dir.path()).is_empty());
        fs::create_dir_all(dir.path().join(".git/hooks")).unwrap();
        fs::write(dir.path().join(".git/config"), "").unwrap();
        std::os::unix::fs::symlink("/etc/hosts", dir.path().join(".git/config.worktree")).unwrap();
        let expected = [
            (".git".to_owned(), true),
            (".git/hooks".to_owned(), false),
            (".git/config".to_owned(), false),
        ];
        assert_eq!(names(dir.path()), expected);
    }

    #[test]
    fn the_pointer_of_a_worktree_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".git"), "gitdir: elsewhere").unwrap();
        assert_eq!(names(dir.path()), [(".git".to_owned(), false)]);
    }
}
