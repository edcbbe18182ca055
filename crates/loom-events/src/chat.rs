//! What is said to a model and what it answers, as typed records. History is rendered from these,
//! never from text that a model produced as a whole, so it is valid by construction.

use crate::{BlobId, CallClass};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a model is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Makes the first plan.
    Planner,
    /// Makes every later plan.
    Replanner,
    /// Works on a subtask with tools.
    Executor,
    /// Judges a subtask by its diff and check results.
    Verifier,
    /// Writes memory entries when a subtask ends.
    Extractor,
}

impl Role {
    /// Every role, in the order in which a task meets them.
    pub const ALL: [Self; 5] = [
        Self::Planner,
        Self::Replanner,
        Self::Executor,
        Self::Verifier,
        Self::Extractor,
    ];

    /// The name used in configuration, events and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Replanner => "replanner",
            Self::Executor => "executor",
            Self::Verifier => "verifier",
            Self::Extractor => "extractor",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Rules and tools; only ever the first message.
    System {
        /// The text.
        text: String,
    },
    /// Said by the harness.
    User {
        /// The text.
        text: String,
    },
    /// Said by the model, in canonical form.
    Assistant {
        /// Visible text; may be empty when there are calls.
        text: String,
        /// Thoughts, for the families whose history must keep them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thought: Option<String>,
        /// Calls, every one of which is answered by a later [`Message::Tool`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<ToolCall>,
    },
    /// The result of one call.
    Tool {
        /// Id of the call that this answers.
        call_id: String,
        /// Name of the tool.
        name: String,
        /// What the model is shown.
        text: String,
    },
}

/// A call that could be read: a name and a JSON object of arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToolCall {
    /// Unique within the conversation.
    pub id: String,
    /// Name of the tool as the registry knows it, or as the model wrote it when unknown.
    pub name: String,
    /// Always a JSON object.
    pub arguments: serde_json::Value,
}

/// A tool as it is offered to a model, and what a reader of its calls must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToolSpec {
    /// Unique name.
    pub name: String,
    /// One or two sentences for the model.
    pub description: String,
    /// JSON Schema of the arguments; an object schema.
    pub parameters: serde_json::Value,
    /// Whether a call changes nothing, so that a harmless mistake in its form may be put right. Not
    /// shown to the model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Other names that models use for it. Not shown to the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Other names that models use for its parameters: parameter → aliases. Not shown to the model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameter_aliases: BTreeMap<String, Vec<String>>,
}

impl ToolSpec {
    /// A tool that may change something, without aliases.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        parameters: serde_json::Value,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            parameters,
            read_only: false,
            aliases: Vec::new(),
            parameter_aliases: BTreeMap::new(),
        }
    }

    /// The same, known to change nothing.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self {
            read_only: true,
            ..self
        }
    }
}

/// A call that could not be read or may not run. The model is told `message` word for word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refusal {
    /// Stable code, such as `malformed_arguments` or `unknown_tool`.
    pub code: String,
    /// What was wrong, where, and what to send instead.
    pub message: String,
}

/// A complete answer of a model, as stored in the blob that `model_call_completed` names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Answer {
    /// Visible text.
    pub text: String,
    /// Thoughts; never counted as an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thought: Option<String>,
    /// Calls with a name and an argument object, refused ones included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// Calls that could not be read at all; they are never sent back as calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableCall>,
}

/// A call whose name or arguments could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnreadableCall {
    /// Name, when that much could be read.
    pub name: Option<String>,
    /// The arguments as they came, capped.
    pub raw: String,
    /// Why it was refused.
    pub refusal: Refusal,
}

/// Why a model stopped, as the server reported it. Not to be trusted alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It ended by itself.
    Stop,
    /// It ended in tool calls.
    ToolCalls,
    /// It ran into the limit of tokens: whatever was open is cut off.
    Length,
    /// Anything else, or nothing reported.
    Other,
}

/// Tokens of one or more calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub prompt: u64,
    /// Prompt tokens that the server took from its cache, when it says so.
    #[serde(default)]
    pub cached: u64,
    /// Tokens written, thoughts included.
    pub completion: u64,
    /// Whether any of the figures is our estimate, since the server reported none.
    #[serde(default)]
    pub estimated: bool,
}

impl Usage {
    /// Prompt and completion together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }

    /// The sum of two.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            cached: self.cached.saturating_add(other.cached),
            completion: self.completion.saturating_add(other.completion),
            estimated: self.estimated || other.estimated,
        }
    }
}

/// How long a call took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Latency {
    /// From the request to the first token.
    pub first_token_ms: u64,
    /// From the request to the end.
    pub total_ms: u64,
}

/// A model's answer as journaled: facts for the kernel, the words in a blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelReply {
    /// The [`Answer`].
    pub answer: BlobId,
    /// Readable calls in their order; empty when the model only spoke.
    #[serde(default)]
    pub calls: Vec<CallRecord>,
    /// How many calls could not be read.
    #[serde(default)]
    pub unreadable: u32,
    /// What an answer without calls amounts to.
    pub said: Said,
    /// Something the model found that may change the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<String>,
    /// Tokens.
    pub usage: Usage,
    /// Times.
    pub latency: Latency,
    /// Name of the model entry that answered.
    pub model: String,
    /// Why it stopped.
    pub finish: Finish,
    /// How full its context window is now, in percent; 0 when the window is unknown.
    #[serde(default)]
    pub context_percent: u8,
}

/// One readable call of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallRecord {
    /// Id within the conversation.
    pub id: String,
    /// Name of the tool.
    pub tool: String,
    /// One line for people: the tool with its main argument.
    pub summary: String,
    /// What is to be done when its outcome is lost.
    pub class: CallClass,
    /// When set the call is not run: this is its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// What an answer without calls amounts to. A claim, never evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
    /// There are calls, so the words do not matter.
    Called,
    /// Nothing at all.
    Nothing,
    /// Thoughts without an answer.
    OnlyThought,
    /// Announces an action and does not take it.
    Announced,
    /// Asks the user something in plain text.
    Asked,
    /// Anything else: the model thinks that it is done.
    Done,
    /// Says that it cannot go on.
    Blocked {
        /// In its words.
        reason: String,
    },
}
