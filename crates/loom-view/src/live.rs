//! Signals that are not journaled: only for those who watch, and no record of anything.

use loom_events::{EffectId, TaskId};
use serde::{Deserialize, Serialize};

/// A signal that is not journaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Live {
    /// The task.
    pub task_id: TaskId,
    /// The model call, or what the signal says.
    pub effect: EffectId,
    /// What.
    pub signal: Signal,
}

/// Kinds of live signals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// Visible text of a model, a piece.
    Text {
        /// The piece.
        piece: String,
    },
    /// Thoughts of a model, a piece.
    Thought {
        /// The piece.
        piece: String,
    },
    /// The server reads the prompt: nothing is written yet, and that is no fault.
    Reading {
        /// Tokens of the prompt that are read.
        done: u64,
        /// Tokens of the prompt, by estimate until the server says it.
        total: u64,
        /// Seconds until it is read, where the model's speed is known.
        left_s: Option<u64>,
    },
    /// A message to a receiver outside was tried; its effect is the event that it reports.
    WebhookDelivered {
        /// Id of the message.
        delivery: String,
        /// Whether the receiver has it.
        delivered: bool,
        /// How often it was tried.
        tries: u32,
        /// What came of it, in a sentence.
        outcome: String,
    },
    /// A model begins a tool call.
    Call {
        /// Name of the tool.
        name: String,
    },
}
