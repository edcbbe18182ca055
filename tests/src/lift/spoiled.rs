//! A faultless model with one class of faults: on the wire, or in what it says.

use loom_sim::{Fault, Finish, Refused, Reply, Request, Responder, Role, WeakModels};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// One class of faults.
#[derive(Clone, Debug)]
pub struct Trouble {
    pub name: String,
    pub kind: Kind,
    /// At every request, or once for each step.
    pub always: bool,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Something that the server knows how to do.
    Wire(Fault),
    /// The call is written into the text.
    TextCall,
    /// Thoughts stand in the text, closed, with the answer behind them.
    LeakedThoughts,
    /// The same call again and again.
    Loop,
    /// An argument that the tool needs is not there.
    MissingField,
}

/// Refusals of a prompt that does not fit, as servers word them.
pub(super) const OVERFLOWS: [&str; 5] = [
    "request (40210 tokens) exceeds the available context size (32768 tokens), try increasing it",
    "This model's maximum context length is 32768 tokens. However, you requested 40210 tokens (38162 in the messages, 2048 in the completion). Please reduce the length of the messages or completion.",
    "the request exceeds the available context size. try increasing the context size or enable context shift",
    "The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input",
    "prompt is too long: 40210 tokens > 32768 maximum",
];

impl Trouble {
    /// Every class, once for each step and always.
    pub fn all() -> Vec<Self> {
        let wire = |name: &str, fault: Fault| (name.to_owned(), Kind::Wire(fault));
        let refused = |status: u16, message: &str| {
            Fault::Http(Refused {
                status,
                message: Some(message.to_owned()),
                retry_after: None,
            })
        };
        let mut kinds = vec![
            wire("cut-off call", Fault::TruncatedArguments(30)),
            wire(
                "malformed call",
                Fault::MalformedArguments("{\"path\": \"out/".to_owned()),
            ),
            ("call as text".to_owned(), Kind::TextCall),
            wire(
                "unknown tool",
                Fault::UnknownTool("str_replace_based_tool".to_owned()),
            ),
            wire("500", Fault::http(500)),
            wire("429", refused(429, "rate limit reached")),
            wire("503 while loading", Fault::http(503)),
            wire("connection reset", Fault::DropAfter(0)),
            wire("stream cut", Fault::DropAfter(2)),
            wire("stream stalled", Fault::stall_after(2)),
            wire(
                "premature stop",
                Fault::PrematureStop("I will now write the file.".to_owned()),
            ),
            wire(
                "false claim",
                Fault::FalseClaim("Everything is done and all checks pass.".to_owned()),
            ),
            ("loop".to_owned(), Kind::Loop),
            wire("wrong types", Fault::WrongTypes),
            ("missing field".to_owned(), Kind::MissingField),
            wire("empty answer", Fault::Empty),
            ("leaked thoughts".to_owned(), Kind::LeakedThoughts),
            wire(
                "only thoughts",
                Fault::ThoughtOnly("I should write the file.".to_owned()),
            ),
        ];
        for (number, words) in OVERFLOWS.iter().enumerate() {
            kinds.push(wire(
                &format!("overflow, wording {}", number + 1),
                refused(400, words),
            ));
        }
        let both = kinds.into_iter().flat_map(|(name, kind)| {
            [false, true].map(|always| Self {
                name: name.clone(),
                kind: kind.clone(),
                always,
            })
        });
        both.collect()
    }
}

impl Trouble {
    /// Whether it makes the harness wait before it tries again, again and again.
    pub fn is_slow(&self) -> bool {
        let wire = matches!(
            self.kind,
            Kind::Wire(Fault::Http(_) | Fault::DropAfter(_) | Fault::StallAfter(_))
        );
        self.always && wire
    }

    /// Whether a single one may end a task: what a server says of its window is believed for good.
    pub fn is_final(&self) -> bool {
        self.name.starts_with("overflow")
    }
}

/// A faultless model in trouble.
pub(super) struct Spoiled {
    inner: WeakModels,
    trouble: Trouble,
    struck: Mutex<HashSet<String>>,
}

impl Spoiled {
    pub(super) fn new(inner: WeakModels, trouble: Trouble) -> Self {
        Self {
            inner,
            trouble,
            struck: Mutex::default(),
        }
    }

    /// Whether this request is struck: every one of a worker, or the fourth turn of each step once.
    /// The fourth is the one that writes.
    fn strikes(&self, request: &Request) -> bool {
        if request.role != Some(Role::Executor) {
            return false;
        }
        if self.trouble.always {
            return true;
        }
        if request.turn() != 3 {
            return false;
        }
        // The step, whichever attempt at it this is.
        let texts = request.opening().iter().filter_map(|m| m.text.as_deref());
        let lines = texts.flat_map(str::lines);
        let step = lines
            .filter(|line| line.starts_with("Your step: "))
            .collect();
        let mut struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        struck.insert(step)
    }
}

impl Responder for Spoiled {
    fn respond(&self, request: &Request) -> Reply {
        let reply = self.inner.respond(request);
        if !self.strikes(request) {
            return reply;
        }
        match &self.trouble.kind {
            Kind::Wire(fault) => reply.with_fault(fault.clone()),
            Kind::TextCall => as_text(reply),
            Kind::LeakedThoughts => Reply {
                text: format!(
                    "<think>\nI should do this step by step.\n</think>\n{}",
                    reply.text
                ),
                ..reply
            },
            Kind::Loop => Reply::call("list_files", &serde_json::json!({"path": "docs"})),
            Kind::MissingField => without_path(reply),
        }
    }
}

fn as_text(reply: Reply) -> Reply {
    let calls = reply.calls.iter().map(|call| {
        format!(
            "<tool_call>\n{{\"name\": \"{}\", \"arguments\": {}}}\n</tool_call>",
            call.name, call.arguments
        )
    });
    let parts: Vec<String> = std::iter::once(reply.text.clone()).chain(calls).collect();
    Reply {
        text: parts.join("\n"),
        calls: Vec::new(),
        finish: Some(Finish::Stop),
        ..reply
    }
}

fn without_path(mut reply: Reply) -> Reply {
    for call in &mut reply.calls {
        if let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_str(&call.arguments) {
            fields.remove("path");
            call.arguments = serde_json::Value::Object(fields).to_string();
        }
    }
    reply
}
