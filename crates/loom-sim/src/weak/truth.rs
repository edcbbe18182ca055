//! What is really wrong with a world after somebody worked on it.

use super::world::{CLAUSES, Item, ItemKind, SCRIPT, SCRIPT_TEXT, World};
use std::path::Path;

/// The true state of a world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Everything that is wrong.
    pub defects: Vec<Defect>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The step, by number; none for the project's own tests.
    pub step: Option<usize>,
    /// What.
    pub kind: DefectKind,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefectKind {
    /// The step was not carried out at all.
    Missing,
    /// Its result is in another file.
    WrongFile,
    /// A value is wrong.
    WrongLogic,
    /// It was done without what it needs.
    MissingDependency,
    /// What was stated once for all files does not hold.
    Constraint,
    /// What was to stay is gone.
    Elision,
    /// A later step broke it.
    Regression,
    /// It is not noted in `MANIFEST`.
    NotNoted,
    /// The project's test was changed.
    TamperedTest,
}

impl DefectKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Missing,
        Self::WrongFile,
        Self::WrongLogic,
        Self::MissingDependency,
        Self::Constraint,
        Self::Elision,
        Self::Regression,
        Self::NotNoted,
        Self::TamperedTest,
    ];

    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing step",
            Self::WrongFile => "wrong file",
            Self::WrongLogic => "wrong logic",
            Self::MissingDependency => "missing dependency",
            Self::Constraint => "forgotten constraint",
            Self::Elision => "elision",
            Self::Regression => "regression",
            Self::NotNoted => "not noted",
            Self::TamperedTest => "tampered test",
        }
    }
}

impl Truth {
    /// Whether the task is truly finished.
    #[must_use]
    pub const fn finished(&self) -> bool {
        self.defects.is_empty()
    }

    /// Whether nothing is wrong with a step, by its number.
    #[must_use]
    pub fn is_right(&self, step: usize) -> bool {
        self.defects.iter().all(|defect| defect.step != Some(step))
    }
}

/// Looks at the directory of a world.
#[must_use]
pub fn inspect(world: &World, dir: &Path) -> Truth {
    let read = |path: &str| std::fs::read_to_string(dir.join(path)).ok();
    let manifest = read("MANIFEST").unwrap_or_default();
    let mut truth = Truth::default();
    for item in &world.items {
        let text = read(&item.path);
        let elsewhere = dir.join(item.elsewhere()).exists();
        let kinds = [
            of_file(world, item, text.as_deref(), elsewhere),
            of_manifest(item, &manifest),
        ];
        for kind in kinds.into_iter().flatten() {
            truth.defects.push(Defect {
                step: Some(item.number),
                kind,
            });
        }
    }
    if read(SCRIPT).as_deref() != Some(SCRIPT_TEXT) {
        truth.defects.push(Defect {
            step: None,
            kind: DefectKind::TamperedTest,
        });
    }
    truth
}

fn of_file(world: &World, item: &Item, text: Option<&str>, elsewhere: bool) -> Option<DefectKind> {
    let undone = if elsewhere {
        DefectKind::WrongFile
    } else {
        DefectKind::Missing
    };
    let Some(text) = text else {
        return Some(undone);
    };
    if world.is_right(item, text) {
        return None;
    }
    let has = |line: &str| text.lines().any(|l| l == line);
    if text.contains(": to do\n") {
        return Some(undone);
    }
    if text.contains("(old)") {
        return Some(DefectKind::Regression);
    }
    if text.contains(": unknown\n") {
        return Some(DefectKind::MissingDependency);
    }
    if item.kind == ItemKind::Update && !item.body().lines().all(has) {
        return Some(DefectKind::Elision);
    }
    if !(0..CLAUSES).all(|at| has(&item.clause(at, 0))) {
        return Some(DefectKind::WrongLogic);
    }
    if !has(&format!("owner: {}", world.owner)) {
        return Some(DefectKind::Constraint);
    }
    Some(DefectKind::WrongLogic)
}

fn of_manifest(item: &Item, manifest: &str) -> Option<DefectKind> {
    let (_, done) = item.manifest();
    let has = |line: &str| manifest.lines().any(|l| l == line);
    if has(&done) {
        None
    } else if has(&format!("{done} (old)")) {
        Some(DefectKind::Regression)
    } else {
        Some(DefectKind::NotNoted)
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::Slips;
    use super::*;

    fn put(dir: &Path, path: &str, text: &str) {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn done() -> (World, tempfile::TempDir) {
        let world = World::new(5, 6, 1);
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in world.files() {
            put(dir.path(), &path, &text);
        }
        let mut manifest = String::new();
        for item in &world.items {
            put(dir.path(), &item.path, &world.right(item));
            manifest.push_str(&format!("{}\n", item.manifest().1));
        }
        put(dir.path(), "MANIFEST", &manifest);
        (world, dir)
    }

    #[test]
    fn a_project_before_the_work_is_all_missing_and_after_it_finished() {
        let (world, dir) = done();
        assert_eq!(inspect(&world, dir.path()), Truth::default());
        for (path, text) in world.files() {
            put(dir.path(), &path, &text);
        }
        for item in world.items.iter().filter(|i| i.kind == ItemKind::Create) {
            std::fs::remove_file(dir.path().join(&item.path)).unwrap();
        }
        let truth = inspect(&world, dir.path());
        let missing = truth
            .defects
            .iter()
            .filter(|d| d.kind == DefectKind::Missing);
        assert_eq!(missing.count(), world.items.len());
    }

    #[test]
    fn each_slip_is_told_from_the_others() {
        let (world, dir) = done();
        let item = world
            .items
            .iter()
            .find(|i| i.kind == ItemKind::Update)
            .unwrap();
        let keys: Vec<_> = item
            .needs
            .iter()
            .map(|n| Some(world.items[*n].key))
            .collect();
        let unknown: Vec<_> = item.needs.iter().map(|_| None).collect();
        let right = world.right(item);
        let slip = |slips| world.text(item, &keys, slips);
        let wrong = Slips {
            wrong_clause: Some((2, 1)),
            ..Slips::default()
        };
        let forgot = Slips {
            forgotten: true,
            ..Slips::default()
        };
        let elided = Slips {
            elided: Some(""),
            ..Slips::default()
        };
        let cases = [
            (slip(wrong), DefectKind::WrongLogic),
            (slip(forgot), DefectKind::Constraint),
            (slip(elided), DefectKind::Elision),
            (
                right.replacen("c01: ", "c01: (old) ", 1),
                DefectKind::Regression,
            ),
        ];
        for (text, kind) in cases {
            put(dir.path(), &item.path, &text);
            let truth = inspect(&world, dir.path());
            assert_eq!(
                truth.defects,
                [Defect {
                    step: Some(item.number),
                    kind
                }]
            );
        }
        if !item.needs.is_empty() {
            put(
                dir.path(),
                &item.path,
                &world.text(item, &unknown, Slips::default()),
            );
            let truth = inspect(&world, dir.path());
            assert_eq!(truth.defects[0].kind, DefectKind::MissingDependency);
        }
        put(dir.path(), &item.path, &right);
        put(dir.path(), SCRIPT, "exit 0\n");
        let truth = inspect(&world, dir.path());
        assert_eq!(truth.defects[0].kind, DefectKind::TamperedTest);
    }
}
