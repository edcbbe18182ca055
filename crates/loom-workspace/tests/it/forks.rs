//! Forks: everything is in them, they are on their own, they come whole or not at all.

use crate::support::{Place, bounds, tree};
use loom_events::FileKind;
use loom_workspace::{
    CommandLine, CommandSpec, Edit, Fork, ForkBounds, ForkError, Forks, RunStatus, Strategy,
    WhyNotForked, detect_sandbox,
};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn why(fork: &Fork, path: &str) -> Option<WhyNotForked> {
    let left_out = fork.report().left_out.iter();
    left_out.clone().find(|l| l.path == path).map(|l| l.why)
}

#[test]
fn a_fork_has_everything_and_is_on_its_own() {
    let place = Place::new();
    place.write("src/main.rs", "fn main() {}\n");
    place.write("run", "#!/bin/sh\n");
    place.write("big", vec![7; 3 << 20]);
    place.write("sp ace/grün", "");
    fs::create_dir_all(place.path().join("empty/deep")).unwrap();
    symlink("src/main.rs", place.path().join("link")).unwrap();
    symlink("no where", place.path().join("src/dangling")).unwrap();
    place.shell(
        "chmod 755 run; chmod 600 big; chmod 500 empty; echo x > \"$(printf 'n\\377')\"",
        &[],
    );
    place.shell("touch -d 2001-02-03 src/main.rs src", &[]);
    let original = tree(place.path());

    let fork = place.fork("one");
    let there = fork.workspace().path();
    assert_eq!(tree(there), original);
    assert_eq!(fork.report().files, 7);
    assert_eq!(fork.report().left_out, []);
    assert_eq!(fork.base().root(), fork.origin_root());
    assert_eq!(fork.result().unwrap().root(), fork.base().root());
    for name in ["src/main.rs", "src"] {
        let time = |dir: &Path| dir.join(name).metadata().unwrap().mtime();
        assert_eq!(
            time(there),
            time(place.path()),
            "{name}: builds compare times"
        );
    }

    fs::write(there.join("run"), "changed").unwrap();
    fs::remove_dir_all(there.join("src")).unwrap();
    assert_eq!(tree(place.path()), original);
    place.write("sp ace/grün", "changed");
    assert_eq!(fs::read(there.join("sp ace/grün")).unwrap(), b"");
}

#[test]
fn a_fork_equals_the_manifest_whatever_happened_to_the_original_since() {
    let place = Place::new();
    for name in ["same", "changed", "gone", "dir/gone", "piped", "linked"] {
        place.write(name, name);
    }
    place.write("long", vec![1; 300_000]);
    place.write("big changed", vec![2; 300_000]);
    let original = tree(place.path());
    let base = place.workspace.take_manifest().unwrap();

    place.write("changed", "CHANGED");
    place.write("big changed", vec![3; 300_000]);
    place.shell(
        "rm -r gone dir piped linked; mkfifo piped; ln -s /etc/passwd linked",
        &[],
    );
    place.shell("rm long; mkdir long; touch long/file; echo new > new", &[]);

    let fork = place.fork_of("one", &base);
    assert_eq!(tree(fork.workspace().path()), original);
    assert_eq!(fork.report().from_snapshots, 7);
    assert_eq!(fork.base().root(), base.root());
}

#[test]
fn hard_links_are_files_of_their_own_and_pipes_stay_behind() {
    let place = Place::new();
    place.write("a", "content");
    place.shell("ln a b; mkfifo pipe", &[]);
    let fork = place.fork("one");
    let there = fork.workspace().path();
    let inode = |path: &Path| path.metadata().unwrap().ino();
    assert_ne!(inode(&there.join("a")), inode(&place.path().join("a")));
    assert_ne!(inode(&there.join("a")), inode(&there.join("b")));
    assert_eq!(why(&fork, "pipe"), Some(WhyNotForked::Special));
    assert!(!there.join("pipe").exists());
}

#[test]
fn what_is_larger_than_snapshots_keep_is_copied_with_its_holes() {
    let place = Place::new();
    let file = fs::File::create(place.path().join("disk.img")).unwrap();
    file.set_len((256 << 20) + 5).unwrap();
    let fork = place.fork("one");
    let copy = fork.workspace().path().join("disk.img");
    let found = copy.metadata().unwrap();
    assert_eq!(found.len(), (256 << 20) + 5);
    assert!(found.blocks() < 1000, "{} blocks", found.blocks());
    let base = place.workspace.take_manifest().unwrap();
    assert_eq!(fork.result().unwrap().root(), base.root());

    file.set_len((256 << 20) + 6).unwrap();
    let failed = place
        .forks()
        .create("two", &place.workspace, &base, &bounds());
    assert!(matches!(failed, Err(ForkError::Changed { path }) if path == "disk.img"));
    assert_eq!(
        place.forks().names().unwrap(),
        ["one"],
        "nothing half made stays"
    );
}

#[test]
fn small_build_trees_come_along_and_large_ones_are_named() {
    let place = Place::new();
    place.write("Cargo.toml", "");
    place.write("target/debug/app", "binary");
    place.write("node_modules/left-pad/index.js", vec![b'x'; 5000]);
    place.write("env/pyvenv.cfg", "home = /usr/bin\n");
    place.write("env/bin/python", "");
    place.write(".tox/py/pyvenv.cfg", "");
    place.write(".tox/log", "");
    let few = ForkBounds {
        derived_bytes: 1000,
        ..bounds()
    };
    let base = place.workspace.take_manifest().unwrap();
    let fork = place
        .forks()
        .create("one", &place.workspace, &base, &few)
        .unwrap();
    let there = fork.workspace().path();
    assert_eq!(fs::read(there.join("target/debug/app")).unwrap(), b"binary");
    if fork.report().strategy == Strategy::Copy {
        assert_eq!(why(&fork, "node_modules"), Some(WhyNotForked::Bulky));
        assert!(!there.join("node_modules").exists());
    }
    assert_eq!(why(&fork, "env"), Some(WhyNotForked::NamesItsPlace));
    assert_eq!(why(&fork, ".tox/py"), Some(WhyNotForked::NamesItsPlace));
    assert!(there.join(".tox/log").exists() && !there.join("env").exists());
    assert_eq!(fork.result().unwrap().root(), fork.base().root());
}

#[test]
fn no_link_of_a_fork_leads_back_into_the_original() {
    let place = Place::new();
    place.write("a", "original");
    let own = place.path().to_str().unwrap().to_owned();
    let alias = place.beside("links").join("alias");
    symlink(place.path(), &alias).unwrap();
    let climbs = format!("{}{own}/a", "../".repeat(30));
    for (target, link) in [
        (format!("{own}/a"), "full"),
        (own.clone(), "whole"),
        (alias.join("a").to_str().unwrap().to_owned(), "by alias"),
        (climbs.replace("//", "/"), "by climbing"),
        ("/usr/bin/env".to_owned(), "system"),
    ] {
        symlink(target, place.path().join(link)).unwrap();
    }
    let original = place.workspace.take_manifest().unwrap();
    let fork = place.fork("one");
    let there = fork.workspace().path();

    fs::write(there.join("full"), "fork").unwrap();
    assert_eq!(place.read("a"), "original");
    assert_eq!(fs::read(there.join("a")).unwrap(), b"fork");
    assert_eq!(fs::read_link(there.join("whole")).unwrap(), there);
    assert_eq!(
        fs::read_link(there.join("system")).unwrap(),
        Path::new("/usr/bin/env")
    );
    for link in ["by alias", "by climbing"] {
        assert_eq!(why(&fork, link), Some(WhyNotForked::LeadsBack), "{link}");
    }

    // As the original would have it, only `a` is different, and the new link names the original.
    symlink(there.join("a"), there.join("new")).unwrap();
    let plan = fork.merge_plan(&place.workspace).unwrap();
    assert_eq!(plan.conflicts(), []);
    assert!(!plan.base_moved());
    let paths: Vec<_> = plan.changes().iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["a", "new"]);
    place.workspace.merge(&plan).unwrap();
    assert_eq!(
        fs::read_link(place.path().join("new")).unwrap(),
        place.path().join("a")
    );
    assert_eq!(place.read("full"), "fork");
    assert!(original.state("by alias").is_some() && place.path().join("by alias").is_symlink());
}

#[test]
fn what_a_crash_left_is_swept_and_whole_forks_are_found_again() {
    let place = Place::new();
    place.write("a", "a");
    drop(place.fork("one"));
    drop(place.fork("two"));
    let forks = place.forks();
    let dir = place.beside("data/tasks/1/forks");
    // A crash while one was made, and while one was removed.
    fs::create_dir_all(dir.join(".making-three/tree/src")).unwrap();
    fs::rename(dir.join("two"), dir.join(".removing-two")).unwrap();
    assert_eq!(forks.names().unwrap(), ["one"]);

    assert_eq!(forks.sweep(|_| true).unwrap(), 2);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    let again = forks.get("one").unwrap().unwrap();
    assert_eq!(
        again.base().root(),
        place.workspace.take_manifest().unwrap().root()
    );
    assert_eq!(again.report().files, 1);
    assert!(forks.get("two").unwrap().is_none());

    assert_eq!(forks.sweep(|_| false).unwrap(), 1);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    forks.remove("one").unwrap();
}

#[test]
fn a_fork_that_was_half_made_before_is_made_again() {
    let place = Place::new();
    place.write("a", "a");
    let dir = place.beside("data/tasks/1/forks");
    fs::create_dir_all(dir.join(".making-one/tree")).unwrap();
    fs::write(dir.join(".making-one/tree/a"), "half").unwrap();
    let fork = place.fork("one");
    assert_eq!(fs::read(fork.workspace().path().join("a")).unwrap(), b"a");
}

#[test]
fn forks_are_refused_where_they_cannot_be() {
    let place = Place::new();
    place.write("a", "a");
    let base = place.workspace.take_manifest().unwrap();
    let create = |name: &str| {
        place
            .forks()
            .create(name, &place.workspace, &base, &bounds())
    };
    for name in ["", "..", ".making-x", "a/b", "a b", &"x".repeat(65)] {
        assert!(matches!(create(name), Err(ForkError::BadName(_))), "{name}");
    }
    create("one").unwrap();
    assert!(matches!(create("one"), Err(ForkError::Exists(_))));

    let inside = Forks::open(
        &place.path().join("forks"),
        Arc::clone(place.workspace.store()),
    );
    let made = inside
        .unwrap()
        .create("one", &place.workspace, &base, &bounds());
    assert!(matches!(made, Err(ForkError::Inside { .. })));
}

#[test]
fn tools_work_in_a_fork_and_a_fork_can_be_forked() {
    let place = Place::new();
    place.write("a", "a");
    let fork = place.fork("one");
    let pending = fork.workspace().intend(Edit::Write {
        path: "b".into(),
        bytes: b"tool".to_vec(),
    });
    fork.workspace().commit(pending.unwrap()).unwrap();
    let outside = fork.workspace().intend(Edit::Write {
        path: place.path().join("a").to_str().unwrap().to_owned(),
        bytes: b"tool".to_vec(),
    });
    assert!(outside.is_err(), "the original is outside of the fork");

    let base = fork.workspace().take_manifest().unwrap();
    let second = place
        .forks()
        .create("two", fork.workspace(), &base, &bounds())
        .unwrap();
    assert_eq!(
        tree(second.workspace().path()),
        tree(fork.workspace().path())
    );
}

#[tokio::test]
async fn a_command_in_the_sandbox_sees_the_fork_and_not_the_original() {
    let place = Place::new();
    place.write("a", "a");
    let fork = place.fork("one");
    let path = std::ffi::OsString::from("/usr/bin:/bin");
    let sandbox = detect_sandbox(&path);
    if sandbox == loom_workspace::Sandbox::None {
        println!("skipped: there is no sandbox here");
        return;
    }
    let there = fork.workspace().path().to_owned();
    let line = format!(
        "echo b > b; cat {}/a || echo unseen",
        place.path().display()
    );
    let spec = CommandSpec {
        command: CommandLine::Shell(line),
        workspace: there.clone(),
        cwd: there.clone(),
        env: vec![("PATH".into(), path)],
        timeout: Duration::from_secs(20),
        output_cap: 10_000,
        sandbox,
        scratch: place.beside("data/tasks/1/scratch"),
        readable: fork.readable(),
        writable: Vec::new(),
        network: false,
        label: format!("loom-test-fork-{}", std::process::id()),
    };
    let cancel = tokio_util::sync::CancellationToken::new();
    let finished = loom_workspace::run(&spec, &cancel).await.unwrap();
    assert_eq!(finished.status, RunStatus::Exit(0), "{}", finished.output);
    assert!(finished.output.contains("unseen"), "{}", finished.output);
    assert_eq!(fs::read_to_string(there.join("b")).unwrap(), "b\n");
}

#[test]
fn closed_directories_keep_their_mode_and_their_content() {
    let place = Place::new();
    place.write("closed/sub/f", "f");
    place.shell("chmod 500 closed/sub closed", &[]);
    let fork = place.fork("one");
    let there = fork.workspace().path();
    let mode = |name| there.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("closed"), mode("closed/sub")), (0o500, 0o500));
    assert_eq!(
        fork.base().state("closed/sub/f").unwrap().kind,
        FileKind::File
    );
    assert_eq!(fs::read(there.join("closed/sub/f")).unwrap(), b"f");
    place.forks().remove("one").unwrap();
    assert!(!there.exists());
    place.shell("chmod -R u+w closed", &[]);
}
