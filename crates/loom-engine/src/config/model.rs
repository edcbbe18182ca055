//! `[models.NAME]`: a model as it is configured, and what the router makes of it.

use super::Config;
use super::form::duration;
use loom_events::{Role, Tier};
use loom_router::{ApiKey, Deadlines, ModelEntry, ProviderKind};
use std::collections::BTreeMap;

/// One `[models.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// How its server is spoken to.
    pub provider: ProviderKind,
    /// Address of its server; required.
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
    /// Calls that its server works on at once.
    pub max_concurrency: u32,
    /// How often a call that failed before it said anything is tried again.
    pub retries: u32,
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
            max_concurrency: of.max_concurrency,
            retries: of.retries,
            api_key_env: None,
            timeouts: Timeouts::default(),
        }
    }
}

impl Config {
    /// The router's entries for every configured model, in the order of their names.
    ///
    /// # Errors
    /// The first model that cannot be used.
    pub fn model_entries(
        &self,
        env: &BTreeMap<String, String>,
    ) -> Result<Vec<ModelEntry>, ModelConfigError> {
        let models = self.models.iter();
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
        let base_url = self
            .base_url
            .as_ref()
            .ok_or_else(|| ModelConfigError::NoAddress {
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
            base_url: base_url.clone(),
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
            max_concurrency: self.max_concurrency,
            api_key: self.api_key_env.as_ref().map(key).transpose()?,
            deadlines: Deadlines {
                connect: duration(self.timeouts.connect_ms),
                first_token: duration(self.timeouts.first_token_ms),
                stall: duration(self.timeouts.stall_ms),
                total: duration(self.timeouts.total_ms),
            },
            retries: self.retries,
            ..ModelEntry::new(name, base_url)
        })
    }
}

/// A model entry that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ModelConfigError {
    /// It has no address.
    #[error(
        "model `{name}` has no `base_url`: add one to [models.{name}], such as \"http://127.0.0.1:8080/v1\""
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
