//! Puts a recorded conversation into the form that every chat template accepts.
//!
//! Valid by construction: one system message, at the start; every call answered, in the order of the
//! calls; no two messages of the user or the model in a row; something for the model to answer at
//! the end. Servers refuse anything else, or worse, drop it. The result depends on nothing but the
//! messages, so a longer conversation starts with the bytes of the shorter one.

use loom_events::{Message, ToolCall};

/// The result of a call whose own result was never recorded.
const INTERRUPTED: &str =
    "interrupted: this call was cut off before its result was known; it may or may not have run";

/// What the user says when nothing else is left for the model to answer.
const GO_ON: &str = "Go on.";

/// Between two messages that become one.
pub(super) const PARAGRAPH: &str = "\n\n";

/// The same conversation, valid.
pub(super) fn valid(messages: &[Message]) -> Vec<Message> {
    let mut history = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        match message {
            Message::System { text } if history.is_empty() => {
                history.push(Message::System { text: text.clone() });
            }
            Message::System { text } | Message::User { text } => push_user(&mut history, text),
            Message::Assistant {
                text,
                thought,
                calls,
            } => {
                push_assistant(&mut history, text, thought.as_deref(), calls);
                push_results(&mut history, calls, &messages[index + 1..]);
            }
            // Results were placed behind their call; one without a call has no place.
            Message::Tool { .. } => {}
        }
    }
    push_something_to_answer(&mut history);
    history
}

fn push_user(history: &mut Vec<Message>, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    if let Some(Message::User { text: last }) = history.last_mut() {
        last.push_str(PARAGRAPH);
        last.push_str(text);
        return;
    }
    history.push(Message::User { text: text.into() });
}

fn push_assistant(
    history: &mut Vec<Message>,
    text: &str,
    thought: Option<&str>,
    calls: &[ToolCall],
) {
    if text.trim().is_empty() && calls.is_empty() {
        return;
    }
    // Whatever the model answered when nobody had said anything, it answered this: see `valid`.
    push_something_to_answer(history);
    history.push(Message::Assistant {
        text: text.into(),
        thought: thought.map(Into::into),
        calls: calls.to_vec(),
    });
}

fn push_something_to_answer(history: &mut Vec<Message>) {
    if !matches!(
        history.last(),
        Some(Message::User { .. } | Message::Tool { .. })
    ) {
        push_user(history, GO_ON);
    }
}

/// Answers every call, from the messages up to the model's next one.
fn push_results(history: &mut Vec<Message>, calls: &[ToolCall], later: &[Message]) {
    let results = || {
        later
            .iter()
            .take_while(|message| !matches!(message, Message::Assistant { .. }))
    };
    for call in calls {
        let text = results().find_map(|message| match message {
            Message::Tool { call_id, text, .. } if *call_id == call.id => Some(text.as_str()),
            _ => None,
        });
        history.push(Message::Tool {
            call_id: call.id.clone(),
            name: call.name.clone(),
            text: text.unwrap_or(INTERRUPTED).into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn system(text: &str) -> Message {
        Message::System { text: text.into() }
    }

    fn user(text: &str) -> Message {
        Message::User { text: text.into() }
    }

    fn assistant(text: &str, ids: &[&str]) -> Message {
        let calls = ids.iter().map(|id| ToolCall {
            id: (*id).into(),
            name: "read_file".into(),
            arguments: json!({"path": "a"}),
        });
        Message::Assistant {
            text: text.into(),
            thought: None,
            calls: calls.collect(),
        }
    }

    fn tool(id: &str, text: &str) -> Message {
        Message::Tool {
            call_id: id.into(),
            name: "read_file".into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_valid_conversation_stays_as_it_is() {
        let messages = [
            system("rules"),
            user("do"),
            assistant("", &["a"]),
            tool("a", "1"),
        ];
        assert_eq!(valid(&messages), messages);
    }

    #[test]
    fn a_call_without_a_result_is_answered_as_interrupted() {
        let messages = [
            user("do"),
            assistant("", &["a", "b"]),
            tool("b", "2"),
            user("well?"),
        ];
        let expected = [
            user("do"),
            assistant("", &["a", "b"]),
            tool("a", INTERRUPTED),
            tool("b", "2"),
            user("well?"),
        ];
        assert_eq!(valid(&messages), expected);
    }

    #[test]
    fn a_result_without_a_call_is_left_out() {
        let messages = [
            user("do"),
            tool("x", "?"),
            assistant("", &["a"]),
            tool("a", "1"),
        ];
        assert_eq!(
            valid(&messages),
            [user("do"), assistant("", &["a"]), tool("a", "1")]
        );
    }

    #[test]
    fn a_result_recorded_after_a_user_message_moves_to_its_call() {
        let messages = [
            user("do"),
            assistant("", &["a"]),
            user("hurry"),
            tool("a", "1"),
        ];
        let expected = [
            user("do"),
            assistant("", &["a"]),
            tool("a", "1"),
            user("hurry"),
        ];
        assert_eq!(valid(&messages), expected);
    }

    #[test]
    fn users_in_a_row_become_one_and_a_late_system_message_is_said_by_the_user() {
        let messages = [system("rules"), user("a"), system("remember"), user("b")];
        assert_eq!(
            valid(&messages),
            [system("rules"), user("a\n\nremember\n\nb")]
        );
    }

    #[test]
    fn between_two_answers_stands_what_was_said_for_the_second_and_an_empty_one_is_left_out() {
        let messages = [
            user("a"),
            assistant("x", &[]),
            assistant("y", &["c"]),
            tool("c", "1"),
            assistant("", &[]),
        ];
        let expected = [
            user("a"),
            assistant("x", &[]),
            user(GO_ON),
            assistant("y", &["c"]),
            tool("c", "1"),
        ];
        assert_eq!(valid(&messages), expected);
        assert_eq!(valid(&messages[..2]), expected[..3]);
    }

    #[test]
    fn there_is_always_something_to_answer() {
        assert_eq!(valid(&[]), [user(GO_ON)]);
        assert_eq!(valid(&[system("rules")]), [system("rules"), user(GO_ON)]);
        let said = [user("a"), assistant("x", &[])];
        assert_eq!(valid(&said), [user("a"), assistant("x", &[]), user(GO_ON)]);
    }

    #[test]
    fn a_longer_conversation_starts_with_the_shorter_one() {
        let messages = [
            system("rules"),
            user("do"),
            assistant("", &["a"]),
            tool("a", "1"),
            assistant("", &["b"]),
            tool("b", "2"),
        ];
        let short = valid(&messages[..4]);
        assert_eq!(valid(&messages)[..4], short);
    }
}
