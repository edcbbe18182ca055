//! Whatever tools and shell commands did: it is recorded, and it can all be taken back and brought
//! again.

use crate::support::{Place, Tree, tree};
use loom_events::FileChange;
use loom_workspace::{Edit, Manifest};
use proptest::prelude::*;

/// Names that meet each other: files where directories were, directories where links were.
const NAMES: &[&str] = &[
    "a", "b", "d", "d/x", "d/e", "d/e/y", "sp ace", "grün", "l/x",
];

#[derive(Clone, Debug)]
enum Act {
    Write(usize, u8),
    Delete(usize),
    Rename(usize, usize),
    MakeDir(usize),
    Shell(usize, usize, usize),
}

/// Shell commands on two names, as a model would write them.
const COMMANDS: &[&str] = &[
    "echo one > \"$1\"",
    "echo more >> \"$1\"",
    "printf '\\000\\377binary' > \"$1\"",
    ": > \"$1\"",
    "rm -rf \"$1\"",
    "mv \"$1\" \"$2\"",
    "cp -r \"$1\" \"$2\"",
    "mkdir -p \"$1\"",
    "rmdir \"$1\"",
    "ln -s \"$1\" l",
    "ln -s nowhere \"$1\"",
    "ln \"$1\" \"$2\"",
    "chmod 700 \"$1\"",
    "test -d \"$1\" || chmod 604 \"$1\"",
    "test -d \"$1\" && chmod 500 \"$1\"",
    "touch -d 2001-01-01 \"$1\"",
    "echo x > \"$(printf 'n\\377')\"",
    "sed -i s/o/0/ \"$1\"",
];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let name = || 0..NAMES.len();
    let act = prop_oneof![
        2 => (name(), any::<u8>()).prop_map(|(name, byte)| Act::Write(name, byte)),
        1 => name().prop_map(Act::Delete),
        2 => (name(), name()).prop_map(|(from, to)| Act::Rename(from, to)),
        1 => name().prop_map(Act::MakeDir),
        4 => (0..COMMANDS.len(), name(), name()).prop_map(|(line, a, b)| Act::Shell(line, a, b)),
    ];
    proptest::collection::vec(act, 1..12)
}

/// Does it as the engine would: before a tool's change it is recorded, after a command the tree is
/// compared. Edits that make no sense are refused and change nothing.
fn play(place: &Place, acts: &[Act]) -> Vec<FileChange> {
    let mut recorded = Vec::new();
    for act in acts {
        let path = |name: &usize| NAMES[*name].to_owned();
        let edit = match act {
            Act::Shell(line, a, b) => {
                let before: Manifest = place.workspace.take_manifest().unwrap();
                place.shell(COMMANDS[*line], &[NAMES[*a], NAMES[*b]]);
                recorded.extend(place.workspace.changes_since(&before).unwrap().1);
                continue;
            }
            Act::Write(name, byte) => Edit::Write {
                path: path(name),
                bytes: vec![*byte; usize::from(*byte)],
            },
            Act::Delete(name) => Edit::Delete {
                path: path(name),
                recursive: true,
            },
            Act::Rename(from, to) => Edit::Rename {
                from: path(from),
                to: path(to),
            },
            Act::MakeDir(name) => Edit::MakeDir { path: path(name) },
        };
        if let Ok(pending) = place.workspace.intend(edit) {
            recorded.extend_from_slice(pending.changes());
            // It fails in a directory that a command closed; what was recorded and not done is
            // no obstacle to an undo.
            place.workspace.commit(pending).ok();
        }
    }
    recorded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn everything_can_be_taken_back_and_brought_again(before in acts(), acts in acts()) {
        let place = Place::new();
        play(&place, &before);
        let original: Tree = tree(place.path());
        let manifest = place.workspace.take_manifest().unwrap();

        let recorded = play(&place, &acts);
        let changed = tree(place.path());

        let plan = place.workspace.undo_plan(&recorded).unwrap();
        prop_assert_eq!(plan.conflicts(), &[]);
        let undone = place.workspace.undo(&plan).unwrap();
        prop_assert_eq!(&tree(place.path()), &original, "undo of {:?}", recorded);

        let plan = place.workspace.undo_plan(&undone).unwrap();
        prop_assert_eq!(plan.conflicts(), &[]);
        place.workspace.undo(&plan).unwrap();
        prop_assert_eq!(&tree(place.path()), &changed, "undo of the undo");

        let saved = place.workspace.save_manifest(&manifest);
        let loaded = place.workspace.load_manifest(&saved).unwrap();
        place.workspace.restore(&loaded).unwrap();
        prop_assert_eq!(&tree(place.path()), &original, "restore");
        prop_assert_eq!(place.workspace.tree_hash().unwrap(), manifest.root().clone());
    }
}

#[test]
fn a_file_that_the_user_changed_since_is_left_alone() {
    let place = Place::new();
    place.write("kept", "before");
    place.write("other", "before");
    let mut recorded = place.tool(Edit::Write {
        path: "kept".into(),
        bytes: b"tool".to_vec(),
    });
    recorded.extend(place.tool(Edit::Write {
        path: "other".into(),
        bytes: b"tool".to_vec(),
    }));
    place.write("kept", "user");

    let plan = place.workspace.undo_plan(&recorded).unwrap();
    let conflicts: Vec<_> = plan.conflicts().iter().map(|c| c.path.as_str()).collect();
    assert_eq!(conflicts, ["kept"]);
    place.workspace.undo(&plan).unwrap();
    assert_eq!(place.read("kept"), "user");
    assert_eq!(place.read("other"), "before");
}

#[test]
fn a_file_that_changes_between_plan_and_undo_stops_the_undo() {
    let place = Place::new();
    let recorded = place.tool(Edit::Write {
        path: "a".into(),
        bytes: b"tool".to_vec(),
    });
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    place.write("a", "user");
    assert!(place.workspace.undo(&plan).is_err());
    assert_eq!(place.read("a"), "user");
}

#[test]
fn a_new_directory_in_which_the_user_put_something_stays() {
    let place = Place::new();
    let recorded = place.tool(Edit::Write {
        path: "new/deep/file".into(),
        bytes: b"tool".to_vec(),
    });
    assert_eq!(recorded.len(), 3, "two directories and a file");
    place.write("new/mine", "user");

    let plan = place.workspace.undo_plan(&recorded).unwrap();
    assert_eq!(plan.conflicts().len(), 1);
    place.workspace.undo(&plan).unwrap();
    assert_eq!(place.names(), ["new", "new/mine"]);
}

#[test]
fn an_undo_that_was_done_already_does_nothing() {
    let place = Place::new();
    let recorded = place.tool(Edit::Write {
        path: "a".into(),
        bytes: b"tool".to_vec(),
    });
    for expected in [1, 0] {
        let plan = place.workspace.undo_plan(&recorded).unwrap();
        assert_eq!(place.workspace.undo(&plan).unwrap().len(), expected);
    }
}

#[test]
fn a_deleted_file_comes_back_also_when_its_directory_went_since() {
    let place = Place::new();
    place.write("dir/file", "content");
    let recorded = place.tool(Edit::Delete {
        path: "dir/file".into(),
        recursive: false,
    });
    place.shell("rmdir dir", &[]);
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    place.workspace.undo(&plan).unwrap();
    assert_eq!(place.read("dir/file"), "content");
}

#[test]
fn some_paths_are_put_back_with_their_mode_and_nothing_else_is_touched() {
    let place = Place::new();
    place.write("tests/run.sh", "exit 1");
    place.shell("chmod 755 tests/run.sh", &[]);
    let before = place.workspace.take_manifest().unwrap();
    place.shell("rm -r tests", &[]);
    place.write("work", "done");
    place.write("conftest.py", "new");

    let paths = ["tests/run.sh", "conftest.py"];
    let wanted = paths.map(|path| (path.to_owned(), before.state(path).cloned()));
    place.workspace.restore_paths(&wanted.into()).unwrap();

    assert_eq!(place.read("tests/run.sh"), "exit 1");
    assert_eq!(
        place.workspace.state("tests/run.sh").unwrap(),
        before.state("tests/run.sh").cloned()
    );
    assert_eq!(place.workspace.state("conftest.py").unwrap(), None);
    assert_eq!(place.read("work"), "done");
}

#[test]
fn a_directory_that_a_command_closed_is_opened_again() {
    let place = Place::new();
    place.write("a/b/f", "before");
    place.write("g", "before");
    let original = tree(place.path());
    let before = place.workspace.take_manifest().unwrap();
    let close = "echo after > a/b/f; echo new > a/new; chmod 000 a/b; chmod 200 a";

    place.shell("chmod 000 g", &[]);
    place.shell(close, &[]);
    place.workspace.restore(&before).unwrap();
    assert_eq!(tree(place.path()), original);

    // What hides behind a closed directory is seen once that is open: each undo opens a level.
    place.shell(close, &[]);
    let mut recorded = place.workspace.changes_since(&before).unwrap().1;
    for _ in 0..3 {
        let plan = place.workspace.undo_plan(&recorded).unwrap();
        place.workspace.undo(&plan).unwrap();
        recorded = place.workspace.changes_since(&before).unwrap().1;
    }
    assert_eq!(tree(place.path()), original);
}

#[test]
fn a_change_that_was_recorded_and_not_carried_out_is_no_obstacle() {
    let place = Place::new();
    let mut recorded = place.tool(Edit::Write {
        path: "a".into(),
        bytes: b"tool".to_vec(),
    });
    let never_done = place.workspace.intend(Edit::Rename {
        from: "a".into(),
        to: "b".into(),
    });
    recorded.extend_from_slice(never_done.unwrap().changes());
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    assert_eq!(plan.conflicts(), []);
    place.workspace.undo(&plan).unwrap();
    assert!(place.names().is_empty());
}

/// A revert of one path does not know of what was put into the directory that is there now.
#[test]
fn a_directory_in_the_place_of_a_file_stays_while_something_is_in_it() {
    let place = Place::new();
    place.write("x", "file");
    let before = place.workspace.take_manifest().unwrap();
    place.shell("rm x; mkdir x; echo in > x/in", &[]);
    let recorded = place.workspace.changes_since(&before).unwrap().1;
    let of_path: Vec<FileChange> = recorded.iter().filter(|c| c.path == "x").cloned().collect();

    let plan = place.workspace.undo_plan(&of_path).unwrap();
    assert_eq!(plan.conflicts().len(), 1);
    place.workspace.undo(&plan).unwrap();
    assert_eq!(place.read("x/in"), "in\n");

    let plan = place.workspace.undo_plan(&recorded).unwrap();
    assert_eq!(plan.conflicts(), []);
    place.workspace.undo(&plan).unwrap();
    assert_eq!(place.read("x"), "file");
}

#[test]
fn a_pipe_where_a_file_was_gives_way_to_a_restore() {
    let place = Place::new();
    place.write("x", "file");
    place.write("d/y", "file");
    let original = tree(place.path());
    let before = place.workspace.take_manifest().unwrap();
    place.shell("rm x; mkfifo x; rm -r d; mkfifo d", &[]);
    place.workspace.restore(&before).unwrap();
    assert_eq!(tree(place.path()), original);
}
