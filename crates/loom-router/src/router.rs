//! The router: all models of an installation, and every call that is made of them.

use crate::select::select;
use crate::status::Record;
use crate::{
    BuiltinProviders, CallError, ChatReply, ChatRequest, Delta, DeltaSink, ListedModel, ModelEntry,
    ModelStatus, NoModel, Provider, ProviderFactory, Selected, Tried, retry,
};
use loom_events::{Role, Tier};
use std::collections::HashMap;
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// All models, with their queues and their records. Shared by reference; it has no other state.
pub struct Router {
    models: Vec<Model>,
}

struct Model {
    entry: ModelEntry,
    provider: Arc<dyn Provider>,
    /// The slots of its server, first come first served; shared by all models at that server.
    slots: Arc<Semaphore>,
    record: Record,
}

/// Entries that make no sense together or by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RouterError {
    /// Two entries have one name.
    #[error("set up the models: two of them are called `{name}`")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The address is none that can be called.
    #[error("set up model {name}: `base_url` {base_url:?} {reason}")]
    BadUrl {
        /// Name of the entry.
        name: String,
        /// The address.
        base_url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client or a header could not be made.
    #[error("set up model {name}: {reason}")]
    Client {
        /// Name of the entry.
        name: String,
        /// The cause.
        reason: String,
    },
}

impl Router {
    /// A router over these entries with the built-in providers.
    ///
    /// # Errors
    /// An entry makes no sense.
    pub fn new(entries: Vec<ModelEntry>) -> Result<Self, RouterError> {
        Self::with_providers(entries, &BuiltinProviders)
    }

    /// The same with other providers.
    ///
    /// # Errors
    /// An entry makes no sense.
    pub fn with_providers(
        entries: Vec<ModelEntry>,
        factory: &dyn ProviderFactory,
    ) -> Result<Self, RouterError> {
        let servers = slots_by_server(&entries);
        let mut models: Vec<Model> = Vec::with_capacity(entries.len());
        for entry in entries {
            if models.iter().any(|model| model.entry.name == entry.name) {
                return Err(RouterError::DuplicateName { name: entry.name });
            }
            models.push(Model {
                provider: factory.provider(&entry)?,
                slots: Arc::clone(&servers[&server_of(&entry)]),
                record: Record::default(),
                entry,
            });
        }
        Ok(Self { models })
    }

    /// The entry of this name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&ModelEntry> {
        self.find(name).ok().map(|model| &model.entry)
    }

    /// The model to ask first: the lowest tier that suffices, then the next up, then any with the role.
    ///
    /// # Errors
    /// No model has the role.
    pub fn select(&self, role: Role, min_tier: Tier) -> Result<Selected, NoModel> {
        self.select_next(role, min_tier, &[])
    }

    /// The model to ask after others were tried.
    ///
    /// # Errors
    /// No other model has the role.
    pub fn select_next(
        &self,
        role: Role,
        min_tier: Tier,
        tried: &[Tried],
    ) -> Result<Selected, NoModel> {
        let entries = self.models.iter().map(|model| &model.entry);
        select(entries, role, min_tier, tried)
    }

    /// Asks the model of that name, waiting for a slot of its server and trying again as configured.
    ///
    /// Cancelling, or dropping the future, closes the connection, which ends the call at the server.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn chat(
        &self,
        model: &str,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
        cancel: &CancellationToken,
    ) -> Result<ChatReply, CallError> {
        let model = self.find(model)?;
        let _in_flight = model.record.begin();
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(CallError::Cancelled { model: model.entry.name.clone() }),
            result = model.ask(request, sink) => result,
        };
        model.record.end(&result);
        result
    }

    /// The models that the server of this entry has.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn list(&self, model: &str) -> Result<Vec<ListedModel>, CallError> {
        self.find(model)?.provider.list().await
    }

    /// What is known about each model, in the order of the entries.
    #[must_use]
    pub fn models(&self) -> Vec<ModelStatus> {
        self.models
            .iter()
            .map(|model| model.record.status(&model.entry))
            .collect()
    }

    fn find(&self, name: &str) -> Result<&Model, CallError> {
        self.models
            .iter()
            .find(|model| model.entry.name == name)
            .ok_or_else(|| CallError::UnknownEntry { model: name.into() })
    }
}

impl Model {
    /// Asks until there is a reply, a failure that will not pass, or something was delivered.
    async fn ask(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError> {
        let _slot = self
            .slots
            .acquire()
            .await
            .expect("BUG: the semaphore of a server is never closed");
        let mut sink = Watched {
            sink,
            delivered: false,
        };
        let mut tried = 0;
        loop {
            let error = match self.provider.chat(request, &mut sink).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            tried += 1;
            let wait = retry::wait(&error, tried, self.entry.retries, retry::chance());
            let Some(wait) = wait.filter(|_| !sink.delivered) else {
                return Err(error);
            };
            tracing::debug!(model = self.entry.name, %error, tried, ?wait, "the call is tried again");
            tokio::time::sleep(wait).await;
        }
    }
}

/// Remembers whether anything was delivered: from then on another try would say it twice.
struct Watched<'a> {
    sink: &'a mut dyn DeltaSink,
    delivered: bool,
}

impl DeltaSink for Watched<'_> {
    fn delta(&mut self, delta: Delta<'_>) {
        self.delivered = true;
        self.sink.delta(delta);
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.sink.progress(done, total);
    }
}

/// The slots of every server: the most that any of its entries states, and at least one.
fn slots_by_server(entries: &[ModelEntry]) -> HashMap<String, Arc<Semaphore>> {
    let mut bounds: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        let bound = bounds.entry(server_of(entry)).or_insert(1);
        let stated = usize::try_from(entry.max_concurrency).unwrap_or(usize::MAX);
        *bound = stated.clamp(*bound, Semaphore::MAX_PERMITS);
    }
    let slots = |(server, bound)| (server, Arc::new(Semaphore::new(bound)));
    bounds.into_iter().map(slots).collect()
}

/// What tells servers apart: host and port. Two paths of one server share its slots.
fn server_of(entry: &ModelEntry) -> String {
    reqwest::Url::parse(&entry.base_url)
        .map_or_else(|_| entry.base_url.clone(), |url| url.authority().to_owned())
}
