//! Which files judge work, by the customs of the usual languages.

use regex::Regex;
use std::sync::LazyLock;

/// How a file judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A test, a fixture, a snapshot.
    Test,
    /// How tests are run or measured: a new one is as good as a changed one.
    Runner,
    /// What is run elsewhere on every change.
    Ci,
    /// Product and judge in one: only a part of it judges.
    Mixed(Part),
    /// How the project is built: it changes with the product.
    Build,
    /// Which versions are used: it changes with its manifest.
    Lock,
}

/// The part of a mixed file that judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `scripts` and the runners' own objects.
    PackageJson,
    /// Sections with these words in their names.
    Sections,
    /// Targets with these words in their names.
    Targets,
}

/// What a path is, by its name.
pub(crate) fn kind(path: &str) -> Option<Kind> {
    let lower = path.to_ascii_lowercase();
    let (dir, file) = lower.rsplit_once('/').unwrap_or(("", &lower));
    if is_runner(&lower, file) {
        return Some(Kind::Runner);
    }
    if is_test(path) {
        return Some(Kind::Test);
    }
    let in_ci = dir == ".github/workflows" || dir.starts_with(".circleci");
    let is_ci = matches!(
        file,
        ".gitlab-ci.yml" | ".travis.yml" | "jenkinsfile" | "azure-pipelines.yml"
    );
    if in_ci || is_ci {
        return Some(Kind::Ci);
    }
    Some(match file {
        "package.json" => Kind::Mixed(Part::PackageJson),
        "pyproject.toml" | "setup.cfg" | "cargo.toml" => Kind::Mixed(Part::Sections),
        "makefile" | "gnumakefile" | "justfile" => Kind::Mixed(Part::Targets),
        "build.rs" | "setup.py" | "cmakelists.txt" | "build.gradle" | "build.gradle.kts"
        | "pom.xml" | "rakefile" | "noxfile.py" | "taskfile.yml" => Kind::Build,
        "cargo.lock" | "package-lock.json" | "pnpm-lock.yaml" | "yarn.lock" | "poetry.lock"
        | "uv.lock" | "pipfile.lock" | "go.sum" | "gemfile.lock" | "composer.lock" => Kind::Lock,
        _ => return None,
    })
}

/// The manifests whose change explains one of a lock file.
pub(crate) fn manifest_of(lock: &str) -> &'static [&'static str] {
    let file = lock.rsplit('/').next().unwrap_or(lock);
    match file.to_ascii_lowercase().as_str() {
        "cargo.lock" => &["Cargo.toml"],
        "package-lock.json" | "pnpm-lock.yaml" | "yarn.lock" => &["package.json"],
        "go.sum" => &["go.mod"],
        "gemfile.lock" => &["Gemfile"],
        "composer.lock" => &["composer.json"],
        _ => &["pyproject.toml", "Pipfile"],
    }
}

fn is_runner(path: &str, file: &str) -> bool {
    static CONFIG: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(jest|vitest|karma|cypress|playwright|ava|nyc)\.(config|conf|setup)\.[cm]?[jt]s(on)?$|^\.(mocharc|nycrc|rspec|coveragerc)(\.\w+)*$")
            .expect("BUG: the pattern is valid")
    });
    matches!(
        file,
        "conftest.py"
            | "pytest.ini"
            | "tox.ini"
            | "sitecustomize.py"
            | "usercustomize.py"
            | "phpunit.xml"
            | "phpunit.xml.dist"
            | "nextest.toml"
            | "spec_helper.rb"
            | "rails_helper.rb"
            | "test_helper.rb"
    ) || path == ".cargo/config.toml"
        || path == ".cargo/config"
        || file.ends_with(".pth")
        || CONFIG.is_match(file)
}

/// Whether a path is a test or belongs to one.
pub(crate) fn is_test(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let mut names: Vec<&str> = lower.split('/').collect();
    let file = names.pop().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or(file);
    let in_directory = names.iter().any(|dir| {
        matches!(
            *dir,
            "tests"
                | "test"
                | "__tests__"
                | "spec"
                | "specs"
                | "__snapshots__"
                | "testdata"
                | "fixtures"
                | "__fixtures__"
                | "__mocks__"
        )
    });
    // A directory `spec` may as well hold a specification.
    let is_prose = [".md", ".rst", ".adoc"]
        .iter()
        .any(|end| file.ends_with(end));
    if is_prose {
        return false;
    }
    // `JavaTest.java`: the case is what tells it from `latest.java`.
    let original = path.rsplit('/').next().unwrap_or(path);
    let camel = original.split('.').next().unwrap_or(original);
    in_directory
        || stem == "test"
        || stem == "tests"
        || stem == "run_tests"
        || stem == "run-tests"
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_spec")
        || camel.ends_with("Test")
        || camel.ends_with("Tests")
        || file.contains(".test.")
        || file.contains(".spec.")
        || file.ends_with(".snap")
        || file.ends_with(".bats")
}

/// The part of a mixed file that judges, as one text.
pub(crate) fn part(part: Part, text: &str) -> String {
    match part {
        Part::PackageJson => package_json(text),
        Part::Sections => sections(text),
        Part::Targets => targets(text),
    }
}

fn package_json(text: &str) -> String {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else {
        return String::new();
    };
    let of = |key: &str| json.get(key).map(|value| format!("{key}: {value}\n"));
    let judging: Vec<String> = ["jest", "vitest", "mocha", "ava", "nyc", "c8"]
        .iter()
        .filter_map(|key| of(key))
        .collect();
    let scripts = json.get("scripts").and_then(|scripts| scripts.as_object());
    let scripts: Vec<String> = scripts
        .into_iter()
        .flatten()
        .filter(|(name, _)| judges(name))
        .map(|(name, line)| format!("{name}: {line}\n"))
        .collect();
    (judging.concat() + &scripts.concat()).trim().to_owned()
}

/// Whether a name of a script, a target or a section speaks of judging.
pub(crate) fn judges(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["test", "check", "verify", "lint", "coverage", "spec"]
        .iter()
        .any(|word| lower.contains(word))
}

fn sections(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with('[') {
            inside = judges(line) || line.contains("[lints") || line.contains("[profile");
        }
        // `test = false` and `harness = false` switch tests off in any section.
        let switch =
            line.trim_start().starts_with("test") || line.trim_start().starts_with("harness");
        if (inside || switch) && !line.trim().is_empty() {
            kept.push_str(line.trim_end());
            kept.push('\n');
        }
    }
    kept
}

fn targets(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        let starts = !line.starts_with([' ', '\t', '#']) && line.contains(':');
        if starts {
            inside = line.split(':').next().is_some_and(judges);
        }
        if inside && !line.trim().is_empty() {
            kept.push_str(line.trim_end());
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_judge_are_known_by_custom() {
        for (path, wanted) in [
            ("tests/parser.rs", Some(Kind::Test)),
            ("test_parser.py", Some(Kind::Test)),
            ("src/parser_test.go", Some(Kind::Test)),
            ("web/app.test.ts", Some(Kind::Test)),
            ("spec/user_spec.rb", Some(Kind::Test)),
            ("src/UserTest.java", Some(Kind::Test)),
            ("test.sh", Some(Kind::Test)),
            ("pkg/testdata/a.golden", Some(Kind::Test)),
            ("tests/conftest.py", Some(Kind::Runner)),
            ("jest.config.js", Some(Kind::Runner)),
            (".cargo/config.toml", Some(Kind::Runner)),
            ("sitecustomize.py", Some(Kind::Runner)),
            (".coveragerc", Some(Kind::Runner)),
            (".github/workflows/ci.yml", Some(Kind::Ci)),
            ("package.json", Some(Kind::Mixed(Part::PackageJson))),
            ("Makefile", Some(Kind::Mixed(Part::Targets))),
            ("Cargo.lock", Some(Kind::Lock)),
            ("build.rs", Some(Kind::Build)),
            ("docs/spec/api.md", None),
            ("src/latest.java", None),
            ("src/contest.rs", None),
            ("src/main.rs", None),
        ] {
            assert_eq!(kind(path), wanted, "{path}");
        }
    }

    #[test]
    fn only_the_part_of_a_mixed_file_that_judges_is_compared() {
        let same = |of, one: &str, other: &str| part(of, one) == part(of, other);
        let package = r#"{"scripts": {"test": "jest", "build": "tsc"}, "dependencies": {}}"#;
        assert!(same(
            Part::PackageJson,
            package,
            &package.replace("tsc", "tsc -b")
        ));
        assert!(!same(
            Part::PackageJson,
            package,
            &package.replace("\"jest\"", "\"true\"")
        ));
        let make = "all:\n\tcc a.c\n\ntest: all\n\t./t\n";
        assert!(same(Part::Targets, make, &make.replace("a.c", "a.c b.c")));
        assert!(!same(Part::Targets, make, &make.replace("./t", "true")));
        let project = "[project]\nname = \"a\"\n[tool.pytest.ini_options]\naddopts = \"-q\"\n";
        assert!(same(
            Part::Sections,
            project,
            &project.replace("\"a\"", "\"b\"")
        ));
        assert!(!same(
            Part::Sections,
            project,
            &project.replace("-q", "-k nothing")
        ));
        let cargo = "[lib]\nname = \"a\"\n";
        assert!(!same(
            Part::Sections,
            cargo,
            "[lib]\nname = \"a\"\ntest = false\n"
        ));
    }
}
