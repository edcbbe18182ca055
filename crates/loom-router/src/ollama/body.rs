//! Writes a request in Ollama's words.

use crate::ToolChoice;
use crate::http::{Ask, Field};
use loom_events::{Message, ToolCall, ToolSpec};
use serde_json::{Map, Value, json};

/// How long the model stays in memory after a call unless it is configured: Ollama's own default of five minutes is less than a test
/// suite takes, and loading it again costs the prompt too.
const KEEP_ALIVE: &str = "30m";

/// The body of `POST /api/chat`.
pub(super) fn body(ask: &Ask<'_>, window: u32, thinks: bool) -> Value {
    let takes = |field| !ask.without.has(field);
    let mut body = json!({
        "model": ask.id,
        "messages": ask.messages.iter().map(message).collect::<Vec<_>>(),
        "stream": ask.stream,
        "options": options(ask, window),
        "keep_alive": ask.settings.keep_alive.as_deref().unwrap_or(KEEP_ALIVE),
        // An over-long prompt is an error and not cut in silence, nor is the answer's beginning
        // pushed out by its end.
        "truncate": false,
        "shift": false,
    });
    // There is no other way to forbid a call than not to offer it.
    if !ask.request.tools.is_empty() && ask.request.tool_choice != ToolChoice::None {
        body["tools"] = ask.tools().into_iter().map(tool).collect();
    }
    if let Some(schema) = &ask.request.schema
        && takes(Field::ResponseFormat)
    {
        body["format"] = schema.schema.clone();
    }
    if takes(Field::Think) && thinks && ask.switch.can_be_told() {
        body["think"] = match ask.switch.effort() {
            Some(effort) => effort.into(),
            None => ask.switch.wanted().into(),
        };
    }
    body
}

fn options(ask: &Ask<'_>, window: u32) -> Map<String, Value> {
    let mut options = Map::from_iter([
        ("num_ctx".to_owned(), window.into()),
        (
            "num_predict".to_owned(),
            // Half of a window that only the server knew is as much as leaves room for a question.
            ask.max_tokens().min(window / 2).into(),
        ),
    ]);
    if let Some(temperature) = ask.temperature() {
        options.insert("temperature".into(), temperature.into());
    }
    if let Some(seed) = ask.seed {
        options.insert("seed".into(), seed.into());
    }
    options
}

fn tool(spec: &ToolSpec) -> Value {
    json!({"type": "function", "function": {
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.parameters,
    }})
}

fn message(message: &Message) -> Value {
    match message {
        Message::System { text } => json!({"role": "system", "content": text}),
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::Assistant {
            text,
            thought,
            calls,
        } => {
            let mut message = json!({"role": "assistant", "content": text});
            if let Some(thought) = thought {
                message["thinking"] = thought.as_str().into();
            }
            if !calls.is_empty() {
                message["tool_calls"] = calls.iter().map(call).collect();
            }
            message
        }
        Message::Tool {
            call_id,
            name,
            text,
        } => json!({
            "role": "tool", "tool_name": name, "tool_call_id": call_id, "content": text,
        }),
    }
}

fn call(call: &ToolCall) -> Value {
    json!({"id": call.id, "function": {"name": call.name, "arguments": call.arguments}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Http;
    use crate::{ChatRequest, JsonSchema, ModelEntry, ProviderKind};

    fn rendered(id: &str, request: &ChatRequest) -> Value {
        let entry = ModelEntry {
            provider: ProviderKind::Ollama,
            model: Some(id.into()),
            max_tokens: 100,
            ..ModelEntry::new("m", "http://a:1")
        };
        let http = Http::new(&entry).unwrap();
        body(&Ask::new(&http, request), 8192, true)
    }

    #[test]
    fn a_request_has_exactly_these_fields() {
        let messages = vec![
            Message::User { text: "do".into() },
            Message::Assistant {
                text: String::new(),
                thought: Some("hm".into()),
                calls: vec![ToolCall {
                    id: "a".into(),
                    name: "read_file".into(),
                    arguments: json!({"path": "x"}),
                }],
            },
            Message::Tool {
                call_id: "a".into(),
                name: "read_file".into(),
                text: "1".into(),
            },
        ];
        let request = ChatRequest {
            tools: vec![ToolSpec::new("read_file", "d", json!({"type": "object"}))],
            temperature: Some(0.5),
            ..ChatRequest::new(messages)
        };
        assert_eq!(
            rendered("qwen3:8b", &request),
            json!({
                "model": "qwen3:8b",
                "messages": [
                    {"role": "user", "content": "do"},
                    {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                        {"id": "a", "function": {"name": "read_file", "arguments": {"path": "x"}}},
                    ]},
                    {"role": "tool", "tool_name": "read_file", "tool_call_id": "a", "content": "1"},
                ],
                "tools": [{"type": "function", "function": {"name": "read_file", "description": "d", "parameters": {"type": "object"}}}],
                "stream": true,
                "options": {"num_ctx": 8192, "num_predict": 100, "temperature": 0.5},
                "keep_alive": "30m",
                "truncate": false,
                "shift": false,
                "think": false,
            })
        );
    }

    #[test]
    fn a_schema_is_both_demanded_and_said_and_effort_is_a_level() {
        let request = ChatRequest {
            schema: Some(JsonSchema {
                name: "plan".into(),
                schema: json!({"type": "object"}),
            }),
            ..ChatRequest::new(vec![Message::User { text: "do".into() }])
        };
        let body = rendered("gpt-oss:20b", &request);
        assert_eq!(body["format"], json!({"type": "object"}));
        let said = body["messages"][0]["content"].as_str().unwrap();
        assert!(
            said.starts_with("do\n\nAnswer with one JSON object"),
            "{said}"
        );
        assert_eq!(body["think"], "low");
        assert_eq!(rendered("llama3.3", &request).get("think"), None);
    }
}
