//! The words of the protocol, and nothing about what they mean. What is sent is exact; what is
//! received is taken in every form that a server was seen to use.

use crate::ListedModel;
use loom_events::{ToolSpec, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The body of `POST /chat/completions`.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<&'a str>,
    pub(super) messages: Vec<MessageBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<ToolBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat<'a>>,
    pub(super) max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f32>,
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chat_template_kwargs: Option<TemplateKwargs>,
}

#[derive(Serialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
}

#[derive(Serialize)]
pub(super) struct TemplateKwargs {
    pub(super) enable_thinking: bool,
}

#[derive(Serialize)]
pub(super) struct MessageBody {
    pub(super) role: &'static str,
    /// Always there: some templates fail on a null or a missing one.
    pub(super) content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<CallBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_call_id: Option<String>,
}

impl MessageBody {
    pub(super) const fn plain(role: &'static str, content: String) -> Self {
        Self {
            role,
            content,
            reasoning_content: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }
}

#[derive(Serialize)]
pub(super) struct CallBody {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: FunctionBody,
}

#[derive(Serialize)]
pub(super) struct FunctionBody {
    pub(super) name: String,
    pub(super) arguments: String,
}

#[derive(Serialize)]
pub(super) struct ToolBody<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: ToolFunction<'a>,
}

#[derive(Serialize)]
pub(super) struct ToolFunction<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

impl<'a> From<&'a ToolSpec> for ToolFunction<'a> {
    fn from(spec: &'a ToolSpec) -> Self {
        Self {
            name: &spec.name,
            description: &spec.description,
            parameters: &spec.parameters,
        }
    }
}

#[derive(Serialize)]
pub(super) struct ResponseFormat<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) json_schema: JsonSchemaBody<'a>,
}

#[derive(Serialize)]
pub(super) struct JsonSchemaBody<'a> {
    pub(super) name: &'a str,
    pub(super) schema: &'a Value,
}

/// One event of a stream, or a whole answer of a server that does not stream.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chunk {
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<UsageChunk>,
    pub(super) model: Option<String>,
    pub(super) error: Option<Value>,
    pub(super) detail: Option<Value>,
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
    pub(super) tool_calls: Option<Vec<CallChunk>>,
}

impl DeltaChunk {
    /// The piece of text.
    pub(super) fn text(&self) -> String {
        text_of(self.content.as_ref())
    }

    /// The piece of thought, under either of its names. Some servers send it under both.
    pub(super) fn thought(&self) -> String {
        let first = text_of(self.reasoning_content.as_ref());
        if first.is_empty() {
            return text_of(self.reasoning.as_ref());
        }
        first
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
    pub(super) index: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionChunk>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FunctionChunk {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<Value>,
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

#[derive(Deserialize)]
struct ModelList {
    data: Option<Vec<ModelLine>>,
}

#[derive(Deserialize)]
struct ModelLine {
    id: String,
    meta: Option<ModelMeta>,
    /// vLLM's name for the window.
    max_model_len: Option<u32>,
    /// Name of the window in some others.
    context_length: Option<u32>,
}

#[derive(Default, Deserialize)]
struct ModelMeta {
    n_params: Option<u64>,
    n_ctx: Option<u32>,
}

/// The body of `GET /models`. An empty one, as MLX sends without a model folder, is an empty list.
pub(super) fn models(body: &[u8]) -> Result<Vec<ListedModel>, String> {
    if body.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let list: ModelList = serde_json::from_slice(body)
        .map_err(|error| format!("its list of models is not the expected JSON ({error})"))?;
    let model = |line: ModelLine| {
        let meta = line.meta.unwrap_or_default();
        ListedModel {
            id: line.id,
            parameters: meta.n_params,
            context_length: meta.n_ctx.or(line.max_model_len).or(line.context_length),
        }
    };
    Ok(list.data.into_iter().flatten().map(model).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_models_are_read_as_each_server_writes_them() {
        let listed = |id: &str, parameters, context_length| ListedModel {
            id: id.into(),
            parameters,
            context_length,
        };
        let table = [
            (
                r#"{"models":[{"name":"a"}],"data":[{"id":"a","meta":{"n_params":7,"n_ctx":4096,"n_ctx_train":8192}}]}"#,
                vec![listed("a", Some(7), Some(4096))],
            ),
            (
                r#"{"object":"list","data":[{"id":"b","max_model_len":32768}]}"#,
                vec![listed("b", None, Some(32768))],
            ),
            (r#"{"object":"list","data":null}"#, vec![]),
            ("", vec![]),
        ];
        for (body, expected) in table {
            assert_eq!(models(body.as_bytes()), Ok(expected), "{body}");
        }
        assert!(models(b"<html>").is_err());
    }
}
