//! What is found out about a project.

use crate::harness::Place;
use crate::{overview, test_commands};

/// Files of a project, and the commands that are found in it.
type Project<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn the_projects_own_tests_are_found() {
    let cases: [Project<'_>; 11] = [
        (&[("Cargo.toml", "[package]")], &["cargo test"]),
        (
            &[("package.json", "{\"scripts\": {\"test\": \"jest\"}}")],
            &["npm test"],
        ),
        (
            &[(
                "package.json",
                "{\"scripts\": {\"test\": \"echo \\\"Error: no test specified\\\" && exit 1\"}}",
            )],
            &[],
        ),
        (
            &[("pyproject.toml", "[tool.pytest.ini_options]")],
            &["python3 -m pytest -q"],
        ),
        (
            &[("tests/test_a.py", "import unittest")],
            &["python3 -m unittest discover -s tests"],
        ),
        (&[("go.mod", "module a")], &["go test ./..."]),
        (
            &[("Makefile", "all:\n\ntest: all\n\t./t\n")],
            &["make test"],
        ),
        (&[("test.sh", "exit 0")], &["sh test.sh"]),
        (
            &[("gradlew", ""), ("build.gradle", "")],
            &["./gradlew test"],
        ),
        (&[("pom.xml", "<project/>")], &["mvn -q test"]),
        (&[(".rspec", "")], &["bundle exec rspec"]),
    ];
    for (files, commands) in cases {
        let place = Place::with(files);
        assert_eq!(test_commands(&place.workspace), commands, "{files:?}");
    }
}

#[test]
fn what_builds_and_looks_over_a_project_is_found() {
    let cases: [Project<'_>; 4] = [
        (
            &[("Cargo.toml", "[package]")],
            &["cargo check --all-targets"],
        ),
        (
            &[
                (
                    "package.json",
                    "{\"scripts\": {\"build\": \"tsc\", \"lint\": \"eslint .\"}}",
                ),
                ("yarn.lock", ""),
            ],
            &["yarn run build", "yarn run lint"],
        ),
        (&[("Makefile", "lint:\n\t./l\n")], &["make lint"]),
        (&[("a.sln", "")], &["dotnet build"]),
    ];
    for (files, commands) in cases {
        let place = Place::with(files);
        assert_eq!(
            crate::build_commands(&place.workspace),
            commands,
            "{files:?}"
        );
    }
}

#[test]
fn an_overview_lists_what_is_near_the_root_first() {
    let place = Place::with(&[("src/deep/a.rs", ""), ("README.md", ""), ("src/b.rs", "")]);
    let overview = overview(&place.workspace);
    assert_eq!(overview.files, ["README.md", "src/b.rs", "src/deep/a.rs"]);
    assert_eq!(overview.total_files, 3);
}
