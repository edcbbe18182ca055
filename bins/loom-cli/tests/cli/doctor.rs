//! `loom doctor`.

use crate::run::WRITES_A_FILE;
use crate::support::{Place, Ran, Server};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;

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
        [
            "commands",
            "data",
            "service",
            "programs",
            "configuration",
            "models",
            "memory"
        ]
    );
    assert!(
        said(&found, "memory").contains("found by their words"),
        "{ran:?}"
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

#[test]
fn the_model_that_makes_vectors_is_asked_for_one_and_tasks_use_it() {
    let place = Place::new();
    let server = Server::start(WRITES_A_FILE);
    let config = |vectors: &str| {
        format!(
            "[memory]\nembedding = 'vectors'\n[models.vectors]\nbase_url = '{vectors}'\n\
             [models.one]\nbase_url = '{}'\ncontext_length = 32768\n",
            server.url
        )
    };
    let file = place.write("one.toml", &config(&server.url));
    let file = file.to_string_lossy().into_owned();
    let found = answer(&place.loom(&["doctor", "--json", "--config", &file]));
    let memory = said(&found, "memory");
    assert!(
        memory.contains("vectors makes vectors of 256 numbers"),
        "{memory}"
    );
    // It is no model that chats.
    let models = said(&found, "models");
    assert!(!models.contains("vectors"), "{models}");
    let ran = place.loom(&["run", "write a note that says hello", "--config", &file]);
    assert_eq!(ran.code, 0, "{ran:?}");

    let nowhere = place.write("nowhere.toml", &config("http://127.0.0.1:9/v1"));
    let nowhere = nowhere.to_string_lossy().into_owned();
    let found = answer(&place.loom(&["doctor", "--json", "--config", &nowhere]));
    let memory = said(&found, "memory");
    assert!(memory.contains("by their words only"), "{memory}");
    let missing = place.write("missing.toml", "[memory]\nembedding = 'vectors'\n");
    let ran = place.loom(&["doctor", "--config", &missing.to_string_lossy()]);
    assert!(ran.out.contains("there is no [models.vectors]"), "{ran:?}");
}

/// What is said of a part.
fn said(found: &Value, part: &str) -> String {
    let parts = found["parts"].as_array().unwrap();
    let part = parts.iter().find(|one| one["name"] == part).unwrap();
    part["findings"].to_string()
}

#[test]
fn the_token_the_journal_the_service_and_the_window_are_looked_at() {
    let place = Place::new();
    let found = answer(&place.loom(&["doctor", "--json"]));
    let service = said(&found, "service");
    for text in [
        "no service runs",
        "no token yet",
        "no journal yet",
        "this is loom ",
    ] {
        assert!(service.contains(text), "{text}: {service}");
    }

    let server = Server::start(WRITES_A_FILE);
    let config = format!(
        "[models.one]\nbase_url = '{}'\ncontext_length = 32768\n",
        server.url
    );
    let file = place.write("one.toml", &config);
    let file = file.to_string_lossy().into_owned();
    let ran = place.loom(&["run", "write a note that says hello", "--config", &file]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let found = answer(&place.loom(&["doctor", "--json", "--config", &file]));
    let service = said(&found, "service");
    for text in ["the token is for you alone", "the journal can be read"] {
        assert!(service.contains(text), "{text}: {service}");
    }
    let models = said(&found, "models");
    assert!(models.contains("a window of 32,768 tokens"), "{models}");
    assert!(models.contains("verdicts of one are worth"), "{models}");
    assert!(!models.contains("is small for real work"), "{models}");
    let narrow = config.replace("32768", "4096");
    let narrow = place.write("narrow.toml", &narrow);
    let narrow = narrow.to_string_lossy().into_owned();
    let found = answer(&place.loom(&["doctor", "--json", "--config", &narrow]));
    let models = said(&found, "models");
    for text in [
        "a window of 4096 tokens is small for real work",
        "larger context",
    ] {
        assert!(models.contains(text), "{text}: {models}");
    }

    let token = place.data_dir().join("token");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let found = answer(&place.loom(&["doctor", "--json"]));
    assert!(
        said(&found, "service").contains("others can read the token"),
        "{found}"
    );
}
