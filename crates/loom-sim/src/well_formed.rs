//! What every request must be like, whatever it asks: the union of what strict chat templates and servers
//! demand. A harness that meets it works with all of them.

use crate::request::{ChatMessage, PastCall, Request, Speaker};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};

/// Something wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The request's number.
    pub request: u64,
    /// What kind of fault.
    pub kind: ViolationKind,
    /// What exactly, for people.
    pub what: String,
}

/// Kinds of faults of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViolationKind {
    /// The body is not a JSON object.
    NotJson,
    /// There are no messages.
    NoMessages,
    /// A model that is not on offer.
    UnknownModel,
    /// A message with a role or a content that no template can render.
    BadMessage,
    /// A system message that is not the first.
    SystemNotFirst,
    /// Two messages of the same role in a row, or a first one that is not the user's, or an answer last.
    NotAlternating,
    /// A call without an id, with an id used before, of another type than `function`, or without a name.
    BadCall,
    /// Arguments in the history that are not a JSON object as text.
    BadArguments,
    /// A call without its result.
    CallUnanswered,
    /// A result without its call, a second one, or one out of order.
    StrayResult,
    /// A tool on offer that is not a function with a name and an object of parameters, or is there twice.
    BadTool,
    /// The messages of an earlier request of the conversation are no longer how this one begins.
    PrefixChanged,
    /// As before, but all that changed is that old tool results became shorter: a harness does that to
    /// stay within a window, and pays for it with the cache.
    ResultsElided,
    /// The tools on offer differ from those of the conversation so far.
    ToolsChanged,
}

impl Violation {
    pub(crate) const fn new(kind: ViolationKind, what: String) -> Self {
        Self {
            request: 0,
            kind,
            what,
        }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "request {}: {:?}: {}",
            self.request, self.kind, self.what
        )
    }
}

/// Everything that is wrong with a request taken alone.
pub(crate) fn violations(body: &Value, request: &Request) -> Vec<Violation> {
    let mut found = Findings::default();
    if !body.is_object() {
        found.add(ViolationKind::NotJson, || {
            "the body is not a JSON object".to_owned()
        });
        return found.0;
    }
    if request.messages.is_empty() {
        found.add(ViolationKind::NoMessages, || {
            "messages are missing or empty".to_owned()
        });
    }
    check_messages(body, request, &mut found);
    check_order(request, &mut found);
    check_calls(body, request, &mut found);
    check_tools(body, request, &mut found);
    found.0
}

#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, kind: ViolationKind, what: impl FnOnce() -> String) {
        self.0.push(Violation::new(kind, what()));
    }

    fn require(&mut self, holds: bool, kind: ViolationKind, what: impl FnOnce() -> String) {
        if !holds {
            self.add(kind, what);
        }
    }
}

/// Each message for itself.
fn check_messages(body: &Value, request: &Request, found: &mut Findings) {
    for (index, message) in request.messages.iter().enumerate() {
        let role = message.speaker.name();
        let known = !matches!(message.speaker, Speaker::Other(_));
        found.require(known, ViolationKind::BadMessage, || {
            format!("message {index} has the role {role:?}")
        });
        // Templates render an empty text; null is only for an answer that is nothing but calls.
        let may_be_null = message.speaker == Speaker::Assistant && !message.calls.is_empty();
        found.require(
            message.text.is_some() || may_be_null,
            ViolationKind::BadMessage,
            || format!("message {index} ({role}) has no text"),
        );
        let calls = &body["messages"][index]["tool_calls"];
        let calls_fit = match calls {
            Value::Null => true,
            Value::Array(calls) => message.speaker == Speaker::Assistant && !calls.is_empty(),
            _ => false,
        };
        found.require(calls_fit, ViolationKind::BadMessage, || {
            format!("message {index} ({role}) has tool_calls {calls}")
        });
    }
}

/// System first and once; then user and assistant in turn, where results take the place of the user.
fn check_order(request: &Request, found: &mut Findings) {
    let mut previous: Option<&ChatMessage> = None;
    for (index, message) in request.messages.iter().enumerate() {
        let before = previous.map(|message| &message.speaker);
        match message.speaker {
            Speaker::System => found.require(index == 0, ViolationKind::SystemNotFirst, || {
                format!("message {index} is from the system")
            }),
            Speaker::User => found.require(
                before != Some(&Speaker::User),
                ViolationKind::NotAlternating,
                || format!("message {index} is the second from the user in a row"),
            ),
            Speaker::Assistant => found.require(
                matches!(before, Some(Speaker::User | Speaker::Tool)),
                ViolationKind::NotAlternating,
                || format!("message {index} is from the assistant, which nobody has asked"),
            ),
            Speaker::Tool | Speaker::Other(_) => {}
        }
        previous = Some(message);
    }
    let asks = previous.is_none_or(|last| matches!(last.speaker, Speaker::User | Speaker::Tool));
    found.require(asks, ViolationKind::NotAlternating, || {
        "the last message asks for nothing".to_owned()
    });
}

/// Each call well-formed, and answered at once, exactly once, in order.
fn check_calls(body: &Value, request: &Request, found: &mut Findings) {
    let mut ids = BTreeSet::new();
    let mut open: VecDeque<&PastCall> = VecDeque::new();
    for (index, message) in request.messages.iter().enumerate() {
        if message.speaker == Speaker::Tool {
            check_result(index, message, open.pop_front(), found);
            continue;
        }
        report_unanswered(&mut open, found);
        for (number, call) in message.calls.iter().enumerate() {
            let kind = &body["messages"][index]["tool_calls"][number]["type"];
            found.require(kind == "function", ViolationKind::BadCall, || {
                format!("call {number} of message {index} has the type {kind}")
            });
            let fresh = !call.id.is_empty() && ids.insert(&call.id);
            found.require(fresh, ViolationKind::BadCall, || {
                format!(
                    "call {number} of message {index} has the id {:?}, used before or empty",
                    call.id
                )
            });
            found.require(!call.name.is_empty(), ViolationKind::BadCall, || {
                format!("call {number} of message {index} names no tool")
            });
            found.require(call.object().is_some(), ViolationKind::BadArguments, || {
                format!(
                    "call {number} of message {index} has the arguments {}",
                    call.arguments
                )
            });
            open.push_back(call);
        }
    }
    report_unanswered(&mut open, found);
}

fn check_result(
    index: usize,
    message: &ChatMessage,
    call: Option<&PastCall>,
    found: &mut Findings,
) {
    let Some(call) = call else {
        found.add(ViolationKind::StrayResult, || {
            format!("message {index} is the result of no open call")
        });
        return;
    };
    let id = message.call_id.as_deref().unwrap_or_default();
    found.require(id == call.id, ViolationKind::StrayResult, || {
        format!("message {index} answers {id:?} where {:?} is due", call.id)
    });
    let name = message.name.as_ref();
    found.require(
        name.is_none_or(|name| *name == call.name),
        ViolationKind::StrayResult,
        || {
            format!(
                "message {index} is from {name:?}, the call was to {:?}",
                call.name
            )
        },
    );
}

fn report_unanswered(open: &mut VecDeque<&PastCall>, found: &mut Findings) {
    for call in open.drain(..) {
        found.add(ViolationKind::CallUnanswered, || {
            format!("call {:?} to {} has no result", call.id, call.name)
        });
    }
}

fn check_tools(body: &Value, request: &Request, found: &mut Findings) {
    let tools = &body["tools"];
    let fits = tools.is_null() || tools.as_array().is_some_and(|tools| !tools.is_empty());
    found.require(fits, ViolationKind::BadTool, || {
        "tools is there and is no list, or an empty one".to_owned()
    });
    let mut names = BTreeSet::new();
    for tool in &request.tools {
        let function = &tool.definition["function"];
        let well_formed = tool.definition["type"] == "function"
            && !tool.name.is_empty()
            && function["description"].is_string()
            && function["parameters"]["type"] == "object";
        found.require(well_formed, ViolationKind::BadTool, || {
            format!(
                "tool {:?} is no function with an object of parameters",
                tool.name
            )
        });
        found.require(names.insert(&tool.name), ViolationKind::BadTool, || {
            format!("tool {:?} is there twice", tool.name)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kinds(messages: &Value) -> Vec<ViolationKind> {
        let body = json!({ "messages": messages });
        let found = violations(&body, &Request::read(&body));
        found.into_iter().map(|violation| violation.kind).collect()
    }

    fn calling(ids: &[&str], arguments: &str) -> Value {
        let call = |id: &&str| json!({"id": id, "type": "function", "function": {"name": "t", "arguments": arguments}});
        json!({"role": "assistant", "content": null, "tool_calls": ids.iter().map(call).collect::<Vec<_>>()})
    }

    fn result(id: &str) -> Value {
        json!({"role": "tool", "tool_call_id": id, "name": "t", "content": "ok"})
    }

    fn user() -> Value {
        json!({"role": "user", "content": "go"})
    }

    fn assistant() -> Value {
        json!({"role": "assistant", "content": "done"})
    }

    #[test]
    fn a_good_history_has_no_violation() {
        let system = json!({"role": "system", "content": "rules"});
        let messages = json!([
            system,
            user(),
            calling(&["a", "b"], "{}"),
            result("a"),
            result("b"),
            assistant(),
            user(),
            calling(&["c"], "{\"x\":1}"),
            result("c"),
            user(),
        ]);
        assert_eq!(kinds(&messages), []);
    }

    #[test]
    fn roles_out_of_order_are_found() {
        let system = || json!({"role": "system", "content": "more"});
        let turn = [ViolationKind::NotAlternating];
        assert_eq!(kinds(&json!([user(), user()])), turn);
        assert_eq!(kinds(&json!([user(), assistant()])), turn);
        assert_eq!(kinds(&json!([assistant(), user()])), turn);
        assert_eq!(
            kinds(&json!([user(), assistant(), assistant(), user()])),
            turn
        );
        assert_eq!(
            kinds(&json!([system(), user(), assistant(), system(), user()])),
            [ViolationKind::SystemNotFirst]
        );
    }

    #[test]
    fn results_that_do_not_fit_the_calls_are_found() {
        use ViolationKind::{CallUnanswered, StrayResult};
        let with = |results: &[Value]| {
            let mut messages = vec![user(), calling(&["a", "b"], "{}")];
            messages.extend_from_slice(results);
            messages.push(user());
            kinds(&Value::Array(messages))
        };
        assert_eq!(with(&[result("a")]), [CallUnanswered]);
        assert_eq!(
            with(&[result("b"), result("a")]),
            [StrayResult, StrayResult]
        );
        assert_eq!(
            with(&[result("a"), result("b"), result("b")]),
            [StrayResult]
        );
        assert_eq!(with(&[]), [CallUnanswered, CallUnanswered]);
    }

    #[test]
    fn calls_that_no_template_renders_are_found() {
        let history = |call: Value, id: &str| kinds(&json!([user(), call, result(id)]));
        assert_eq!(
            history(calling(&["a"], "{\"path\": \"a"), "a"),
            [ViolationKind::BadArguments]
        );
        assert_eq!(
            history(calling(&["a"], "[1]"), "a"),
            [ViolationKind::BadArguments]
        );
        assert_eq!(history(calling(&[""], "{}"), ""), [ViolationKind::BadCall]);
        let twice = json!([
            user(),
            calling(&["a"], "{}"),
            result("a"),
            calling(&["a"], "{}"),
            result("a")
        ]);
        assert_eq!(kinds(&twice), [ViolationKind::BadCall]);
    }

    #[test]
    fn arguments_must_be_text() {
        let mut call = calling(&["a"], "{}");
        call["tool_calls"][0]["function"]["arguments"] = json!({"path": "a"});
        assert_eq!(
            kinds(&json!([user(), call, result("a")])),
            [ViolationKind::BadArguments]
        );
    }

    #[test]
    fn messages_without_text_or_with_empty_calls_are_found() {
        let bad = [ViolationKind::BadMessage];
        assert_eq!(
            kinds(&json!([user(), {"role": "assistant", "content": null}, user()])),
            bad
        );
        assert_eq!(
            kinds(&json!([user(), {"role": "assistant", "content": "", "tool_calls": []}, user()])),
            bad
        );
        assert_eq!(
            kinds(&json!([{"role": "developer", "content": "x"}, user()])),
            bad
        );
    }

    #[test]
    fn bodies_and_tools_are_judged_too() {
        let kinds = |body: Value| {
            let found = violations(&body, &Request::read(&body));
            found.into_iter().map(|v| v.kind).collect::<Vec<_>>()
        };
        let tool = json!({"type": "function", "function": {"name": "t", "description": "d", "parameters": {"type": "object"}}});
        assert_eq!(kinds(json!("text")), [ViolationKind::NotJson]);
        assert_eq!(kinds(json!({})), [ViolationKind::NoMessages]);
        assert_eq!(kinds(json!({"messages": [user()], "tools": [tool]})), []);
        assert_eq!(
            kinds(json!({"messages": [user()], "tools": [tool, tool]})),
            [ViolationKind::BadTool]
        );
        assert_eq!(
            kinds(json!({"messages": [user()], "tools": [{"type": "function"}]})),
            [ViolationKind::BadTool]
        );
    }
}
