//! When a rule applies: conditions on what is in the request, and on nothing else.

use crate::recognize::{Recognizer, Role};
use crate::request::{ChatMessage, Request};
use serde::Deserialize;
use std::sync::Arc;

/// Everything that is given must hold. Nothing given always holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Who is being asked.
    pub role: Option<Role>,
    /// About which subtask.
    pub subtask: Option<String>,
    /// Which model.
    pub model: Option<String>,
    /// How many answers are already in the conversation.
    pub turn: Option<Span>,
    /// How often the harness has spoken since the first answer (tool results do not count).
    pub nudges: Option<Span>,
    /// Whether the prompt carries feedback on an earlier attempt, as the playbook's marks tell.
    pub retry: Option<bool>,
    /// What was already called, every one of them.
    pub called: OneOrMany<Called>,
    /// What was not yet called, none of them.
    pub not_called: OneOrMany<Called>,
    /// Texts in the last message.
    pub last: Texts,
    /// Texts in any message.
    pub any: Texts,
    /// Texts in the messages before the first answer.
    pub prompt: Texts,
}

/// A number, or a range of numbers: `2`, or `{from: 1}`, or `{from: 1, to: 3}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Span {
    /// This number.
    Exactly(usize),
    /// Both ends included.
    Range {
        /// The smallest.
        #[serde(default)]
        from: usize,
        /// The largest; none when absent.
        #[serde(default)]
        to: Option<usize>,
    },
}

/// A past call: `read_file`, or `{name: edit_file, with: total}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "CalledForm")]
pub struct Called {
    /// The tool.
    pub name: String,
    /// A text within its arguments.
    pub with: Option<String>,
}

/// Texts that must be there, and texts that must not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Texts {
    /// All of them are there.
    pub contains: OneOrMany<String>,
    /// None of them is.
    pub lacks: OneOrMany<String>,
}

/// A list, which YAML may give as its only item.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrManyForm<T>", bound = "T: Deserialize<'de>")]
pub struct OneOrMany<T>(pub Vec<T>);

#[derive(Deserialize)]
#[serde(untagged)]
enum CalledForm {
    Name(String),
    Full {
        name: String,
        #[serde(default)]
        with: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrManyForm<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> From<OneOrManyForm<T>> for OneOrMany<T> {
    fn from(form: OneOrManyForm<T>) -> Self {
        match form {
            OneOrManyForm::Many(items) => Self(items),
            OneOrManyForm::One(item) => Self(vec![item]),
        }
    }
}

impl From<CalledForm> for Called {
    fn from(form: CalledForm) -> Self {
        match form {
            CalledForm::Name(name) => Self { name, with: None },
            CalledForm::Full { name, with } => Self { name, with },
        }
    }
}

impl When {
    /// Whether it holds for a request, whose role and subtask have been recognised.
    pub(crate) fn holds(&self, request: &Request, recognizer: &Recognizer) -> bool {
        let last: Vec<_> = request.messages.last().cloned().into_iter().collect();
        self.role.is_none_or(|role| request.role == Some(role))
            && (self.subtask.is_none() || self.subtask == request.subtask)
            && self.model.as_ref().is_none_or(|m| *m == request.model)
            && self.turn.is_none_or(|span| span.holds(request.turn()))
            && self.nudges.is_none_or(|span| span.holds(request.nudges()))
            && self
                .retry
                .is_none_or(|retry| recognizer.is_retry(request) == retry)
            && self.called.0.iter().all(|called| called.is_in(request))
            && !self.not_called.0.iter().any(|called| called.is_in(request))
            && self.last.hold(&last)
            && self.any.hold(&request.messages)
            && self.prompt.hold(request.opening())
    }
}

impl Span {
    fn holds(self, number: usize) -> bool {
        match self {
            Self::Exactly(exact) => number == exact,
            Self::Range { from, to } => from <= number && to.is_none_or(|to| number <= to),
        }
    }
}

impl Called {
    fn is_in(&self, request: &Request) -> bool {
        request.past_calls().any(|call| {
            call.name == self.name && self.with.as_ref().is_none_or(|text| call.contains(text))
        })
    }
}

impl Texts {
    fn hold(&self, messages: &[Arc<ChatMessage>]) -> bool {
        let there = |needle: &String| messages.iter().any(|message| message.contains(needle));
        self.contains.0.iter().all(there) && !self.lacks.0.iter().any(there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn holds(when: Value, request: &Request) -> bool {
        let when: When = serde_json::from_value(when).unwrap();
        when.holds(request, &Recognizer::default())
    }

    fn after_one_read() -> Request {
        Request::read(&json!({"model": "m", "messages": [
            {"role": "user", "content": "count the words"},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "a", "function": {"name": "read_file", "arguments": "{\"path\":\"a.sh\"}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "echo 1"}]}))
    }

    #[test]
    fn every_condition_that_is_given_must_hold() {
        let request = after_one_read();
        assert!(holds(json!({}), &request));
        assert!(holds(
            json!({"turn": 1, "nudges": 0, "model": "m"}),
            &request
        ));
        assert!(!holds(json!({"turn": 1, "nudges": {"from": 1}}), &request));
        assert!(!holds(json!({"role": "executor"}), &request));
    }

    #[test]
    fn texts_are_looked_for_where_they_are_asked_for() {
        let request = after_one_read();
        assert!(holds(
            json!({"last": {"contains": "echo"}, "prompt": {"lacks": ["echo"]}}),
            &request
        ));
        assert!(holds(
            json!({"any": {"contains": ["words", "echo"]}}),
            &request
        ));
        assert!(!holds(json!({"last": {"contains": ["words"]}}), &request));
    }

    #[test]
    fn past_calls_are_told_by_name_and_arguments() {
        let request = after_one_read();
        assert!(holds(
            json!({"called": "read_file", "not_called": ["write_file"]}),
            &request
        ));
        assert!(holds(
            json!({"called": {"name": "read_file", "with": "a.sh"}}),
            &request
        ));
        assert!(!holds(
            json!({"called": [{"name": "read_file", "with": "b.sh"}]}),
            &request
        ));
    }

    #[test]
    fn an_unknown_condition_is_refused() {
        assert!(serde_json::from_value::<When>(json!({"trun": 1})).is_err());
    }
}
