//! The answer as the conversation gets it: ids, what stays a call, and what the model is told.

use loom_dialect::{RawAnswer, RawArguments, RawCall, Reading, read};
use loom_events::{Answer, Finish, Message, ToolCall, ToolSpec};
use serde_json::{Value, json};

fn tools() -> Vec<ToolSpec> {
    let parameters = |required: &[&str]| {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "content": {"type": "string"},
                "limit": {"type": "integer"},
            },
            "required": required,
            "additionalProperties": false,
        })
    };
    vec![
        ToolSpec::new("read_file", "", parameters(&["path"])).read_only(),
        ToolSpec::new("write_file", "", parameters(&["path", "content"])),
    ]
}

fn raw(text: &str, calls: Vec<RawCall>) -> RawAnswer {
    RawAnswer {
        text: text.into(),
        thought: String::new(),
        calls,
        dropped_calls: 0,
        finish: Finish::Stop,
    }
}

fn structured(id: &str, name: &str, arguments: &str) -> RawCall {
    RawCall {
        id: Some(id.into()),
        name: name.into(),
        arguments: RawArguments::Text(arguments.into()),
    }
}

fn answer(raw: &RawAnswer, history: &[Message]) -> Answer {
    let tools = tools();
    let reading = Reading {
        tools: &tools,
        in_thought: false,
        may_call: true,
    };
    read(raw, &reading).into_answer(history, raw.dropped_calls)
}

/// The code and the words of the first refusal of an answer in text.
fn told(text: &str, finish: Finish) -> (String, String) {
    let raw = RawAnswer {
        finish,
        ..raw(text, Vec::new())
    };
    let refusal = answer(&raw, &[]).unreadable.remove(0).refusal;
    (refusal.code, refusal.message)
}

#[test]
fn ids_of_the_server_are_kept_where_they_are_new_and_a_repeated_call_is_one() {
    let earlier = Message::Assistant {
        text: String::new(),
        thought: None,
        calls: vec![ToolCall {
            id: "a".into(),
            name: "read_file".into(),
            arguments: json!({}),
        }],
    };
    let calls = vec![
        structured("b", "read_file", r#"{"path":"x"}"#),
        structured("b", "read_file", r#"{"path":"x"}"#),
        structured("a", "read_file", r#"{"path":"y"}"#),
    ];
    let answer = answer(&raw(" I look. ", calls), &[earlier]);
    let ids: Vec<_> = answer.calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["b", "call_3"]);
    assert_eq!(answer.text, "I look.");
}

#[test]
fn a_call_that_could_be_read_stays_in_the_conversation_and_one_that_could_not_does_not() {
    let calls = vec![
        structured("a", "read_file", r#"{"path":"x","limit":"all"}"#),
        structured("b", "write_file", r#"{"path":"x","content":"fi"#),
        structured("c", "opne", r#"{"path":"x"}"#),
    ];
    let answer = answer(&raw("", calls), &[]);
    let names: Vec<_> = answer.calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["read_file", "opne"]);
    assert_eq!(
        answer.calls[0].arguments,
        json!({"path": "x", "limit": "all"})
    );
    assert_eq!(answer.unreadable[0].refusal.code, "truncated_arguments");
}

#[test]
fn a_value_of_the_server_is_taken_as_it_is() {
    let call = RawCall {
        id: None,
        name: "write_file".into(),
        arguments: RawArguments::Value(json!({"path": "x", "content": "<think>"})),
    };
    let answer = answer(&raw("", vec![call]), &[]);
    assert_eq!(answer.calls[0].arguments["content"], Value::from("<think>"));
}

#[test]
fn what_was_cut_off_is_told_where_and_how_to_send_it_instead() {
    let cut =
        r#"<tool_call>{"name": "write_file", "arguments": {"path": "a", "content": "first part"#;
    let (code, message) = told(cut, Finish::Length);
    assert_eq!(code, "truncated_arguments");
    assert!(
        message.starts_with("the arguments of `write_file` were cut off by the limit of tokens"),
        "{message}"
    );
    assert!(
        message.contains("first part") && message.contains("in parts"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_read_is_told_where_and_with_an_example() {
    let inner = r#"<tool_call>{"name": "write_file", "arguments": {"path": "a", "content": "say "hi""}}</tool_call>"#;
    let (code, message) = told(inner, Finish::Stop);
    assert_eq!(code, "malformed_arguments");
    assert!(message.contains(r#"at "hi\""#), "{message}");
    assert!(
        message.ends_with(r#"like {"path": …, "content": …}"#),
        "{message}"
    );
}

#[test]
fn a_form_that_is_only_inferred_is_told_why_it_did_not_run() {
    let (code, message) = told(r#"write_file{"path": "a", "content": "x"}"#, Finish::Stop);
    assert_eq!(code, "leaked_markup");
    assert!(message.contains("since it changes something"), "{message}");
}

#[test]
fn calls_beyond_the_bound_are_reported() {
    let many = RawAnswer {
        dropped_calls: 436,
        ..raw("", vec![structured("a", "read_file", r#"{"path":"x"}"#)])
    };
    let told = answer(&many, &[]).unreadable.remove(0).refusal;
    assert_eq!(told.code, "too_many_calls");
    assert!(told.message.starts_with("436 more"));
}
