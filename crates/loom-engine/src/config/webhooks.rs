//! `[webhooks]` as it is configured; what is made of it is in `crate::webhooks`.

/// `[webhooks]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhooksConfig {
    /// Receivers of the events of all tasks.
    pub urls: Vec<String>,
    /// The variable that holds the secret by which messages are signed.
    pub secret_env: Option<String>,
    /// Names of the events that are reported, to these and to what a task names.
    pub events: Vec<String>,
    /// Whether receivers may be on this machine or in its network.
    pub allow_private: bool,
    /// How often a message is tried.
    pub tries: u32,
    /// About how many milliseconds after the first try the second one comes.
    pub retry_ms: u64,
    /// Milliseconds that one try may take.
    pub timeout_ms: u64,
}

/// Every event that can be reported: the ends of a task, and what waits for somebody.
pub(super) const EVENTS: &[&str] = &[
    "task_completed",
    "task_failed",
    "task_cancelled",
    "approval_requested",
];

impl Default for WebhooksConfig {
    /// Eight tries with waits of 5 s, 20 s, 80 s and so on: the last one comes after two to three hours,
    /// so that a receiver may be restarted or moved meanwhile.
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            secret_env: None,
            events: EVENTS.iter().map(|event| (*event).to_owned()).collect(),
            allow_private: false,
            tries: 8,
            retry_ms: 5_000,
            timeout_ms: 10_000,
        }
    }
}
