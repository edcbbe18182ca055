//! Everything that can go wrong between a request and its reply, and what it means for a task.

use loom_events::{Failure, FailureClass};
use std::time::Duration;
use thiserror::Error;

/// Why there is no reply. Each message names the server or model and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// No connection came about.
    #[error(
        "reach the model server at {server}: {reason}; start it, or correct `base_url` of model {model}"
    )]
    Unreachable {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// The cause.
        reason: String,
    },
    /// The connection broke, or the stream ended in its middle.
    #[error("get the whole answer of model {model} from {server}: {reason}")]
    Broken {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// The cause.
        reason: String,
        /// What had come of the answer, thoughts included, for the record.
        partial: Option<String>,
    },
    /// One of the clocks ran out.
    #[error(
        "get an answer of model {model} from {server} in time: {deadline} took longer than {limit:?}; raise `{setting}` of the model if it is only slow",
        setting = deadline.setting()
    )]
    TimedOut {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// Which clock.
        deadline: Deadline,
        /// What it was set to.
        limit: Duration,
        /// What had come of the answer, thoughts included, for the record.
        partial: Option<String>,
    },
    /// The server could not now: 408, 429 or 5xx.
    #[error("get an answer of model {model}: {server} said {status}: {said}")]
    Busy {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        said: String,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// The prompt is longer than the context window.
    #[error(
        "fit the prompt into the context window of model {model} at {server}: {said}; {advice}",
        advice = overflow_advice(*prompt, *window)
    )]
    Overflow {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// Tokens of the prompt, when the server says it.
        prompt: Option<u64>,
        /// Tokens of the window, when the server says it.
        window: Option<u64>,
        /// Its words.
        said: String,
    },
    /// The server wants a key, or another one.
    #[error(
        "use model {model}: {server} refused the API key ({status}: {said}); set `api_key_env` of the model to a variable that holds a valid key"
    )]
    Unauthorized {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        said: String,
    },
    /// The server does not have the model.
    #[error(
        "use model {model}: {server} has no model {asked}; {has}",
        asked = asked.as_deref().map_or_else(|| "to choose by itself".to_owned(), |id| format!("`{id}`")),
        has = available_sentence(available)
    )]
    NoSuchModel {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// The id that was asked for.
        asked: Option<String>,
        /// The ids that it has.
        available: Vec<String>,
    },
    /// The model cannot be given tools.
    #[error(
        "give tools to model {model}: {server} said {said}; use a model whose template knows tools, or take the role executor from it"
    )]
    NoTools {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// Its words.
        said: String,
    },
    /// The server refused the request for another reason: another 4xx.
    #[error("ask model {model}: {server} refused the request ({status}: {said})")]
    Refused {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        said: String,
    },
    /// What came back is no chat completion.
    #[error(
        "understand the answer of {server} for model {model}: {reason}; check that `base_url` is a model server and that `provider` says which kind"
    )]
    Protocol {
        /// Address.
        server: String,
        /// Name of the entry.
        model: String,
        /// The cause.
        reason: String,
    },
    /// The answer grew beyond any use.
    #[error("take the answer of model {model}: {what} exceeds {limit} bytes; lower `max_tokens`")]
    TooLarge {
        /// Name of the entry.
        model: String,
        /// What is too large.
        what: &'static str,
        /// The bound.
        limit: usize,
        /// What had come of the answer, thoughts included, for the record.
        partial: Option<String>,
    },
    /// The model repeated itself and was cut off.
    #[error("use the answer of model {model}: it repeated {sample:?} over and over")]
    Repeating {
        /// Name of the entry.
        model: String,
        /// What it repeated.
        sample: String,
        /// What had come of the answer, thoughts included, for the record.
        partial: Option<String>,
    },
    /// The model thought for longer than it may.
    #[error(
        "get an answer of model {model}: it was still thinking after some {limit} tokens; raise `reasoning_budget` of the model, or set `thinking = \"off\"`"
    )]
    Overthinking {
        /// Name of the entry.
        model: String,
        /// Tokens that it may think for.
        limit: u32,
        /// What had come of the answer, thoughts included, for the record.
        partial: Option<String>,
    },
    /// The caller took the call back.
    #[error("finish the call of model {model}: it was cancelled")]
    Cancelled {
        /// Name of the entry.
        model: String,
    },
    /// No entry has that name.
    #[error("use model {model}: there is no such model entry")]
    UnknownEntry {
        /// The name.
        model: String,
    },
}

/// One of the clocks of [`crate::Deadlines`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Until the connection stands.
    Connect,
    /// Until the first token.
    FirstToken,
    /// Between two pieces.
    Stall,
    /// Until the end.
    Total,
}

impl Deadline {
    /// The setting that holds the limit.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Connect => "deadlines.connect",
            Self::FirstToken => "deadlines.first_token",
            Self::Stall => "deadlines.stall",
            Self::Total => "deadlines.total",
        }
    }
}

impl std::fmt::Display for Deadline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::FirstToken => "the first token",
            Self::Stall => "the next token",
            Self::Total => "the whole answer",
        })
    }
}

impl CallError {
    /// The failure as it is journaled.
    #[must_use]
    pub fn to_failure(&self) -> Failure {
        Failure {
            class: self.class(),
            message: format!("failed to {self}"),
            retry_after_ms: self.retry_after().map(millis),
        }
    }

    /// What kind of fault this is for a task.
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::TimedOut { .. }
            | Self::Busy { .. }
            | Self::Cancelled { .. } => FailureClass::Transient,
            Self::Overflow { .. }
            | Self::TooLarge { .. }
            | Self::Repeating { .. }
            | Self::Overthinking { .. } => FailureClass::Model,
            Self::Unauthorized { .. }
            | Self::NoSuchModel { .. }
            | Self::NoTools { .. }
            | Self::Refused { .. }
            | Self::Protocol { .. }
            | Self::UnknownEntry { .. } => FailureClass::Environment,
        }
    }

    /// How long the server asked to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the same request may succeed a moment later, so that trying again is worth it.
    #[must_use]
    pub const fn is_worth_retrying(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Broken { .. } | Self::Busy { .. } => true,
            Self::TimedOut { deadline, .. } => matches!(deadline, Deadline::Connect),
            _ => false,
        }
    }

    /// What had come of an answer that came to no end.
    #[must_use]
    pub fn partial(&self) -> Option<&str> {
        match self {
            Self::Broken { partial, .. }
            | Self::TimedOut { partial, .. }
            | Self::TooLarge { partial, .. }
            | Self::Repeating { partial, .. }
            | Self::Overthinking { partial, .. } => partial.as_deref(),
            _ => None,
        }
    }

    /// The same with what had come; the kinds that end no answer have no place for it.
    pub(crate) fn with_partial(mut self, so_far: Option<String>) -> Self {
        match &mut self {
            Self::Broken { partial, .. }
            | Self::TimedOut { partial, .. }
            | Self::TooLarge { partial, .. }
            | Self::Repeating { partial, .. }
            | Self::Overthinking { partial, .. } => *partial = so_far,
            _ => {}
        }
        self
    }

    /// Whether another model may do where this one failed. Not after a cancellation.
    #[must_use]
    pub const fn is_worth_another_model(&self) -> bool {
        !matches!(self, Self::Cancelled { .. })
    }
}

/// A number of milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn overflow_advice(prompt: Option<u64>, window: Option<u64>) -> String {
    let numbers = match (prompt, window) {
        (Some(prompt), Some(window)) => {
            format!("the prompt has {prompt} tokens and the window {window}: ")
        }
        _ => String::new(),
    };
    format!(
        "{numbers}lower `max_tokens`, serve the model with a larger context (llama-server `-c`, Ollama `num_ctx`, \
         LM Studio \"context length\", vLLM `--max-model-len`) or set `context_length` of the model to what it has"
    )
}

fn available_sentence(available: &[String]) -> String {
    if available.is_empty() {
        return "it lists none: load one, or set `model`".to_owned();
    }
    format!("set `model` to one that it has: {}", available.join(", "))
}
