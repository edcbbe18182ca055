//! A look that knows the last one finds what a look without any knowledge finds.

use super::*;
use crate::Store;
use crate::root::Root;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use tempfile::TempDir;

/// When every stat is old enough to be trusted. The tests change sizes or inodes, never only content.
const LATER: i64 = i64::MAX / 2;

struct Place {
    dir: TempDir,
    _data: TempDir,
    store: Arc<Store>,
    workspace: Workspace,
}

impl Place {
    fn new() -> Self {
        let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Arc::new(Store::open(data.path()).unwrap());
        let workspace = fresh(dir.path(), &store);
        Self {
            dir,
            _data: data,
            store,
            workspace,
        }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A look with what the last one found, and one without.
    fn looks(&self) -> [Scanned; 2] {
        let known = look(&self.workspace);
        let index = Index {
            entries: Arc::clone(&known.entries),
            root: None,
            listings: Arc::clone(&known.listings),
        };
        self.workspace.set_index(Arc::new(index));
        [known, look(&fresh(self.path(), &self.store))]
    }

    fn same(&self) {
        let [known, unknown] = self.looks();
        assert_eq!(known.entries, unknown.entries);
        assert_eq!(known.left_out, unknown.left_out);
    }
}

fn fresh(dir: &Path, store: &Arc<Store>) -> Workspace {
    Workspace::pinned(Root::open(dir).unwrap(), Arc::clone(store))
}

fn look(workspace: &Workspace) -> Scanned {
    let mut batch = workspace.store().batch();
    let reading = Reading::Keep(&mut batch);
    workspace
        .look_at_time("", Part::Sources(None), reading, LATER)
        .unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Write,
    Remove,
    Link,
    Directory,
    Pipe,
    Mode,
    Mark,
}

const STEPS: [Step; 7] = [
    Step::Write,
    Step::Remove,
    Step::Link,
    Step::Directory,
    Step::Pipe,
    Step::Mode,
    Step::Mark,
];

/// Names whose order as paths is not their order as names, and one that is left out.
const PATHS: [&str; 9] = [
    "a",
    "a.b",
    "a/x",
    "a/b",
    "a/b/y",
    "c/d/e",
    "c/f",
    "c",
    "c/node_modules/g",
];

fn is_pipe(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

fn change(root: &Path, step: Step, path: &str, number: usize) {
    let path = root.join(path);
    // What cannot be done, because of what is there by now, is not done.
    let done = match step {
        // Nobody reads from it, so writing would wait.
        Step::Write if is_pipe(&path) => Ok(()),
        Step::Write => fs::write(&path, "x".repeat(number)),
        Step::Remove if path.is_dir() => fs::remove_dir_all(&path),
        Step::Remove => fs::remove_file(&path),
        Step::Link => symlink("y".repeat(number + 1), &path),
        Step::Directory => fs::create_dir_all(&path),
        Step::Pipe => rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .map_err(Into::into),
        Step::Mode => fs::metadata(&path).and_then(|found| {
            let mode = found.permissions().mode() ^ 0o010;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))
        }),
        Step::Mark => fs::write(path.join("pyvenv.cfg"), "x"),
    };
    done.ok();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_changed_is_seen(
        steps in proptest::collection::vec((0..STEPS.len(), 0..PATHS.len(), any::<bool>()), 1..40),
    ) {
        let place = Place::new();
        for (number, (step, path, is_looked_at)) in steps.into_iter().enumerate() {
            change(place.path(), STEPS[step], PATHS[path], number);
            if is_looked_at {
                place.same();
            }
        }
        place.same();
    }
}

#[test]
fn where_nothing_changed_the_states_of_the_last_look_are_taken_over() {
    let place = Place::new();
    for dir in 0..20 {
        fs::create_dir_all(place.path().join(format!("{dir}/below"))).unwrap();
        fs::write(place.path().join(format!("{dir}/below/file")), "x").unwrap();
    }
    symlink("nowhere", place.path().join("link")).unwrap();
    let [first, _] = place.looks();
    let [second, _] = place.looks();
    assert!(Arc::ptr_eq(&first.entries, &second.entries));
    fs::remove_dir_all(place.path().join("7")).unwrap();
    let [third, unknown] = place.looks();
    assert_eq!(third.entries, unknown.entries);
    assert_eq!(third.entries.len(), first.entries.len() - 3);
}

#[test]
fn a_stat_that_is_too_young_proves_nothing() {
    let place = Place::new();
    fs::write(place.path().join("file"), "one").unwrap();
    let young = |content: &str| {
        fs::write(place.path().join("file"), content).unwrap();
        let mut batch = place.store.batch();
        let part = Part::Sources(None);
        let scanned = place.workspace.scan("", part, &mut batch).unwrap();
        let digest = scanned.entries["file"].digest.clone();
        let (index, _) = scanned.into_index(crate::store::hash(b"any"));
        place.workspace.set_index(Arc::new(index));
        digest
    };
    for content in ["two", "six", "ten"] {
        assert_eq!(young(content), Some(crate::store::hash(content.as_bytes())));
    }
}

#[test]
fn many_deep_and_wide_directories_are_all_found() {
    let place = Place::new();
    for side in ["left", "right", "middle"] {
        let deep = "d/".repeat(80);
        let dir = place.path().join(side).join(deep);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("end"), side).unwrap();
    }
    let [found, _] = place.looks();
    assert_eq!(found.entries.len(), 3 * 82);
}

#[test]
fn a_directory_that_was_closed_is_looked_at_again_and_missed_when_it_is_gone() {
    let place = Place::new();
    fs::create_dir(place.path().join("closed")).unwrap();
    let [open, _] = place.looks();
    // As if it had been closed to us, with something in it that was known from earlier.
    let mut listings = (*open.listings).clone();
    let state = open.entries["closed"].clone();
    let listing = Listing {
        own: Some(state.clone()),
        files: Vec::new(),
        closed: true,
    };
    listings.insert("closed".into(), Arc::new(listing));
    let mut entries = (*open.entries).clone();
    entries.insert("closed/file".into(), state);
    let index = Arc::new(Index {
        entries: Arc::new(entries),
        root: None,
        listings: Arc::new(listings),
    });
    place.workspace.set_index(Arc::clone(&index));
    assert_eq!(look(&place.workspace).entries, open.entries);
    fs::remove_dir(place.path().join("closed")).unwrap();
    assert!(look(&place.workspace).entries.is_empty());
}
