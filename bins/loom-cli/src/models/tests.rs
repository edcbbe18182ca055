//! Addresses, choices and the sentences about them.

use super::*;
use loom_router::Capabilities;

#[test]
fn an_address_needs_no_scheme_and_must_make_sense() {
    assert_eq!(address("127.0.0.1:80").unwrap(), "http://127.0.0.1:80");
    assert_eq!(address("http://h/v1").unwrap(), "http://h/v1");
    for bad in ["", "ftp://h", "http://", "not a server"] {
        assert_eq!(address(bad).unwrap_err().exit, Exit::Usage, "{bad}");
    }
}

#[tokio::test]
async fn with_no_server_anywhere_the_sentence_says_where_was_looked_and_how_to_start_one() {
    // Port 9 is the discard protocol: nothing listens there.
    let place = Candidate::new("Ollama", "http://127.0.0.1:9/v1");
    let fault = anywhere(vec![place]).await.unwrap_err();
    let lines = fault.lines();
    assert!(
        lines[0].1.contains("Ollama at http://127.0.0.1:9/v1"),
        "{lines:?}"
    );
    assert!(lines[1].1.contains("loom demo"), "{lines:?}");
    assert_eq!(fault.exit, Exit::Usage);
}

fn model(name: &str, roles: &[Role]) -> Model {
    let entry = ModelEntry {
        roles: roles.to_vec(),
        ..ModelEntry::new(name, "http://h/v1")
    };
    Model::new(entry, Capabilities::default())
}

#[test]
fn the_only_model_has_every_role() {
    let models = vec![
        model("big", &[Role::Executor]),
        model("small", &[Role::Executor]),
    ];
    let only = keep_only(models, "small", None).unwrap();
    assert_eq!(only.len(), 1);
    assert_eq!(only[0].entry.roles, Role::ALL);
    let fault = keep_only(only, "huge", None).unwrap_err();
    assert!(fault.hint.is_some_and(|hint| hint.contains("small")));
}

#[test]
fn one_line_says_which_models_are_used_and_why() {
    let mut small = model("qwen3:8b", &[Role::Executor, Role::Extractor]);
    small.known.loaded = Some(false);
    small.known.server = Some("Ollama 0.12.3".into());
    let mut all = model("big", &Role::ALL);
    all.entry.context_length = Some(32768);
    let models = Models {
        models: vec![small, all],
        why: "found on the usual ports",
    };
    assert_eq!(
        models.sentence(),
        "using qwen3:8b for executor+extractor (Ollama 0.12.3, loaded by the first call), big for everything (window 32,768); found on the usual ports"
    );
}

#[test]
fn a_window_that_holds_no_prompt_is_refused_with_the_way_out() {
    let mut tiny = model("tiny", &Role::ALL);
    tiny.known.window = Some(512);
    assert!(tiny.is_too_small());
    let lines = too_small(&[tiny]).lines();
    assert!(lines[0].1.contains("tiny has 512 tokens"), "{lines:?}");
    assert!(lines[1].1.contains("larger context"), "{lines:?}");
}
