//! All servers of an engine.

use super::server::{Server, ServerStatus};
use super::{ServerSettings, Surroundings};
use futures_util::future::join_all;
use loom_events::ToolSpec;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::task::AbortOnDropHandle;

/// The servers by name. Nothing is started before [`Servers::connect`] or the first question; when
/// this value is dropped, every process of theirs is ended.
#[derive(Default)]
pub struct Servers {
    servers: BTreeMap<String, Arc<Server>>,
    connecting: Mutex<Vec<AbortOnDropHandle<()>>>,
}

/// What the servers offer to a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offer {
    /// Their tools, in order of names.
    pub specs: Vec<ToolSpec>,
    /// What is missing and why, one line each.
    pub notes: Vec<String>,
}

impl Servers {
    /// Takes the settings; the last of a name counts.
    #[must_use]
    pub fn new(settings: Vec<ServerSettings>, around: Surroundings) -> Self {
        let around = Arc::new(around);
        let server = |one: ServerSettings| {
            let name = one.name.clone();
            (name, Arc::new(Server::new(one, Arc::clone(&around))))
        };
        Self {
            servers: settings.into_iter().map(server).collect(),
            connecting: Mutex::default(),
        }
    }

    /// Begins to connect in the background; whoever asks later waits for what is under way. Only the
    /// first time: later, servers are brought back by whoever needs them.
    pub fn connect(&self) {
        let mut connecting = self
            .connecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !connecting.is_empty() {
            return;
        }
        connecting.extend(self.servers.values().cloned().map(|server| {
            let connect = async move { drop(server.open().await) };
            AbortOnDropHandle::new(tokio::spawn(connect))
        }));
    }

    /// What is offered now, in at most `room` bytes of definitions. Waits for servers that are about
    /// to come up; each has its own time for that.
    pub async fn offer(&self, room: usize) -> Offer {
        let opened = self
            .servers
            .iter()
            .map(|(name, server)| async move { (name, server.open().await) });
        let mut offer = Offer::default();
        let mut left = room;
        for (name, opened) in join_all(opened).await {
            let note = |text: String| format!("the MCP server `{name}`: {text}");
            let open = match opened {
                Ok(open) => open,
                Err(why) => {
                    offer
                        .notes
                        .push(note(format!("its tools are not there, {why}")));
                    continue;
                }
            };
            offer
                .notes
                .extend(open.listing.notes.iter().cloned().map(note));
            let (fitting, left_out) = open.listing.fitting(&mut left);
            offer.specs.extend(fitting);
            if left_out > 0 {
                offer.notes.push(note(format!(
                    "{left_out} of its tools have no room in the window of the model: name those \
                     that you want in its `tools`"
                )));
            }
        }
        offer.specs.sort_by(|one, other| one.name.cmp(&other.name));
        offer
    }

    /// How each server stands; connects to those that are not there.
    pub async fn status(&self) -> Vec<ServerStatus> {
        join_all(self.servers.values().map(|server| server.status())).await
    }

    /// Ends every server; none comes back.
    pub async fn shutdown(&self) {
        self.connecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        join_all(self.servers.values().map(|server| server.close())).await;
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<Server>> {
        self.servers.get(name)
    }
}
