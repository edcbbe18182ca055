//! Writes a request in the words of Anthropic's messages.

use crate::ToolChoice;
use crate::http::{Ask, Field};
use crate::thinking::Switch;
use loom_events::{Message, ToolCall, ToolSpec};
use serde_json::{Map, Value, json};

/// Tokens for thoughts where the user says none: the least that the service takes is 1024.
const THOUGHTS: u32 = 4096;

/// The least budget that the service takes.
const LEAST_THOUGHTS: u32 = 1024;

/// The body of `POST /messages`.
pub(super) fn body(ask: &Ask<'_>) -> Value {
    let mut body = question(ask);
    let mut max_tokens = ask.max_tokens();
    if let Some(thoughts) = thoughts(ask) {
        // The bound of the answer includes the thoughts, and must be the larger one.
        max_tokens = max_tokens.saturating_add(thoughts);
        body["thinking"] = json!({"type": "enabled", "budget_tokens": thoughts});
    } else if let Some(temperature) = ask.temperature() {
        // While it thinks the service takes no other temperature than its own.
        body["temperature"] = temperature.into();
    }
    body["max_tokens"] = max_tokens.into();
    body["stream"] = ask.stream.into();
    body
}

/// What of it is the prompt: all that is counted.
pub(super) fn question(ask: &Ask<'_>) -> Value {
    let mut system = None;
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in &ask.messages {
        let (role, blocks) = match message {
            Message::System { text } => {
                system = Some(text.as_str());
                continue;
            }
            Message::User { text } => ("user", vec![words(text)]),
            Message::Assistant { text, calls, .. } => ("assistant", said(text, calls)),
            Message::Tool { call_id, text, .. } => ("user", vec![result(call_id, text)]),
        };
        // Results are said by the user, all of one answer in one message.
        match turns.last_mut() {
            Some((last, before)) if *last == role => before.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    let messages = turns
        .into_iter()
        .map(|(role, blocks)| json!({"role": role, "content": blocks}));
    let mut question = Map::from_iter([
        ("model".to_owned(), ask.id.unwrap_or("default").into()),
        ("messages".to_owned(), messages.collect()),
    ]);
    if let Some(system) = system {
        question.insert("system".into(), system.into());
    }
    // Local servers hand it on to the template, which is how they are told; the service itself
    // refuses it, once.
    if let Some((name, on)) = ask.switch.template()
        && !ask.without.has(Field::ChatTemplateKwargs)
    {
        question.insert("chat_template_kwargs".into(), json!({ name: on }));
    }
    if !ask.request.tools.is_empty() {
        question.insert("tools".into(), ask.tools().into_iter().map(tool).collect());
        if let Some(choice) = choice(ask) {
            question.insert("tool_choice".into(), json!({ "type": choice }));
        }
    }
    Value::Object(question)
}

/// Thoughts carry a signature that the service wants back with them, and the records have no place
/// for it: so they are asked for only where no call in the history would have to bring its own.
fn thoughts(ask: &Ask<'_>) -> Option<u32> {
    let called = ask
        .messages
        .iter()
        .any(|message| matches!(message, Message::Assistant { calls, .. } if !calls.is_empty()));
    let may_call = !ask.request.tools.is_empty() && ask.request.tool_choice != ToolChoice::None;
    let wanted = is_wanted(&ask.switch) && !ask.without.has(Field::Thinking);
    (wanted && !called && !may_call).then(|| {
        let budget = ask.settings.reasoning_budget.unwrap_or(THOUGHTS);
        budget.max(LEAST_THOUGHTS)
    })
}

const fn is_wanted(switch: &Switch) -> bool {
    switch.can_be_told() && switch.wanted()
}

fn choice(ask: &Ask<'_>) -> Option<&'static str> {
    let choice = match ask.request.tool_choice {
        ToolChoice::Auto => return None,
        ToolChoice::Required => "any",
        ToolChoice::None => "none",
    };
    (!ask.without.has(Field::ToolChoice)).then_some(choice)
}

fn words(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// Empty text is refused, so there is a block for it only when there is some.
fn said(text: &str, calls: &[ToolCall]) -> Vec<Value> {
    let text = Some(text).filter(|text| !text.trim().is_empty()).map(words);
    let calls = calls.iter().map(|call| {
        json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})
    });
    text.into_iter().chain(calls).collect()
}

fn result(call_id: &str, text: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": call_id, "content": text})
}

fn tool(spec: &ToolSpec) -> Value {
    json!({"name": spec.name, "description": spec.description, "input_schema": spec.parameters})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Http;
    use crate::{ChatRequest, ModelEntry, ProviderKind};

    fn rendered(request: &ChatRequest) -> Value {
        let entry = ModelEntry {
            provider: ProviderKind::Anthropic,
            model: Some("claude".into()),
            max_tokens: 100,
            temperature: Some(0.5),
            ..ModelEntry::new("m", "http://a:1")
        };
        let http = Http::new(&entry).unwrap();
        body(&Ask::new(&http, request))
    }

    #[test]
    fn a_request_has_exactly_these_fields() {
        let call = |id: &str| ToolCall {
            id: id.into(),
            name: "read_file".into(),
            arguments: json!({"path": id}),
        };
        let result = |id: &str| Message::Tool {
            call_id: id.into(),
            name: "read_file".into(),
            text: "1".into(),
        };
        let request = ChatRequest {
            tools: vec![ToolSpec::new("read_file", "d", json!({"type": "object"}))],
            tool_choice: ToolChoice::Required,
            think: true,
            ..ChatRequest::new(vec![
                Message::System {
                    text: "rules".into(),
                },
                Message::User { text: "do".into() },
                Message::Assistant {
                    text: "I look.".into(),
                    thought: Some("hm".into()),
                    calls: vec![call("a"), call("b")],
                },
                result("a"),
                result("b"),
                Message::User {
                    text: "well?".into(),
                },
            ])
        };
        assert_eq!(
            rendered(&request),
            json!({
                "model": "claude",
                "system": "rules",
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "do"}]},
                    {"role": "assistant", "content": [
                        {"type": "text", "text": "I look."},
                        {"type": "tool_use", "id": "a", "name": "read_file", "input": {"path": "a"}},
                        {"type": "tool_use", "id": "b", "name": "read_file", "input": {"path": "b"}},
                    ]},
                    {"role": "user", "content": [
                        {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                        {"type": "tool_result", "tool_use_id": "b", "content": "1"},
                        {"type": "text", "text": "well?"},
                    ]},
                ],
                "tools": [{"name": "read_file", "description": "d", "input_schema": {"type": "object"}}],
                "tool_choice": {"type": "any"},
                "chat_template_kwargs": {"enable_thinking": true},
                "temperature": 0.5,
                "max_tokens": 100,
                "stream": true,
            })
        );
    }

    #[test]
    fn thoughts_have_a_budget_on_top_of_the_answer_and_the_temperature_is_left_out() {
        let request = ChatRequest {
            think: true,
            ..ChatRequest::new(vec![Message::User { text: "do".into() }])
        };
        let body = rendered(&request);
        assert_eq!(
            body["thinking"],
            json!({"type": "enabled", "budget_tokens": 4096})
        );
        assert_eq!(body["max_tokens"], 4196);
        assert_eq!(body.get("temperature"), None);
    }
}
