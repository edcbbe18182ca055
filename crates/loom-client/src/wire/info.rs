//! What the service says of itself: its health, models, tools, configuration, memory.

use loom_events::{MemoryEntry, Seq, TaskId, Tier, Time};
use serde::{Deserialize, Serialize};

/// The answer to `GET /health`: the process answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// The build.
    pub version: String,
    /// Whether it is carried by a command, such as `loom run`, and ends with it.
    #[serde(default)]
    pub carried: bool,
}

/// The answer to `GET /ready`: whether tasks can be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ready {
    /// Whether the journal takes events and every role has a model.
    pub ready: bool,
    /// What is missing, one sentence each.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// The answer to `GET /models`: a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ModelList {
    /// In the order of the configuration.
    pub models: Vec<ModelInfo>,
}

/// A model, as the router knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelInfo {
    /// Name of the entry.
    pub name: String,
    /// Kind of provider.
    pub provider: String,
    /// Address of the server, without credentials.
    pub base_url: String,
    /// The model's id at the server, when configured.
    pub model: Option<String>,
    /// Size class.
    pub tier: Tier,
    /// What it may be asked to be.
    pub roles: Vec<String>,
    /// Context window in tokens, as configured or learnt.
    pub context_length: Option<u32>,
    /// `unknown`, `ok`, `resting` or `trying`.
    pub health: String,
    /// The last failure, unless a reply came since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// What it can do, once somebody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<serde_json::Value>,
    /// Calls that ended in a reply.
    pub succeeded: u64,
    /// Calls that failed, after their retries.
    pub failed: u64,
    /// Calls waiting for a slot or running.
    pub in_flight: u32,
    /// Those of them that wait.
    pub waiting: u32,
    /// Calls that its server is given at once.
    pub slots: u32,
    /// Milliseconds until the first token, a median of the last replies.
    pub first_token_ms: Option<u64>,
    /// Tokens of a prompt that are read in a second.
    pub prefill_per_s: Option<f32>,
    /// Tokens that are written in a second.
    pub decode_per_s: Option<f32>,
}

/// The answer to `GET /tools`: a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ToolList {
    /// In the order in which a model is offered them.
    pub tools: Vec<ToolInfo>,
}

/// A tool, as a model is offered it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToolInfo {
    /// Unique name.
    pub name: String,
    /// One or two sentences.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: serde_json::Value,
    /// Whether a call changes nothing.
    pub read_only: bool,
}

/// The answer to `GET /config`; there are no secrets in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfigShown {
    /// In the order of the documentation.
    pub values: Vec<ConfigValue>,
}

/// One effective value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfigValue {
    /// The dotted key.
    pub key: String,
    /// Its value as it would stand in a file; none when it is unset.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: String,
}

/// The answer to `GET /tasks/{id}/memory` and `GET /memory/search`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryPage {
    /// The best match, or the newest, first.
    pub entries: Vec<MemoryItem>,
}

/// A memory entry with its place in the journal. What a task noted again is one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryItem {
    /// Its task.
    pub task_id: TaskId,
    /// Seq of the event that made it.
    pub seq: Seq,
    /// When.
    pub at: Time,
    /// The entry, as it was noted first.
    #[serde(flatten)]
    pub entry: MemoryEntry,
    /// How often it was noted.
    #[serde(default = "once")]
    pub seen: u32,
    /// When it was noted last; none where that was the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
    /// What it is about, where the task noted something else about the same: compare the dates. A search
    /// gives such entries one after the other, what was said last at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

const fn once() -> u32 {
    1
}
