//! What is received, taken in every form that a server was seen to use.

use crate::assembly::CallPiece;
use loom_events::{Finish, Usage};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One event of a stream, or a whole answer of a server that does not stream.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chunk {
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<UsageChunk>,
    pub(super) model: Option<String>,
    pub(super) error: Option<Value>,
    pub(super) detail: Option<Value>,
    pub(super) prompt_progress: Option<PromptProgress>,
}

/// How far llama-server is with the prompt.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct PromptProgress {
    pub(super) total: u64,
    pub(super) processed: u64,
}

impl Chunk {
    /// Whether this is an error where an answer was due.
    pub(super) fn is_error(&self) -> bool {
        let set = |value: &Option<Value>| value.as_ref().is_some_and(|value| !value.is_null());
        set(&self.error) || (self.choices.is_none() && set(&self.detail))
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Choice {
    pub(super) index: Option<u64>,
    #[serde(alias = "message")]
    pub(super) delta: Option<DeltaChunk>,
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct DeltaChunk {
    content: Option<Value>,
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
    thinking: Option<Value>,
    reasoning_details: Option<Value>,
    pub(super) tool_calls: Option<Vec<CallChunk>>,
}

impl DeltaChunk {
    /// The piece of text.
    pub(super) fn text(&self) -> String {
        text_of(self.content.as_ref())
    }

    /// The piece of thought, and the name that it came under. Some servers send it under several.
    pub(super) fn thought(&self) -> Option<(ThoughtName, String)> {
        let fields = [
            (ThoughtName::ReasoningContent, &self.reasoning_content),
            (ThoughtName::Reasoning, &self.reasoning),
            (ThoughtName::Thinking, &self.thinking),
            (ThoughtName::ReasoningDetails, &self.reasoning_details),
        ];
        fields
            .into_iter()
            .map(|(name, field)| (name, text_of(field.as_ref())))
            .find(|(_, text)| !text.is_empty())
    }
}

/// What a server calls thoughts. They go back under the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ThoughtName {
    /// llama.cpp, older vLLM, LM Studio and most others.
    #[default]
    ReasoningContent,
    /// MLX, newer vLLM.
    Reasoning,
    /// Servers in front of Ollama.
    Thinking,
    /// Routers in front of many models.
    ReasoningDetails,
}

impl ThoughtName {
    pub(super) const ALL: [Self; 4] = [
        Self::ReasoningContent,
        Self::Reasoning,
        Self::Thinking,
        Self::ReasoningDetails,
    ];

    /// The field of a message that gives this thought back.
    pub(super) fn field(self, thought: String) -> Map<String, Value> {
        let (name, value) = match self {
            Self::ReasoningContent => ("reasoning_content", Value::String(thought)),
            Self::Reasoning => ("reasoning", Value::String(thought)),
            Self::Thinking => ("thinking", Value::String(thought)),
            Self::ReasoningDetails => (
                "reasoning_details",
                json!([{"type": "reasoning.text", "text": thought}]),
            ),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}

/// A text, or a list of parts with text.
fn text_of(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part.get("text")?.as_str())
            .collect(),
        _ => String::new(),
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct CallChunk {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionChunk>,
}

impl From<CallChunk> for CallPiece {
    fn from(chunk: CallChunk) -> Self {
        let function = chunk.function.unwrap_or_default();
        Self {
            index: chunk.index,
            id: chunk.id,
            name: function.name.unwrap_or_default(),
            arguments: function.arguments.unwrap_or_default(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FunctionChunk {
    name: Option<String>,
    arguments: Option<Value>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct UsageChunk {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

impl UsageChunk {
    /// The figures; servers that send zeros while they write have not counted yet.
    pub(super) fn figures(self) -> Option<Usage> {
        let prompt = self.prompt_tokens.filter(|count| *count > 0)?;
        let details = self.prompt_tokens_details.unwrap_or_default();
        Some(Usage {
            prompt,
            cached: details.cached_tokens.unwrap_or(0).min(prompt),
            completion: self.completion_tokens.unwrap_or(0),
            estimated: false,
        })
    }
}

/// Why the model stopped, in the words of any server.
pub(super) fn finish(reason: &str) -> Finish {
    match reason {
        "stop" | "end_turn" | "eos" => Finish::Stop,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "length" | "max_tokens" => Finish::Length,
        _ => Finish::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(delta: Value) -> DeltaChunk {
        serde_json::from_value(delta).unwrap()
    }

    #[test]
    fn thoughts_come_under_four_names_and_go_back_under_the_same() {
        let details = json!([{"type": "reasoning.text", "text": "d"}]);
        for (name, message) in ThoughtName::ALL.into_iter().zip([
            json!({"reasoning_content": "d"}),
            json!({"reasoning": "d"}),
            json!({"thinking": "d"}),
            json!({ "reasoning_details": details }),
        ]) {
            assert_eq!(Value::Object(name.field("d".into())), message);
            assert_eq!(delta(message).thought(), Some((name, "d".into())));
        }
        let both = delta(json!({"reasoning_content": "c", "reasoning": "c"}));
        assert_eq!(both.thought().unwrap().1, "c");
    }

    #[test]
    fn content_may_be_in_parts_or_missing() {
        assert_eq!(delta(json!({"content": null})).text(), "");
        let parts = json!({"content": [{"type": "text", "text": "yes"}]});
        assert_eq!(delta(parts).text(), "yes");
    }
}
