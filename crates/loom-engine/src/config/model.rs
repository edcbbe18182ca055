//! `[models.NAME]`: a model as it is configured, and what the router makes of it.

use super::Config;
use super::form::{duration, milliseconds};
use loom_events::{Role, Tier};
use loom_router::{ApiKey, Deadlines, Family, ModelEntry, ProviderKind, ThinkingSetting};
use std::collections::BTreeMap;

/// One `[models.NAME]`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelConfig {
    /// How its server is spoken to.
    pub provider: ProviderKind,
    /// Address of its server; none means the usual one of its kind.
    pub base_url: Option<String>,
    /// Its id at the server; none means whatever the server has loaded.
    pub model: Option<String>,
    /// What it may be asked to be.
    pub roles: Vec<Role>,
    /// Size class.
    pub tier: Tier,
    /// Bound on the tokens of one answer.
    pub max_tokens: u32,
    /// Sampling temperature; none leaves it to the server.
    pub temperature: Option<f64>,
    /// Context window in tokens, when the server does not tell.
    pub context_length: Option<u32>,
    /// Calls that its server works on at once; none means what the server tells, else one.
    pub max_concurrency: Option<u32>,
    /// How often a call that failed before it said anything is tried again.
    pub retries: u32,
    /// Whether it thinks.
    pub thinking: ThinkingSetting,
    /// Bound on the tokens that it thinks, where its server knows one.
    pub reasoning_budget: Option<u32>,
    /// The form in which it writes calls and thoughts; none goes by its id.
    pub family: Option<Family>,
    /// How long Ollama keeps it in memory after a call, such as `30m`, or `forever`.
    pub keep_alive: Option<String>,
    /// The variable that holds the key its server asks for.
    pub api_key_env: Option<String>,
    /// How long each part of a call may take.
    pub timeouts: Timeouts,
}

/// `[models.NAME.timeouts]`, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect_ms: u64,
    /// Until the first token: queueing, loading the model, reading the prompt.
    pub first_token_ms: u64,
    /// Between two pieces of an answer.
    pub stall_ms: u64,
    /// Until the end of the answer.
    pub total_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        let of = Deadlines::default();
        let millis = |d: std::time::Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        Self {
            connect_ms: millis(of.connect),
            first_token_ms: millis(of.first_token),
            stall_ms: millis(of.stall),
            total_ms: millis(of.total),
        }
    }
}

impl Default for ModelConfig {
    /// The router's own defaults, so that a configured and a discovered model behave alike.
    fn default() -> Self {
        let of = ModelEntry::new("", "");
        Self {
            provider: of.provider,
            base_url: None,
            model: of.model,
            roles: of.roles,
            tier: of.tier,
            max_tokens: of.max_tokens,
            temperature: None,
            context_length: of.context_length,
            max_concurrency: None,
            retries: of.retries,
            thinking: of.thinking,
            reasoning_budget: of.reasoning_budget,
            family: of.family,
            keep_alive: of.keep_alive,
            api_key_env: None,
            timeouts: Timeouts::default(),
        }
    }
}

impl Config {
    /// The models that are asked for more than vectors.
    pub fn models_that_chat(&self) -> impl Iterator<Item = (&String, &ModelConfig)> {
        let embedding = self.memory.embedding.as_ref();
        let models = self.models.iter();
        models.filter(move |(name, _)| embedding != Some(*name))
    }

    /// The router's entry for the model that makes vectors, if one is set. It has no role.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn embedding_entry(
        &self,
        env: &BTreeMap<String, String>,
    ) -> Result<Option<ModelEntry>, ModelConfigError> {
        let name = self.memory.embedding.as_ref();
        let Some((name, model)) = name.and_then(|name| self.models.get_key_value(name)) else {
            return Ok(None);
        };
        let entry = model.entry(name, env)?;
        Ok(Some(ModelEntry {
            roles: Vec::new(),
            ..entry
        }))
    }

    /// The router's entries for every configured model that chats, in the order of their names.
    ///
    /// # Errors
    /// The first model that cannot be used.
    pub fn model_entries(
        &self,
        env: &BTreeMap<String, String>,
    ) -> Result<Vec<ModelEntry>, ModelConfigError> {
        let models = self.models_that_chat();
        models.map(|(name, model)| model.entry(name, env)).collect()
    }
}

impl ModelConfig {
    /// The router's entry for it. The key is read from `env` now, and kept nowhere else.
    ///
    /// # Errors
    /// When it has no address, or the variable for its key is not set.
    pub fn entry(
        &self,
        name: &str,
        env: &BTreeMap<String, String>,
    ) -> Result<ModelEntry, ModelConfigError> {
        let base_url = self.address().ok_or_else(|| ModelConfigError::NoAddress {
            name: name.to_owned(),
        })?;
        let key = |variable: &String| match env.get(variable) {
            Some(key) if !key.trim().is_empty() => Ok(ApiKey::new(key)),
            _ => Err(ModelConfigError::NoKey {
                name: name.to_owned(),
                variable: variable.clone(),
            }),
        };
        Ok(ModelEntry {
            name: name.to_owned(),
            provider: self.provider,
            base_url,
            model: self.model.clone(),
            roles: self.roles.clone(),
            tier: self.tier,
            max_tokens: self.max_tokens,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "between 0 and 2, two decimals matter"
            )]
            temperature: self.temperature.map(|t| t as f32),
            context_length: self.context_length,
            max_concurrency: self.max_concurrency.unwrap_or(0),
            api_key: self.api_key_env.as_ref().map(key).transpose()?,
            deadlines: Deadlines {
                connect: duration(self.timeouts.connect_ms),
                first_token: duration(self.timeouts.first_token_ms),
                stall: duration(self.timeouts.stall_ms),
                total: duration(self.timeouts.total_ms),
            },
            retries: self.retries,
            family: self.family,
            thinking: self.thinking,
            reasoning_budget: self.reasoning_budget,
            keep_alive: self.keep_alive.as_deref().map(for_ollama),
        })
    }

    /// Where its server is: as configured, else the usual place of its kind.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let usual = || self.provider.usual_url();
        self.base_url.clone().or_else(usual)
    }
}

/// A duration in the words of Ollama, to which a negative one is for ever.
fn for_ollama(keep_alive: &str) -> String {
    match milliseconds(keep_alive) {
        Some(millis) => format!("{}s", millis.div_ceil(1000)),
        None => "-1s".to_owned(),
    }
}

/// A model entry that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelConfigError {
    /// It has no address, and its kind of server no usual one.
    #[error(
        "model `{name}` has no `base_url`: add one to [models.{name}], such as \"http://127.0.0.1:8080/v1\", or name a `provider` that has a usual address"
    )]
    NoAddress {
        /// Its name.
        name: String,
    },
    /// Its key is not there.
    #[error(
        "model `{name}` takes its key from the environment variable {variable}, which is not set"
    )]
    NoKey {
        /// Its name.
        name: String,
        /// The variable.
        variable: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_further_keys_is_the_router_s_default_entry() {
        let config = ModelConfig {
            base_url: Some("http://h/v1".into()),
            ..ModelConfig::default()
        };
        let entry = config.entry("local", &BTreeMap::new()).unwrap();
        assert_eq!(entry, ModelEntry::new("local", "http://h/v1"));
    }

    #[test]
    fn an_address_that_is_not_given_is_the_usual_one_of_the_kind() {
        let address = |provider| {
            let config = ModelConfig {
                provider,
                ..ModelConfig::default()
            };
            config.entry("m", &BTreeMap::new()).map(|m| m.base_url)
        };
        assert_eq!(
            address(ProviderKind::Ollama).as_deref(),
            Ok("http://127.0.0.1:11434")
        );
        assert_eq!(
            address(ProviderKind::Vllm).as_deref(),
            Ok("http://127.0.0.1:8000/v1")
        );
        for kind in [ProviderKind::OpenaiCompatible, ProviderKind::Anthropic] {
            assert!(address(kind).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn keep_alive_is_said_in_the_words_of_ollama() {
        for (given, sent) in [("30m", "1800s"), ("1500ms", "2s"), ("forever", "-1s")] {
            assert_eq!(for_ollama(given), sent);
        }
    }

    #[test]
    fn a_key_that_is_not_set_is_missed_before_any_call() {
        let config = ModelConfig {
            base_url: Some("http://h/v1".into()),
            api_key_env: Some("MY_KEY".into()),
            ..ModelConfig::default()
        };
        let error = config.entry("big", &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("MY_KEY"), "{error}");
        let env = BTreeMap::from([("MY_KEY".to_owned(), "sk".to_owned())]);
        assert!(config.entry("big", &env).unwrap().api_key.is_some());
    }
}
