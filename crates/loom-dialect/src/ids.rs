//! Ids of calls: the server's where they are usable, otherwise counted.

use loom_events::Message;
use std::collections::HashSet;

/// Longer ids are not passed on: no family's format has more, and history repeats each twice.
const MAX_ID_BYTES: usize = 64;

/// Gives every call an id that is unique in its conversation.
///
/// The rule depends on nothing but the conversation and the answer: a server's own id stays when
/// nobody has it yet, every other call is `call_n`, where n counts the calls so far.
pub(crate) struct Ids {
    taken: HashSet<String>,
    count: usize,
}

impl Ids {
    /// The ids that a conversation has so far.
    pub(crate) fn of(messages: &[Message]) -> Self {
        let mut ids = Self {
            taken: HashSet::new(),
            count: 0,
        };
        for message in messages {
            if let Message::Assistant { calls, .. } = message {
                ids.count += calls.len();
                ids.taken.extend(calls.iter().map(|call| call.id.clone()));
            }
        }
        ids
    }

    /// The id of the next call.
    pub(crate) fn next(&mut self, given: Option<&str>) -> String {
        self.count += 1;
        let given = given.filter(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES);
        if let Some(id) = given
            && self.taken.insert(id.to_owned())
        {
            return id.to_owned();
        }
        let mut number = self.count;
        loop {
            let id = format!("call_{number}");
            if self.taken.insert(id.clone()) {
                return id;
            }
            // Ends: fewer ids are taken than there are numbers.
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::ToolCall;
    use serde_json::json;

    #[test]
    fn an_id_is_kept_when_it_is_new_and_counted_when_it_is_missing_or_taken() {
        let earlier = Message::Assistant {
            text: String::new(),
            thought: None,
            calls: vec![ToolCall {
                id: "a".into(),
                name: "t".into(),
                arguments: json!({}),
            }],
        };
        let mut ids = Ids::of(&[earlier]);
        assert_eq!(ids.next(Some("b")), "b");
        assert_eq!(ids.next(Some("a")), "call_3");
        assert_eq!(ids.next(None), "call_4");
        assert_eq!(ids.next(Some("call_6")), "call_6");
        assert_eq!(ids.next(Some("")), "call_7");
    }
}
