//! Writes a request. The same conversation always gives the same bytes, and a longer one begins
//! with the bytes of the shorter one: a server's cached prefix is worth minutes.

use super::field::{Field, Fields};
use super::wire::{
    Body, CallBody, FunctionBody, JsonSchemaBody, MessageBody, ResponseFormat, StreamOptions,
    TemplateKwargs, ToolBody, ToolFunction,
};
use super::{Place, Settings};
use crate::{ChatRequest, JsonSchema, ToolChoice, history};
use loom_events::{Message, ToolCall};

/// The body of a request, without the fields that the server refuses.
pub(super) fn body<'a>(
    request: &'a ChatRequest,
    place: &'a Place,
    settings: &Settings,
    without: Fields,
) -> Body<'a> {
    let mut messages = history::valid(&request.messages);
    let schema = request.schema.as_ref();
    if let Some(schema) = schema.filter(|_| without.has(Field::ResponseFormat)) {
        instruct(&mut messages, schema);
    }
    Body {
        model: place.id.as_deref(),
        messages: messages.into_iter().map(message).collect(),
        tools: tools(request),
        tool_choice: tool_choice(request).filter(|_| !without.has(Field::ToolChoice)),
        response_format: schema
            .filter(|_| !without.has(Field::ResponseFormat))
            .map(response_format),
        max_tokens: request.max_tokens.unwrap_or(settings.max_tokens),
        temperature: request.temperature.or(settings.temperature),
        stream: true,
        stream_options: (!without.has(Field::StreamOptions)).then_some(StreamOptions {
            include_usage: true,
        }),
        chat_template_kwargs: (!without.has(Field::ChatTemplateKwargs)).then_some(TemplateKwargs {
            enable_thinking: request.think,
        }),
    }
}

/// The schema as an instruction, at the very end.
fn instruct(messages: &mut Vec<Message>, schema: &JsonSchema) {
    let order = format!(
        "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{}",
        schema.schema
    );
    match messages.last_mut() {
        Some(Message::User { text }) => {
            text.push_str("\n\n");
            text.push_str(&order);
        }
        _ => messages.push(Message::User { text: order }),
    }
}

/// The tools by name, whatever order they came in.
fn tools(request: &ChatRequest) -> Vec<ToolBody<'_>> {
    let mut specs: Vec<_> = request.tools.iter().collect();
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    let tool = |spec| ToolBody {
        kind: "function",
        function: ToolFunction::from(spec),
    };
    specs.into_iter().map(tool).collect()
}

/// Auto is what servers do by themselves, so it is not said.
fn tool_choice(request: &ChatRequest) -> Option<&'static str> {
    if request.tools.is_empty() {
        return None;
    }
    match request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::Required => Some("required"),
        ToolChoice::None => Some("none"),
    }
}

fn response_format(schema: &JsonSchema) -> ResponseFormat<'_> {
    ResponseFormat {
        kind: "json_schema",
        json_schema: JsonSchemaBody {
            name: &schema.name,
            schema: &schema.schema,
        },
    }
}

fn message(message: Message) -> MessageBody {
    match message {
        Message::System { text } => MessageBody::plain("system", text),
        Message::User { text } => MessageBody::plain("user", text),
        Message::Assistant {
            text,
            thought,
            calls,
        } => MessageBody {
            reasoning_content: thought,
            tool_calls: calls.into_iter().map(call).collect(),
            ..MessageBody::plain("assistant", text)
        },
        Message::Tool { call_id, text, .. } => MessageBody {
            tool_call_id: Some(call_id),
            ..MessageBody::plain("tool", text)
        },
    }
}

fn call(call: ToolCall) -> CallBody {
    CallBody {
        id: call.id,
        kind: "function",
        function: FunctionBody {
            name: call.name,
            arguments: call.arguments.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::RefusedFields;
    use super::*;
    use loom_events::ToolSpec;
    use serde_json::{Value, json};

    fn place() -> Place {
        Place {
            server: "s".into(),
            model: "m".into(),
            id: Some("qwen3".into()),
        }
    }

    fn rendered(request: &ChatRequest, without: Fields) -> Value {
        let settings = Settings {
            max_tokens: 100,
            temperature: None,
            deadlines: crate::Deadlines::default(),
        };
        serde_json::to_value(body(request, &place(), &settings, without)).unwrap()
    }

    fn tool(name: &str) -> ToolSpec {
        ToolSpec::new(name, "d", json!({"type": "object"}))
    }

    fn conversation() -> Vec<Message> {
        vec![
            Message::System {
                text: "rules".into(),
            },
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
        ]
    }

    #[test]
    fn a_request_has_exactly_these_fields() {
        let request = ChatRequest {
            tools: vec![tool("b"), tool("a")],
            tool_choice: ToolChoice::Required,
            temperature: Some(0.5),
            ..ChatRequest::new(conversation())
        };
        let function = |name: &str| json!({"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object"}}});
        assert_eq!(
            rendered(&request, Fields::default()),
            json!({
                "model": "qwen3",
                "messages": [
                    {"role": "system", "content": "rules"},
                    {"role": "user", "content": "do"},
                    {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [
                        {"id": "a", "type": "function", "function": {"name": "read_file", "arguments": "{\"path\":\"x\"}"}},
                    ]},
                    {"role": "tool", "tool_call_id": "a", "content": "1"},
                ],
                "tools": [function("a"), function("b")],
                "tool_choice": "required",
                "max_tokens": 100,
                "temperature": 0.5,
                "stream": true,
                "stream_options": {"include_usage": true},
                "chat_template_kwargs": {"enable_thinking": false},
            })
        );
    }

    #[test]
    fn the_order_of_the_tools_does_not_change_a_byte() {
        let bytes = |names: [&str; 3]| {
            let request = ChatRequest {
                tools: names.map(tool).to_vec(),
                ..ChatRequest::default()
            };
            rendered(&request, Fields::default()).to_string()
        };
        assert_eq!(bytes(["a", "b", "c"]), bytes(["c", "a", "b"]));
    }

    #[test]
    fn a_schema_goes_into_the_field_or_into_the_last_words() {
        let request = ChatRequest {
            schema: Some(JsonSchema {
                name: "plan".into(),
                schema: json!({"type": "object"}),
            }),
            ..ChatRequest::new(conversation())
        };
        let with = rendered(&request, Fields::default());
        assert_eq!(
            with["response_format"],
            json!({"type": "json_schema", "json_schema": {"name": "plan", "schema": {"type": "object"}}})
        );
        let refused = RefusedFields::default();
        refused.add(Field::ResponseFormat);
        let without = rendered(&request, refused.known());
        assert_eq!(without.get("response_format"), None);
        assert_eq!(
            without["messages"][4],
            json!({"role": "user", "content": "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{\"type\":\"object\"}"})
        );
        assert_eq!(
            without["messages"].as_array().unwrap()[..4],
            with["messages"].as_array().unwrap()[..]
        );
    }
}
