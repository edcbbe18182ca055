//! A task that changes files in every way, and what must hold of it whenever it is killed.

use crate::support::{Place, Ran, Server};
use loom_events::Digest;
use loom_workspace::Store;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files are written new, edited, emptied, deleted with their directory and moved with it by tools;
/// then a command creates, extends, renames, removes, links and closes.
const PLAYBOOK: &str = r#"
name: everything that can happen to a file
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: change-all
        title: Change all kinds of files
        description: Change files in every way.
        criteria: ["made.txt says hello."]
        checks: [{kind: file_contains, path: made.txt, regex: hello}]
- when: {role: executor, turn: 0}
  reply:
    calls:
    - {name: write_file, arguments: {path: src/new/deep.rs, content: "fn deep() {}\n"}}
    - {name: read_file, arguments: {path: edit.txt}}
    - {name: edit_file, arguments: {path: edit.txt, old_text: "two", new_text: "2"}}
- when: {role: executor, turn: 1}
  reply:
    calls:
    - {name: delete_file, arguments: {path: gone, recursive: true}}
    - {name: move_file, arguments: {from: old, to: moved/new}}
    - {name: write_file, arguments: {path: empty.txt, content: "filled\n"}}
- when: {role: executor, turn: 2}
  reply:
    calls:
    - name: shell_execute
      arguments:
        command: "echo hello > made.txt; echo more >> log.txt; mv from.txt to.txt; rm dead.txt; mkdir -p box/in; ln -s edit.txt box/link; chmod 755 script.sh; rm -r tree; echo file > tree"
- when: {role: executor}
  reply: {text: "made.txt says hello."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: made.txt says hello, verdict: met, quote: hello, why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: hello, why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: hello, why: as asked}
- when: {role: extractor}
  reply: {json: {summary: changed files, entries: []}}
"#;

/// What the command touches: it may be half done when everything is killed.
const BY_COMMAND: &[&str] = &[
    "made.txt",
    "log.txt",
    "from.txt",
    "to.txt",
    "dead.txt",
    "box",
    "script.sh",
    "tree",
];

/// What Loom's own temporary files are called.
const TEMPORARY: &str = ".loom-tmp-";

/// Kind, mode and content of everything.
pub(super) type Tree = BTreeMap<PathBuf, (char, u32, Vec<u8>)>;

pub(super) struct Story {
    place: Place,
    server: Server,
    pub(super) start: Tree,
}

impl Story {
    pub(super) fn new() -> Self {
        let place = Place::new();
        let work = place.path("work");
        fs::create_dir_all(work.join("gone/sub")).unwrap();
        fs::create_dir_all(work.join("old/sub")).unwrap();
        fs::create_dir_all(work.join("tree/sub")).unwrap();
        for (name, text, mode) in [
            ("edit.txt", "one\ntwo\nthree\n", 0o640),
            ("empty.txt", "", 0o644),
            ("gone/a.txt", "a\n", 0o600),
            ("gone/run.sh", "#!/bin/sh\n", 0o755),
            ("gone/sub/b.txt", "b\n", 0o644),
            ("old/c.txt", "c\n", 0o644),
            ("old/sub/d.txt", "d\n", 0o644),
            ("log.txt", "first\n", 0o644),
            ("from.txt", "moved\n", 0o644),
            ("dead.txt", "dead\n", 0o644),
            ("script.sh", "#!/bin/sh\n", 0o644),
            ("tree/sub/e.txt", "e\n", 0o644),
            ("kept.txt", "kept\n", 0o644),
        ] {
            fs::write(work.join(name), text).unwrap();
            fs::set_permissions(work.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(work.join("gone/sub"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("a.txt", work.join("gone/link")).unwrap();
        Self {
            start: tree(&work),
            server: Server::start(PLAYBOOK),
            place,
        }
    }

    pub(super) fn log(&self) -> PathBuf {
        self.place.path("strace.log")
    }

    pub(super) fn tree(&self) -> Tree {
        tree(&self.place.path("work"))
    }

    pub(super) fn run(&self) -> Command {
        let url = &self.server.url;
        self.place.command(&[
            "run",
            "change files in every way",
            "--json",
            "--server",
            url,
        ])
    }

    pub(super) fn resume(&self, task: &str) -> Command {
        let url = &self.server.url;
        self.place
            .command(&["resume", task, "--json", "--server", url])
    }

    pub(super) fn revert(&self, task: &str, more: &[&str]) -> Command {
        let arguments: Vec<&str> = ["revert", task].iter().chain(more).copied().collect();
        self.place.command(&arguments)
    }

    /// The task, if one was begun, and whether it has ended.
    pub(super) fn task(&self) -> Option<(String, bool)> {
        let listed = self.place.loom(&["list", "--json"]);
        assert_eq!(listed.code, 0, "{listed:?}");
        let row: Value = serde_json::from_str(listed.out.lines().next()?).unwrap();
        let status = row["status"].as_str().unwrap();
        let ended = matches!(status, "completed" | "failed" | "cancelled");
        Some((row["task_id"].as_str().unwrap().to_owned(), ended))
    }

    pub(super) fn replays(&self, task: &str) -> Ran {
        self.place.loom(&["replay", task, "--check"])
    }

    /// The tree without what Loom was just writing; a next start removes that.
    pub(super) fn tree_without_temporary(&self) -> Tree {
        let mut tree = self.tree();
        tree.retain(|path, _| {
            let name = path.file_name().unwrap_or_default();
            !name.to_string_lossy().starts_with(TEMPORARY)
        });
        tree
    }

    /// Files that are neither as they were nor as they become, right after a kill.
    pub(super) fn mixed(&self, end: &Tree) -> Vec<String> {
        let by_command = |path: &Path| BY_COMMAND.iter().any(|name| path.starts_with(name));
        self.tree_without_temporary()
            .into_iter()
            .filter(|(path, (kind, ..))| *kind != 'd' && !by_command(path))
            .filter(|(path, now)| self.start.get(path) != Some(now) && end.get(path) != Some(now))
            .map(|(path, now)| format!("{} is a mix: {now:?}", path.display()))
            .collect()
    }

    /// Snapshots that are not whole.
    pub(super) fn damaged(&self) -> Vec<String> {
        let snapshots = self.place.data_dir().join("objects");
        let Ok(fans) = fs::read_dir(snapshots.join("objects")) else {
            return Vec::new();
        };
        let store = Store::open(&snapshots).unwrap();
        let mut damaged = Vec::new();
        for fan in fans
            .map(Result::unwrap)
            .filter(|fan| fan.file_name() != "tmp")
        {
            for object in fs::read_dir(fan.path()).unwrap().map(Result::unwrap) {
                let names = [fan.file_name(), object.file_name()];
                let name: String = names.map(|n| n.into_string().unwrap()).concat();
                let digest = Digest::from_hex(&name).unwrap();
                damaged.extend(store.get(&digest).err().map(|error| error.to_string()));
            }
        }
        damaged
    }

    /// Processes of the task that are alive.
    pub(super) fn survivors(&self, task: &str) -> Vec<String> {
        let digits: String = task.chars().filter(char::is_ascii_hexdigit).collect();
        let label = format!("LOOM_RUN=loom-{}", &digits[digits.len() - 8..]);
        let Ok(processes) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        let has_label = |path: &Path| {
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&label)
        };
        processes
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| has_label(path))
            .map(|path| format!("{} is alive", path.display()))
            .collect()
    }
}

pub(super) fn tree(root: &Path) -> Tree {
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
            } else {
                ('f', mode, fs::read(&path).unwrap())
            };
            tree.insert(path.strip_prefix(root).unwrap().to_owned(), state);
        }
    }
    tree
}

/// In what two trees differ, in a few words.
pub(super) fn difference(wanted: &Tree, found: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, state) in wanted {
        match found.get(path) {
            Some(now) if now == state => {}
            Some((kind, mode, bytes)) => {
                let text = String::from_utf8_lossy(bytes);
                let path = path.display();
                lines.push(format!("{path} is {kind} {mode:o} {text:?}"));
            }
            None => lines.push(format!("{} is not there", path.display())),
        }
    }
    let new = found.keys().filter(|path| !wanted.contains_key(*path));
    lines.extend(new.map(|path| format!("{} is there", path.display())));
    lines
}
