//! How much of a request was sent before: what a server can take from its cache.

use crate::conversation::message_bytes;
use loom_events::Message;

/// Logs how much of a request is the same as in the one before, and how much its server took from
/// its cache: when the first is large and the second is not, the cache is lost on the way.
pub(super) fn log(turn: u32, (before, now): (&[Message], &[Message]), cached_tokens: u64) {
    let bytes: usize = now.iter().map(message_bytes).sum();
    let again = common(before, now);
    tracing::debug!(turn, bytes, again, cached_tokens, "asked a model");
}

/// Bytes that two requests begin with alike.
fn common(before: &[Message], now: &[Message]) -> usize {
    let mut bytes = 0;
    for (old, new) in before.iter().zip(now) {
        if old != new {
            return bytes + common_text(text(old), text(new));
        }
        bytes += message_bytes(new);
    }
    bytes
}

fn text(message: &Message) -> &str {
    match message {
        Message::System { text }
        | Message::User { text }
        | Message::Assistant { text, .. }
        | Message::Tool { text, .. } => text,
    }
}

fn common_text(old: &str, new: &str) -> usize {
    old.bytes()
        .zip(new.bytes())
        .take_while(|(a, b)| a == b)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Message {
        Message::User { text: text.into() }
    }

    #[test]
    fn what_two_requests_begin_with_is_counted_into_the_first_that_differs() {
        let before = [user("abc"), user("defg")];
        assert_eq!(common(&before, &before), 7);
        assert_eq!(common(&before, &[user("abc"), user("deXX"), user("h")]), 5);
        assert_eq!(common(&[], &before), 0);
    }
}
