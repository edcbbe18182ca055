//! A history in words alone, for templates that refuse calls, their results, or a system message.

use super::valid::PARAGRAPH;
use loom_events::Message;

/// The same conversation between a user and a model who call nothing.
///
/// The words are those of a report, not of a call: what looks like a call would be imitated.
pub(super) fn plain(history: Vec<Message>) -> Vec<Message> {
    history.into_iter().map(message).collect()
}

fn message(message: Message) -> Message {
    match message {
        Message::System { text } | Message::User { text } => Message::User { text },
        Message::Assistant { text, calls, .. } => {
            let calls = calls
                .iter()
                .map(|call| format!("I used {} with {}.", call.name, call.arguments));
            let parts: Vec<_> = Some(text)
                .filter(|text| !text.trim().is_empty())
                .into_iter()
                .chain(calls)
                .collect();
            Message::Assistant {
                text: parts.join(PARAGRAPH),
                thought: None,
                calls: Vec::new(),
            }
        }
        Message::Tool { name, text, .. } => Message::User {
            text: format!("Result of {name}:\n{text}"),
        },
    }
}
