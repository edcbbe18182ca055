//! A model as it is configured: where it is, what it may be asked to be, and how long it may take.

use crate::ApiKey;
use loom_dialect::Family;
use loom_events::{Role, Tier};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One model that Loom may use.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelEntry {
    /// Unique among the entries; the name that events and messages use.
    pub name: String,
    /// How its server is spoken to.
    pub provider: ProviderKind,
    /// Address of the server, such as `http://127.0.0.1:8080/v1`. Without a path `/v1` is meant.
    pub base_url: String,
    /// The model's id at the server; `None` asks for whatever the server has loaded.
    pub model: Option<String>,
    /// What it may be asked to be.
    pub roles: Vec<Role>,
    /// Its size class.
    pub tier: Tier,
    /// Bound on the tokens of one answer, unless the request has its own.
    pub max_tokens: u32,
    /// Sampling temperature, unless the request has its own; `None` leaves it to the server.
    pub temperature: Option<f32>,
    /// Its context window in tokens, when known.
    pub context_length: Option<u32>,
    /// Calls that its server works on at once. Entries on the same server share one bound: the
    /// largest that any of them states.
    pub max_concurrency: u32,
    /// The key that the server asks for.
    pub api_key: Option<ApiKey>,
    /// How long each part of a call may take.
    pub deadlines: Deadlines,
    /// How often a call that failed before it said anything is tried again.
    pub retries: u32,
    /// The form in which it writes calls and thoughts; `None` goes by its id.
    pub family: Option<Family>,
    /// Whether it thinks: as the role wants it, always, or never.
    pub thinking: ThinkingSetting,
    /// Bound on the tokens that it thinks, where its server knows one.
    pub reasoning_budget: Option<u32>,
    /// How long the server keeps it in memory after a call, as Ollama takes it: `1800s`, or `-1` for
    /// ever. `None` leaves it to the server.
    pub keep_alive: Option<String>,
}

impl ModelEntry {
    /// An OpenAI-compatible model of tier 1 with every role and the default limits.
    #[must_use]
    pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            provider: ProviderKind::OpenaiCompatible,
            base_url: base_url.into(),
            model: None,
            roles: Role::ALL.to_vec(),
            tier: Tier::Small,
            max_tokens: Self::DEFAULT_MAX_TOKENS,
            temperature: None,
            context_length: None,
            max_concurrency: 1,
            api_key: None,
            deadlines: Deadlines::default(),
            retries: Self::DEFAULT_RETRIES,
            family: None,
            thinking: ThinkingSetting::Auto,
            reasoning_budget: None,
            keep_alive: None,
        }
    }

    /// Room for a file of some 400 lines or a long plan; small enough that a model that does not
    /// stop by itself is stopped within minutes on a laptop.
    pub const DEFAULT_MAX_TOKENS: u32 = 8192;

    /// Three more tries span about ten seconds: a server that restarts is back, one that is down is
    /// reported while the user still looks.
    pub const DEFAULT_RETRIES: u32 = 3;
}

/// Whether a model is let think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingSetting {
    /// As the request says: planners think, executors act.
    #[default]
    Auto,
    /// In every call.
    On,
    /// In none.
    Off,
}

/// How a server is spoken to. More kinds come here; nothing outside of the factory matches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProviderKind {
    /// `POST /v1/chat/completions`, whatever else the server is.
    OpenaiCompatible,
    /// Ollama.
    Ollama,
    /// `mlx_lm.server`.
    Mlx,
    /// `llama-server` of llama.cpp.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
    /// vLLM.
    Vllm,
    /// `POST /v1/messages`.
    Anthropic,
    /// A server whose answers are scripted, such as the one of `loom demo`.
    Scripted,
}

impl ProviderKind {
    /// Every kind, in the order in which they are documented.
    pub const ALL: [Self; 8] = [
        Self::OpenaiCompatible,
        Self::Ollama,
        Self::Mlx,
        Self::LlamaCpp,
        Self::LmStudio,
        Self::Vllm,
        Self::Anthropic,
        Self::Scripted,
    ];

    /// The name used in configuration and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenaiCompatible => "openai_compatible",
            Self::Ollama => "ollama",
            Self::Mlx => "mlx",
            Self::LlamaCpp => "llama_cpp",
            Self::LmStudio => "lm_studio",
            Self::Vllm => "vllm",
            Self::Anthropic => "anthropic",
            Self::Scripted => "scripted",
        }
    }

    /// Where such a server listens on this machine unless it is told otherwise; `None` for kinds
    /// that have no usual place.
    #[must_use]
    pub const fn usual_url(self) -> Option<&'static str> {
        match self {
            Self::Ollama => Some("http://127.0.0.1:11434"),
            Self::LmStudio => Some("http://127.0.0.1:1234/v1"),
            Self::LlamaCpp | Self::Mlx => Some("http://127.0.0.1:8080/v1"),
            Self::Vllm => Some("http://127.0.0.1:8000/v1"),
            Self::OpenaiCompatible | Self::Anthropic | Self::Scripted => None,
        }
    }
}

/// Four clocks, since one cannot tell a long prompt from a dead server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the request to the first token: queueing, loading the model and reading the prompt.
    pub first_token: Duration,
    /// Between two pieces of a started answer.
    pub stall: Duration,
    /// From the request to the end of the answer.
    pub total: Duration,
}

impl Default for Deadlines {
    /// Prefill of a long prompt was measured at two minutes on two cores, and a cold load comes on
    /// top, so the first token has ten. The other limits only catch what is dead.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_secs(600),
            stall: Duration::from_secs(120),
            total: Duration::from_secs(1800),
        }
    }
}
