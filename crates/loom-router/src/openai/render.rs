//! Writes a request. The same conversation always gives the same bytes, and a longer one begins
//! with the bytes of the shorter one: a server's cached prefix is worth minutes.

use super::body::{
    Body, CallBody, FunctionBody, JsonSchemaBody, MessageBody, ResponseFormat, StreamOptions,
    ToolBody, ToolFunction,
};
use super::chunk::ThoughtName;
use crate::http::{Ask, Field};
use crate::thinking::Switch;
use crate::{ChatRequest, JsonSchema, ToolChoice};
use loom_events::{Message, ToolCall, ToolSpec};
use serde_json::{Map, Value};

/// The body of a request.
pub(super) fn body<'a>(ask: &'a Ask<'_>, thoughts: ThoughtName) -> Body<'a> {
    let takes = |field| !ask.without.has(field);
    let schema = ask.request.schema.as_ref();
    Body {
        model: ask.id,
        messages: ask
            .messages
            .iter()
            .map(|said| message(said, thoughts))
            .collect(),
        tools: ask.tools().into_iter().map(tool).collect(),
        tool_choice: tool_choice(ask.request).filter(|_| takes(Field::ToolChoice)),
        response_format: schema
            .filter(|_| takes(Field::ResponseFormat))
            .map(response_format),
        max_tokens: ask.max_tokens(),
        temperature: ask.temperature().filter(|_| takes(Field::Temperature)),
        stream: ask.stream,
        stream_options: (ask.stream && takes(Field::StreamOptions)).then_some(StreamOptions {
            include_usage: true,
        }),
        chat_template_kwargs: template_arguments(&ask.switch)
            .filter(|_| takes(Field::ChatTemplateKwargs)),
        reasoning_effort: ask
            .switch
            .effort()
            .filter(|_| takes(Field::ReasoningEffort)),
        seed: ask.seed.filter(|_| takes(Field::Seed)),
        cache_prompt: takes(Field::CachePrompt).then_some(true),
        id_slot: ask.request.slot.filter(|_| takes(Field::IdSlot)),
        return_progress: (ask.stream && takes(Field::ReturnProgress)).then_some(true),
    }
}

/// What the chat template is told. Effort is said here too: llama.cpp hands only these on.
fn template_arguments(switch: &Switch) -> Option<Map<String, Value>> {
    let argument = |name: &str, value: Value| Map::from_iter([(name.to_owned(), value)]);
    if let Some((name, on)) = switch.template() {
        return Some(argument(name, Value::Bool(on)));
    }
    if let Some(effort) = switch.effort() {
        return Some(argument("reasoning_effort", effort.into()));
    }
    let tokens = switch.tokens()?;
    Some(argument("thinking_budget", tokens.into()))
}

fn tool(spec: &ToolSpec) -> ToolBody<'_> {
    ToolBody {
        kind: "function",
        function: ToolFunction::from(spec),
    }
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

fn message(message: &Message, thoughts: ThoughtName) -> MessageBody {
    match message {
        Message::System { text } => MessageBody::plain("system", text.clone()),
        Message::User { text } => MessageBody::plain("user", text.clone()),
        Message::Assistant {
            text,
            thought,
            calls,
        } => MessageBody {
            thought: thought
                .clone()
                .map(|thought| thoughts.field(thought))
                .unwrap_or_default(),
            tool_calls: calls.iter().map(call).collect(),
            ..MessageBody::plain("assistant", text.clone())
        },
        Message::Tool { call_id, text, .. } => MessageBody {
            tool_call_id: Some(call_id.clone()),
            ..MessageBody::plain("tool", text.clone())
        },
    }
}

/// The arguments are written anew: malformed text of an old answer would be an example to follow,
/// and some templates fail on it for ever.
fn call(call: &ToolCall) -> CallBody {
    CallBody {
        id: call.id.clone(),
        kind: "function",
        function: FunctionBody {
            name: call.name.clone(),
            arguments: call.arguments.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Http;
    use crate::{ModelEntry, ProviderKind};
    use serde_json::json;

    fn entry(id: &str, provider: ProviderKind) -> ModelEntry {
        ModelEntry {
            provider,
            model: Some(id.into()),
            max_tokens: 100,
            ..ModelEntry::new("m", "http://a:1")
        }
    }

    fn rendered_by(entry: &ModelEntry, request: &ChatRequest) -> Value {
        let http = Http::new(entry).unwrap();
        let ask = Ask::new(&http, request);
        serde_json::to_value(body(&ask, ThoughtName::default())).unwrap()
    }

    fn rendered(request: &ChatRequest) -> Value {
        rendered_by(&entry("qwen3", ProviderKind::OpenaiCompatible), request)
    }

    fn spec(name: &str) -> ToolSpec {
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
            tools: vec![spec("b"), spec("a")],
            tool_choice: ToolChoice::Required,
            temperature: Some(0.5),
            ..ChatRequest::new(conversation())
        };
        let function = |name: &str| json!({"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object"}}});
        assert_eq!(
            rendered(&request),
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
                tools: names.map(spec).to_vec(),
                ..ChatRequest::default()
            };
            rendered(&request).to_string()
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
        let with = rendered(&request);
        assert_eq!(
            with["response_format"],
            json!({"type": "json_schema", "json_schema": {"name": "plan", "schema": {"type": "object"}}})
        );
        let without = rendered_by(&entry("qwen3", ProviderKind::Mlx), &request);
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

    #[test]
    fn llama_cpp_is_told_which_slot_and_asked_how_far_it_is() {
        let request = ChatRequest {
            slot: Some(3),
            ..ChatRequest::new(conversation())
        };
        let body = rendered_by(&entry("qwen3", ProviderKind::LlamaCpp), &request);
        let fields = ["cache_prompt", "id_slot", "return_progress"].map(|name| body[name].clone());
        assert_eq!(fields, [json!(true), json!(3), json!(true)]);
        assert_eq!(rendered(&request).get("id_slot"), None);
    }

    #[test]
    fn each_family_is_told_in_its_own_field_whether_to_think() {
        let table = [
            ("qwen3:8b", json!({"enable_thinking": false}), None),
            (
                "gpt-oss:20b",
                json!({"reasoning_effort": "low"}),
                Some("low"),
            ),
            ("seed-oss-36b", json!({"thinking_budget": 0}), None),
            ("minimax-m2", Value::Null, None),
        ];
        for (id, arguments, effort) in table {
            let entry = entry(id, ProviderKind::OpenaiCompatible);
            let body = rendered_by(&entry, &ChatRequest::new(conversation()));
            assert_eq!(body["chat_template_kwargs"], arguments, "{id}");
            assert_eq!(body["reasoning_effort"].as_str(), effort, "{id}");
        }
    }
}
