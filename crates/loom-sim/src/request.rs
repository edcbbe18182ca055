//! A chat request as the server understood it: the wire's JSON read leniently, so that a malformed
//! request can still be recorded, judged and answered.

use crate::recognize::Role;
use serde_json::Value;
use std::sync::Arc;

/// One request for a chat completion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Counts the requests of a server, from 1.
    pub number: u64,
    /// The model that was asked for.
    pub model: String,
    /// The conversation so far. Shared with earlier requests, since a conversation of n turns would
    /// otherwise be kept n times.
    pub messages: Vec<Arc<ChatMessage>>,
    /// Tools on offer, in their order.
    pub tools: Vec<OfferedTool>,
    /// The schema the answer must follow.
    pub schema: Option<Schema>,
    /// `tool_choice`, as it came.
    pub tool_choice: Option<Value>,
    /// `max_tokens`, as it came.
    pub max_tokens: Option<u64>,
    /// `temperature`, as it came.
    pub temperature: Option<f64>,
    /// `seed`, as it came.
    pub seed: Option<u64>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether a streamed answer is to end with its usage.
    pub include_usage: bool,
    /// Who is being asked, as far as it could be recognised.
    pub role: Option<Role>,
    /// The subtask it is about, as far as it could be recognised.
    pub subtask: Option<String>,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatMessage {
    /// Who says it.
    pub speaker: Speaker,
    /// The text; `None` when it is null, absent or not a text.
    pub text: Option<String>,
    /// Thoughts that were sent back.
    pub thought: Option<String>,
    /// Calls of an assistant message.
    pub calls: Vec<PastCall>,
    /// The call that a tool message answers.
    pub call_id: Option<String>,
    /// The tool that a tool message names.
    pub name: Option<String>,
}

/// Who says a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The rules.
    System,
    /// The harness.
    User,
    /// The model.
    Assistant,
    /// The result of a call.
    Tool,
    /// A role that no chat template knows.
    Other(String),
}

/// A call in the history.
#[derive(Clone, Debug, PartialEq)]
pub struct PastCall {
    /// Its id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments, as they came: JSON as text if all is well.
    pub arguments: Value,
}

/// A tool on offer.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedTool {
    /// Its name.
    pub name: String,
    /// The whole definition, as it came.
    pub definition: Value,
}

/// A schema that constrains the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// The JSON schema.
    pub schema: Value,
}

impl Request {
    /// Reads a request body. Whatever is missing or of the wrong type is left at its default.
    pub(crate) fn read(body: &Value) -> Self {
        Self {
            model: text_at(body, "model").unwrap_or_default(),
            messages: list(&body["messages"]).iter().map(read_message).collect(),
            tools: list(&body["tools"]).iter().map(read_tool).collect(),
            schema: read_schema(&body["response_format"]),
            tool_choice: body.get("tool_choice").cloned(),
            max_tokens: body["max_tokens"].as_u64(),
            temperature: body["temperature"].as_f64(),
            seed: body["seed"].as_u64(),
            stream: body["stream"].as_bool().unwrap_or_default(),
            include_usage: body["stream_options"]["include_usage"]
                .as_bool()
                .unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The number of answers of the model that are already in the conversation.
    #[must_use]
    pub fn turn(&self) -> usize {
        self.count(&Speaker::Assistant)
    }

    /// The number of times the harness spoke after the model's first answer.
    #[must_use]
    pub fn nudges(&self) -> usize {
        self.messages[self.opening().len()..]
            .iter()
            .filter(|message| message.speaker == Speaker::User)
            .count()
    }

    /// The messages before the model's first answer: the prompt proper.
    #[must_use]
    pub fn opening(&self) -> &[Arc<ChatMessage>] {
        let end = self
            .messages
            .iter()
            .position(|message| message.speaker == Speaker::Assistant)
            .unwrap_or(self.messages.len());
        &self.messages[..end]
    }

    /// The last message.
    #[must_use]
    pub fn last(&self) -> Option<&ChatMessage> {
        self.messages.last().map(Arc::as_ref)
    }

    /// Every call in the history.
    pub fn past_calls(&self) -> impl Iterator<Item = &PastCall> {
        self.messages.iter().flat_map(|message| &message.calls)
    }

    /// Whether any message contains a text.
    #[must_use]
    pub fn contains(&self, needle: &str) -> bool {
        self.messages.iter().any(|message| message.contains(needle))
    }

    fn count(&self, speaker: &Speaker) -> usize {
        self.messages
            .iter()
            .filter(|message| message.speaker == *speaker)
            .count()
    }
}

impl ChatMessage {
    /// Whether its text contains a text.
    #[must_use]
    pub fn contains(&self, needle: &str) -> bool {
        self.text.as_deref().is_some_and(|t| t.contains(needle))
    }

    /// Whether it is an earlier tool result with less text.
    pub(crate) fn abridges(&self, earlier: &Self) -> bool {
        let length = |message: &Self| message.text.as_ref().map_or(0, String::len);
        self.speaker == Speaker::Tool
            && earlier.speaker == Speaker::Tool
            && self.call_id == earlier.call_id
            && length(self) < length(earlier)
    }

    /// Whether it is a message of the harness that says what an earlier one said, and more.
    pub(crate) fn continues(&self, earlier: &Self) -> bool {
        let texts = (self.text.as_deref(), earlier.text.as_deref());
        self.speaker == Speaker::User
            && earlier.speaker == Speaker::User
            && matches!(texts, (Some(text), Some(start)) if text.starts_with(start))
    }
}

impl PastCall {
    /// The arguments as an object, when that is what they are.
    #[must_use]
    pub fn object(&self) -> Option<Value> {
        let parsed: Value = serde_json::from_str(self.arguments.as_str()?).ok()?;
        parsed.is_object().then_some(parsed)
    }

    /// Whether any text within the arguments contains a text.
    #[must_use]
    pub fn contains(&self, needle: &str) -> bool {
        self.object().is_some_and(|object| holds(&object, needle))
    }
}

impl Speaker {
    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
            Self::Other(name) => name,
        }
    }

    fn read(name: &str) -> Self {
        match name {
            "system" => Self::System,
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "tool" => Self::Tool,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// Whether any string inside a value contains a text; keys do not count.
fn holds(value: &Value, needle: &str) -> bool {
    match value {
        Value::String(text) => text.contains(needle),
        Value::Array(items) => items.iter().any(|item| holds(item, needle)),
        Value::Object(fields) => fields.values().any(|field| holds(field, needle)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn read_message(raw: &Value) -> Arc<ChatMessage> {
    Arc::new(ChatMessage {
        speaker: Speaker::read(raw["role"].as_str().unwrap_or_default()),
        text: read_content(&raw["content"]),
        thought: text_at(raw, "reasoning_content"),
        calls: list(&raw["tool_calls"]).iter().map(read_call).collect(),
        call_id: text_at(raw, "tool_call_id"),
        name: text_at(raw, "name"),
    })
}

/// A text, or the joined texts of a list of parts.
fn read_content(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|p| p["text"].as_str()).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn read_call(raw: &Value) -> PastCall {
    PastCall {
        id: text_at(raw, "id").unwrap_or_default(),
        name: text_at(&raw["function"], "name").unwrap_or_default(),
        arguments: raw["function"]["arguments"].clone(),
    }
}

fn read_tool(raw: &Value) -> OfferedTool {
    OfferedTool {
        name: text_at(&raw["function"], "name").unwrap_or_default(),
        definition: raw.clone(),
    }
}

/// The shape of OpenAI (`json_schema.schema`), or that of `json_object` with its own `schema`.
fn read_schema(format: &Value) -> Option<Schema> {
    let named = &format["json_schema"];
    let schema = [&named["schema"], &format["schema"]]
        .into_iter()
        .find(|schema| schema.is_object())?;
    Some(Schema {
        name: text_at(named, "name").unwrap_or_default(),
        schema: schema.clone(),
    })
}

fn text_at(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn turns_and_nudges_are_counted_from_the_messages() {
        let request = Request::read(&json!({"messages": [
            {"role": "system", "content": "rules"},
            {"role": "user", "content": "do it"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "read_file", "arguments": "{\"path\":\"x.sh\"}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "text"},
            {"role": "assistant", "content": "Done."},
            {"role": "user", "content": "not yet"},
        ]}));
        assert_eq!((request.turn(), request.nudges()), (2, 1));
        assert_eq!(request.opening().len(), 2);
        assert!(request.past_calls().all(|call| call.contains("x.sh")));
    }

    #[test]
    fn rubbish_is_read_as_an_empty_request() {
        for body in [json!(null), json!([1]), json!({"messages": 3, "tools": {}})] {
            assert_eq!(Request::read(&body), Request::default());
        }
    }
}
