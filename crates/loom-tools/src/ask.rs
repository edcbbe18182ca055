//! `ask_user`: a decision that is the user's. Nothing happens here but putting the question; who
//! answers, how long that is waited for and what counts when nobody does is the task's to settle.

use crate::tool::{CallOutcome, ToolOutput, first_line};
use crate::{Call, ShellSettings, Tool};
use loom_events::{Class, Risk, ToolSpec};
use serde_json::{Value, json};

/// Choices shown; more of them is a text to write, not a choice.
const MAX_CHOICES: usize = 9;

/// Longest question, in characters: it has a corner of a screen.
const MAX_CHARS: usize = 2_000;

/// What is asked beside the words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// What can be chosen; empty when any text will do.
    pub choices: Vec<String>,
    /// What the model would do when nobody answers.
    pub default: Option<String>,
}

/// The tool.
pub struct AskUser(ToolSpec);

impl Default for AskUser {
    fn default() -> Self {
        let spec = ToolSpec::new(
            "ask_user",
            "Ask the user when a decision is theirs and nothing here tells what they want. Do not \
             ask what you can look up, and do not ask for permission.",
            json!({
                "type": "object",
                "properties": {
                    "question": {"type": "string"},
                    "choices": {"type": "array", "items": {"type": "string"}},
                    "default": {"type": "string", "description": "what you do if nobody answers"}
                },
                "required": ["question"]
            }),
        );
        Self(spec.read_only())
    }
}

#[async_trait::async_trait]
impl Tool for AskUser {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Pure
    }

    fn summary(&self, arguments: &Value) -> String {
        let question = arguments.get("question").and_then(Value::as_str);
        first_line(&format!("ask_user {}", question.unwrap_or_default()))
    }

    fn needs_workspace(&self) -> bool {
        false
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        let question = call.text("question").unwrap_or_default().trim();
        if question.is_empty() {
            return ToolOutput::negative("the question is empty: write what the user is to decide")
                .into();
        }
        let length = question.chars().count();
        if length > MAX_CHARS {
            let text = format!("the question has {length} characters: ask in at most {MAX_CHARS}");
            return ToolOutput::negative(text).into();
        }
        let choices = choices(call.arguments);
        if choices.len() > MAX_CHOICES {
            let text = format!("{} choices are too many: offer at most 9", choices.len());
            return ToolOutput::negative(text).into();
        }
        let default = call.text("default").map(str::trim);
        let default = default.filter(|text| !text.is_empty()).map(str::to_owned);
        let mut held = call.hold(question.to_owned(), String::new(), Risk::Low, Vec::new());
        held.ask = Some(Box::new(Ask { choices, default }));
        held.into()
    }
}

fn choices(arguments: &Value) -> Vec<String> {
    let list = arguments.get("choices").and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    let texts = texts.map(str::trim).filter(|text| !text.is_empty());
    texts.map(str::to_owned).collect()
}
