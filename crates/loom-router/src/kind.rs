//! The kinds of server, and what is known of each before anyone has asked it: data, so that the
//! difference between two servers is a row here and not a branch elsewhere.

use crate::http::{Field, Fields};
use serde::{Deserialize, Serialize};

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProviderKind {
    /// `POST /v1/chat/completions` at a server of which nothing more is known.
    OpenaiCompatible,
    /// Ollama's own protocol, the only one of its two that can set the context size.
    Ollama,
    /// `mlx_lm.server`.
    Mlx,
    /// `llama-server` of llama.cpp.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
    /// vLLM.
    Vllm,
    /// Anthropic's messages, at its own service or at a local server that speaks them.
    Anthropic,
    /// A script for tests and demonstrations that speaks as an OpenAI-compatible server.
    Scripted,
}

/// The three protocols that all kinds speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    ChatCompletions,
    Ollama,
    Messages,
}

/// What a kind of server does unless it says otherwise.
pub(crate) struct KindDefaults {
    name: &'static str,
    pub(crate) protocol: Protocol,
    port: Option<u16>,
    /// The path that is meant when an address has none.
    pub(crate) path: &'static str,
    /// The optional fields that it takes. One that it refuses after all is left out from then on.
    pub(crate) takes: Fields,
    /// Whether a schema is said in the words too: the server does not hold the model to it, or holds
    /// it to it without telling the model what the fields mean.
    pub(crate) schema_in_prompt: bool,
    probed: bool,
}

impl ProviderKind {
    /// All of them.
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
        self.defaults().name
    }

    /// The port that it listens on when nobody has said otherwise; `None` where none is usual.
    #[must_use]
    pub const fn default_port(self) -> Option<u16> {
        self.defaults().port
    }

    /// Where such a server listens on this machine unless it is told otherwise; `None` for kinds
    /// that have no usual place.
    #[must_use]
    pub fn usual_url(self) -> Option<String> {
        let defaults = self.defaults();
        let path = defaults.path.trim_end_matches('/');
        let url = |port| format!("http://127.0.0.1:{port}{path}");
        defaults.port.map(url)
    }

    /// Whether its models may be asked something to see what they can do. A script has no answer to
    /// spare for that.
    #[must_use]
    pub const fn is_probed(self) -> bool {
        self.defaults().probed
    }

    pub(crate) const fn defaults(self) -> &'static KindDefaults {
        match self {
            Self::OpenaiCompatible => &OPENAI_COMPATIBLE,
            Self::Ollama => &OLLAMA,
            Self::Mlx => &MLX,
            Self::LlamaCpp => &LLAMA_CPP,
            Self::LmStudio => &LM_STUDIO,
            Self::Vllm => &VLLM,
            Self::Anthropic => &ANTHROPIC,
            Self::Scripted => &SCRIPTED,
        }
    }
}

/// Fields that servers take, or ignore without harm.
const COMMON: &[Field] = &[
    Field::StreamOptions,
    Field::ChatTemplateKwargs,
    Field::ReasoningEffort,
    Field::ToolChoice,
    Field::ResponseFormat,
    Field::Seed,
    Field::Temperature,
];

const OPENAI_COMPATIBLE: KindDefaults = KindDefaults {
    name: "openai_compatible",
    protocol: Protocol::ChatCompletions,
    port: None,
    path: "/v1",
    takes: Fields::of(COMMON),
    schema_in_prompt: false,
    probed: true,
};

const OLLAMA: KindDefaults = KindDefaults {
    name: "ollama",
    protocol: Protocol::Ollama,
    port: Some(11434),
    path: "/",
    takes: Fields::of(&[
        Field::Think,
        Field::ResponseFormat,
        Field::Seed,
        Field::Temperature,
    ]),
    schema_in_prompt: true,
    ..OPENAI_COMPATIBLE
};

/// Choice and schema are ignored there without a word, so they are not sent and said instead.
const MLX: KindDefaults = KindDefaults {
    name: "mlx",
    port: Some(8080),
    takes: Fields::of(&[
        Field::StreamOptions,
        Field::ChatTemplateKwargs,
        Field::Seed,
        Field::Temperature,
    ]),
    schema_in_prompt: true,
    ..OPENAI_COMPATIBLE
};

const LLAMA_CPP: KindDefaults = KindDefaults {
    name: "llama_cpp",
    port: Some(8080),
    takes: Fields::of(COMMON).and(&[Field::CachePrompt, Field::IdSlot, Field::ReturnProgress]),
    ..OPENAI_COMPATIBLE
};

const LM_STUDIO: KindDefaults = KindDefaults {
    name: "lm_studio",
    port: Some(1234),
    ..OPENAI_COMPATIBLE
};

const VLLM: KindDefaults = KindDefaults {
    name: "vllm",
    port: Some(8000),
    ..OPENAI_COMPATIBLE
};

const ANTHROPIC: KindDefaults = KindDefaults {
    name: "anthropic",
    protocol: Protocol::Messages,
    takes: Fields::of(&[
        Field::ToolChoice,
        Field::ChatTemplateKwargs,
        Field::Thinking,
        Field::Temperature,
    ]),
    schema_in_prompt: true,
    ..OPENAI_COMPATIBLE
};

const SCRIPTED: KindDefaults = KindDefaults {
    name: "scripted",
    probed: false,
    ..OPENAI_COMPATIBLE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_configured_by_its_name() {
        for kind in ProviderKind::ALL {
            let named = serde_json::to_value(kind).unwrap();
            assert_eq!(named, kind.name());
            assert_eq!(serde_json::from_value::<ProviderKind>(named).unwrap(), kind);
        }
    }

    #[test]
    fn only_a_script_is_not_probed() {
        let not: Vec<_> = ProviderKind::ALL
            .into_iter()
            .filter(|kind| !kind.is_probed())
            .collect();
        assert_eq!(not, [ProviderKind::Scripted]);
    }

    #[test]
    fn a_server_that_ignores_schemas_is_told_in_words() {
        for kind in ProviderKind::ALL {
            let defaults = kind.defaults();
            assert!(defaults.schema_in_prompt || defaults.takes.has(Field::ResponseFormat));
        }
    }
}
