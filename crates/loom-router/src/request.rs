//! What a model is asked, independent of how its server wants to hear it.

use crate::Deadlines;
use loom_dialect::Reading;
use loom_events::{Message, Role, TaskId, ToolSpec};
use std::time::Duration;

/// One call of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The conversation. Orphaned calls, several user messages in a row and the like are put right
    /// when it is rendered, so it may be handed over as it was recorded.
    pub messages: Vec<Message>,
    /// The tools on offer, in any order.
    pub tools: Vec<ToolSpec>,
    /// Whether the model may, must or must not call.
    pub tool_choice: ToolChoice,
    /// The shape that the answer must have.
    pub schema: Option<JsonSchema>,
    /// Bound on the tokens of the answer; the entry's when `None`.
    pub max_tokens: Option<u32>,
    /// Sampling temperature; the entry's when `None`.
    pub temperature: Option<f32>,
    /// Which other sampling than the usual one is used; 0 is the usual one. Each is warmer than the one
    /// before and has a seed of its own.
    pub vary: u32,
    /// Whether a model that can think aloud should.
    pub think: bool,
    /// What the model is asked to be; decides which of a server's caches the call may use.
    pub role: Option<Role>,
    /// The task that asks; slots are shared fairly between tasks.
    pub task: Option<TaskId>,
    /// The server's slot that the call should use, where it can be chosen; set by the router.
    pub slot: Option<u32>,
    /// How long the first token may take, where the prompt needs longer than the entry grants; set
    /// by the router.
    pub first_token: Option<Duration>,
}

impl ChatRequest {
    /// A request with this conversation and nothing else.
    #[must_use]
    pub fn new(messages: Vec<Message>) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }

    /// The limits of this call.
    pub(crate) fn deadlines(&self, of_entry: Deadlines) -> Deadlines {
        Deadlines {
            first_token: self.first_token.unwrap_or(of_entry.first_token),
            ..of_entry
        }
    }

    /// What a reader of the answer must know.
    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading {
            tools: &self.tools,
            may_call: !self.tools.is_empty()
                && self.schema.is_none()
                && self.tool_choice != ToolChoice::None,
            in_thought: false,
        }
    }
}

/// Whether the model may, must or must not call a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// At least one call; text may still come first, and servers without grammars ignore this.
    Required,
    /// Text only.
    None,
}

/// A named JSON Schema.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonSchema {
    /// Letters, digits and underscores, such as `plan`.
    pub name: String,
    /// The schema.
    pub schema: serde_json::Value,
}
