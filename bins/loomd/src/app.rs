//! What the handlers of one service share.

use crate::access::Access;
use crate::limits::Limits;
use crate::routes::{Crowds, pause};
use crate::shown::Shown;
use loom_client::wire::ConfigValue;
use loom_engine::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// One service over one engine.
pub(crate) struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    /// Leaves secrets out of what is said.
    pub(crate) shown: Shown,
    /// What was configured, in the form in which it is shown.
    pub(crate) config: Vec<ConfigValue>,
    /// Whether figures are given to Prometheus.
    pub(crate) figures: bool,
    /// Names the build.
    pub(crate) version: &'static str,
    /// Whether it ends with the command that carries it.
    pub(crate) carried: bool,
    /// Whether every unfinished task was taken up.
    pub(crate) recovered: AtomicBool,
    /// Streams that may still be opened.
    pub(crate) subscribers: Arc<Semaphore>,
    /// Those who follow the same things.
    pub(crate) crowds: Crowds,
    pub(crate) stop: CancellationToken,
}

impl App {
    /// Whether tasks left by an earlier process are looked after.
    pub(crate) fn is_recovered(&self) -> bool {
        self.recovered.load(Ordering::Acquire)
    }

    /// How many streams are open.
    pub(crate) fn streams(&self) -> usize {
        let free = self.subscribers.available_permits();
        self.limits.subscribers.saturating_sub(free)
    }

    /// How long a stream gathers what follows the bytes that it has just said.
    pub(crate) fn pause(&self, bytes: usize) -> Duration {
        pause(self.streams(), bytes, self.limits.gather)
    }
}
