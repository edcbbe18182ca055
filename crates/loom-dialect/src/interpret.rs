//! Where an answer is interpreted: what of it is thought, what is text, what is a call.
//!
//! A provider collects a [`RawAnswer`] without judging it; [`interpret`] judges it without knowing
//! the server. Whatever the marking, a call passes through `read`: either it is exactly what the
//! model meant, or it is refused with a reason.

use crate::ids::Ids;
use crate::{Family, RawAnswer, RawCall, read, text_call, think};
use loom_events::{Answer, Message, Refusal, ToolCall, ToolSpec, UnreadableCall};

/// What is known of the question when its answer is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading<'a> {
    /// The tools that were offered.
    pub tools: &'a [ToolSpec],
    /// The conversation so far; ids of calls are unique in it.
    pub history: &'a [Message],
    /// The form that the model is known to use; others are tried all the same.
    pub family: Family,
    /// Whether the prompt ended inside of a thought that the template had opened.
    pub in_thought: bool,
    /// Whether the answer may hold calls at all. JSON that was asked for is an answer, not a call.
    pub may_call: bool,
}

/// What the model said.
#[must_use]
pub fn interpret(raw: RawAnswer, reading: &Reading<'_>) -> Answer {
    let (thought, text) = if raw.thought.trim().is_empty() {
        think::split(&raw.text)
    } else {
        (Some(raw.thought.trim().to_owned()), raw.text.as_str())
    };
    let mut ids = Ids::of(reading.history);
    let reader = read::Reader {
        tools: reading.tools,
        finish: raw.finish,
    };
    let mut answer = Answer::default();
    let mut add = |call: Result<read::Call, UnreadableCall>, given: Option<&str>| match call {
        Ok(call) => answer.calls.push(ToolCall {
            id: ids.next(given),
            name: call.name,
            arguments: call.arguments,
        }),
        Err(unreadable) => answer.unreadable.push(unreadable),
    };
    let calls_are_in_the_text = raw.calls.is_empty() && reading.may_call;
    for call in without_repeats(raw.calls) {
        add(
            reader.structured(call.name, call.arguments),
            call.id.as_deref(),
        );
    }
    let said = if calls_are_in_the_text {
        let found = text_call::find(text, &reader);
        for call in found.calls {
            add(call, None);
        }
        found.text
    } else {
        text.to_owned()
    };
    said.trim().clone_into(&mut answer.text);
    if answer.calls.is_empty() && answer.unreadable.is_empty() && answer.text.is_empty() {
        let in_thought = thought.as_deref().filter(|_| calls_are_in_the_text);
        answer
            .unreadable
            .extend(in_thought.and_then(call_in_thought));
    }
    if raw.dropped_calls > 0 {
        answer.unreadable.push(too_many(raw.dropped_calls));
    }
    answer.thought = thought;
    answer
}

/// Some servers send a call twice under one id; it is meant once.
fn without_repeats(calls: Vec<RawCall>) -> impl Iterator<Item = RawCall> {
    let mut last: Option<(String, String)> = None;
    calls.into_iter().filter(move |call| {
        let same = call.id.as_ref().filter(|id| !id.is_empty()).map(|id| {
            let whole = format!("{}\u{0}{:?}", call.name, call.arguments);
            (id.clone(), whole)
        });
        let repeats = same.is_some() && same == last;
        last = same;
        !repeats
    })
}

/// A call that stands only in the thoughts is a draft, and the model believes that it has acted.
fn call_in_thought(thought: &str) -> Option<UnreadableCall> {
    let at = thought.rfind(text_call::OPEN)?;
    Some(read::unreadable(
        None,
        &thought[at..],
        "call_in_reasoning",
        "a call stood inside your thoughts and was not run. Send it again after your thoughts, as the answer itself.".into(),
    ))
}

fn too_many(dropped: usize) -> UnreadableCall {
    UnreadableCall {
        name: None,
        raw: String::new(),
        refusal: Refusal {
            code: "too_many_calls".into(),
            message: format!(
                "{dropped} more calls came in one answer and were not run. Send a few calls, look at their results, then go on."
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawArguments;
    use loom_events::Finish;
    use serde_json::json;

    fn tools() -> Vec<ToolSpec> {
        vec![ToolSpec::new(
            "read_file",
            "",
            json!({
                "type": "object",
                "properties": {"path": {"type": "string"}},
                "required": ["path"],
            }),
        )]
    }

    fn read(raw: RawAnswer) -> Answer {
        let tools = tools();
        let reading = Reading {
            tools: &tools,
            may_call: true,
            ..Reading::default()
        };
        interpret(raw, &reading)
    }

    fn raw(text: &str) -> RawAnswer {
        RawAnswer {
            text: text.into(),
            thought: String::new(),
            calls: Vec::new(),
            dropped_calls: 0,
            finish: Finish::Stop,
        }
    }

    fn structured(id: &str, name: &str, arguments: &str) -> RawCall {
        RawCall {
            id: Some(id.into()),
            name: name.into(),
            arguments: RawArguments::Text(arguments.into()),
        }
    }

    fn codes(answer: &Answer) -> Vec<&str> {
        let refusals = answer.unreadable.iter();
        refusals.map(|call| call.refusal.code.as_str()).collect()
    }

    #[test]
    fn a_structured_call_is_read_and_the_text_beside_it_stays() {
        let mut raw = raw(" I will read it. ");
        raw.calls = vec![structured("a", "read_file", r#"{"path":"x"}"#)];
        let answer = read(raw);
        assert_eq!(answer.text, "I will read it.");
        assert_eq!(
            answer.calls,
            [ToolCall {
                id: "a".into(),
                name: "read_file".into(),
                arguments: json!({"path": "x"})
            }]
        );
    }

    #[test]
    fn the_same_call_twice_under_one_id_is_one_and_different_ones_get_their_own_ids() {
        let mut raw = raw("");
        raw.calls = vec![
            structured("a", "read_file", r#"{"path":"x"}"#),
            structured("a", "read_file", r#"{"path":"x"}"#),
            structured("a", "read_file", r#"{"path":"y"}"#),
            structured("b", "read_file", r#"{"path":"y"}"#),
        ];
        let answer = read(raw);
        let ids: Vec<_> = answer.calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["a", "call_2", "b"]);
    }

    #[test]
    fn thoughts_are_not_an_answer_and_drafts_in_them_do_not_run() {
        let draft = r#"<think>Maybe <tool_call>{"name":"read_file","arguments":{"path":"x"}}</tool_call> no</think>done"#;
        let answer = read(raw(draft));
        assert_eq!(answer.text, "done");
        assert!(answer.calls.is_empty() && answer.unreadable.is_empty());
        assert!(answer.thought.unwrap().starts_with("Maybe"));
    }

    #[test]
    fn a_call_that_stands_only_in_thoughts_is_refused_with_the_way_out() {
        let draft = r#"<think><tool_call>{"name":"read_file","arguments":{"path":"x"}}</tool_call></think>"#;
        let answer = read(raw(draft));
        assert!(answer.calls.is_empty());
        assert_eq!(codes(&answer), ["call_in_reasoning"]);
    }

    #[test]
    fn thoughts_that_the_server_set_apart_leave_the_text_alone() {
        let mut raw = raw("write </think> to end");
        raw.thought = "hm\n".into();
        let answer = read(raw);
        assert_eq!(answer.thought.as_deref(), Some("hm"));
        assert_eq!(answer.text, "write </think> to end");
    }

    #[test]
    fn text_is_not_searched_for_calls_when_none_may_come() {
        let text = r#"{"name":"read_file","arguments":{"path":"x"}}"#;
        let answer = interpret(raw(text), &Reading::default());
        assert_eq!(answer.text, text);
    }

    #[test]
    fn calls_beyond_the_bound_are_reported() {
        let mut raw = raw("");
        raw.dropped_calls = 436;
        let answer = read(raw);
        assert_eq!(codes(&answer), ["too_many_calls"]);
        assert!(answer.unreadable[0].refusal.message.starts_with("436 more"));
    }
}
