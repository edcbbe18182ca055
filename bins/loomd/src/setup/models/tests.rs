//! Addresses, choices and the sentences about them.

use super::*;
use loom_router::Capabilities;

#[test]
fn an_address_needs_no_scheme_and_must_make_sense() {
    assert_eq!(address("127.0.0.1:80").unwrap(), "http://127.0.0.1:80");
    assert_eq!(address("http://h/v1").unwrap(), "http://h/v1");
    for bad in ["", "ftp://h", "http://", "not a server"] {
        assert!(address(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn with_no_server_anywhere_the_sentence_says_where_was_looked_and_how_to_start_one() {
    // Port 9 is the discard protocol: nothing listens there.
    let place = Candidate::new("Ollama", "http://127.0.0.1:9/v1");
    let error = anywhere(vec![place]).await.unwrap_err();
    assert!(
        error.message.contains("Ollama at http://127.0.0.1:9/v1"),
        "{error:?}"
    );
    assert!(error.hint.unwrap().contains("loom demo"));
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
    let error = keep_only(only, "huge", None).unwrap_err();
    assert!(error.hint.is_some_and(|hint| hint.contains("small")));
}

#[test]
fn a_window_that_holds_no_prompt_is_refused_with_the_way_out() {
    let mut tiny = model("tiny", &Role::ALL);
    tiny.known.window = Some(512);
    assert!(tiny.is_too_small());
    let error = too_small(&[tiny]);
    assert!(error.message.contains("tiny has 512 tokens"), "{error:?}");
    assert!(error.hint.unwrap().contains("larger context"));
}
