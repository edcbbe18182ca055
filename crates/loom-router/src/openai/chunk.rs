//! What is received, taken in every form that a server was seen to use.
//!
//! A field beside the answer that has another form than usual is left out: it must not cost the
//! answer. A piece of the answer that cannot be read is an error, or another answer would be run.

use crate::assembly::CallPiece;
use loom_events::{Finish, Usage};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

/// No answer has more tokens than this; a server that says so has not counted.
const MOST_TOKENS: u64 = u32::MAX as u64;

/// One event of a stream, or a whole answer of a server that does not stream.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chunk {
    #[serde(default, deserialize_with = "several")]
    pub(super) choices: Option<Vec<Choice>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) usage: Option<UsageChunk>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) model: Option<String>,
    pub(super) error: Option<Value>,
    pub(super) detail: Option<Value>,
    object: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) prompt_progress: Option<PromptProgress>,
}

/// What stands in a field, if it has the form that is known.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// A list; one without its brackets is a list of one, and what is null in it is nothing.
fn several<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let items = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Array(items) => items,
        Value::Object(fields) if fields.is_empty() => Vec::new(),
        single => vec![single],
    };
    let items = items.into_iter().filter(|item| !item.is_null());
    let items: Result<Vec<T>, _> = items.map(serde_json::from_value).collect();
    items.map(Some).map_err(D::Error::custom)
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
        let is_error = self.object.as_ref().and_then(Value::as_str) == Some("error");
        set(&self.error) || (self.choices.is_none() && (is_error || set(&self.detail)))
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Choice {
    index: Option<Value>,
    delta: Option<DeltaChunk>,
    message: Option<DeltaChunk>,
    finish_reason: Option<Value>,
}

impl Choice {
    /// Whether this is the answer that was asked for, and not a second one.
    pub(super) fn is_first(&self) -> bool {
        self.index.as_ref().and_then(number).unwrap_or(0) == 0
    }

    /// Why the model stopped, if it has.
    pub(super) fn reason(&self) -> Option<&str> {
        let reason = self.finish_reason.as_ref()?.as_str()?;
        (!reason.is_empty()).then_some(reason)
    }

    /// What it says. Some servers give the whole answer once more at the end of its pieces, which
    /// counts where nothing was `said` before.
    pub(super) fn into_delta(self, said: bool) -> DeltaChunk {
        let whole = self.message.filter(|_| !said).unwrap_or_default();
        match self.delta {
            Some(delta) if !delta.is_empty() => delta,
            _ => whole,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct DeltaChunk {
    content: Option<Value>,
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
    thinking: Option<Value>,
    reasoning_details: Option<Value>,
    #[serde(default, deserialize_with = "several")]
    tool_calls: Option<Vec<CallChunk>>,
    /// The one call of servers that do not know several yet.
    function_call: Option<FunctionChunk>,
}

impl DeltaChunk {
    fn is_empty(&self) -> bool {
        let calls = self.tool_calls.as_ref().is_some_and(|c| !c.is_empty());
        let says = calls || self.function_call.is_some() || self.thought().is_some();
        !says && self.text().is_empty()
    }

    /// The pieces of calls.
    pub(super) fn calls(self) -> impl Iterator<Item = CallPiece> {
        let calls = self.tool_calls.unwrap_or_default();
        let old = self.function_call.filter(|_| calls.is_empty());
        let old = old.map(|function| CallChunk {
            function: Some(function),
            ..CallChunk::default()
        });
        calls.into_iter().chain(old).map(CallPiece::from)
    }

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
struct CallChunk {
    index: Option<Value>,
    id: Option<Value>,
    function: Option<FunctionChunk>,
    /// Where `function` should have been around it.
    #[serde(flatten)]
    bare: FunctionChunk,
}

impl From<CallChunk> for CallPiece {
    fn from(chunk: CallChunk) -> Self {
        let function = chunk.function.unwrap_or(chunk.bare);
        Self {
            index: chunk.index.as_ref().and_then(number),
            id: chunk.id.and_then(|id| match id {
                Value::String(id) => Some(id),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            }),
            name: function.name.unwrap_or_default(),
            arguments: function.arguments.unwrap_or_default(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct FunctionChunk {
    name: Option<String>,
    arguments: Option<Value>,
}

/// A number, also where it was written as a text or with a fraction of nothing.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn whole(number: f64) -> Option<u64> {
    let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and in the range of a smaller type"
    )]
    is_whole.then_some(number as u64)
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct UsageChunk {
    prompt_tokens: Option<Value>,
    completion_tokens: Option<Value>,
    prompt_tokens_details: Option<Value>,
}

impl UsageChunk {
    /// The figures; servers that send zeros while they write have not counted yet.
    pub(super) fn figures(&self) -> Option<Usage> {
        let count = |value: Option<&Value>| number(value?).filter(|count| *count <= MOST_TOKENS);
        let prompt = count(self.prompt_tokens.as_ref()).filter(|count| *count > 0)?;
        let details = self.prompt_tokens_details.as_ref();
        let cached = count(details.and_then(|details| details.get("cached_tokens")));
        Some(Usage {
            prompt,
            cached: cached.unwrap_or(0).min(prompt),
            completion: count(self.completion_tokens.as_ref()).unwrap_or(0),
            estimated: false,
        })
    }
}

/// Why the model stopped, in the words of any server; none when it did not, but was interrupted.
pub(super) fn finish(reason: &str) -> Option<Finish> {
    Some(match reason {
        "stop" | "end_turn" | "eos" => Finish::Stop,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "length" | "max_tokens" | "max_output_tokens" | "model_context_window_exceeded" => {
            Finish::Length
        }
        "error"
        | "abort"
        | "aborted"
        | "cancelled"
        | "canceled"
        | "network_error"
        | "timeout"
        | "insufficient_system_resource" => return None,
        _ => Finish::Other,
    })
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
    fn what_stands_beside_the_answer_in_another_form_costs_nothing() {
        let counted = |usage: Value| {
            let chunk: Chunk = serde_json::from_value(json!({ "usage": usage })).unwrap();
            let usage = chunk.usage.as_ref().and_then(UsageChunk::figures);
            usage.map(|usage| (usage.prompt, usage.completion, usage.cached))
        };
        let table = [
            (
                json!({"prompt_tokens": 12.0, "completion_tokens": "3"}),
                Some((12, 3, 0)),
            ),
            (
                json!({"prompt_tokens": 12, "completion_tokens": 3.5}),
                Some((12, 0, 0)),
            ),
            (
                json!({"prompt_tokens": 12, "prompt_tokens_details": {"cached_tokens": -3}}),
                Some((12, 0, 0)),
            ),
            (
                json!({"prompt_tokens": u64::MAX, "completion_tokens": 3}),
                None,
            ),
            (json!({"prompt_tokens": -1}), None),
            (json!(""), None),
            (json!([]), None),
        ];
        for (usage, expected) in table {
            assert_eq!(counted(usage.clone()), expected, "{usage}");
        }
        let odd = json!({"model": 7, "prompt_progress": "half", "choices": [null]});
        let chunk: Chunk = serde_json::from_value(odd).unwrap();
        assert!(chunk.model.is_none() && chunk.choices.unwrap().is_empty());
    }

    #[test]
    fn calls_come_in_every_form_and_one_that_cannot_be_read_is_an_error() {
        let pieces = |delta: Value| -> Vec<(Option<u64>, Option<String>, String)> {
            let delta: DeltaChunk = serde_json::from_value(delta).unwrap();
            let calls = delta.calls();
            calls.map(|call| (call.index, call.id, call.name)).collect()
        };
        let f = json!({"name": "f", "arguments": "{}"});
        let named = |index, id: Option<&str>| vec![(index, id.map(Into::into), "f".into())];
        let table = [
            (
                json!({"tool_calls": [{"index": "0", "id": 7, "function": f}]}),
                named(Some(0), Some("7")),
            ),
            (
                json!({"tool_calls": {"index": 0.0, "function": f}}),
                named(Some(0), None),
            ),
            (
                json!({"tool_calls": [{"index": -1, "id": "a", "function": f}]}),
                named(None, Some("a")),
            ),
            (
                json!({"tool_calls": [{"id": "a", "name": "f", "arguments": "{}"}]}),
                named(None, Some("a")),
            ),
            (json!({"function_call": f}), named(None, None)),
            (
                json!({"tool_calls": [{"function": f}], "function_call": f}),
                named(None, None),
            ),
        ];
        for (delta, expected) in table {
            assert_eq!(pieces(delta.clone()), expected, "{delta}");
        }
        for bad in [json!([{"function": "f"}]), json!(["f"]), json!("f")] {
            let read = serde_json::from_value::<DeltaChunk>(json!({"tool_calls": bad}));
            assert!(read.is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_that_is_given_twice_counts_once() {
        let choice = |choice: Value| serde_json::from_value::<Choice>(choice).unwrap();
        let both = json!({"delta": {"content": "a"}, "message": {"content": "all"}});
        assert_eq!(choice(both).into_delta(false).text(), "a");
        let end = json!({"delta": {}, "message": {"content": "all"}, "finish_reason": "stop"});
        assert_eq!(choice(end.clone()).into_delta(true).text(), "");
        assert_eq!(choice(end).into_delta(false).text(), "all");
        let odd = choice(json!({"index": "0", "finish_reason": false}));
        assert!(odd.is_first() && odd.reason().is_none());
    }

    #[test]
    fn who_was_interrupted_has_not_stopped() {
        for reason in ["error", "abort", "insufficient_system_resource"] {
            assert_eq!(finish(reason), None);
        }
        assert_eq!(finish("content_filter"), Some(Finish::Other));
    }

    #[test]
    fn content_may_be_in_parts_or_missing() {
        assert_eq!(delta(json!({"content": null})).text(), "");
        let parts = json!({"content": [{"type": "text", "text": "yes"}]});
        assert_eq!(delta(parts).text(), "yes");
    }
}
