//! The oracle: tests, how they are run, and the scripts that checks run. An attempt that changes what
//! it is judged by is judged by what that was before, and not passed.

mod kinds;
mod leave;
mod reach;
mod weight;

use crate::files::Changed;
use crate::{Fault, Step};
use kinds::Kind;
use loom_events::FileState;
use std::collections::{BTreeMap, BTreeSet};
use weight::{Weight, weigh};

pub(crate) use kinds::{is_test, kind as judging_kind};
pub(crate) use reach::run_by_checks;

/// A file that judges and that was changed without leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tampered {
    pub(crate) path: String,
    why: &'static str,
    how: &'static str,
    /// What it was before.
    base: Option<FileState>,
}

impl Tampered {
    pub(crate) fn fault(&self) -> Fault {
        Fault {
            what: format!("{} stays as it was ({})", self.path, self.why),
            expected:
                "the work changed, not what it is judged by. The checks were run with this file \
                       as it was before; put it back. If it is wrong, say blocked"
                    .to_owned(),
            seen: self.how.to_owned(),
            place: Some(self.path.clone()),
        }
    }
}

/// Every file that judges and was changed without leave. `scripts` are those that checks run.
pub(crate) fn tampered(
    files: &[Changed],
    scripts: &BTreeSet<String>,
    step: &Step,
) -> Vec<Tampered> {
    files
        .iter()
        .filter_map(|file| {
            let why = judges(file, scripts)?;
            if leave::given(step, &file.path, is_test(&file.path)) {
                return None;
            }
            Some(Tampered {
                path: file.path.clone(),
                why,
                how: match (file.gone, file.existed) {
                    (true, _) => "it is gone",
                    (false, true) => "it was changed",
                    (false, false) => "it is new, and decides how tests are run",
                },
                base: file.base.clone(),
            })
        })
        .collect()
}

/// Why a changed file judges the work, if it does. New tests may be added.
fn judges(file: &Changed, scripts: &BTreeSet<String>) -> Option<&'static str> {
    if file.existed && scripts.contains(&file.path) {
        return Some("it is run by a check");
    }
    match kinds::kind(&file.path)? {
        Kind::Test => file.existed.then_some("it is a test"),
        Kind::Runner => Some("it decides how tests are run"),
        Kind::Ci => file.existed.then_some("it is run on every change"),
        Kind::Mixed(part) => {
            let of = |text: Option<&str>| kinds::part(part, text.unwrap_or_default());
            let differs = of(file.before.as_deref()) != of(file.after.as_deref());
            (file.existed && differs).then_some("it says how tests are run")
        }
        Kind::Build | Kind::Lock => None,
    }
}

/// What is to be put back before checks are run.
pub(crate) fn to_put_back(tampered: &[Tampered]) -> BTreeMap<String, Option<FileState>> {
    let states = tampered
        .iter()
        .map(|one| (one.path.clone(), one.base.clone()));
    states.collect()
}

/// Changes of judging files that are allowed and worth a second look.
pub(crate) fn flags(files: &[Changed], tampered: &[Tampered]) -> Vec<String> {
    let is_tampered = |file: &&Changed| tampered.iter().any(|one| one.path == file.path);
    files
        .iter()
        .filter(|file| file.existed && !is_tampered(file))
        .filter_map(|file| match kinds::kind(&file.path)? {
            Kind::Test => Some(format!("an existing test was changed: {}", file.path)),
            Kind::Runner | Kind::Ci => {
                Some(format!("how tests are run was changed: {}", file.path))
            }
            Kind::Build => Some(format!(
                "how the project is built was changed: {}",
                file.path
            )),
            Kind::Lock => {
                let manifests = kinds::manifest_of(&file.path);
                let explained = files
                    .iter()
                    .any(|other| manifests.iter().any(|name| other.path.ends_with(name)));
                (!explained).then(|| format!("only the lock file was changed: {}", file.path))
            }
            Kind::Mixed(_) => None,
        })
        .collect()
}

/// A fault when tests that may be changed test less than before: fewer tests or assertions, more
/// skips. All tests together, so that they may move from file to file.
pub(crate) fn weakened(files: &[Changed], tampered: &[Tampered], step: &Step) -> Vec<Fault> {
    let is_tampered = |file: &&Changed| tampered.iter().any(|one| one.path == file.path);
    let tests: Vec<&Changed> = files
        .iter()
        .filter(|file| is_test(&file.path) && !is_tampered(file))
        .collect();
    if !tests.iter().any(|file| file.existed) {
        return Vec::new();
    }
    let sum = |text: fn(&Changed) -> Option<&str>| {
        let weights = tests.iter().filter_map(|file| text(file)).map(weigh);
        weights.fold(Weight::default(), std::ops::Add::add)
    };
    let before = sum(|file| file.before.as_deref());
    let after = sum(|file| file.after.as_deref());
    let fewer_allowed = leave::removes_tests(step);
    let mut seen = Vec::new();
    if after.tests < before.tests && !fewer_allowed {
        seen.push(format!("{} tests, {} before", after.tests, before.tests));
    }
    if after.assertions < before.assertions && !fewer_allowed {
        seen.push(format!(
            "{} assertions, {} before",
            after.assertions, before.assertions
        ));
    }
    if after.skips > before.skips {
        seen.push(format!("{} skips, {} before", after.skips, before.skips));
    }
    if seen.is_empty() {
        return Vec::new();
    }
    vec![Fault {
        what: "the changed tests test as much as before".to_owned(),
        expected: "no fewer tests and assertions, no more skips".to_owned(),
        seen: seen.join("; "),
        place: tests.first().map(|file| file.path.clone()),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::step;

    fn changed(path: &str) -> Changed {
        edited(path, "a", "b")
    }

    fn edited(path: &str, before: &str, after: &str) -> Changed {
        Changed {
            path: path.to_owned(),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
            gone: false,
            existed: true,
            base: None,
        }
    }

    fn asking(task: &str) -> Step {
        Step {
            task: task.to_owned(),
            criteria: Vec::new(),
            ..step(Vec::new())
        }
    }

    fn paths(files: &[Changed], scripts: &[&str], task: &str) -> Vec<String> {
        let scripts = scripts.iter().map(|path| (*path).to_owned()).collect();
        let found = tampered(files, &scripts, &asking(task));
        found.into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn what_judges_may_not_be_changed_without_leave() {
        let package = |line: &str| format!("{{\"scripts\": {{\"test\": \"{line}\"}}}}");
        for file in [
            changed("tests/parser.rs"),
            changed("tests/conftest.py"),
            changed(".github/workflows/ci.yml"),
            edited("package.json", &package("jest"), &package("true")),
        ] {
            let path = file.path.clone();
            assert_eq!(paths(&[file], &[], "Make the tests pass."), [path]);
        }
        assert_eq!(
            paths(&[changed("ci/all.sh")], &["ci/all.sh"], "Go."),
            ["ci/all.sh"]
        );
    }

    #[test]
    fn new_tests_and_the_product_are_free_and_a_new_runner_is_not() {
        let new = |path: &str| Changed {
            existed: false,
            before: None,
            ..changed(path)
        };
        let free = [
            new("tests/new.rs"),
            changed("src/contest.rs"),
            changed("Cargo.lock"),
            new("Makefile"),
        ];
        assert_eq!(paths(&free, &[], "Go."), Vec::<String>::new());
        assert_eq!(paths(&[new("conftest.py")], &[], "Go."), ["conftest.py"]);
        assert_eq!(
            paths(&[new("conftest.py")], &[], "Create conftest.py."),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_allowed_change_of_a_test_is_flagged_and_may_not_weaken_it() {
        let two = "def test_a():\n    assert f() == 1\ndef test_b():\n    assert f() == 2\n";
        for (after, faults) in [
            (two.replace("f()", "g()"), 0),
            (two.replace("def test_b", "def b"), 1),
            (two.replace("    assert f() == 2", "    f()"), 1),
            (format!("@pytest.mark.skip\n{two}"), 1),
        ] {
            let files = [edited("tests/a.py", two, &after)];
            let step = asking("Update the tests to the new name.");
            assert_eq!(weakened(&files, &[], &step).len(), faults, "{after}");
            assert_eq!(flags(&files, &[]).len(), 1);
        }
        let files = [edited(
            "tests/a.py",
            two,
            "def test_a():\n    assert f() == 1\n",
        )];
        assert_eq!(weakened(&files, &[], &asking("Remove the test of 2.")), []);
    }

    #[test]
    fn a_lock_file_is_explained_by_its_manifest() {
        let lock = changed("Cargo.lock");
        assert_eq!(flags(std::slice::from_ref(&lock), &[]).len(), 1);
        assert_eq!(
            flags(&[lock, edited("Cargo.toml", "a", "b")], &[]),
            Vec::<String>::new()
        );
    }
}
