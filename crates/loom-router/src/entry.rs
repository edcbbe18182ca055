//! A model as it is configured: where it is, what it may be asked to be, and how long it may take.

use crate::{ApiKey, ProviderKind, ThinkingSetting};
use loom_dialect::{Family, Traits};
use loom_events::{Role, Tier};
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
    /// Whether it thinks before it answers.
    pub thinking: ThinkingSetting,
    /// Tokens that it may spend on thoughts; an answer that thinks longer is ended. `None` leaves
    /// only the bound of the whole answer.
    pub reasoning_budget: Option<u32>,
    /// Its family, where the id does not tell.
    pub family: Option<Family>,
    /// How long the server keeps it in memory after a call, as Ollama takes it: `1800s`, or `-1s`
    /// for ever. `None` is long enough for the pauses of a task.
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
            max_concurrency: 0,
            api_key: None,
            deadlines: Deadlines::default(),
            retries: Self::DEFAULT_RETRIES,
            thinking: ThinkingSetting::Auto,
            reasoning_budget: None,
            family: None,
            keep_alive: None,
        }
    }

    /// What is known of the model: by its id, else by the name that the user gave it, unless the
    /// family is set.
    #[must_use]
    pub fn traits(&self) -> Traits {
        let by_id = Traits::of(self.model.as_deref().unwrap_or(&self.name));
        match self.family {
            Some(family) if family != by_id.family => Traits::of_family(family),
            _ => by_id,
        }
    }

    /// Room for a file of some 400 lines or a long plan; small enough that a model that does not
    /// stop by itself is stopped within minutes on a laptop.
    pub const DEFAULT_MAX_TOKENS: u32 = 8192;

    /// Three more tries span about ten seconds: a server that restarts is back, one that is down is
    /// reported while the user still looks.
    pub const DEFAULT_RETRIES: u32 = 3;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(name: &str, model: Option<&str>, family: Option<Family>) -> Traits {
        let entry = ModelEntry {
            model: model.map(Into::into),
            family,
            ..ModelEntry::new(name, "http://a:1")
        };
        entry.traits()
    }

    #[test]
    fn a_model_is_known_by_its_family_then_its_id_then_its_name() {
        assert_eq!(traits("x", Some("qwen3:8b"), None), Traits::of("qwen3:8b"));
        assert_eq!(traits("qwen3", None, None), Traits::of("qwen3"));
        let set = traits("x", Some("my-finetune"), Some(Family::Mistral));
        assert_eq!(set, Traits::of("mistral"));
        // The same family as the id says: the id knows more.
        let same = traits("x", Some("qwen3:8b"), Some(Family::Hermes));
        assert_eq!(same, Traits::of("qwen3:8b"));
    }

    #[test]
    fn every_family_stands_for_itself() {
        for family in [
            Family::Hermes,
            Family::Qwen3Coder,
            Family::MiniMax,
            Family::Glm,
            Family::DeepSeek,
            Family::Kimi,
            Family::Llama,
            Family::Mistral,
            Family::GptOss,
            Family::Gemma,
            Family::Granite,
            Family::Phi,
            Family::Command,
            Family::Nemotron,
            Family::Seed,
            Family::Lfm,
            Family::Olmo,
            Family::InternLm,
            Family::Unknown,
        ] {
            assert_eq!(Traits::of_family(family).family, family);
        }
    }
}
