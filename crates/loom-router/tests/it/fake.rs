//! A provider without a server, for what the router does by itself; time may stand still here.

use async_trait::async_trait;
use loom_dialect::{Delta, DeltaSink};
use loom_events::{Answer, Finish, Latency, Role, Usage};
use loom_router::{
    CallError, Capabilities, ChatReply, ChatRequest, Discard, ListedModel, ModelEntry, Provider,
    ProviderFactory, Router, RouterError,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a model does with one call.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Answers with this usage at once.
    Reports(Usage),
    /// Answers after so long.
    Takes(Duration),
    /// Says something and then fails.
    Breaks(CallError),
    /// Fails.
    Fails(CallError),
    /// Never ends.
    Hangs,
}

/// All models of a test, by one script.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<State>);

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<Does>>,
    asked: Mutex<Vec<(String, ChatRequest)>>,
    counts: Mutex<Option<u64>>,
}

impl Fake {
    /// One step for each call; afterwards every call is answered at once, without usage.
    pub(crate) fn new(script: impl IntoIterator<Item = Does>) -> Self {
        let fake = Self::default();
        fake.then(script);
        fake
    }

    /// Adds to the script.
    pub(crate) fn then(&self, script: impl IntoIterator<Item = Does>) {
        self.0.script.lock().unwrap().extend(script);
    }

    /// A router whose models are these.
    pub(crate) fn router(&self, entries: Vec<ModelEntry>) -> Router {
        Router::with_providers(entries, self).unwrap()
    }

    /// The names of the models that were asked, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.0.asked.lock().unwrap();
        asked.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The requests, in order.
    pub(crate) fn requests(&self) -> Vec<ChatRequest> {
        let asked = self.0.asked.lock().unwrap();
        asked.iter().map(|(_, request)| request.clone()).collect()
    }

    /// What the server says when it is asked to count.
    pub(crate) fn counts(&self, tokens: u64) {
        *self.0.counts.lock().unwrap() = Some(tokens);
    }
}

impl ProviderFactory for Fake {
    fn provider(&self, entry: &ModelEntry) -> Result<Arc<dyn Provider>, RouterError> {
        Ok(Arc::new(FakeModel {
            fake: self.clone(),
            name: entry.name.clone(),
        }))
    }
}

struct FakeModel {
    fake: Fake,
    name: String,
}

#[async_trait]
impl Provider for FakeModel {
    async fn chat(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError> {
        let asked = (self.name.clone(), request.clone());
        self.fake.0.asked.lock().unwrap().push(asked);
        let does = self.fake.0.script.lock().unwrap().pop_front();
        let mut usage = Usage {
            estimated: true,
            ..Usage::default()
        };
        let begun = tokio::time::Instant::now();
        match does {
            None => {}
            Some(Does::Reports(reported)) => usage = reported,
            Some(Does::Takes(time)) => tokio::time::sleep(time).await,
            Some(Does::Fails(error)) => return Err(error),
            Some(Does::Breaks(error)) => {
                sink.delta(Delta::Text("half"));
                return Err(error);
            }
            Some(Does::Hangs) => std::future::pending().await,
        }
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
        Ok(ChatReply {
            answer: Answer {
                text: "yes".into(),
                ..Answer::default()
            },
            usage,
            latency: Latency {
                first_token_ms: took,
                total_ms: took,
            },
            finish: Finish::Stop,
            model: self.name.clone(),
            reported: None,
        })
    }

    async fn list(&self) -> Result<Vec<ListedModel>, CallError> {
        Ok(Vec::new())
    }

    async fn count(&self, _: &ChatRequest) -> Result<Option<u64>, CallError> {
        Ok(*self.fake.0.counts.lock().unwrap())
    }
}

/// An entry at a server of this name, that does not try again.
pub(crate) fn entry(name: &str, server: &str) -> ModelEntry {
    ModelEntry {
        retries: 0,
        ..ModelEntry::new(name, format!("http://{server}:1/v1"))
    }
}

/// Asks without looking at the pieces.
pub(crate) async fn ask(
    router: &Router,
    model: &str,
    request: &ChatRequest,
) -> Result<ChatReply, CallError> {
    let cancel = CancellationToken::new();
    router.chat(model, request, &mut Discard, &cancel).await
}

/// A request of a task in a role.
pub(crate) fn of(task: u8, role: Role) -> ChatRequest {
    let id = format!("00000000-0000-7000-8000-0000000000{task:02x}");
    ChatRequest {
        task: Some(id.parse().unwrap()),
        role: Some(role),
        ..crate::server::hello()
    }
}

/// No connection.
pub(crate) fn unreachable() -> CallError {
    CallError::Unreachable {
        server: "s".into(),
        model: "m".into(),
        reason: "refused".into(),
    }
}

/// A status worth another try.
pub(crate) fn busy(status: u16, retry_after: Option<Duration>) -> CallError {
    CallError::Busy {
        server: "s".into(),
        model: "m".into(),
        status,
        said: "no".into(),
        retry_after,
    }
}

/// Capabilities with so many slots that can be chosen.
pub(crate) fn slots(slots: u32) -> Capabilities {
    Capabilities {
        slots: Some(slots),
        picks_slot: true,
        ..Capabilities::default()
    }
}
