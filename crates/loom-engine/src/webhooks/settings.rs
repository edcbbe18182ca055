//! `[webhooks]`: who is told, of what, and how long that is tried.

use super::address;
use super::sign::Key;
use crate::config::Config;
use crate::outside::{Outside, TelemetryError};
use std::collections::BTreeMap;
use std::time::Duration;

/// Who outside is told, and how: receivers of webhooks, the command of `[notify]`, the collector of
/// `[telemetry]`. [`Webhooks::default`] tells nobody but the receivers that tasks name.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// Receivers of the events of all tasks.
    pub(super) urls: Vec<String>,
    /// Names of the events that are reported.
    pub(super) events: Vec<String>,
    pub(super) key: Option<Key>,
    /// Whether receivers may be on this machine or in its network.
    pub(super) allow_private: bool,
    /// How often a message is tried.
    pub(super) tries: u32,
    /// About how long after the first try the second one comes; each wait is four times the last.
    pub(super) first_retry: Duration,
    /// How long one try may take.
    pub(super) timeout: Duration,
    /// Where the service is reached, for the link to the task.
    pub(super) base_url: String,
    /// Who is told beside them.
    outside: Outside,
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// A receiver cannot be one.
    #[error("use the receiver in `webhooks.urls`: {0}")]
    Receiver(String),
    /// The secret is not there.
    #[error("sign webhooks: `webhooks.secret_env` names the variable {0}, which is not set")]
    NoSecret(String),
    /// The secret could be guessed.
    #[error("sign webhooks: the secret in {0} has fewer than 16 characters")]
    ShortSecret(String),
    /// The collector of `[telemetry]` cannot be told.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

/// A shorter secret can be tried out by whoever receives one message.
const MIN_SECRET: usize = 16;

impl Default for Webhooks {
    fn default() -> Self {
        Self::of(&Config::default())
    }
}

impl Webhooks {
    fn of(config: &Config) -> Self {
        let config = &config.webhooks;
        Self {
            urls: config.urls.clone(),
            events: config.events.clone(),
            key: None,
            allow_private: config.allow_private,
            tries: config.tries,
            first_retry: Duration::from_millis(config.retry_ms),
            timeout: Duration::from_millis(config.timeout_ms),
            base_url: String::new(),
            outside: Outside::default(),
        }
    }

    /// The same, whose messages link to the task below this address: `http://127.0.0.1:9000`. Without
    /// one it is the address at which the engine says that it is served
    /// ([`Engine::publish`](crate::Engine::publish)), and where there is none either, the link is a path.
    #[must_use]
    pub fn with_base_url(self, base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            ..self
        }
    }

    /// Who is told beside the receivers of webhooks.
    pub(crate) const fn outside(&self) -> &Outside {
        &self.outside
    }

    /// Where tasks are found, when that was said.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Whether a task may name this receiver.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub(crate) fn check(&self, url: &str) -> Result<(), String> {
        address::check(url, self.allow_private).map(drop)
    }
}

impl Config {
    /// Who outside is told, with secrets read from `env` now, which the command of `[notify]` inherits.
    ///
    /// # Errors
    /// [`WebhookError`]: messages that cannot be signed are not sent unsigned.
    pub fn webhook_settings(
        &self,
        env: &BTreeMap<String, String>,
    ) -> Result<Webhooks, WebhookError> {
        let mut webhooks = Webhooks::of(self);
        webhooks.outside = Outside::of(self, env)?;
        for url in &webhooks.urls {
            webhooks.check(url).map_err(WebhookError::Receiver)?;
        }
        if let Some(name) = &self.webhooks.secret_env {
            let secret = env.get(name).map(|secret| secret.trim());
            let secret = secret
                .filter(|secret| !secret.is_empty())
                .ok_or_else(|| WebhookError::NoSecret(name.clone()))?;
            if secret.len() < MIN_SECRET {
                return Err(WebhookError::ShortSecret(name.clone()));
            }
            webhooks.key = Some(Key::new(secret));
        }
        Ok(webhooks)
    }
}
