//! What a simulated model answers, and the seam through which any code can be one.

use crate::fault::Fault;
use crate::request::Request;
use serde::Deserialize;
use serde_json::Value;

/// Decides what a simulated model answers.
///
/// The answer should follow from the request alone. Then a harness that asks again after a crash gets the
/// same answer, and several tasks can share one server.
pub trait Responder: Send + Sync {
    /// The answer to one request.
    fn respond(&self, request: &Request) -> Reply;
}

impl<F: Fn(&Request) -> Reply + Send + Sync> Responder for F {
    fn respond(&self, request: &Request) -> Reply {
        self(request)
    }
}

/// One answer of a simulated model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Visible text.
    pub text: String,
    /// Thoughts, sent as `reasoning_content`.
    pub thought: Option<String>,
    /// Tool calls.
    pub calls: Vec<Call>,
    /// Why the model stopped; told from the calls when absent.
    pub finish: Option<Finish>,
    /// What goes wrong with this answer.
    pub fault: Option<Fault>,
    /// The rule that chose it, for the record.
    pub rule: Option<String>,
}

/// A tool call as a model writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// The arguments as text, which need not be JSON.
    pub arguments: String,
}

/// Why a model says that it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It ended by itself.
    Stop,
    /// It ended in calls.
    ToolCalls,
    /// It ran into the limit of tokens.
    Length,
}

impl Finish {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::ToolCalls => "tool_calls",
            Self::Length => "length",
        }
    }
}

impl Call {
    /// A call with well-formed arguments.
    #[must_use]
    pub fn new(name: &str, arguments: &Value) -> Self {
        Self {
            name: name.to_owned(),
            arguments: arguments.to_string(),
        }
    }
}

impl Reply {
    /// An answer in words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// An answer that is a JSON document.
    #[must_use]
    pub fn json(value: &Value) -> Self {
        Self::text(value.to_string())
    }

    /// An answer that is one call.
    #[must_use]
    pub fn call(name: &str, arguments: &Value) -> Self {
        Self::default().and_call(name, arguments)
    }

    /// The same answer with one more call.
    #[must_use]
    pub fn and_call(mut self, name: &str, arguments: &Value) -> Self {
        self.calls.push(Call::new(name, arguments));
        self
    }

    /// The same answer with something wrong with it.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// What is reported as the reason of the end.
    #[must_use]
    pub fn finish(&self) -> Finish {
        self.finish.unwrap_or(if self.calls.is_empty() {
            Finish::Stop
        } else {
            Finish::ToolCalls
        })
    }
}
