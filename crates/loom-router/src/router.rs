//! The router: all models of an installation, and every call that is made of them.

use crate::gate::Gate;
use crate::model::Model;
use crate::select::{Choice, select};
use crate::{
    Budget, BuiltinProviders, CallError, Capabilities, ChatReply, ChatRequest, DeltaSink,
    ListedModel, ModelEntry, ModelStatus, NoModel, ProviderFactory, Selected, Tried,
};
use loom_events::{Role, Tier};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// All models, with their queues and their records. Shared by reference; it has no other state.
pub struct Router {
    models: Vec<Model>,
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
        let gates = gates(&entries);
        let mut models: Vec<Model> = Vec::with_capacity(entries.len());
        for entry in entries {
            if models.iter().any(|model| model.entry.name == entry.name) {
                return Err(RouterError::DuplicateName { name: entry.name });
            }
            let gate = Arc::clone(&gates[&server_of(&entry)]);
            models.push(Model::new(entry.clone(), factory.provider(&entry)?, gate));
        }
        Ok(Self { models })
    }

    /// The models that have a role, in the order of their entries.
    #[must_use]
    pub fn names_of(&self, role: Role) -> Vec<String> {
        let has = self
            .models
            .iter()
            .filter(|model| model.entry.roles.contains(&role));
        has.map(|model| model.entry.name.clone()).collect()
    }

    /// The entry of this name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&ModelEntry> {
        self.find(name).ok().map(|model| &model.entry)
    }

    /// Takes account of what a model can do, as its server or a probe says. Slots that an entry of
    /// the server states are left as they are. False if there is no such model.
    pub fn learn(&self, model: &str, capabilities: Capabilities) -> bool {
        self.find(model)
            .map(|model| model.learn(capabilities))
            .is_ok()
    }

    /// What was learnt of the model of this name.
    #[must_use]
    pub fn capabilities(&self, model: &str) -> Option<Capabilities> {
        self.find(model).ok()?.capabilities()
    }

    /// The context window of the model of this name in tokens, as configured or learnt.
    #[must_use]
    pub fn window(&self, model: &str) -> Option<u64> {
        self.find(model).ok()?.window()
    }

    /// What a request takes of the model's context window, by estimate; asks nobody.
    ///
    /// # Errors
    /// No entry has that name.
    pub fn budget(&self, model: &str, request: &ChatRequest) -> Result<Budget, CallError> {
        Ok(self.find(model)?.budget(request))
    }

    /// The same as the server counts it, where it is known to count.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn count(&self, model: &str, request: &ChatRequest) -> Result<Budget, CallError> {
        self.find(model)?.count(request).await
    }

    /// How long the model takes to read so many tokens, when that has been measured.
    #[must_use]
    pub fn expect(&self, model: &str, prompt_tokens: u64) -> Option<Duration> {
        self.find(model).ok()?.expect(prompt_tokens)
    }

    /// The model to ask first: the lowest tier that suffices, then the next up, then any with the
    /// role. A model whose server is being left alone comes after all others.
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
        let choices = self.models.iter().map(|model| Choice {
            entry: &model.entry,
            rests: model.gate.rest().map(|rest| rest.last),
        });
        let choices: Vec<_> = choices.collect();
        select(&choices, role, min_tier, tried)
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
        self.models.iter().map(ModelStatus::of).collect()
    }

    pub(crate) fn find(&self, name: &str) -> Result<&Model, CallError> {
        self.models
            .iter()
            .find(|model| model.entry.name == name)
            .ok_or_else(|| CallError::UnknownEntry { model: name.into() })
    }
}

/// The gate of every server.
fn gates(entries: &[ModelEntry]) -> HashMap<String, Arc<Gate>> {
    let mut servers: HashMap<String, Vec<&ModelEntry>> = HashMap::new();
    for entry in entries {
        servers.entry(server_of(entry)).or_default().push(entry);
    }
    let gate = |(server, entries): (String, Vec<&ModelEntry>)| {
        let gate = Arc::new(Gate::new(&entries));
        (server, gate)
    };
    servers.into_iter().map(gate).collect()
}

/// What tells servers apart: host and port. Two paths of one server share its slots.
fn server_of(entry: &ModelEntry) -> String {
    reqwest::Url::parse(&entry.base_url)
        .map_or_else(|_| entry.base_url.clone(), |url| url.authority().to_owned())
}
