//! A sentence does not hold a layer, a check does: the edges between crates, as cargo sees them,
//! against the table in `docs/ARCHITECTURE.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rows of the table: crate → row. Crates "beside" the layers have no row.
fn rows() -> BTreeMap<String, Option<u32>> {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let table = text
        .split("<!-- layers -->")
        .nth(1)
        .expect("docs/ARCHITECTURE.md marks its table of layers with <!-- layers -->");
    let cells = |line: &str| -> Option<(String, String)> {
        let mut cells = line.split('|').map(str::trim).skip(1);
        Some((cells.next()?.to_owned(), cells.next()?.to_owned()))
    };
    table
        .lines()
        .filter_map(cells)
        .filter(|(_, name)| name.starts_with('`'))
        .map(|(row, name)| (name.trim_matches('`').to_owned(), row.parse().ok()))
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Edges between members in what is shipped: development dependencies may look anywhere.
#[expect(
    clippy::disallowed_methods,
    reason = "the test asks cargo, not a process of the product"
)]
fn edges() -> Vec<(String, String)> {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let members: Vec<String> = packages.iter().map(|p| text(&p["name"])).collect();
    let mut edges = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = text(&dependency["name"]);
            if dependency["kind"] != "dev" && members.contains(&name) {
                edges.push((text(&package["name"]), name));
            }
        }
    }
    edges
}

#[test]
fn a_crate_uses_rows_below_its_own_and_never_its_own_row() {
    let rows = rows();
    let mut wrong = Vec::new();
    for (user, used) in edges() {
        if user == "loom-tests" {
            continue;
        }
        let (Some(from), Some(to)) = (rows.get(&user), rows.get(&used)) else {
            wrong.push(format!("{user} → {used}: one of them is not in the table"));
            continue;
        };
        if let (Some(from), Some(to)) = (from, to)
            && from <= to
        {
            wrong.push(format!("{user} (row {from}) uses {used} (row {to})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_kernel_knows_neither_runtime_nor_disk_nor_clock() {
    let manifest = root().join("crates/loom-kernel/Cargo.toml");
    let text = std::fs::read_to_string(manifest).unwrap();
    let shipped = text.split("[dev-dependencies]").next().unwrap();
    for banned in ["tokio", "rusqlite", "reqwest", "rand", "jiff", "chrono"] {
        assert!(!shipped.contains(banned), "loom-kernel depends on {banned}");
    }
}
