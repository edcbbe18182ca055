//! What a server may ask or tell Loom: nearly nothing.
//!
//! Nothing is declared in the handshake: no sampling (a server does not get to use the user's model),
//! no roots (the tools of a server know their places from its configuration), no elicitation (its
//! questions would look like Loom's). Whoever asks all the same is refused, declined or given an empty
//! list. Heard are progress and the news that the list of tools has changed.

use super::words::one_line;
use rmcp::model::{
    ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam, ProgressToken,
    ProtocolVersion,
};
use rmcp::service::NotificationContext;
use rmcp::{ClientHandler, RoleClient};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Characters of a line of progress.
const MAX_PROGRESS: usize = 120;

/// What a connection hears beside answers.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The list of tools is not what it was.
    changed: AtomicBool,
    /// Calls that want to know how far they are.
    listeners: Mutex<HashMap<ProgressToken, watch::Sender<String>>>,
}

impl Heard {
    pub(super) fn tools_changed(&self) {
        self.changed.store(true, Ordering::Release);
    }

    /// Whether the list has changed since this was last asked.
    pub(super) fn take_change(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// Listens to the progress of a call until the value is dropped. Only the newest line is kept:
    /// a server that tells more than somebody reads fills nothing.
    pub(super) fn listen(self: &Arc<Self>, token: ProgressToken) -> Progress {
        let (sender, lines) = watch::channel(String::new());
        self.listeners().insert(token.clone(), sender);
        Progress {
            lines,
            token,
            heard: Arc::clone(self),
        }
    }

    fn listeners(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<ProgressToken, watch::Sender<String>>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The progress of one call.
pub(super) struct Progress {
    lines: watch::Receiver<String>,
    token: ProgressToken,
    heard: Arc<Heard>,
}

impl Progress {
    /// The next line; waits for ever when there is none.
    pub(super) async fn next(&mut self) -> String {
        if self.lines.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.lines.borrow_and_update().clone()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.heard.listeners().remove(&self.token);
    }
}

/// Loom, as a server sees it.
#[derive(Clone, Debug)]
pub(super) struct Handler {
    pub(super) heard: Arc<Heard>,
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let loom = Implementation::new("loom", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), loom)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn on_progress(
        &self,
        told: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        if let Some(listener) = self.heard.listeners().get(&told.progress_token) {
            listener.send_replace(line(&told));
        }
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.heard.tools_changed();
    }
}

fn line(told: &ProgressNotificationParam) -> String {
    let message = told.message.as_deref().unwrap_or_default();
    let message = one_line(message, MAX_PROGRESS);
    let at = match told.total {
        Some(total) => format!("{}/{total}", told.progress),
        None => told.progress.to_string(),
    };
    match message.is_empty() {
        true => at,
        false => format!("{at} {message}"),
    }
}
