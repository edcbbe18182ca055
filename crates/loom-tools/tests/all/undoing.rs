//! Whatever tools and commands did, through their own journal it can all be taken back, in whole and
//! in part.
//!
//! What a snapshot leaves out by design (pipes, git's own directories) may stay; then the plan of
//! the undo must have said so. Time stamps and the sharing of hard links are not kept.

use crate::bench::Bench;
use loom_events::FileChange;
use loom_tools::CallOutcome;
use loom_workspace::{Conflict, Workspace};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Cases of a plain test run; `PROPTEST_CASES` asks for more.
const FEW: u32 = 24;

/// What proptest takes when nobody asks for a number.
const UNASKED: u32 = 256;

/// Names that meet each other: files where directories were, directories where links were.
const NAMES: &[&str] = &[
    "a",
    "b.txt",
    "d",
    "d/x",
    "d/e",
    "d/e/y.sh",
    "sp ace",
    "grün/ü 🚀",
    "l",
    "l/x",
    "-dash",
    "q'uote",
];

/// Commands on two names, as a model would write them.
const COMMANDS: &[&str] = &[
    "echo one > {a}",
    "printf more >> {a}",
    "truncate -s 2 {a}",
    "printf '\\000\\377binary' > {a}",
    "echo same > {a}; echo same > {b}",
    "mv {a} {b}",
    "mv -T {a} {b}",
    "cp -a {a} {b}",
    "cp -a {a} {b} && rm -r {a}",
    "rm -rf {a}",
    "rm -rf {a} && mkdir -p {a} && echo in > {a}/in",
    "rm -rf {a} && echo file > {a}",
    "mkdir -p {a}",
    "mkdir -p {a}/x/y && echo deep > {a}/x/y/z",
    "mkdir -m 000 {a}",
    "chmod 600 {a}",
    "test -d {a} || chmod 4755 {a}",
    "test -d {a} && chmod 500 {a}",
    "test -d {a} || chmod 000 {a}",
    "ln -s {b} {a}",
    "ln -sfn nowhere {a}",
    "ln -s .. {a}",
    "ln {a} {b}",
    "touch -d 2001-01-01 {a}",
    "sed -i s/o/0/ {a}",
    "tar cf {b} {a}",
    "mkdir -p {b} && tar cf - {a} | tar xf - -C {b}",
    "echo x > {a}$'\\377'",
    "mv {a} {a}$'\\303('",
    "test -e {a}$'\\377' && mv {a}$'\\377' {b}",
    // From here on what a snapshot leaves out.
    "mkfifo {a}",
    "rm -rf {a} && mkfifo {a}",
    "git init -q {a}",
    "cd {a} && git init -q . && git add -A && git -c user.name=x -c user.email=x@x commit -qm x",
];

/// Commands from this one on make what a snapshot leaves out.
const LEFT_OUT: usize = 30;

#[derive(Clone, Debug)]
enum Act {
    Write(usize, u8),
    Edit(usize),
    Delete(usize),
    Move(usize, usize),
    Command(usize, usize, usize),
}

fn acts(most: usize) -> impl Strategy<Value = Vec<Act>> {
    let name = || 0..NAMES.len();
    let act = prop_oneof![
        3 => (name(), any::<u8>()).prop_map(|(name, byte)| Act::Write(name, byte)),
        1 => name().prop_map(Act::Edit),
        1 => name().prop_map(Act::Delete),
        2 => (name(), name()).prop_map(|(from, to)| Act::Move(from, to)),
        6 => (0..COMMANDS.len(), name(), name()).prop_map(|(line, a, b)| Act::Command(line, a, b)),
    ];
    proptest::collection::vec(act, 1..most)
}

fn quoted(name: &str) -> String {
    let name = name.replace('\'', r"'\''");
    format!("./'{name}'")
}

/// Does it as a model would that reads before it writes, and has a human who agrees to everything.
async fn play(bench: &Bench, acts: &[Act]) {
    for act in acts {
        let path = |name: &usize| NAMES[*name];
        match act {
            Act::Write(name, byte) => {
                let text = char::from(b'a' + byte % 26)
                    .to_string()
                    .repeat(usize::from(*byte));
                call(bench, "read_file", json!({"path": path(name)})).await;
                let arguments = json!({"path": path(name), "content": text});
                call(bench, "write_file", arguments).await;
            }
            Act::Edit(name) => {
                let read = call(bench, "read_file", json!({"path": path(name)})).await;
                let hash = read.lines().next().and_then(|line| line.rsplit(' ').next());
                let arguments = json!({"path": path(name), "hash": hash.unwrap_or_default(),
                    "start_line": 1, "end_line": 0, "new_text": "edited"});
                call(bench, "edit_file", arguments).await;
            }
            Act::Delete(name) => {
                let arguments = json!({"path": path(name), "recursive": true});
                call(bench, "delete_file", arguments).await;
            }
            Act::Move(from, to) => {
                let arguments = json!({"from": path(from), "to": path(to)});
                call(bench, "move_file", arguments).await;
            }
            Act::Command(line, a, b) => {
                let line = COMMANDS[*line];
                let line = line.replace("{a}", &quoted(path(a)));
                let line = line.replace("{b}", &quoted(path(b)));
                call(bench, "shell_execute", json!({"command": line})).await;
            }
        }
    }
}

/// The text of the answer; what makes no sense is refused and changes nothing.
async fn call(bench: &Bench, name: &str, arguments: Value) -> String {
    let outcome = match bench.call(name, arguments.clone()).await {
        CallOutcome::Held(held) => bench.granted(name, arguments, Some(&held.digest)).await,
        other => other,
    };
    match outcome {
        CallOutcome::Done(output) => output.text,
        CallOutcome::Refused(refusal) => refusal.message,
        CallOutcome::Held(held) => panic!("held although it was granted: {}", held.reason),
    }
}

/// Kind, mode and content of everything but pipes and git's own directories.
pub(crate) type Tree = BTreeMap<PathBuf, (char, u32, Vec<u8>)>;

pub(crate) fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        // Closed to us, for whoever is not root.
        let Ok(entries) = std::fs::read_dir(&dir) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let Ok(found) = std::fs::symlink_metadata(&path) else {
                continue;
            };
            let mode = found.permissions().mode() & 0o7777;
            let state = if found.is_symlink() {
                let target = std::fs::read_link(&path).unwrap();
                ('l', 0, target.as_os_str().as_bytes().to_vec())
            } else if found.is_dir() {
                if path.ends_with(".git") {
                    continue;
                }
                todo.push(path.clone());
                ('d', mode, Vec::new())
            } else if found.file_type().is_fifo() {
                continue;
            } else {
                ('f', mode, std::fs::read(&path).unwrap_or_default())
            };
            tree.insert(path.strip_prefix(root).unwrap().to_owned(), state);
        }
    }
    tree
}

/// A path as it is recorded: what is no UTF-8 is written as characters of a private range.
fn as_recorded(path: &Path) -> PathBuf {
    let escaped = |byte: &u8| char::from_u32(0xEF00 + u32::from(*byte)).unwrap();
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(escaped));
    }
    text.into()
}

/// Differences that no conflict has announced.
fn silent(wanted: &Tree, found: &Tree, conflicts: &[Conflict]) -> Vec<PathBuf> {
    let announced = |path: &Path| {
        conflicts
            .iter()
            .any(|conflict| as_recorded(path).starts_with(&conflict.path))
    };
    let differ = |path: &&PathBuf| wanted.get(*path) != found.get(*path);
    let paths = wanted.keys().chain(found.keys());
    paths
        .filter(differ)
        .filter(|path| !announced(path))
        .cloned()
        .collect()
}

fn undo(workspace: &Workspace, changes: &[FileChange]) -> (Vec<FileChange>, Vec<Conflict>) {
    let plan = workspace.undo_plan(changes).unwrap();
    let conflicts = plan.conflicts().to_vec();
    (workspace.undo(&plan).unwrap(), conflicts)
}

/// A part of what was recorded: the first changes, or those of one path.
fn part(recorded: &[FileChange], at: usize) -> Vec<FileChange> {
    let Some(one) = recorded.get(at % recorded.len().max(1)) else {
        return Vec::new();
    };
    let touches = |change: &&FileChange| {
        change.path == one.path || change.new_path.as_ref() == Some(&one.path)
    };
    match at % 2 {
        0 => recorded[..=at % recorded.len()].to_vec(),
        _ => recorded.iter().filter(touches).cloned().collect(),
    }
}

proptest! {
    #![proptest_config({
        let asked = ProptestConfig::default();
        let cases = if asked.cases == UNASKED { FEW } else { asked.cases };
        ProptestConfig { cases, ..asked }
    })]

    #[test]
    fn everything_that_is_recorded_can_be_taken_back(
        before in acts(8),
        acts in acts(12),
        at in any::<usize>(),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let bench = Bench::new(&[]);
        let root = bench.path("");
        let plain = |act: &Act| !matches!(act, Act::Command(line, ..) if *line >= LEFT_OUT);
        let plain = before.iter().chain(&acts).all(plain);
        runtime.block_on(play(&bench, &before));
        bench.recorder.take();
        let original = tree(&root);
        let manifest = bench.workspace.take_manifest().unwrap();

        runtime.block_on(play(&bench, &acts));
        let recorded = bench.recorder.all();
        let changed = tree(&root);

        // A part of it, and back.
        let (undone, _) = undo(&bench.workspace, &part(&recorded, at));
        let (_, conflicts) = undo(&bench.workspace, &undone);
        prop_assert_eq!(silent(&changed, &tree(&root), &conflicts), Vec::<PathBuf>::new(), "undo of a part's undo");
        prop_assert!(!plain || conflicts.is_empty(), "{:?}", conflicts);

        // All of it, and back.
        let (undone, conflicts) = undo(&bench.workspace, &recorded);
        prop_assert_eq!(silent(&original, &tree(&root), &conflicts), Vec::<PathBuf>::new(), "undo of {:#?}", recorded);
        prop_assert!(!plain || conflicts.is_empty(), "{:?}", conflicts);
        let (_, mut more) = undo(&bench.workspace, &undone);
        more.extend(conflicts);
        prop_assert_eq!(silent(&changed, &tree(&root), &more), Vec::<PathBuf>::new(), "undo of the undo");

        // Without a look at what was recorded.
        bench.workspace.restore(&manifest).unwrap();
        let left = bench.workspace.take_manifest().unwrap();
        let kept: Vec<&str> = left
            .left_out()
            .iter()
            .map(|left| left.path.as_str())
            .collect();
        let found = tree(&root);
        let differ = silent(&original, &found, &[]);
        // A new directory stays when it holds something that was left out.
        let holds = |dir: &PathBuf| kept.iter().any(|left| Path::new(left).starts_with(as_recorded(dir)));
        let unexplained: Vec<_> = differ.iter().filter(|path| !holds(path)).collect();
        prop_assert!(unexplained.is_empty(), "restore: {:?}", unexplained);
    }
}
