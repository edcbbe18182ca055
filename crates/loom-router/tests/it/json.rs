//! Structured answers over HTTP.

use crate::server::{Server, answer, finish, hello, refuses, says, text};
use loom_events::{FailureClass, Role, Tier};
use loom_router::{JsonError, JsonReply, JsonSchema, ModelEntry, Router};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn schema() -> JsonSchema {
    JsonSchema {
        name: "verdict".into(),
        schema: json!({
            "type": "object",
            "required": ["pass"],
            "properties": {"pass": {"type": "boolean"}},
            "additionalProperties": false,
        }),
    }
}

async fn ask(server: &Server) -> Result<JsonReply, JsonError> {
    let router = Router::new(vec![server.entry()]).unwrap();
    router
        .json("m", &schema(), &hello(), &CancellationToken::new())
        .await
}

#[tokio::test]
async fn an_answer_that_fits_is_taken_at_once_even_after_thoughts_and_in_a_fence() {
    for words in [
        r#"{"pass": true}"#,
        "<think>well {\"pass\": false}</think>\n```json\n{\"pass\": true}\n```",
    ] {
        let server = Server::start([says(words)]).await;
        let reply = ask(&server).await.unwrap();
        assert_eq!(reply.value, json!({"pass": true}));
        assert!(!reply.asked_again);
        let request = &server.requests()[0];
        let format = &request["response_format"];
        assert_eq!(format["type"], "json_schema");
        assert_eq!(format["json_schema"]["schema"], schema().schema);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_once_more_with_the_errors() {
    let server = Server::start([says(r#"{"pass": "yes"}"#), says(r#"{"pass": true}"#)]).await;
    let reply = ask(&server).await.unwrap();
    assert_eq!(
        (reply.value, reply.asked_again),
        (json!({"pass": true}), true)
    );
    assert_eq!(
        (reply.reply.usage.prompt, reply.reply.usage.cached),
        (20, 8),
        "both are paid for"
    );

    let requests = server.requests();
    let messages = |request: &Value| request["messages"].as_array().unwrap().clone();
    let (first, second) = (messages(&requests[0]), messages(&requests[1]));
    assert_eq!(second[..1], first[..], "the conversation only grows");
    assert_eq!(
        second[1],
        json!({"role": "assistant", "content": r#"{"pass": "yes"}"#})
    );
    let errors = second[2]["content"].as_str().unwrap();
    assert!(
        errors.contains(r#"`pass` must be a boolean, not the string "yes""#),
        "{errors}"
    );
}

#[tokio::test]
async fn two_answers_that_do_not_fit_are_the_models_failure() {
    let server = Server::start([says("Sure!"), says(r#"Sure: {"pass": yes}"#)]).await;
    let error = ask(&server).await.unwrap_err();
    assert_eq!(error.to_failure().class, FailureClass::Model);
    let JsonError::Invalid { errors, reply, .. } = error else {
        panic!("must be invalid");
    };
    assert!(
        errors[0].starts_with("the answer is not one JSON object"),
        "{errors:?}"
    );
    assert_eq!(reply.usage.prompt, 20);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_answer_cut_by_the_limit_is_asked_for_shorter() {
    let cut = answer(&[text(r#"{"pass": tr"#), finish("length")]);
    let server = Server::start([cut, says(r#"{"pass": true}"#)]).await;
    assert!(ask(&server).await.unwrap().asked_again);
    let again = server.requests()[1]["messages"][2]["content"].to_string();
    assert!(again.contains("be much shorter"), "{again}");
}

#[tokio::test]
async fn a_server_without_response_format_gets_the_schema_as_an_instruction() {
    let no = json!({"error": {"message": "'response_format.type' must be 'text'"}});
    let server = Server::start([refuses(400, &no), says(r#"{"pass": false}"#)]).await;
    assert_eq!(ask(&server).await.unwrap().value, json!({"pass": false}));
    let second = &server.requests()[1];
    assert_eq!(second.get("response_format"), None);
    let words = second["messages"][0]["content"].as_str().unwrap();
    assert!(
        words.starts_with("hello\n\nAnswer with one JSON object"),
        "{words}"
    );
    assert!(words.ends_with(&schema().schema.to_string()), "{words}");
}

#[tokio::test]
async fn by_role_the_next_model_is_asked_when_one_cannot_be_and_that_is_said() {
    let small = Server::start([refuses(401, &json!({"error": "no key"}))]).await;
    let large = Server::start([says(r#"{"pass": true}"#)]).await;
    let entries = vec![
        ModelEntry {
            name: "small".into(),
            ..small.entry()
        },
        ModelEntry {
            name: "large".into(),
            tier: Tier::Large,
            ..large.entry()
        },
    ];
    let router = Router::new(entries).unwrap();
    let (schema, request, cancel) = (schema(), hello(), CancellationToken::new());
    let ask = || router.json_for(Role::Verifier, Tier::Small, &schema, &request, &cancel);
    let reply = ask().await.unwrap();
    assert_eq!(reply.reply.model, "large");
    assert_eq!(reply.degraded.len(), 1);
    let degraded = &reply.degraded[0];
    assert!(
        degraded.starts_with(
            "role verifier is filled by large (tier 3), since small failed to use model small: "
        ),
        "{degraded}"
    );

    // Now both fail, and the message names both.
    let error = ask().await.unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("no model for role verifier at tier ≥ 1: tried small failed to "),
        "{message}"
    );
    assert!(message.contains("; large failed to "), "{message}");
    assert_eq!(
        error.to_failure().class,
        FailureClass::Transient,
        "599 may pass"
    );
}
