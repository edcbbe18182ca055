//! Edits by file tools, manifests and listings, as their callers see them.

use crate::support::{Place, tree};
use loom_events::{FileKind, Operation};
use loom_workspace::{Applied, Edit, FsError, WhyLeftOut, applied};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn write(path: &str, content: &str) -> Edit {
    Edit::Write {
        path: path.into(),
        bytes: content.into(),
    }
}

fn delete(path: &str) -> Edit {
    Edit::Delete {
        path: path.into(),
        recursive: true,
    }
}

fn rename(from: &str, to: &str) -> Edit {
    Edit::Rename {
        from: from.into(),
        to: to.into(),
    }
}

#[test]
fn an_intent_changes_nothing_and_a_commit_everything() {
    let place = Place::new();
    place.write("a", "one\ntwo\n");
    let before = tree(place.path());
    let pending = place
        .workspace
        .intend(write("a", "one\n2\nthree\n"))
        .unwrap();
    assert_eq!(tree(place.path()), before);
    let change = pending.changes()[0].clone();
    assert_eq!(change.operation, Operation::Modify);
    assert_eq!((change.lines.added, change.lines.removed), (2, 1));
    let kept = change.before.as_ref().unwrap().digest.as_ref().unwrap();
    assert_eq!(place.workspace.store().get(kept).unwrap(), b"one\ntwo\n");
    assert_eq!(applied(&place.workspace, &change).unwrap(), Applied::No);
    place.workspace.commit(pending).unwrap();
    assert_eq!(applied(&place.workspace, &change).unwrap(), Applied::Yes);
    place.write("a", "user");
    assert_eq!(
        applied(&place.workspace, &change).unwrap(),
        Applied::Neither
    );
}

#[test]
fn a_commit_does_nothing_when_the_file_changed_since_the_intent() {
    let place = Place::new();
    place.write("a", "before");
    place.write("dir/x", "x");
    for edit in [
        write("a", "tool"),
        delete("a"),
        rename("a", "b"),
        write("new", "tool"),
    ] {
        place.write("a", "before");
        let pending = place.workspace.intend(edit).unwrap();
        place.write("a", "user");
        place.write("new", "user");
        let before = tree(place.path());
        let done = place.workspace.commit(pending);
        assert!(
            matches!(done, Err(FsError::ChangedMeanwhile { .. })),
            "{done:?}"
        );
        assert_eq!(tree(place.path()), before);
        fs::remove_file(place.path().join("new")).unwrap();
    }
}

#[test]
fn a_write_keeps_the_mode_and_breaks_a_hard_link() {
    let place = Place::new();
    place.write("a", "before");
    fs::set_permissions(place.path().join("a"), fs::Permissions::from_mode(0o751)).unwrap();
    fs::hard_link(place.path().join("a"), place.beside("out").join("link")).unwrap();
    place.tool(write("a", "after"));
    let found = fs::metadata(place.path().join("a")).unwrap();
    assert_eq!((found.mode() & 0o7777, found.nlink()), (0o751, 1));
    assert_eq!(
        fs::read_to_string(place.beside("out").join("link")).unwrap(),
        "before"
    );
}

#[test]
fn a_write_of_what_is_there_is_no_change() {
    let place = Place::new();
    place.write("a", "same");
    assert_eq!(place.tool(write("a", "same")), []);
}

#[test]
fn writing_through_a_link_inside_is_recorded_at_the_file() {
    let place = Place::new();
    place.write("real/f", "before");
    place.shell("ln -s real link; ln -s real/f short", &[]);
    for path in ["link/f", "short", "real/../link/f"] {
        let recorded = place.tool(write(path, path));
        assert_eq!(recorded[0].path, "real/f");
    }
    assert!(
        fs::symlink_metadata(place.path().join("short"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn a_rename_replaces_nothing_and_a_directory_moves_as_one() {
    let place = Place::new();
    place.write("d/a", "a");
    place.write("d/sub/b", "b");
    place.write("there", "t");
    let refused = place.workspace.intend(rename("d", "there"));
    assert!(matches!(refused, Err(FsError::Exists { .. })));
    assert!(place.workspace.intend(rename("d", "d/inner")).is_err());
    let inode = fs::metadata(place.path().join("d/a")).unwrap().ino();
    let recorded = place.tool(rename("d", "new/d"));
    assert_eq!(
        place.names(),
        [
            "new",
            "new/d",
            "new/d/a",
            "new/d/sub",
            "new/d/sub/b",
            "there"
        ]
    );
    assert_eq!(
        fs::metadata(place.path().join("new/d/a")).unwrap().ino(),
        inode
    );
    for change in &recorded {
        assert_eq!(
            applied(&place.workspace, change).unwrap(),
            Applied::Yes,
            "{change:?}"
        );
    }
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    place.workspace.undo(&plan).unwrap();
    assert_eq!(place.names(), ["d", "d/a", "d/sub", "d/sub/b", "there"]);
}

#[test]
fn what_cannot_be_saved_is_not_removed() {
    let place = Place::new();
    place.shell("mkdir d; echo x > d/f", &[]);
    let _socket = std::os::unix::net::UnixListener::bind(place.path().join("d/socket")).unwrap();
    for path in ["d", "d/socket"] {
        let refused = place.workspace.intend(delete(path));
        assert!(
            matches!(refused, Err(FsError::CannotBeKept { .. })),
            "{refused:?}"
        );
    }
    place.shell("mkdir -p r/.git/hooks; echo x > r/.git/config", &[]);
    for edit in [delete("r"), rename("r", "r2")] {
        let refused = place.workspace.intend(edit);
        assert!(
            matches!(refused, Err(FsError::Protected { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn an_approved_edit_passes_where_a_human_may_decide() {
    let place = Place::new();
    let asked = place.workspace.intend(write(".envrc", "x"));
    assert!(matches!(asked, Err(FsError::NeedsApproval { .. })));
    let pending = place
        .workspace
        .intend_approved(write(".envrc", "x"))
        .unwrap();
    place.workspace.commit(pending).unwrap();
    assert_eq!(place.read(".envrc"), "x");
    let refused = place.workspace.intend_approved(write(".git/config", "x"));
    assert!(matches!(refused, Err(FsError::Protected { .. })));
}

#[test]
fn a_directory_that_is_not_empty_goes_only_when_that_was_meant() {
    let place = Place::new();
    place.write("d/f", "x");
    let shallow = |path: &str| Edit::Delete {
        path: path.into(),
        recursive: false,
    };
    let refused = place.workspace.intend(shallow("d"));
    assert!(matches!(refused, Err(FsError::NotEmpty { .. })));
    place.tool(delete("d"));
    place.tool(Edit::MakeDir { path: "e/f".into() });
    place.tool(shallow("e/f"));
    assert_eq!(place.names(), ["e"]);
}

#[test]
fn a_change_within_the_tick_of_the_clock_is_seen() {
    let place = Place::new();
    for round in 0..50 {
        place.write("f", format!("{round:04}"));
        let before = place.workspace.take_manifest().unwrap();
        place.write("f", format!("{:04}", round + 5000));
        let (_, changes) = place.workspace.changes_since(&before).unwrap();
        assert_eq!(changes.len(), 1, "round {round}");
    }
}

#[test]
fn a_change_that_sets_the_time_back_is_seen() {
    let place = Place::new();
    place.shell("echo aaa > f; touch -d 2001-01-01 f", &[]);
    let before = place.workspace.take_manifest().unwrap();
    place.shell("echo bbb > f; touch -d 2001-01-01 f", &[]);
    assert_eq!(place.workspace.changes_since(&before).unwrap().1.len(), 1);
}

#[test]
fn derived_trees_are_left_out_and_named_but_sources_with_such_names_are_not() {
    let place = Place::new();
    place.shell(
        "mkdir -p rust/target rust/src/target node_modules/x .git/hooks env/bin cache; \
         touch rust/Cargo.toml rust/target/bin rust/src/target/mod.rs node_modules/x/y .git/config \
         env/pyvenv.cfg cache/CACHEDIR.TAG; mkfifo pipe",
        &[],
    );
    let manifest = place.workspace.take_manifest().unwrap();
    let left: Vec<_> = manifest
        .left_out()
        .iter()
        .map(|l| (l.path.as_str(), l.why))
        .collect();
    assert_eq!(
        left,
        [
            (".git", WhyLeftOut::Git),
            ("env", WhyLeftOut::Derived),
            ("node_modules", WhyLeftOut::Derived),
            ("rust/target", WhyLeftOut::Derived),
        ]
    );
    assert!(manifest.state("pipe").is_some(), "it can be made again");
    assert!(manifest.state("rust/src/target/mod.rs").is_some());
    assert!(
        manifest.state("cache/CACHEDIR.TAG").is_some(),
        "an empty mark marks nothing"
    );
}

#[test]
fn a_command_cannot_hide_its_changes_behind_a_cache_mark() {
    let place = Place::new();
    place.write("src/main.rs", "fn main() {}");
    let before = place.workspace.take_manifest().unwrap();
    place.shell(
        "echo 'Signature: 8a477f597d28d172789f06886806bc55' > src/CACHEDIR.TAG; echo bad > src/main.rs",
        &[],
    );
    let (_, changes) = place.workspace.changes_since(&before).unwrap();
    let paths: Vec<_> = changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["src/CACHEDIR.TAG", "src/main.rs"]);
    place.workspace.restore(&before).unwrap();
    assert_eq!(place.read("src/main.rs"), "fn main() {}");
}

#[test]
fn moved_files_are_found_as_renames() {
    let place = Place::new();
    place.write("old/a", "content of a");
    place.write("old/b", "content of b");
    let before = place.workspace.take_manifest().unwrap();
    place.shell("mv old new; chmod 600 new/a", &[]);
    let (_, changes) = place.workspace.changes_since(&before).unwrap();
    let renamed: Vec<_> = changes
        .iter()
        .filter(|c| c.operation == Operation::Rename)
        .map(|c| (c.path.as_str(), c.new_path.as_deref().unwrap()))
        .collect();
    assert_eq!(renamed, [("old/b", "new/b"), ("old/a", "new/a")]);
    assert_eq!(changes.len(), 4, "and a directory made, and one removed");
}

#[test]
fn a_large_change_is_restored_in_one_go() {
    let place = Place::new();
    place.shell("for i in $(seq 600); do echo $i > f$i; done", &[]);
    let before = place.workspace.take_manifest().unwrap();
    let original = tree(place.path());
    place.shell("rm f*; mkdir f1; echo x > f1/y", &[]);
    let changes = place.workspace.restore(&before).unwrap();
    assert_eq!(changes.len(), 601);
    assert_eq!(tree(place.path()), original);
}

#[test]
fn leftovers_of_a_crash_are_removed_and_never_recorded() {
    let place = Place::new();
    place.write("d/.loom-tmp-0123456789abcdef", "half");
    place.write(".loom-tmp-of-the-user", "mine");
    let manifest = place.workspace.take_manifest().unwrap();
    assert_eq!(manifest.entries().count(), 2);
    assert_eq!(place.workspace.remove_leftovers().unwrap(), 1);
    assert_eq!(place.names(), [".loom-tmp-of-the-user", "d"]);
}

#[test]
fn a_listing_ignores_what_git_ignores() {
    let place = Place::new();
    place.shell(
        "mkdir -p .git/info src/deep/deeper build; echo secret > .git/info/exclude; \
         printf 'build/\\n*.log\\n!keep.log\\n' > .gitignore; echo '/local' > src/.gitignore; \
         touch a.log keep.log build/x secret src/local src/a.log src/deep/local src/deep/deeper/f .hidden; \
         ln -s / root",
        &[],
    );
    let list = |path: &str, depth| -> Vec<String> {
        let entries = place.workspace.list(path, depth).unwrap();
        entries.into_iter().map(|entry| entry.path).collect()
    };
    let all = [
        ".gitignore",
        ".hidden",
        "keep.log",
        "root",
        "src",
        "src/.gitignore",
        "src/deep",
        "src/deep/deeper",
        "src/deep/deeper/f",
        "src/deep/local",
    ];
    assert_eq!(list(".", 9), all);
    assert_eq!(
        list(".", 1),
        [".gitignore", ".hidden", "keep.log", "root", "src"]
    );
    assert_eq!(list("src/deep", 1), ["src/deep/deeper", "src/deep/local"]);
    assert_eq!(list("build", 1), ["build/x"], "what is asked for is shown");
    let kinds = place.workspace.list(".", 1).unwrap();
    assert_eq!(kinds[3].kind, FileKind::Symlink);
    assert!(place.workspace.list("a.log", 1).is_err());
    assert!(place.workspace.list("root", 1).is_err());
}
