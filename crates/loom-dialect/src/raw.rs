//! An answer as it came over the wire, collected without being judged.

use loom_events::Finish;
use serde_json::Value;

/// An answer as it came over the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct RawAnswer {
    /// The text, thoughts and calls possibly among it.
    pub text: String,
    /// The thoughts that the server itself set apart.
    pub thought: String,
    /// Calls that the server itself set apart.
    pub calls: Vec<RawCall>,
    /// How many further calls were dropped because of the bound on their number.
    pub dropped_calls: usize,
    /// Why the model stopped, as reported.
    pub finish: Finish,
}

/// A call as it came over the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawCall {
    /// The server's id, if it gave one.
    pub id: Option<String>,
    /// The name; empty when there was none.
    pub name: String,
    /// The arguments.
    pub arguments: RawArguments,
}

/// Arguments come as text in most servers, as an object in some.
#[derive(Clone, Debug, PartialEq)]
pub enum RawArguments {
    /// JSON text, joined from its pieces.
    Text(String),
    /// A value that the server had parsed.
    Value(Value),
    /// The start of a text that went beyond the bound.
    TooLong(String),
}

impl Default for RawArguments {
    fn default() -> Self {
        Self::Text(String::new())
    }
}
