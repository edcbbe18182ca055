//! What `diff` writes is what `git apply` takes, forwards and backwards.

use crate::support::{Files, Place, files, git_apply, sh};
use loom_events::FileChange;
use loom_workspace::{DiffStatus, Edit, FileDiff};
use std::fs;
use std::path::{Path, PathBuf};

/// Changes the workspace with a shell command; the recorded changes.
fn change(place: &Place, line: &str) -> Vec<FileChange> {
    let before = place.workspace.take_manifest().unwrap();
    let done = sh(place.path(), line, &[]);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    place.workspace.changes_since(&before).unwrap().1
}

/// Applies the patches to a copy of the tree as it was; it must become the tree as it is.
fn holds(place: &Place, copy: &Path, diffs: &[FileDiff]) {
    let patch: String = diffs.iter().map(|diff| diff.patch.as_str()).collect();
    fs::write(copy.with_extension("patch"), &patch).unwrap();
    git_apply(copy, "");
    assert_eq!(files(copy), files(place.path()), "{patch}");
}

/// Makes a tree, changes it, and checks the patches forwards and backwards.
fn check(setup: &str, line: &str) -> Vec<FileDiff> {
    let (copy, original, diffs, _place) = check_forwards(setup, line);
    git_apply(&copy, "-R");
    assert_eq!(files(&copy), original);
    diffs
}

fn check_forwards(setup: &str, line: &str) -> (PathBuf, Files, Vec<FileDiff>, Place) {
    let place = Place::new();
    assert!(sh(place.path(), setup, &[]).status.success());
    let copy = place.beside("copy");
    let original = files(place.path());
    sh(place.path(), "cp -a . \"$1\"", &[copy.to_str().unwrap()]);
    let changes = change(&place, line);
    let diffs = place.workspace.diff(&changes).unwrap();
    let recorded = place.workspace.diff_recorded(&changes).unwrap();
    assert_eq!(diffs, recorded, "nothing happened since");
    holds(&place, &copy, &diffs);
    (copy, original, diffs, place)
}

#[test]
fn a_link_that_becomes_a_file_is_patched() {
    // Forwards only: `git apply -R` does not bring the link back, of git's own patch neither.
    check_forwards("ln -s x m", "rm m; echo m > m");
}
#[test]
fn text_is_patched_with_and_without_a_last_newline() {
    check(
        "seq 30 > a; printf 'x\\ny' > b; printf 'p\\nq\\n' > c",
        "sed -i '3d;25s/5/five/' a; printf 'x\\ny\\nz' > b; printf 'p\\nq' > c",
    );
    check(
        "printf 'x' > a; printf 'x\\n' > b; : > c",
        "printf 'x\\n' > a; printf 'x' > b; printf 'x' > c",
    );
}

#[test]
fn carriage_returns_stay() {
    check(
        "printf 'a\\r\\nb\\rc\\r\\n\\r' > a",
        "printf 'a\\r\\nB\\rc\\r\\n\\r\\r' > a",
    );
}

#[test]
fn files_come_and_go_also_empty_ones() {
    let diffs = check(
        "mkdir d; echo x > d/gone; : > empty; printf x > bare",
        "rm -r d empty bare; mkdir n; echo y > n/new; : > n/none; printf z > n/bare; chmod 755 n/none",
    );
    assert!(
        diffs
            .iter()
            .any(|d| d.status == DiffStatus::Added && d.path == "n/none")
    );
    assert!(
        diffs
            .iter()
            .any(|d| d.status == DiffStatus::Deleted && d.path == "d/gone")
    );
}

#[test]
fn modes_are_patched_alone_and_with_content() {
    check(
        "echo a > a; echo b > b; echo c > c; chmod 755 c",
        "chmod 755 a; chmod 755 b; echo B > b; chmod 644 c",
    );
    let diffs = check("echo a > a", "chmod 600 a");
    assert_eq!(
        (diffs.len(), diffs[0].patch.as_str()),
        (1, ""),
        "git knows no such mode"
    );
}

#[test]
fn links_are_patched_and_files_become_links() {
    check(
        "ln -s t l; echo f > f",
        "ln -sf u l; rm f; ln -s t f; ln -s new n",
    );
}

#[test]
fn a_link_and_a_directory_take_the_place_of_each_other() {
    // Forwards only: some versions of git bring a link that was deleted back as a file.
    for (setup, line) in [
        ("ln -s t l", "rm l; mkdir l; ln -s t l/x; echo y > l/y"),
        ("mkdir l; ln -s t l/x", "rm -r l; ln -s t l"),
        ("ln -s t l", "mv l m; mkdir l; echo x > l/x"),
    ] {
        let (_, _, diffs, _place) = check_forwards(setup, line);
        assert!(diffs.iter().all(|d| d.status != DiffStatus::Renamed));
    }
    let plain = check("ln -s t l", "mv l m");
    assert_eq!(plain[0].status, DiffStatus::Renamed);
}

#[test]
fn names_of_all_kinds_are_patched() {
    check(
        "mkdir 'sp dir'; for f in 'sp ace' 'sp dir/x y' 'q\"uote' 'back\\slash' 'gr\u{fc}n' \"$(printf 'tab\\there')\" \"$(printf 'bad\\377')\" \"$(printf 'new\\nline')\" '-dash'; do echo one > \"./$f\"; done",
        "for f in 'sp ace' 'sp dir/x y' 'q\"uote' 'back\\slash' 'gr\u{fc}n' \"$(printf 'tab\\there')\" \"$(printf 'bad\\377')\" \"$(printf 'new\\nline')\" '-dash'; do echo two >> \"./$f\"; : > \"./$f.empty\"; chmod 755 \"./$f\"; done",
    );
}

#[test]
fn renames_are_renames_also_with_edits_and_odd_names() {
    let diffs = check(
        "mkdir d; seq 20 > d/old; echo x > plain",
        "mv d/old 'new name'; mv plain \"$(printf 'p\\377')\"",
    );
    assert!(
        diffs.iter().all(|d| d.status == DiffStatus::Renamed),
        "{diffs:?}"
    );

    let place = Place::new();
    place.write("a", (0..30).map(|n| format!("{n}\n")).collect::<String>());
    let copy = place.beside("copy");
    sh(place.path(), "cp -a . \"$1\"", &[copy.to_str().unwrap()]);
    let rename = |from: &str, to: &str| Edit::Rename {
        from: from.into(),
        to: to.into(),
    };
    let mut changes = place.tool(rename("a", "b"));
    changes.extend(change(&place, "sed -i s/15/fifteen/ b; chmod 755 b"));
    changes.extend(place.tool(rename("b", "sub/c")));
    let diffs = place.workspace.diff(&changes).unwrap();
    assert_eq!(diffs.len(), 1);
    assert_eq!(diffs[0].old_path.as_deref(), Some("a"));
    assert_eq!((diffs[0].added, diffs[0].removed), (1, 1));
    holds(&place, &copy, &diffs);
}

#[test]
fn binary_files_are_patched() {
    let diffs = check(
        "head -c 3000 /dev/zero > same; printf '\\000old' > mod; printf '\\000gone' > gone; printf 'text' > turns; printf '\\377latin' > latin",
        "printf '\\000new\\377' > mod; rm gone; head -c 70000 /dev/zero > fresh; printf 'te\\000xt' > turns; printf '\\376latin' > latin; mv same moved",
    );
    assert!(
        diffs
            .iter()
            .filter(|d| d.status != DiffStatus::Renamed)
            .all(|d| d.binary)
    );
}

#[test]
fn a_large_binary_file_is_marked() {
    let place = Place::new();
    let changes = change(&place, "head -c 2000000 /dev/zero > big");
    let diffs = place.workspace.diff(&changes).unwrap();
    assert!(diffs[0].binary);
    assert!(
        diffs[0]
            .patch
            .ends_with("Binary files /dev/null and b/big differ\n"),
        "{}",
        diffs[0].patch
    );
}

#[test]
fn what_comes_to_nothing_is_no_difference() {
    let place = Place::new();
    place.write("a", "x");
    let mut changes = change(&place, "echo y > a; echo n > new");
    changes.extend(change(&place, "printf x > a; rm new"));
    assert_eq!(place.workspace.diff(&changes).unwrap(), []);
}
