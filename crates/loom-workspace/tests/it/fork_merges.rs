//! Merging forks back: what both sides did is there, or nothing is done; and it can be taken back.

use crate::support::{Place, Tree, sh, tree};
use loom_workspace::{Divergence, Fork, MergeConflictKind, MergeError, MergePlan, divergence};
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn merge(place: &Place, fork: &Fork) -> MergePlan {
    let plan = fork.merge_plan(&place.workspace).unwrap();
    assert_eq!(plan.conflicts(), []);
    let done = place.workspace.merge(&plan).unwrap();
    assert_eq!(done, plan.changes());
    plan
}

fn shell_in(fork: &Fork, line: &str) {
    sh(fork.workspace().path(), line, &[]);
}

/// What a test does to a tree, behind Loom's back.
#[derive(Clone, Debug)]
enum Act {
    Write(usize, u8),
    Append(usize),
    Remove(usize),
    Rename(usize, usize),
    Mode(usize),
    Link(usize),
}

/// Each side's own names, in directories of both.
const OURS: &[&str] = &[
    "a1", "a2", "d/a1", "d/a2", "d/e/a", "a/x", "a/y/z", "d/new-a",
];
const THEIRS: &[&str] = &[
    "b1", "b2", "d/b1", "d/b2", "d/e/b", "b/x", "b/y/z", "d/new-b",
];

fn acts(names: usize) -> impl Strategy<Value = Vec<Act>> {
    let name = move || 0..names;
    let act = prop_oneof![
        4 => (name(), any::<u8>()).prop_map(|(name, byte)| Act::Write(name, byte)),
        2 => name().prop_map(Act::Append),
        3 => name().prop_map(Act::Remove),
        2 => (name(), name()).prop_map(|(from, to)| Act::Rename(from, to)),
        1 => name().prop_map(Act::Mode),
        1 => name().prop_map(Act::Link),
    ];
    proptest::collection::vec(act, 0..10)
}

/// Acts that make no sense fail and change nothing.
fn play(root: &Path, names: &[&str], acts: &[Act]) {
    for act in acts {
        let path = |name: &usize| root.join(names[*name]);
        let parents = |path: &Path| fs::create_dir_all(path.parent().unwrap()).ok();
        match act {
            Act::Write(name, byte) => {
                parents(&path(name));
                let text: String = (0..9).map(|n| format!("{} {n}\n", byte % 5)).collect();
                fs::write(path(name), text).ok();
            }
            Act::Append(name) => {
                if let Ok(text) = fs::read_to_string(path(name)) {
                    fs::write(path(name), text + "more\n").unwrap();
                }
            }
            Act::Remove(name) => {
                fs::remove_file(path(name)).ok();
            }
            Act::Rename(from, to) => {
                parents(&path(to));
                fs::rename(path(from), path(to)).ok();
            }
            Act::Mode(name) => {
                if let Ok(found) = path(name).symlink_metadata()
                    && found.is_file()
                {
                    let mode = found.permissions().mode() ^ 0o111;
                    fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
                }
            }
            Act::Link(name) => {
                parents(&path(name));
                // Nothing can be written through it.
                symlink(format!("no/where/{name}"), path(name)).ok();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn changes_in_different_places_all_arrive_and_can_be_taken_back(
        before in (acts(OURS.len()), acts(THEIRS.len())),
        ours in acts(OURS.len()),
        theirs in acts(THEIRS.len()),
    ) {
        let (place, union) = (Place::new(), Place::new());
        for at in [place.path(), union.path()] {
            play(at, OURS, &before.0);
            play(at, THEIRS, &before.1);
            play(at, OURS, &ours);
            play(at, THEIRS, &theirs);
        }
        let everything = tree(union.path());
        for entry in fs::read_dir(place.path()).unwrap() {
            let path = entry.unwrap().path();
            fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)).unwrap();
        }

        play(place.path(), OURS, &before.0);
        play(place.path(), THEIRS, &before.1);
        let fork = place.fork("one");
        play(fork.workspace().path(), THEIRS, &theirs);
        let forked = tree(fork.workspace().path());
        play(place.path(), OURS, &ours);
        let before_merge: Tree = tree(place.path());

        let plan = merge(&place, &fork);
        prop_assert_eq!(&tree(place.path()), &everything, "union of {:?}", plan);
        prop_assert_eq!(&tree(fork.workspace().path()), &forked, "the fork is only read");
        prop_assert!(merge(&place, &fork).changes().is_empty(), "a merge that was done is done");

        // Both ways back: by the record, and to the state before.
        let undo = place.workspace.undo_plan(plan.changes()).unwrap();
        prop_assert_eq!(undo.conflicts(), &[]);
        place.workspace.undo(&undo).unwrap();
        prop_assert_eq!(&tree(place.path()), &before_merge, "undo of {:?}", plan);
        merge(&place, &fork);
        place.workspace.restore(plan.before()).unwrap();
        prop_assert_eq!(&tree(place.path()), &before_merge, "restore of {:?}", plan);
    }

    #[test]
    fn the_order_of_forks_in_different_places_does_not_matter(
        before in (acts(OURS.len()), acts(THEIRS.len())),
        ours in acts(OURS.len()),
        theirs in acts(THEIRS.len()),
    ) {
        let place = Place::new();
        play(place.path(), OURS, &before.0);
        play(place.path(), THEIRS, &before.1);
        let base = place.workspace.take_manifest().unwrap();
        let (one, two) = (place.fork("one"), place.fork("two"));
        play(one.workspace().path(), OURS, &ours);
        play(two.workspace().path(), THEIRS, &theirs);
        let results = [[&one, &two], [&two, &one]].map(|order| {
            for fork in order {
                merge(&place, fork);
            }
            let merged = tree(place.path());
            place.workspace.restore(&base).unwrap();
            merged
        });
        prop_assert_eq!(&results[0], &results[1]);
    }

    #[test]
    fn changes_in_the_same_places_are_merged_as_git_does_or_not_at_all(
        before in acts(OURS.len()),
        ours in acts(OURS.len()),
        theirs in acts(OURS.len()),
    ) {
        let place = Place::new();
        play(place.path(), OURS, &before);
        let base: Tree = tree(place.path());
        let fork = place.fork("one");
        play(fork.workspace().path(), OURS, &theirs);
        play(place.path(), OURS, &ours);
        let (workspace, forked) = (tree(place.path()), tree(fork.workspace().path()));

        let plan = fork.merge_plan(&place.workspace).unwrap();
        let done = place.workspace.merge(&plan);
        let merged = tree(place.path());
        prop_assert_eq!(done.is_err(), !plan.conflicts().is_empty());
        if done.is_err() {
            prop_assert_eq!(&merged, &workspace, "a merge with conflicts changes nothing");
        } else {
            no_change_is_lost([&base, &workspace, &forked, &merged])?;
        }
        if let Some(git) = merged_by_git([&base, &workspace, &forked]).filter(|_| done.is_ok()) {
            let files = merged.into_iter().filter(|(_, (kind, ..))| *kind != 'd');
            prop_assert_eq!(files.collect::<Tree>(), git, "{:?}", plan);
        }
    }
}

/// Judges a merge by a rule of its own: what one side alone changed is as that side has it. Only
/// files that have another name on a side may have got more than that.
fn no_change_is_lost([base, ours, theirs, merged]: [&Tree; 4]) -> Result<(), TestCaseError> {
    let is_file = |state: &&(char, u32, Vec<u8>)| state.0 != 'd';
    for path in base.keys().chain(ours.keys()).chain(theirs.keys()) {
        let of = |tree: &'_ Tree| tree.get(path).filter(is_file).cloned();
        let (was, our, their) = (of(base), of(ours), of(theirs));
        let expected = match (our == was, their == was) {
            (true, _) => their,
            (_, true) => our,
            (false, false) => continue,
        };
        let content = |state: &(char, u32, Vec<u8>)| state.2.clone();
        let renamed = was.is_none()
            && expected.is_some()
            && base
                .values()
                .any(|found| Some(content(found)) == expected.as_ref().map(content));
        if !renamed {
            prop_assert_eq!(of(merged), expected, "{:?}", path);
        }
    }
    Ok(())
}

/// What git makes of three trees, without its guesses about renames; none where it has conflicts.
fn merged_by_git(trees: [&Tree; 3]) -> Option<Tree> {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    let run = |line: &str| sh(out, line, &[]);
    run("git init -q -b base . && git config user.name t && git config user.email t@example.org");
    for (name, tree) in ["base", "ours", "theirs"].iter().zip(trees) {
        run(&format!(
            "git checkout -q -B {name} base 2>/dev/null; git rm -rq --ignore-unmatch ."
        ));
        for (path, (kind, mode, content)) in tree {
            let path = out.join(path);
            match kind {
                'd' => fs::create_dir_all(&path).unwrap(),
                'l' => symlink(std::str::from_utf8(content).unwrap(), &path).unwrap(),
                _ => {
                    fs::write(&path, content).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
                }
            }
        }
        run("git add -A . && git commit -q --allow-empty -m x");
        run("git clean -qfdx");
    }
    run("git checkout -q ours");
    let merging = "git -c merge.renames=false merge -q -m merged theirs";
    let clean = run(merging).status.success();
    fs::remove_dir_all(out.join(".git")).unwrap();
    let files = tree(out).into_iter().filter(|(_, (kind, ..))| *kind != 'd');
    clean.then(|| files.collect())
}

/// One case: what the fork does, what happens in the workspace, and where the sides do not fit.
fn conflicts(setup: &str, theirs: &str, ours: &str) -> Vec<(String, MergeConflictKind)> {
    let place = Place::new();
    place.shell(setup, &[]);
    let fork = place.fork("one");
    shell_in(&fork, theirs);
    place.shell(ours, &[]);
    let before = tree(place.path());
    let plan = fork.merge_plan(&place.workspace).unwrap();
    let done = place.workspace.merge(&plan);
    if plan.conflicts().is_empty() {
        done.unwrap();
    } else {
        assert!(matches!(done, Err(MergeError::Conflicts { .. })));
        assert_eq!(tree(place.path()), before, "{theirs} | {ours}");
    }
    let conflicts = plan.conflicts().iter();
    conflicts.map(|c| (c.path.clone(), c.kind)).collect()
}

#[test]
fn sides_that_do_not_fit_are_named_and_nothing_is_done() {
    use MergeConflictKind as C;
    let setup = "mkdir d; echo a > a; echo b > d/b; ln -s a l; mkdir e";
    for (theirs, ours, path, kind) in [
        ("echo 1 > a", "echo 2 > a", "a", C::Content),
        ("echo 1 > n", "echo 2 > n", "n", C::BothAdded),
        ("echo 1 > a", "rm a", "a", C::GoneFromWorkspace),
        ("rm a", "echo 2 > a", "a", C::RemovedInFork),
        ("rm a; mkdir a", "echo 2 > a", "a", C::Kind),
        ("chmod 600 a", "chmod 700 a", "a", C::Mode),
        ("chmod 700 d", "chmod 711 d", "d", C::Mode),
        ("ln -sf x l", "ln -sf y l", "l", C::Link),
        ("mv a x", "mv a y", "a", C::Renamed),
        ("echo 1 > d/n", "rm -r d; echo d > d", "d/n", C::Parent),
        ("rmdir e; echo e > e", "echo 2 > e/n", "e", C::Occupied),
        ("mkdir t; echo 1 > t/f", "mkfifo t", "t", C::Kind),
        (
            "mkdir t; echo 1 > t/f",
            "mkdir -p t/node_modules; touch t/pyvenv.cfg",
            "t",
            C::Unseen,
        ),
    ] {
        let found = conflicts(setup, theirs, ours);
        let named = found.contains(&(path.to_owned(), kind));
        assert!(named, "{theirs} | {ours}: {found:?}");
    }
}

#[test]
fn sides_that_fit_are_merged() {
    for (setup, theirs, ours, check) in [
        // Content on one side, permissions on the other.
        (
            "echo a > a",
            "echo b > a",
            "chmod 755 a",
            "test -x a && grep -q b a",
        ),
        // Different lines of one file.
        (
            "seq 9 > a",
            "sed -i s/2/two/ a",
            "sed -i s/8/eight/ a",
            "grep -q two a && grep -q eight a",
        ),
        // Another name on one side, content on the other.
        (
            "seq 9 > a",
            "mkdir n; mv a n/b",
            "echo x >> a",
            "test ! -e a && tail -1 n/b | grep -q x",
        ),
        (
            "seq 9 > a",
            "echo x >> a",
            "mkdir n; mv a n/b",
            "test ! -e a && tail -1 n/b | grep -q x",
        ),
        // A directory that went, with something new in it.
        (
            "mkdir d; echo a > d/a",
            "rm -r d",
            "echo n > d/n",
            "test ! -e d/a && test -e d/n",
        ),
        (
            "mkdir d; echo a > d/a",
            "echo n > d/n",
            "rm -r d",
            "test ! -e d/a && test -e d/n",
        ),
        // A build tree is in the way of nothing but the removal of its directory.
        (
            "mkdir p; echo a > p/a; mkdir p/node_modules",
            "rm -r p",
            ":",
            "test -d p/node_modules && test ! -e p/a",
        ),
        // A file for a directory and the other way round.
        (
            "mkdir d; echo a > d/a",
            "rm -r d; echo f > d",
            ":",
            "test -f d",
        ),
        (
            "echo a > a",
            "rm a; mkdir a; echo f > a/f",
            ":",
            "test -f a/f",
        ),
        // The same on both sides.
        (
            "echo a > a",
            "echo b > a; mkdir d",
            "echo b > a; mkdir d",
            "grep -q b a && test -d d",
        ),
        (
            "mkdir d",
            "chmod 500 d",
            "echo n > n",
            "test -e n && test $(stat -c %a d) = 500",
        ),
    ] {
        let place = Place::new();
        place.shell(setup, &[]);
        let fork = place.fork("one");
        shell_in(&fork, theirs);
        place.shell(ours, &[]);
        let before = tree(place.path());
        let plan = merge(&place, &fork);
        let checked = sh(place.path(), check, &[]);
        assert!(
            checked.status.success(),
            "{theirs} | {ours}: {:?}",
            place.names()
        );

        let undo = place.workspace.undo_plan(plan.changes()).unwrap();
        place.workspace.undo(&undo).unwrap();
        assert_eq!(tree(place.path()), before, "undo of {theirs} | {ours}");
    }
}

#[test]
fn whether_the_base_moved_is_known() {
    let place = Place::new();
    place.write("a", "a");
    let (one, two) = (place.fork("one"), place.fork("two"));
    fs::write(one.workspace().path().join("x"), "x").unwrap();
    fs::write(two.workspace().path().join("y"), "y").unwrap();
    assert!(!merge(&place, &one).base_moved());
    assert!(merge(&place, &two).base_moved());
}

#[test]
fn a_path_that_changes_between_plan_and_merge_stops_the_merge() {
    let place = Place::new();
    place.write("a", "a");
    place.write("b", "b");
    let fork = place.fork("one");
    for name in ["a", "b"] {
        fs::write(fork.workspace().path().join(name), "fork").unwrap();
    }
    let plan = fork.merge_plan(&place.workspace).unwrap();
    place.write("b", "user");
    let before = tree(place.path());
    assert!(matches!(
        place.workspace.merge(&plan),
        Err(MergeError::Fs(_))
    ));
    assert_eq!(tree(place.path()), before);
}

#[test]
fn what_the_user_changed_after_a_merge_survives_taking_it_back() {
    let place = Place::new();
    place.write("a", "a");
    let fork = place.fork("one");
    for name in ["a", "new"] {
        fs::write(fork.workspace().path().join(name), "fork").unwrap();
    }
    let plan = merge(&place, &fork);
    place.write("new", "user");
    let undo = place.workspace.undo_plan(plan.changes()).unwrap();
    assert_eq!(undo.conflicts().len(), 1);
    place.workspace.undo(&undo).unwrap();
    assert_eq!(
        (place.read("a"), place.read("new")),
        ("a".into(), "user".into())
    );
}

#[test]
fn a_build_in_a_fork_is_not_merged() {
    let place = Place::new();
    place.write("Cargo.toml", "");
    let fork = place.fork("one");
    shell_in(
        &fork,
        "mkdir -p target/debug src; touch target/debug/app src/lib.rs",
    );
    merge(&place, &fork);
    assert_eq!(place.names(), ["Cargo.toml", "src", "src/lib.rs"]);
}

#[test]
fn a_change_of_what_no_snapshot_keeps_is_a_conflict() {
    let place = Place::new();
    let file = fs::File::create(place.path().join("disk.img")).unwrap();
    file.set_len((256 << 20) + 5).unwrap();
    let fork = place.fork("one");
    shell_in(&fork, "truncate -s 268435466 disk.img");
    let plan = fork.merge_plan(&place.workspace).unwrap();
    assert_eq!(plan.conflicts()[0].kind, MergeConflictKind::NotKept);
}

#[test]
fn two_results_differ_where_they_differ_and_in_nothing_else() {
    let place = Place::new();
    place.write("same", "a");
    place.write("node_modules/x", "x");
    let (one, two) = (place.fork("one"), place.fork("two"));
    let both =
        "echo done > same; printf 'if x:\\n  y\\n' > layout; echo 1 > content; echo m > mode";
    shell_in(&one, both);
    shell_in(
        &one,
        "echo 1 > node_modules/x; echo 1 > first; echo k > kind; ln -s \"$PWD/same\" link",
    );
    shell_in(&two, both);
    shell_in(
        &two,
        "printf 'if x:\\r\\n    y' > layout; echo 2 > content; chmod 755 mode",
    );
    shell_in(
        &two,
        "echo 2 > second; mkdir kind; ln -s \"$PWD/same\" link",
    );

    let results = [one.result().unwrap(), two.result().unwrap()];
    let store = place.workspace.store();
    let found = divergence(store, one.base(), &results[0], &results[1]).unwrap();
    let found: Vec<_> = found.iter().map(|d| (d.path.as_str(), d.how)).collect();
    assert_eq!(
        found,
        [
            ("content", Divergence::Content),
            ("first", Divergence::OnlyFirst),
            ("kind", Divergence::Kind),
            ("layout", Divergence::Layout),
            ("mode", Divergence::Mode),
            ("second", Divergence::OnlySecond),
        ]
    );
}
