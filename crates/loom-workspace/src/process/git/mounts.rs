//! What of a workspace's own repository a view of the file system mounts on itself.

use super::runs_code;
use std::fs;
use std::path::{Path, PathBuf};

/// A path of a repository that stays where it is, whatever a command does.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::process) struct Kept {
    pub(in crate::process) path: PathBuf,
    /// Whether what lies in it may be changed.
    pub(in crate::process) writable: bool,
}

/// What is kept, outermost first. Each is to be mounted on itself: a mount cannot be moved away to
/// make room for a forged one.
pub(in crate::process) fn kept(workspace: &Path) -> Vec<Kept> {
    let git = workspace.join(".git");
    let kind = |path: &Path| fs::symlink_metadata(path).map(|found| found.file_type());
    let writable = match kind(&git) {
        Ok(kind) if kind.is_dir() => true,
        // A worktree's: it says where the repository is.
        Ok(kind) if kind.is_file() => false,
        _ => return Vec::new(),
    };
    let outer = Kept {
        path: git,
        writable,
    };
    let code = match writable {
        true => runs_code(workspace),
        false => Vec::new(),
    };
    let there = code
        .into_iter()
        .filter(|path| kind(path).is_ok_and(|kind| !kind.is_symlink()))
        .map(|path| Kept {
            path,
            writable: false,
        });
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
