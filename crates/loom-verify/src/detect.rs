//! The project's own tests, and what a planner is shown of a workspace.

use crate::files::text;
use loom_events::FileKind;
use loom_prompts::WorkspaceOverview;
use loom_workspace::Workspace;
use regex::Regex;
use std::sync::LazyLock;

/// Most paths collected for a planner; its prompt shows fewer.
const MAX_FILES: usize = 400;

/// Most entries walked: a count beyond it says "very many" as well as the exact one.
const MAX_WALKED: usize = 50_000;

/// Scripts that run tests, by custom.
const SCRIPTS: [&str; 6] = [
    "test.sh",
    "run_tests.sh",
    "run-tests.sh",
    "tests.sh",
    "scripts/test.sh",
    "tests/run.sh",
];

static MAKE_TEST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^test\s*:[^=]").expect("BUG: the pattern is valid"));

/// Commands that run the project's own tests, most specific first. Reads files: call it where
/// blocking is allowed.
#[must_use]
pub fn test_commands(workspace: &Workspace) -> Vec<String> {
    let mut commands: Vec<String> = SCRIPTS
        .iter()
        .filter_map(|path| script(workspace, path))
        .collect();
    commands.extend(make(workspace));
    commands.extend(is_there(workspace, "Cargo.toml").then(|| "cargo test".to_owned()));
    commands.extend(npm(workspace));
    commands.extend(python(workspace));
    commands.extend(by_file(workspace, &TESTS));
    commands
}

/// Files that tell an ecosystem, and the command that runs its tests.
const TESTS: [(&[&str], &str); 12] = [
    (&["go.mod"], "go test ./..."),
    (&["gradlew"], "./gradlew test"),
    (&["build.gradle", "build.gradle.kts"], "gradle test"),
    (&["mvnw"], "./mvnw -q test"),
    (&["pom.xml"], "mvn -q test"),
    (&[".rspec", "spec/spec_helper.rb"], "bundle exec rspec"),
    (&["Rakefile"], "bundle exec rake test"),
    (&["phpunit.xml", "phpunit.xml.dist"], "vendor/bin/phpunit"),
    (&["mix.exs"], "mix test"),
    (&["deno.json", "deno.jsonc"], "deno test"),
    (&["Package.swift"], "swift test"),
    (&["global.json", "Directory.Build.props"], "dotnet test"),
];

/// Files that tell an ecosystem, and the command that builds or looks the project over.
const BUILDS: [(&[&str], &str); 9] = [
    (&["Cargo.toml"], "cargo check --all-targets"),
    (&["go.mod"], "go vet ./..."),
    (&["gradlew"], "./gradlew assemble"),
    (&["build.gradle", "build.gradle.kts"], "gradle assemble"),
    (&["mvnw"], "./mvnw -q compile"),
    (&["pom.xml"], "mvn -q compile"),
    (&["ruff.toml", ".ruff.toml"], "ruff check ."),
    (&["mypy.ini", ".mypy.ini"], "mypy ."),
    (&["mix.exs"], "mix compile --warnings-as-errors"),
];

fn by_file(workspace: &Workspace, table: &[(&[&str], &str)]) -> Vec<String> {
    let there = |files: &&[&str]| files.iter().any(|file| is_there(workspace, file));
    let found = table.iter().filter(|(files, _)| there(files));
    let mut commands: Vec<String> = found.map(|(_, command)| (*command).to_owned()).collect();
    // A wrapper in the project goes before a program that may not be installed.
    let wrapped = |word: &str| commands.iter().any(|c| c.starts_with(word));
    let (gradle, maven) = (wrapped("./gradlew"), wrapped("./mvnw"));
    commands
        .retain(|c| !((gradle && c.starts_with("gradle ")) || (maven && c.starts_with("mvn "))));
    commands
}

/// Commands that build the project or look it over without running it. Reads files: call it where
/// blocking is allowed.
#[must_use]
pub fn build_commands(workspace: &Workspace) -> Vec<String> {
    let mut commands = npm_scripts(workspace);
    commands.extend(make_targets(workspace));
    commands.extend(by_file(workspace, &BUILDS));
    let solution = workspace.list(".", 1).unwrap_or_default();
    let has_project = solution
        .iter()
        .any(|entry| entry.path.ends_with(".sln") || entry.path.ends_with(".csproj"));
    commands.extend(has_project.then(|| "dotnet build".to_owned()));
    let configured = text(workspace, "pyproject.toml").unwrap_or_default();
    commands.extend(
        configured
            .contains("[tool.ruff")
            .then(|| "ruff check .".to_owned()),
    );
    commands.extend(
        configured
            .contains("[tool.mypy")
            .then(|| "mypy .".to_owned()),
    );
    commands.extend((is_there(workspace, "tsconfig.json")).then(|| "npx tsc --noEmit".to_owned()));
    commands
}

/// Scripts of `package.json` that build or look over.
fn npm_scripts(workspace: &Workspace) -> Vec<String> {
    let scripts = text(workspace, "package.json")
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let has = |name: &str| {
        let pointer = format!("/scripts/{name}");
        scripts
            .as_ref()
            .is_some_and(|json| json.pointer(&pointer).is_some())
    };
    ["build", "lint", "typecheck", "check"]
        .iter()
        .filter(|name| has(name))
        .map(|name| format!("{} run {name}", npm_manager(workspace)))
        .collect()
}

/// Targets of a Makefile that look over.
fn make_targets(workspace: &Workspace) -> Vec<String> {
    static TARGET: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^(check|lint|build)\s*:[^=]").expect("BUG: the pattern is valid")
    });
    let text = makefile(workspace).unwrap_or_default();
    let text = format!("{text}\n");
    let found = TARGET.captures_iter(&text);
    found.map(|target| format!("make {}", &target[1])).collect()
}

fn is_there(workspace: &Workspace, path: &str) -> bool {
    matches!(workspace.state(path), Ok(Some(_)))
}

/// A script is run as it asks to be: by its own first line when it may be executed.
fn script(workspace: &Workspace, path: &str) -> Option<String> {
    let state = workspace.state(path).ok().flatten()?;
    if state.kind != FileKind::File {
        return None;
    }
    let executable = state.mode & 0o111 != 0;
    Some(if executable {
        format!("./{path}")
    } else {
        format!("sh {path}")
    })
}

fn makefile(workspace: &Workspace) -> Option<String> {
    ["Makefile", "makefile", "GNUmakefile"]
        .iter()
        .find_map(|path| text(workspace, path))
}

fn make(workspace: &Workspace) -> Option<String> {
    makefile(workspace)
        .filter(|text| MAKE_TEST.is_match(&format!("{text}\n")))
        .map(|_| "make test".to_owned())
}

fn npm(workspace: &Workspace) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(&text(workspace, "package.json")?).ok()?;
    let script = json.pointer("/scripts/test")?.as_str()?;
    // What `npm init` writes when there are no tests.
    if script.contains("no test specified") {
        return None;
    }
    Some(format!("{} test", npm_manager(workspace)))
}

fn npm_manager(workspace: &Workspace) -> &'static str {
    if is_there(workspace, "pnpm-lock.yaml") {
        "pnpm"
    } else if is_there(workspace, "yarn.lock") {
        "yarn"
    } else {
        "npm"
    }
}

fn python(workspace: &Workspace) -> Option<String> {
    let configured =
        |path: &str, needle: &str| text(workspace, path).is_some_and(|text| text.contains(needle));
    let pytest = is_there(workspace, "pytest.ini")
        || is_there(workspace, "conftest.py")
        || is_there(workspace, "tests/conftest.py")
        || configured("pyproject.toml", "pytest")
        || configured("setup.cfg", "[tool:pytest]")
        || configured("tox.ini", "pytest")
        || configured("requirements.txt", "pytest")
        || configured("requirements-dev.txt", "pytest");
    if pytest {
        return Some("python3 -m pytest -q".to_owned());
    }
    let tests = python_tests(workspace);
    let uses = |needle: &str| {
        tests
            .iter()
            .any(|path| text(workspace, path).is_some_and(|text| text.contains(needle)))
    };
    if uses("unittest") {
        let in_directory = tests.iter().all(|path| path.starts_with("tests/"));
        let target = if in_directory {
            "discover -s tests"
        } else {
            "discover"
        };
        return Some(format!("python3 -m unittest {target}"));
    }
    (!tests.is_empty()).then(|| "python3 -m pytest -q".to_owned())
}

/// Test files of Python in the root and in `tests`.
fn python_tests(workspace: &Workspace) -> Vec<String> {
    let mut found = Vec::new();
    for dir in [".", "tests"] {
        let listed = workspace.list(dir, 1).unwrap_or_default();
        found.extend(
            listed
                .into_iter()
                .filter(|entry| entry.kind == FileKind::File)
                .map(|e| e.path)
                .filter(|path| {
                    let name = path.rsplit('/').next().unwrap_or(path);
                    name.ends_with(".py")
                        && (name.starts_with("test_") || name.ends_with("_test.py"))
                }),
        );
    }
    found
}

/// What a planner is shown of a workspace: files nearest to the root first, since they say most.
/// Reads files: call it where blocking is allowed.
#[must_use]
pub fn overview(workspace: &Workspace) -> WorkspaceOverview {
    let mut files: Vec<String> = workspace
        .walk()
        .take(MAX_WALKED)
        .filter(|entry| entry.kind != FileKind::Directory)
        .map(|entry| entry.path)
        .collect();
    let total_files = files.len();
    files.sort_by_cached_key(|path| (path.matches('/').count(), path.clone()));
    files.truncate(MAX_FILES);
    WorkspaceOverview {
        files,
        total_files,
        test_commands: test_commands(workspace),
        build_commands: build_commands(workspace),
    }
}
