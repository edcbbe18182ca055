//! A prompt without its words: enough to know another one that begins alike, and its size.
//!
//! Main type: [`Outline`]. Nothing is kept of what was said.

use crate::ChatRequest;
use crate::tokens::{bytes_of, length};
use loom_events::{Message, ToolCall};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A run of one character counts as so many bytes at most: tokenizers have tokens for long runs of
/// spaces or dashes.
const RUN_BYTES: u64 = 2;

/// A prompt without its words.
#[derive(Debug)]
pub(crate) struct Outline {
    /// Tells tools and switches apart, which change the beginning of a prompt.
    head: u64,
    steps: Vec<Step>,
}

/// A prompt up to and including one of its messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    hash: u64,
    /// Bytes of everything.
    pub(crate) bytes: u64,
    /// Bytes that must be in the prompt, runs counted once. Not thoughts, calls and tools, which
    /// some templates leave out.
    pub(crate) dense: u64,
    /// Bytes of thoughts, which some templates drop from older messages.
    pub(crate) thoughts: u64,
}

impl Outline {
    /// The outline of a request.
    pub(crate) fn of(request: &ChatRequest) -> Self {
        let mut head = DefaultHasher::new();
        request.think.hash(&mut head);
        for tool in &request.tools {
            tool.name.hash(&mut head);
        }
        let mut hash = head.clone();
        let mut step = Step::default();
        let steps = request.messages.iter().map(|message| {
            let (text, thought) = words(message);
            text.hash(&mut hash);
            thought.hash(&mut hash);
            for call in calls_of(message) {
                call.name.hash(&mut hash);
                call.arguments.to_string().hash(&mut hash);
            }
            step = Step {
                hash: hash.finish(),
                bytes: step.bytes + bytes_of(message),
                dense: step.dense + dense(text),
                thoughts: step.thoughts + length(thought),
            };
            step
        });
        Self {
            steps: steps.collect(),
            head: head.finish(),
        }
    }

    /// How many messages it has.
    pub(crate) const fn len(&self) -> usize {
        self.steps.len()
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Step {
        self.up_to(self.len()).unwrap_or_default()
    }

    /// Its first messages.
    pub(crate) fn up_to(&self, messages: usize) -> Option<Step> {
        self.steps.get(messages.checked_sub(1)?).copied()
    }

    /// How many of its messages begin the other one too.
    pub(crate) fn in_common(&self, other: &Self) -> usize {
        if self.head != other.head {
            return 0;
        }
        let pairs = self.steps.iter().zip(&other.steps);
        pairs.take_while(|(a, b)| a.hash == b.hash).count()
    }
}

/// Text and thought of a message.
fn words(message: &Message) -> (&str, &str) {
    match message {
        Message::System { text } | Message::User { text } | Message::Tool { text, .. } => {
            (text, "")
        }
        Message::Assistant { text, thought, .. } => (text, thought.as_deref().unwrap_or("")),
    }
}

fn calls_of(message: &Message) -> &[ToolCall] {
    match message {
        Message::Assistant { calls, .. } => calls,
        Message::System { .. } | Message::User { .. } | Message::Tool { .. } => &[],
    }
}

/// Bytes of a text with long runs of one byte cut short.
fn dense(text: &str) -> u64 {
    let (mut last, mut run, mut bytes) = (0, 0, 0);
    for byte in text.bytes() {
        run = if byte == last { run + 1 } else { 1 };
        last = byte;
        bytes += u64::from(run <= RUN_BYTES);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(texts: &[&str]) -> Outline {
        let user = |text: &&str| Message::User {
            text: (*text).to_owned(),
        };
        Outline::of(&ChatRequest::new(texts.iter().map(user).collect()))
    }

    #[test]
    fn prompts_are_compared_message_by_message() {
        let one = outline(&["a", "b", "c"]);
        for (texts, common) in [
            (&["a", "b", "c", "d"][..], 3),
            (&["a", "b"], 2),
            (&["a", "x", "c"], 1),
            (&["x", "b", "c"], 0),
            (&[], 0),
        ] {
            assert_eq!(one.in_common(&outline(texts)), common, "{texts:?}");
        }
        let calling = |name: &str| {
            let call = ToolCall {
                id: "1".into(),
                name: name.into(),
                arguments: serde_json::json!({}),
            };
            Outline::of(&ChatRequest::new(vec![Message::Assistant {
                text: String::new(),
                thought: None,
                calls: vec![call],
            }]))
        };
        assert_eq!(calling("a").in_common(&calling("b")), 0);
        assert_eq!(calling("a").in_common(&calling("a")), 1);
        let thinking = Outline::of(&ChatRequest {
            think: true,
            ..ChatRequest::new(vec![Message::User { text: "a".into() }])
        });
        assert_eq!(
            one.in_common(&thinking),
            0,
            "a switch changes the beginning"
        );
    }

    #[test]
    fn long_runs_count_little() {
        assert_eq!(dense("abcabc"), 6);
        assert_eq!(dense(&format!("if{}x", " ".repeat(400))), 5);
        assert_eq!(outline(&["ab", "----------"]).whole().dense, 4);
        assert_eq!(outline(&[]).whole().bytes, 0);
    }
}
