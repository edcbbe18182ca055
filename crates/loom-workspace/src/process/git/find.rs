//! The repositories in a tree. No link is followed.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

/// Directories that are looked into, so that a command in a huge tree does not wait for seconds.
const MAX_DIRECTORIES: usize = 100_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Directories that are, or could become, a repository.
    pub(super) directories: Vec<PathBuf>,
    /// Files and links in the place of one, which say where it is.
    pub(super) pointers: Vec<PathBuf>,
    /// Whether all of the tree was looked at.
    pub(super) complete: bool,
}

/// Looks at a directory and everything below it.
pub(super) fn repositories(root: &Path) -> Found {
    let mut found = Found {
        complete: true,
        ..Found::default()
    };
    let mut open = vec![root.to_owned()];
    let mut seen = 0;
    while let Some(dir) = open.pop() {
        seen += 1;
        if seen > MAX_DIRECTORIES {
            found.complete = false;
            break;
        }
        let Ok(entries) = fs::read_dir(&dir) else {
            continue;
        };
        let entries: Vec<DirEntry> = entries.flatten().collect();
        let is_repository = is_git(&dir) || has_shape(&entries);
        if is_repository {
            found.directories.push(dir.clone());
        }
        for entry in entries {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    let is_skipped = is_repository && is_inside_git(&dir, &path);
                    open.extend((!is_skipped).then_some(path));
                }
                Ok(_) if is_git(&path) => found.pointers.push(path),
                _ => {}
            }
        }
    }
    found
}

/// Whether a path has the name under which git looks for a repository; file systems that fold cases
/// take others for it.
fn is_git(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.eq_ignore_ascii_case(".git"))
}

/// Whether git takes a directory with these entries for a repository, whatever its name is.
fn has_shape(entries: &[DirEntry]) -> bool {
    let has = |name: &str| entries.iter().any(|entry| entry.file_name() == name);
    has("HEAD") && (has("commondir") || (has("objects") && has("refs")))
}

/// Parts of a repository in which there is no other one: its submodules and worktrees have theirs in
/// two directories, and a bare one may lie in the middle of other files.
fn is_inside_git(dir: &Path, child: &Path) -> bool {
    let name = child.file_name().unwrap_or_default();
    let own = ["objects", "refs", "logs", "hooks", "info"];
    let others = ["modules", "worktrees"];
    own.iter().any(|own| name == *own) || (is_git(dir) && !others.iter().any(|o| name == *o))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_repository_is_found_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for made in [
            ".git/objects/aa",
            ".git/modules/sub/objects",
            ".git/modules/sub/refs",
            ".git/worktrees/w",
            "sub",
            "vendor/x/.git/hooks",
            "bare/objects",
            "bare/refs",
            "bare/inside/.git",
            "plain/objects",
        ] {
            fs::create_dir_all(root.join(made)).unwrap();
        }
        for made in [
            ".git/modules/sub/HEAD",
            ".git/worktrees/w/HEAD",
            ".git/worktrees/w/commondir",
            "sub/.git",
            "bare/HEAD",
        ] {
            fs::write(root.join(made), "").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("vendor/loop")).unwrap();
        std::os::unix::fs::symlink("/", root.join("plain/.git")).unwrap();
        let found = repositories(root);
        let named = |paths: &[PathBuf]| {
            let below = |path: &PathBuf| path.strip_prefix(root).unwrap().display().to_string();
            let mut names: Vec<_> = paths.iter().map(below).collect();
            names.sort();
            names
        };
        assert_eq!(
            named(&found.directories),
            [
                ".git",
                ".git/modules/sub",
                ".git/worktrees/w",
                "bare",
                "bare/inside/.git",
                "vendor/x/.git"
            ]
        );
        assert_eq!(named(&found.pointers), ["plain/.git", "sub/.git"]);
        assert!(found.complete);
    }
}
