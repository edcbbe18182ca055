//! Everything that was said and done in a subtask: prompts, answers, calls, verdicts.

use loom_events::{BlobId, Message, PromptPart, Seq, Time, ToolCall, ToolSpec, Usage};
use loom_view::{AttemptView, SubtaskView};
use serde::{Deserialize, Serialize};

/// The answer to `GET /tasks/{id}/subtasks/{sid}/trace`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubtaskTrace {
    /// The subtask.
    pub subtask: SubtaskView,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptTrace>,
}

/// An attempt with its turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AttemptTrace {
    /// The attempt, with its verdict and why it ended.
    pub attempt: AttemptView,
    /// What a model was first sent; none when the attempt never got so far, or it is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Vec<Message>>,
    /// What that was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_of: Option<PromptTrace>,
    /// Its turns.
    pub turns: Vec<TurnTrace>,
}

/// What a first prompt was made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PromptTrace {
    /// Name of the model entry.
    pub model: String,
    /// Template and its hash, `executor@1f2e…`.
    pub template: String,
    /// The tools, sent in a field of their own where the server has one.
    #[serde(default)]
    pub tools: Vec<ToolSpec>,
    /// What each part costs, in estimated tokens, in the order in which it was sent.
    #[serde(default)]
    pub parts: Vec<PromptPart>,
    /// What had to be left out to fit the budget.
    #[serde(default)]
    pub trimmed: Vec<String>,
}

/// One model call, and the tool calls it led to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TurnTrace {
    /// Counts from 1 within the attempt.
    pub turn: u32,
    /// Its event.
    pub seq: Seq,
    /// When it began.
    pub at: Time,
    /// The model's visible text.
    #[serde(default)]
    pub text: String,
    /// Its thoughts, where they were kept.
    #[serde(default)]
    pub thoughts: String,
    /// Tokens and times; none while it runs, or when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The tool calls, in order.
    pub calls: Vec<CallTrace>,
}

/// One tool call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallTrace {
    /// The call as it was understood.
    pub call: ToolCall,
    /// What the model was given back; none while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The whole output, when what was given back is a part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<BlobId>,
    /// Whether it did what it was asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
}
