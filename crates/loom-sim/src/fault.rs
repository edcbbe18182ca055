//! What goes wrong, as data: in what a model says, and in how a server delivers it.

use crate::playbook::{self, PlaybookError};
use crate::recognize::Role;
use crate::reply::{Call, Finish, Reply};
use crate::request::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// One thing that goes wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The server refuses: `500`, or `{status: 429, retry_after: 1}`.
    Http(Refused),
    /// The connection closes after so many chunks, without an end. (Unstreamed: after half the body.)
    DropAfter(usize),
    /// After so many chunks nothing comes any more, and the connection stays open: `2`, or
    /// `{chunks: 2, for_ms: 500}`.
    StallAfter(Stall),
    /// The arguments of the first call are this text, which is no JSON object.
    MalformedArguments(String),
    /// The arguments of the first call end after so many bytes, and the answer with them (`length`).
    TruncatedArguments(usize),
    /// Every argument of the first call has a type that no schema would expect there.
    WrongTypes,
    /// The first call names this tool, which nobody offers.
    UnknownTool(String),
    /// The model announces what it is going to do and stops there, in these words.
    PrematureStop(String),
    /// The model says, in these words, that everything is done.
    FalseClaim(String),
    /// Neither text nor calls.
    Empty,
    /// These thoughts, and no answer.
    ThoughtOnly(String),
    /// These words where a JSON document was asked for.
    Prose(String),
}

/// How a server refuses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "RefusedForm")]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// The message in the body; a typical one when absent.
    pub message: Option<String>,
    /// Seconds to put into `Retry-After`.
    pub retry_after: Option<u64>,
}

/// How a stream stalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "StallForm")]
pub struct Stall {
    /// Chunks that still come; 0 means that not even the headers do.
    pub chunks: usize,
    /// After so many milliseconds it goes on; never when absent.
    pub for_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum RefusedForm {
    Status(u16),
    Full {
        status: u16,
        #[serde(default)]
        message: Option<String>,
        #[serde(default)]
        retry_after: Option<u64>,
    },
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum StallForm {
    Chunks(usize),
    Full {
        chunks: usize,
        #[serde(default)]
        for_ms: Option<u64>,
    },
}

impl From<RefusedForm> for Refused {
    fn from(form: RefusedForm) -> Self {
        match form {
            RefusedForm::Status(status) => Self::with(status),
            RefusedForm::Full {
                status,
                message,
                retry_after,
            } => Self {
                status,
                message,
                retry_after,
            },
        }
    }
}

impl From<StallForm> for Stall {
    fn from(form: StallForm) -> Self {
        match form {
            StallForm::Chunks(chunks) => Self {
                chunks,
                for_ms: None,
            },
            StallForm::Full { chunks, for_ms } => Self { chunks, for_ms },
        }
    }
}

impl Refused {
    /// The message in the body.
    pub(crate) fn message(&self) -> String {
        match (&self.message, self.status) {
            (Some(message), _) => message.clone(),
            (None, 429) => "rate limit reached".to_owned(),
            (None, 503) => "Loading model".to_owned(),
            (None, other) => format!("simulated failure with status {other}"),
        }
    }

    const fn with(status: u16) -> Self {
        Self {
            status,
            message: None,
            retry_after: None,
        }
    }
}

/// Where a fault strikes: whatever is given must match, and then it is the `nth` such request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct At {
    /// Who is being asked.
    pub role: Option<Role>,
    /// About which subtask.
    pub subtask: Option<String>,
    /// Answers that are already in the conversation.
    pub turn: Option<usize>,
    /// Which of the requests that match, from 1; 0 stands for 1.
    pub nth: usize,
}

/// A fault and where it strikes. It strikes once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Where.
    #[serde(default)]
    pub at: At,
    /// What.
    pub kind: Fault,
}

/// Faults on top of whatever answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// In order of precedence when several strike the same request.
    pub plan: Vec<FaultRule>,
}

/// How an answer is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// To its end.
    Whole,
    /// Closed after so many chunks.
    Dropped(usize),
    /// Silent after so many chunks, for a time or for good.
    Stalled(usize, Option<Duration>),
    /// Not at all.
    Refused(Refused),
}

impl Fault {
    /// The server refuses with this status and a message typical of it.
    #[must_use]
    pub const fn http(status: u16) -> Self {
        Self::Http(Refused::with(status))
    }

    /// After so many chunks the stream stays open and silent for good.
    #[must_use]
    pub const fn stall_after(chunks: usize) -> Self {
        Self::StallAfter(Stall {
            chunks,
            for_ms: None,
        })
    }

    /// One of each kind, in the order of the list: for tests that want to meet them all.
    #[must_use]
    pub fn one_of_each() -> Vec<Self> {
        vec![
            Self::PrematureStop("I will now make the change.".to_owned()),
            Self::FalseClaim("Everything is done and all tests pass.".to_owned()),
            Self::MalformedArguments(r#"{"path": "a"#.to_owned()),
            Self::TruncatedArguments(9),
            Self::WrongTypes,
            Self::UnknownTool("str_replace_based_tool".to_owned()),
            Self::Empty,
            Self::ThoughtOnly("I should make the change.".to_owned()),
            Self::Prose("That looks fine to me.".to_owned()),
            Self::http(500),
            Self::http(503),
            Self::Http(Refused {
                retry_after: Some(0),
                ..Refused::with(429)
            }),
            Self::DropAfter(2),
            Self::stall_after(2),
        ]
    }

    /// What becomes of the answer, and how it is delivered.
    pub(crate) fn strike(&self, reply: Reply, request: &Request) -> (Reply, Delivery) {
        match self {
            Self::Http(refused) => (reply, Delivery::Refused(refused.clone())),
            Self::DropAfter(chunks) => (reply, Delivery::Dropped(*chunks)),
            Self::StallAfter(stall) => (
                reply,
                Delivery::Stalled(stall.chunks, stall.for_ms.map(Duration::from_millis)),
            ),
            _ => (self.spoil(reply, request), Delivery::Whole),
        }
    }

    /// What becomes of the words. Faults of delivery leave them alone.
    fn spoil(&self, reply: Reply, request: &Request) -> Reply {
        match self {
            Self::Http(_) | Self::DropAfter(_) | Self::StallAfter(_) => reply,
            Self::MalformedArguments(raw) => with_arguments(reply, request, |_| raw.clone()),
            Self::TruncatedArguments(bytes) => Reply {
                finish: Some(Finish::Length),
                ..with_arguments(reply, request, |whole| cut(whole, *bytes))
            },
            Self::WrongTypes => with_arguments(reply, request, wrong_types),
            Self::UnknownTool(name) => {
                let mut reply = with_a_call(reply, request);
                if let Some(call) = reply.calls.first_mut() {
                    call.name.clone_from(name);
                }
                reply
            }
            Self::PrematureStop(words) | Self::FalseClaim(words) | Self::Prose(words) => Reply {
                text: words.clone(),
                ..bare(reply)
            },
            Self::Empty => bare(reply),
            Self::ThoughtOnly(thought) => Reply {
                thought: Some(thought.clone()),
                ..bare(reply)
            },
        }
    }
}

impl Faults {
    /// Reads faults: `plan: [{at: {role: executor, nth: 2}, kind: {http: 500}}]`.
    ///
    /// # Errors
    /// When it is no YAML or has unknown fields.
    pub fn from_yaml(text: &str) -> Result<Self, PlaybookError> {
        playbook::from_yaml(text)
    }

    /// One rule for each fault: the first strikes the first matching request, the second the second, …
    #[must_use]
    pub fn in_turn(at: &At, kinds: Vec<Fault>) -> Self {
        let plan = (at.nth.max(1)..)
            .zip(kinds)
            .map(|(nth, kind)| FaultRule {
                at: At { nth, ..at.clone() },
                kind,
            })
            .collect();
        Self { plan }
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.plan.extend(other.plan);
        self
    }
}

/// The rules of a running server, with what each has seen so far.
#[derive(Debug)]
pub(crate) struct Armed(Vec<(FaultRule, usize)>);

impl Armed {
    pub(crate) fn new(faults: Faults) -> Self {
        Self(faults.plan.into_iter().map(|rule| (rule, 0)).collect())
    }

    /// The fault that strikes a request. Every rule counts it, whichever strikes.
    pub(crate) fn strike(&mut self, request: &Request) -> Option<Fault> {
        let mut struck = None;
        for (rule, seen) in &mut self.0 {
            if rule.at.matches(request) {
                *seen += 1;
                if *seen == rule.at.nth.max(1) && struck.is_none() {
                    struck = Some(rule.kind.clone());
                }
            }
        }
        struck
    }
}

impl At {
    fn matches(&self, request: &Request) -> bool {
        self.role.is_none_or(|role| request.role == Some(role))
            && self.turn.is_none_or(|turn| request.turn() == turn)
            && (self.subtask.is_none() || self.subtask == request.subtask)
    }
}

fn bare(reply: Reply) -> Reply {
    Reply {
        rule: reply.rule,
        ..Reply::default()
    }
}

/// The reply with a call in it, so that a fault in a call finds one: the first tool on offer, in default
/// of a call of its own. Without tools there is none.
fn with_a_call(mut reply: Reply, request: &Request) -> Reply {
    if let (true, Some(tool)) = (reply.calls.is_empty(), request.tools.first()) {
        reply
            .calls
            .push(Call::new(&tool.name, &json!({"path": "."})));
    }
    reply
}

/// Changes the arguments of the first call; without calls the text, which then is the JSON asked for.
fn with_arguments(reply: Reply, request: &Request, change: impl Fn(&str) -> String) -> Reply {
    let mut reply = with_a_call(reply, request);
    let target = match reply.calls.first_mut() {
        Some(call) => &mut call.arguments,
        None => &mut reply.text,
    };
    *target = change(target);
    reply
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// Texts become objects, numbers texts, lists `true`: nothing that could be converted without loss.
fn wrong_types(arguments: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(arguments) else {
        return "[]".to_owned();
    };
    let wrong = |value| match value {
        Value::String(text) => json!({ "value": text }),
        Value::Number(_) => json!("many"),
        Value::Bool(_) => json!("perhaps"),
        Value::Array(_) | Value::Object(_) => json!(true),
        Value::Null => json!([]),
    };
    let spoiled: serde_json::Map<_, _> = fields.into_iter().map(|(k, v)| (k, wrong(v))).collect();
    Value::Object(spoiled).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking_with_tools() -> Request {
        Request::read(&json!({"tools": [{"function": {"name": "read_file"}}]}))
    }

    fn spoiled(fault: &Fault) -> Reply {
        let reply = Reply::call("write_file", &json!({"path": "a", "lines": 3}));
        fault.strike(reply, &asking_with_tools()).0
    }

    #[test]
    fn faults_of_a_call_change_only_the_call() {
        let arguments = |fault| spoiled(&fault).calls[0].arguments.clone();
        assert_eq!(arguments(Fault::MalformedArguments("{".into())), "{");
        assert_eq!(
            arguments(Fault::WrongTypes),
            r#"{"path":{"value":"a"},"lines":"many"}"#
        );
        assert_eq!(spoiled(&Fault::UnknownTool("x".into())).calls[0].name, "x");
    }

    #[test]
    fn a_cut_call_ends_for_length() {
        let reply = spoiled(&Fault::TruncatedArguments(5));
        assert_eq!(reply.calls[0].arguments.len(), 5);
        assert_eq!(reply.finish(), Finish::Length);
    }

    #[test]
    fn a_fault_in_a_call_makes_a_call_when_there_is_none() {
        let fault = Fault::MalformedArguments("{".into());
        let (reply, _) = fault.strike(Reply::text("Done."), &asking_with_tools());
        assert_eq!(reply.calls[0].name, "read_file");
        let (reply, _) = fault.strike(Reply::text("{}"), &Request::default());
        assert_eq!((reply.text.as_str(), reply.calls.len()), ("{", 0));
    }

    #[test]
    fn faults_in_turn_strike_one_request_each_and_then_no_more() {
        let kinds = vec![Fault::Empty, Fault::http(500)];
        let at = At {
            role: Some(Role::Executor),
            ..At::default()
        };
        let mut armed = Armed::new(Faults::in_turn(&at, kinds));
        let executor = Request {
            role: Some(Role::Executor),
            ..Request::default()
        };
        assert_eq!(armed.strike(&Request::default()), None);
        let struck: Vec<_> = (0..3).map(|_| armed.strike(&executor)).collect();
        assert_eq!(struck, [Some(Fault::Empty), Some(Fault::http(500)), None]);
    }
}
