//! Git in a fork: it works there, and it works on the fork alone.

use crate::support::{Place, bounds, sh, tree};
use loom_workspace::{Fork, ForkBounds, WhyNotForked};
use std::fs;
use std::path::Path;

const COMMIT: &str = "git -c user.name=t -c user.email=t@example.org commit -qam";

/// A repository with a commit, a hook and a change; none where there is no git.
fn repository() -> Option<Place> {
    let place = Place::new();
    if !sh(place.path(), "git --version", &[]).status.success() {
        println!("skipped: there is no git here");
        return None;
    }
    place.write("a", "one\n");
    place.shell("git init -q -b main . && git add a", &[]);
    place.shell(&format!("{COMMIT} first"), &[]);
    place.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n");
    place.write("a", "two\n");
    Some(place)
}

fn git(dir: &Path, line: &str) -> String {
    let output = sh(dir, line, &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {text}{errors}");
    text
}

/// Status, difference and a commit in a fork, and what the original says about it.
fn works_alone(place: &Place, fork: &Fork) {
    let there = fork.workspace().path();
    let before = tree(place.path());
    let status = git(place.path(), "git status --porcelain");
    assert_eq!(git(there, "git status --porcelain"), status);
    assert!(git(there, "git diff").contains("+two"));
    git(there, &format!("{COMMIT} second && git gc -q && git fsck"));
    assert_eq!(git(there, "git log --format=%s"), "second\nfirst\n");

    assert_eq!(git(place.path(), "git log --format=%s"), "first\n");
    assert_eq!(git(place.path(), "git status --porcelain"), status);
    assert_eq!(git(place.path(), "git fsck"), "");
    let mut after = tree(place.path());
    // `git status` refreshes its own cache.
    let index = Path::new(".git/index");
    after.insert(index.to_owned(), before[index].clone());
    assert_eq!(after, before);

    // A commit of a fork stays there; the files are what is merged.
    let plan = fork.merge_plan(&place.workspace).unwrap();
    assert!(plan.changes().is_empty() && plan.left_alone().is_empty());
}

#[test]
fn git_works_in_a_fork_and_leaves_the_original_alone() {
    let Some(place) = repository() else { return };
    fs::write(place.path().join(".git/index.lock"), "").unwrap();
    let fork = place.fork("one");
    fs::remove_file(place.path().join(".git/index.lock")).unwrap();
    assert_eq!(fork.report().borrowed, [""; 0]);
    assert!(
        fork.workspace()
            .path()
            .join(".git/hooks/pre-commit")
            .exists()
    );
    works_alone(&place, &fork);
}

#[test]
fn a_large_repository_lends_its_objects() {
    let Some(place) = repository() else { return };
    let none = ForkBounds {
        git_entries: 0,
        ..bounds()
    };
    let base = place.workspace.take_manifest().unwrap();
    let fork = place
        .forks()
        .create("one", &place.workspace, &base, &none)
        .unwrap();
    assert_eq!(fork.report().borrowed, [".git/objects"]);
    assert_eq!(fork.readable(), [place.path().join(".git/objects")]);
    works_alone(&place, &fork);
}

#[test]
fn a_repository_that_lies_elsewhere_stays_there() {
    let Some(place) = repository() else { return };
    let linked = place.beside("linked").join("tree");
    let line = format!("git worktree add -q '{}'", linked.display());
    git(place.path(), &line);

    // The main work tree: the fork knows nothing of the linked one.
    let fork = place.fork("one");
    let known = git(fork.workspace().path(), "git worktree list");
    assert_eq!(known.lines().count(), 1, "{known}");

    // The linked one: its `.git` is a file that names the main one's.
    let store = std::sync::Arc::clone(place.workspace.store());
    let open = loom_workspace::Workspace::open(&linked, &loom_workspace::Bounds::default(), store);
    let workspace = open.unwrap();
    let base = workspace.take_manifest().unwrap();
    let fork = place
        .forks()
        .create("two", &workspace, &base, &bounds())
        .unwrap();
    let left_out = &fork.report().left_out;
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].path, ".git");
    assert_eq!(left_out[0].why, WhyNotForked::RepositoryElsewhere);

    fs::write(fork.workspace().path().join("b"), "b").unwrap();
    let plan = fork.merge_plan(&workspace).unwrap();
    assert!(
        plan.left_alone().is_empty(),
        "what is lacking was not removed"
    );
    workspace.merge(&plan).unwrap();
    assert!(linked.join(".git").is_file() && linked.join("b").is_file());
    assert!(!plan.base_moved());
}

#[test]
fn a_repository_that_names_its_work_tree_is_left_out() {
    let Some(place) = repository() else { return };
    place.shell("git config core.worktree \"$PWD\"", &[]);
    let fork = place.fork("one");
    assert!(!fork.workspace().path().join(".git").exists());
    assert_eq!(fork.report().left_out[0].why, WhyNotForked::NamesItsPlace);
}

#[test]
fn a_repository_pointer_that_an_attempt_plants_is_not_merged() {
    let place = Place::new();
    place.write("sub/a", "a");
    let fork = place.fork("one");
    let there = fork.workspace().path();
    fs::write(there.join("sub/.git"), "gitdir: /somewhere/bad\n").unwrap();
    fs::write(there.join("sub/b"), "b").unwrap();
    let plan = fork.merge_plan(&place.workspace).unwrap();
    let left: Vec<_> = plan.left_alone().iter().map(|l| l.path.as_str()).collect();
    assert_eq!(left, ["sub/.git"]);
    place.workspace.merge(&plan).unwrap();
    assert_eq!(place.names(), ["sub", "sub/a", "sub/b"]);
}
