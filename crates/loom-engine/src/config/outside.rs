//! `[notify]` and `[telemetry]` as they are configured; what is made of them is in `crate::outside`.

use super::webhooks::EVENTS;
use std::collections::BTreeMap;

/// `[notify]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotifyConfig {
    /// A program and its arguments, run for each of the events. Empty: none.
    pub command: Vec<String>,
    /// Names of the events that it is run for.
    pub events: Vec<String>,
    /// Milliseconds that it may take.
    pub timeout_ms: u64,
    /// Whether `loom run` rings the bell of its terminal at the end and for a question.
    pub bell: bool,
}

impl Default for NotifyConfig {
    /// Showing a message takes a moment; ten seconds are enough to send one, too.
    fn default() -> Self {
        Self {
            command: Vec::new(),
            events: EVENTS.iter().map(|event| (*event).to_owned()).collect(),
            timeout_ms: 10_000,
            bell: false,
        }
    }
}

/// `[telemetry]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TelemetryConfig {
    /// A collector of OpenTelemetry; without one nothing is sent.
    pub endpoint: Option<String>,
    /// Headers by name, with the variables that hold their values.
    pub headers_env: BTreeMap<String, String>,
    /// What the collector calls this Loom.
    pub service_name: String,
    /// Milliseconds that one message may take.
    pub timeout_ms: u64,
    /// Whether the service gives figures to Prometheus at `/metrics`.
    pub prometheus: bool,
}

impl Default for TelemetryConfig {
    /// Ten seconds are what exporters of OpenTelemetry wait.
    fn default() -> Self {
        Self {
            endpoint: None,
            headers_env: BTreeMap::new(),
            service_name: "loom".to_owned(),
            timeout_ms: 10_000,
            prometheus: false,
        }
    }
}
