//! Documents that claim to list something, against the code that they list.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Names of the events, from the one match that gives each its name.
fn event_names() -> Vec<String> {
    let source = read("crates/loom-events/src/kind.rs");
    let body = source
        .split("pub const fn name(&self)")
        .nth(1)
        .and_then(|rest| rest.split("pub const fn is_terminal").next())
        .unwrap();
    let names: Vec<String> = body
        .lines()
        .filter_map(|line| Some(line.split("=> \"").nth(1)?.split('"').next()?.to_owned()))
        .collect();
    assert!(names.len() > 50, "the match was not found: {names:?}");
    names
}

#[test]
fn every_event_is_described_and_nothing_else_is() {
    let page = read("docs/events.md");
    let described: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let names = event_names();
    for name in &names {
        assert!(
            described.contains(&name.as_str()),
            "docs/events.md lacks `{name}`"
        );
    }
    for name in described {
        assert!(
            names.iter().any(|n| n == name),
            "docs/events.md invents `{name}`"
        );
    }
}

#[test]
fn the_changelog_has_a_place_for_what_comes_next() {
    assert!(read("CHANGELOG.md").contains("## Unreleased"));
}
