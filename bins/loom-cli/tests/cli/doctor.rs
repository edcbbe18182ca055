//! `loom doctor`.

use crate::support::{Place, Ran};
use serde_json::Value;

fn answer(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"))
}

#[test]
fn the_examination_says_what_commands_run_in_and_makes_nothing() {
    let place = Place::new();
    let ran = place.loom(&["doctor", "--json"]);
    let found = answer(&ran);
    assert_eq!(ran.code == 0, found["contained"] == true, "{ran:?}");
    let rungs = found["rungs"].as_array().unwrap();
    let used: Vec<_> = rungs.iter().filter(|rung| rung["used"] == true).collect();
    assert_eq!(
        used.len(),
        usize::from(found["contained"] == true),
        "{ran:?}"
    );
    for rung in rungs {
        assert!(
            rung["found"].as_str().is_some_and(|text| !text.is_empty()),
            "{rung}"
        );
    }
    let names: Vec<_> = found["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["name"])
        .collect();
    assert_eq!(
        names,
        ["commands", "data", "programs", "configuration", "models"]
    );
    assert!(!place.data_dir().exists(), "looking makes nothing");
}

#[test]
fn a_machine_without_a_sandbox_is_told_the_way_out() {
    let place = Place::new();
    let file = place.write("none.toml", "[sandbox]\nmode = 'none'\n");
    let ran = place.loom(&["doctor", "--config", &file.to_string_lossy()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.out.contains("commands run without a sandbox"),
        "{ran:?}"
    );
    assert!(ran.out.contains("way out: "), "{ran:?}");
}

#[test]
fn without_bubblewrap_the_package_is_named() {
    let place = Place::new();
    let mut command = place.command(&["doctor"]);
    let output = command.env("PATH", place.path("work")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    if cfg!(target_os = "linux") {
        assert!(
            text.contains("the package is called `bubblewrap`"),
            "{text}"
        );
        assert!(text.contains("git is not there"), "{text}");
    }
}

#[test]
fn a_configuration_that_does_not_load_is_a_finding() {
    let place = Place::new();
    let file = place.write("bad.toml", "[sandbox]\nmode = 'jail'\n");
    let ran = place.loom(&["doctor", "--json", "--config", &file.to_string_lossy()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let found = answer(&ran);
    assert_eq!(found["contained"], false);
    assert!(ran.out.contains("sandbox.mode"), "{ran:?}");
}
