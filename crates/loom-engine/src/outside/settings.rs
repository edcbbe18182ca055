//! `[notify]` and `[telemetry]`: who is told, read with what the environment holds.

use crate::config::Config;
use std::collections::BTreeMap;
use std::time::Duration;

/// Who is told of tasks beside the receivers of webhooks. By default nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    pub(crate) hook: Option<Hook>,
    pub(crate) collector: Option<Collector>,
}

/// The user's own command.
#[derive(Clone)]
pub(crate) struct Hook {
    /// The program and its arguments; no shell reads them.
    pub(super) command: Vec<String>,
    /// Names of the events that it is run for.
    pub(super) events: Vec<String>,
    pub(super) timeout: Duration,
    /// What it inherits.
    pub(super) env: BTreeMap<String, String>,
}

/// The environment is not shown.
impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook")
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// A collector of OpenTelemetry.
#[derive(Clone)]
pub(crate) struct Collector {
    /// Where spans go: `…/v1/traces`.
    pub(super) url: reqwest::Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) service: String,
    pub(super) timeout: Duration,
}

/// The headers are not shown.
impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The collector has no address.
    #[error("send telemetry to `telemetry.endpoint`: {0}")]
    Endpoint(String),
    /// A header has no value.
    #[error("send telemetry: `telemetry.headers_env` names the variable {0}, which is not set")]
    NoHeader(String),
}

impl Outside {
    pub(crate) fn of(
        config: &Config,
        env: &BTreeMap<String, String>,
    ) -> Result<Self, TelemetryError> {
        let notify = &config.notify;
        let hook = (!notify.command.is_empty()).then(|| Hook {
            command: notify.command.clone(),
            events: notify.events.clone(),
            timeout: Duration::from_millis(notify.timeout_ms),
            env: env.clone(),
        });
        let collector = match &config.telemetry.endpoint {
            None => None,
            Some(endpoint) => Some(collector(config, endpoint, env)?),
        };
        Ok(Self { hook, collector })
    }
}

fn collector(
    config: &Config,
    endpoint: &str,
    env: &BTreeMap<String, String>,
) -> Result<Collector, TelemetryError> {
    let telemetry = &config.telemetry;
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let url = url
        .parse()
        .map_err(|error: <reqwest::Url as std::str::FromStr>::Err| {
            TelemetryError::Endpoint(error.to_string())
        })?;
    let mut headers = Vec::new();
    for (name, variable) in &telemetry.headers_env {
        let value = env.get(variable).filter(|value| !value.trim().is_empty());
        let value = value.ok_or_else(|| TelemetryError::NoHeader(variable.clone()))?;
        headers.push((name.clone(), value.trim().to_owned()));
    }
    Ok(Collector {
        url,
        headers,
        service: telemetry.service_name.clone(),
        timeout: Duration::from_millis(telemetry.timeout_ms),
    })
}
