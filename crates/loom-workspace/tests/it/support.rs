//! A workspace in a temporary directory, and an independent look at its tree.

use loom_events::FileChange;
use loom_workspace::{Bounds, Edit, Fork, ForkBounds, Forks, Manifest, Store, Workspace};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

pub(crate) struct Place {
    dir: tempfile::TempDir,
    path: PathBuf,
    pub(crate) workspace: Workspace,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("workspace");
        fs::create_dir(&path).unwrap();
        let data_dir = dir.path().join("data");
        let store = Arc::new(Store::open(&data_dir).unwrap());
        let bounds = Bounds {
            data_dir,
            ..Bounds::default()
        };
        let workspace = Workspace::open(&path, &bounds, store).unwrap();
        Self {
            dir,
            path,
            workspace,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A directory beside the workspace.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        let path = self.dir.path().canonicalize().unwrap().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Writes as the user would, behind Loom's back.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path.join(name)).unwrap()
    }

    /// Records and carries out an edit; what was recorded.
    pub(crate) fn tool(&self, edit: Edit) -> Vec<FileChange> {
        let pending = self.workspace.intend(edit).unwrap();
        let recorded = pending.changes().to_vec();
        self.workspace.commit(pending).unwrap();
        recorded
    }

    /// Runs a command behind Loom's back; whether it succeeds does not matter.
    pub(crate) fn shell(&self, line: &str, arguments: &[&str]) {
        sh(&self.path, line, arguments);
    }

    /// The forks of a task.
    pub(crate) fn forks(&self) -> Forks {
        let dir = self.beside("data/tasks/1/forks");
        Forks::open(&dir, Arc::clone(self.workspace.store())).unwrap()
    }

    /// A fork of what is there now.
    pub(crate) fn fork(&self, name: &str) -> Fork {
        let base = self.workspace.take_manifest().unwrap();
        self.fork_of(name, &base)
    }

    pub(crate) fn fork_of(&self, name: &str, base: &Manifest) -> Fork {
        let forks = self.forks();
        forks
            .create(name, &self.workspace, base, &bounds())
            .unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let name = |path: &PathBuf| path.to_string_lossy().into_owned();
        tree(&self.path).keys().map(name).collect()
    }
}

pub(crate) fn bounds() -> ForkBounds {
    ForkBounds::default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "what happens behind Loom's back must not go through Loom"
)]
pub(crate) fn sh(dir: &Path, line: &str, arguments: &[&str]) -> Output {
    Command::new("sh")
        .args(["-c", line, "sh"])
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What a test compares: kind, mode and content of everything.
pub(crate) type Tree = BTreeMap<PathBuf, (char, u32, Vec<u8>)>;

pub(crate) fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let found = fs::symlink_metadata(&path).unwrap();
            let mode = found.permissions().mode() & 0o7777;
            let state = if found.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                ('l', 0, target.as_os_str().as_bytes().to_vec())
            } else if found.is_dir() {
                todo.push(path.clone());
                ('d', mode, Vec::new())
            } else if found.is_file() {
                ('f', mode, fs::read(&path).unwrap())
            } else {
                // Reading a pipe would wait for ever.
                (
                    if found.file_type().is_fifo() {
                        'p'
                    } else {
                        's'
                    },
                    mode,
                    Vec::new(),
                )
            };
            tree.insert(path.strip_prefix(root).unwrap().to_owned(), state);
        }
    }
    tree
}

/// Files as git sees them: no directories, and one bit of the mode.
pub(crate) type Files = Vec<(PathBuf, char, u32, Vec<u8>)>;

pub(crate) fn files(path: &Path) -> Files {
    let seen = |(path, (kind, mode, content))| (path, kind, mode & 0o100, content);
    let all = tree(path).into_iter().map(seen);
    all.filter(|(_, kind, ..)| *kind != 'd').collect()
}

/// Applies the patch beside a tree to it.
pub(crate) fn git_apply(copy: &Path, how: &str) {
    let file = copy.with_extension("patch");
    let line = format!("git apply --allow-empty --whitespace=nowarn {how} \"$1\"");
    let done = sh(copy, &line, &[file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "git apply {how}: {said}");
}
