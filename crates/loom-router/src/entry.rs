//! A model as it is configured: where it is, what it may be asked to be, and how long it may take.

use crate::ApiKey;
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
    /// Calls that its server works on at once; 0 is one until the server has said how many. Entries
    /// on the same server share one bound: the largest that any of them states.
    pub max_concurrency: u32,
    /// The key that the server asks for.
    pub api_key: Option<ApiKey>,
    /// How long each part of a call may take.
    pub deadlines: Deadlines,
    /// How often a call that failed before it said anything is tried again.
    pub retries: u32,
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
            max_concurrency: 0,
            api_key: None,
            deadlines: Deadlines::default(),
            retries: Self::DEFAULT_RETRIES,
        }
    }

    /// Room for a file of some 400 lines or a long plan; small enough that a model that does not
    /// stop by itself is stopped within minutes on a laptop.
    pub const DEFAULT_MAX_TOKENS: u32 = 8192;

    /// Three more tries span about ten seconds: a server that restarts is back, one that is down is
    /// reported while the user still looks.
    pub const DEFAULT_RETRIES: u32 = 3;
}

/// How a server is spoken to. More kinds come here; nothing outside of the factory matches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProviderKind {
    /// `POST /v1/chat/completions`: llama.cpp, LM Studio, vLLM, MLX, Ollama and many more.
    OpenaiCompatible,
}

impl ProviderKind {
    /// The name used in configuration and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenaiCompatible => "openai_compatible",
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
