//! `loom models`, and what `loom run` says of the models that it uses.

use crate::support::{Place, Server};
use serde_json::Value;

/// Answers as no real model would, which is enough to be probed.
const SAYS_DONE: &str = "rules: [{name: any, reply: {text: Done.}}]";

#[test]
fn a_server_that_is_named_is_shown_with_what_is_known_of_its_models() {
    let place = Place::new();
    let server = Server::start(SAYS_DONE);
    let ran = place.loom(&["models", "--server", &server.url]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let heading = ran.out.lines().next().unwrap();
    for column in ["model", "provider", "window", "calls", "thinking", "roles"] {
        assert!(heading.contains(column), "{column} is missing in {heading}");
    }
    assert!(ran.out.contains("✓ sim-small"), "{ran:?}");
    assert!(ran.err.contains("loom models --probe"), "{ran:?}");
    assert!(!place.data_dir().exists(), "looking makes nothing");
}

#[test]
fn a_probe_says_what_it_saw_and_keeps_it() {
    let place = Place::new();
    let server = Server::start(SAYS_DONE);
    let arguments = ["models", "--server", &server.url, "--probe", "sim-small"];
    let ran = place.loom(&arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("probing sim-small: 6/6"), "{ran:?}");
    assert!(ran.out.contains("could not be told"), "{ran:?}");

    let ran = place.loom(&["models", "--server", &server.url, "--json"]);
    let models: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let small = models.iter().find(|model| model["name"] == "sim-small");
    let small = small.unwrap_or_else(|| panic!("{ran:?}"));
    assert!(
        small["findings"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    );
    assert!(small["probed_at"].is_string(), "{small}");
}

#[test]
fn a_model_that_is_not_there_cannot_be_probed() {
    let place = Place::new();
    let server = Server::start(SAYS_DONE);
    let ran = place.loom(&["models", "--server", &server.url, "--probe", "gpt-9"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("has no model `gpt-9`"), "{ran:?}");
    assert!(!place.data_dir().exists());
}

#[test]
fn what_is_configured_is_shown_with_what_does_not_answer() {
    let place = Place::new();
    let server = Server::start(SAYS_DONE);
    let toml = format!(
        "[models.up]\nbase_url = '{}'\nmodel = 'sim-small'\n[models.down]\nprovider = 'vllm'\nbase_url = 'http://127.0.0.1:9/v1'\n",
        server.url
    );
    let file = place.write("c.toml", &toml).to_string_lossy().into_owned();
    let ran = place.loom(&["models", "--config", &file]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("✓ up"), "{ran:?}");
    assert!(ran.out.contains("✗ down   vllm"), "{ran:?}");
    assert!(ran.out.contains("cannot reach the model server"), "{ran:?}");
}

#[test]
fn a_run_says_in_one_line_which_models_it_uses_and_why() {
    let place = Place::new();
    let server = Server::start(SAYS_DONE);
    let arguments = ["run", "x", "--server", &server.url, "--model", "sim-small"];
    let ran = place.loom(&arguments);
    let line = "using sim-small for everything; from --server";
    assert!(ran.err.lines().any(|said| said == line), "{ran:?}");
}
