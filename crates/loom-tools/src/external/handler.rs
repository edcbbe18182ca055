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
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Characters of a line of progress.
const MAX_PROGRESS: usize = 120;

/// Lines that are kept for calls that do not listen yet: the answer to a request can overtake the news
/// that it was sent, and what comes for a call that is over is for nobody.
const MAX_EARLY: usize = 16;

/// What a connection hears beside answers.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The list of tools is not what it was.
    changed: AtomicBool,
    listeners: Mutex<Listeners>,
}

#[derive(Debug, Default)]
struct Listeners {
    /// Calls that want to know how far they are.
    calls: HashMap<ProgressToken, watch::Sender<String>>,
    /// What was said to calls that are not among them, the oldest first.
    early: VecDeque<(ProgressToken, String)>,
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
        let mut listeners = self.listeners();
        for (of, line) in std::mem::take(&mut listeners.early) {
            match of == token {
                true => drop(sender.send_replace(line)),
                false => listeners.early.push_back((of, line)),
            }
        }
        listeners.calls.insert(token.clone(), sender);
        drop(listeners);
        Progress {
            lines,
            token,
            heard: Arc::clone(self),
        }
    }

    fn told(&self, token: ProgressToken, line: String) {
        let mut listeners = self.listeners();
        if let Some(listener) = listeners.calls.get(&token) {
            listener.send_replace(line);
            return;
        }
        listeners.early.push_back((token, line));
        if listeners.early.len() > MAX_EARLY {
            listeners.early.pop_front();
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
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
        self.heard.listeners().calls.remove(&self.token);
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
        let line = line(&told);
        self.heard.told(told.progress_token, line);
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

#[cfg(test)]
mod tests {
    use super::*;
    use rmcp::model::NumberOrString;

    fn token(number: i64) -> ProgressToken {
        ProgressToken(NumberOrString::Number(number))
    }

    #[tokio::test]
    async fn what_comes_before_a_call_listens_is_heard_and_what_nobody_wants_is_forgotten() {
        let heard = Arc::new(Heard::default());
        for number in 0..100 {
            heard.told(token(number), format!("line {number}"));
        }
        assert_eq!(heard.listen(token(99)).next().await, "line 99");
        assert!(heard.listeners().early.len() <= MAX_EARLY);
        heard.told(token(99), "late".to_owned());
        assert!(heard.listeners().calls.is_empty());
    }
}
