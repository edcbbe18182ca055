//! What the probe asks. Short, the same every time but for the words, and with room for an answer
//! that is only as long as it must be.

use crate::{ChatRequest, JsonSchema, ToolChoice};
use loom_events::{Message, ToolSpec};
use serde_json::json;

/// The content that the model is to copy into a call: everything that servers and models spoil.
/// Spaces at the start, both quotes, `<`, an entity, an empty line, a line break at the end.
pub(super) const CONTENT: &str =
    "    if a < b and c > d:\n        say(\"it's fine\", '&amp;')\n\n    done()\n";

/// Two words and a number for an answer to two words.
const PLAIN_TOKENS: u32 = 64;

/// Enough to see thoughts begin, and to tell the speed of writing.
const THINKING_TOKENS: u32 = 200;

/// The content twice over, and what a call needs around it.
const CALL_TOKENS: u32 = 256;

/// Sentences that fill the prompt: about six hundred tokens, so that reading it takes a time that
/// can be told from the way there and back.
const FILLING: usize = 40;

/// Two words that nobody can guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// It stands at the very start of the prompt.
    pub(super) canary: String,
    /// It stands at the end.
    pub(super) control: String,
}

impl Words {
    /// The words of a salt.
    pub(super) fn of(salt: u64) -> Self {
        Self {
            canary: word(salt),
            control: word(salt.rotate_left(32) ^ 0x5bd1_e995),
        }
    }
}

/// Such as `amber-otter-4821`. The salt is stirred first, so that neighbours have nothing in common.
fn word(salt: u64) -> String {
    const COLOURS: [&str; 8] = [
        "amber", "coral", "ebony", "ivory", "olive", "pearl", "ruby", "umber",
    ];
    const ANIMALS: [&str; 8] = [
        "badger", "falcon", "heron", "lynx", "marten", "otter", "raven", "stoat",
    ];
    let stirred = salt
        .wrapping_add(0x9e37_79b9_7f4a_7c15)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let pick = |shift: u32, of: u64| (stirred >> shift) % of;
    let colour = COLOURS[usize::try_from(pick(8, 8)).unwrap_or(0)];
    let animal = ANIMALS[usize::try_from(pick(24, 8)).unwrap_or(0)];
    format!("{colour}-{animal}-{}", 1000 + pick(40, 9000))
}

/// A word from the start of the prompt and one from its end.
pub(super) fn plain(words: &Words, think: bool) -> ChatRequest {
    let filling = |number: usize| {
        format!("Note {number}: the lamp in room {number} was checked and found in order.\n")
    };
    let filling: String = (1..=FILLING).map(filling).collect();
    let Words { canary, control } = words;
    ChatRequest {
        think,
        max_tokens: Some(if think { THINKING_TOKENS } else { PLAIN_TOKENS }),
        ..request(
            &format!("The word of the day is {canary}.\n{filling}"),
            &format!(
                "Answer with exactly two words and nothing else: first the word of the day, then the word {control}."
            ),
        )
    }
}

/// One call whose argument is code.
pub(super) fn call() -> ChatRequest {
    ChatRequest {
        tools: vec![write_file()],
        max_tokens: Some(CALL_TOKENS),
        ..request(
            "You work with tools.",
            &format!(
                "Call the tool write_file once, with path hello.py. Its content is exactly what stands between the two lines of dashes, with the four spaces at its start and the line break at its end.\n-----\n{CONTENT}-----"
            ),
        )
    }
}

/// Two calls in one answer.
pub(super) fn two_calls() -> ChatRequest {
    ChatRequest {
        tools: vec![read_file()],
        max_tokens: Some(CALL_TOKENS),
        ..request(
            "You work with tools.",
            "Read the files a.txt and b.txt. Make both calls of read_file at once, in this answer.",
        )
    }
}

/// A call that nothing asks for but the request itself.
pub(super) fn forced_call() -> ChatRequest {
    ChatRequest {
        tools: vec![read_file()],
        tool_choice: ToolChoice::Required,
        max_tokens: Some(CALL_TOKENS),
        ..request("You work with tools.", "Say hello.")
    }
}

/// An answer that fits the schema only if it is bound to it.
pub(super) fn bound() -> ChatRequest {
    ChatRequest {
        schema: Some(JsonSchema {
            name: "answer".into(),
            schema: json!({
                "type": "object",
                "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
                "required": ["answer"],
                "additionalProperties": false,
            }),
        }),
        max_tokens: Some(PLAIN_TOKENS),
        ..request(
            "You are friendly.",
            "Is the sea wet? Tell me in a sentence.",
        )
    }
}

fn request(system: &str, user: &str) -> ChatRequest {
    ChatRequest {
        temperature: Some(0.0),
        ..ChatRequest::new(vec![
            Message::System {
                text: system.into(),
            },
            Message::User { text: user.into() },
        ])
    }
}

fn write_file() -> ToolSpec {
    let parameters = json!({
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
    });
    ToolSpec::new("write_file", "Writes a file.", parameters)
}

fn read_file() -> ToolSpec {
    let parameters = json!({
        "type": "object",
        "properties": {"path": {"type": "string"}},
        "required": ["path"],
    });
    ToolSpec::new("read_file", "Reads a file.", parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_differ_from_salt_to_salt_and_from_each_other() {
        let first = Words::of(7);
        let second = Words::of(8);
        assert_ne!(first.canary, first.control);
        assert_ne!(first.canary, second.canary);
        assert_eq!(first, Words::of(7));
    }

    #[test]
    fn the_canary_stands_only_at_the_start_and_no_question_is_long() {
        let words = Words::of(1);
        let request = plain(&words, false);
        let [
            Message::System { text: system },
            Message::User { text: user },
        ] = request.messages.as_slice()
        else {
            panic!("a system message and one of the user");
        };
        assert!(system[..60].contains(&words.canary));
        assert!(!user.contains(&words.canary));
        assert!(system.len() < 4000);
    }
}
