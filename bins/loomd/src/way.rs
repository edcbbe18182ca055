//! The way of an agent's front end to the service: found when it is needed, and looked for again when
//! it has gone, since one that is started anew may listen elsewhere. What an agent wants goes with the
//! token of an agent, what its human decided with the owner's.

use crate::access::{Scope, TokenError, Tokens};
use crate::fault::chain;
use crate::front::{FrontError, Service};
use futures_util::future::BoxFuture;
use loom_client::wire::Task;
use loom_client::{Client, ClientError, Endpoint};
use loom_events::TaskId;
use loom_view::text::clip;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Finds the service: a running one, or one that it carries in this process.
pub trait Connect: Send + Sync + 'static {
    /// Clients of the service there is now.
    fn connect(&self) -> BoxFuture<'_, Result<Clients, ConnectError>>;
}

/// Clients of one service, with the tokens of those on whose behalf they ask.
#[derive(Clone, Debug)]
pub struct Clients {
    /// For what an agent wants. Best with a token of narrower scope, with which the service gives a
    /// task no fewer questions than are configured.
    pub agent: Client,
    /// For what a human decided, and for answers that approve nothing.
    pub human: Client,
}

impl From<Client> for Clients {
    /// One token for both.
    fn from(client: Client) -> Self {
        Self {
            agent: client.clone(),
            human: client,
        }
    }
}

impl Clients {
    /// Of the service of a data directory, whose tokens are kept there.
    fn of(service: &Service, data_dir: &Path) -> Result<Self, ConnectError> {
        let tokens = Tokens::of(data_dir)?;
        let agent = Client::new(&Endpoint {
            url: service.client().url(),
            token: Some(tokens.scoped(Scope::Agent).to_owned()),
        });
        Ok(Self {
            agent: agent.map_err(ConnectError::Address)?,
            human: service.client().clone(),
        })
    }
}

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody has the data directory.
    #[error("Loom's service is not running (nobody serves {}); start it with `loomd` or `loom serve`", .0.display())]
    NotRunning(PathBuf),
    /// It cannot be joined.
    #[error("cannot join Loom's service")]
    Front(#[from] FrontError),
    /// There is no token to ask with.
    #[error("cannot open Loom's service")]
    Token(#[from] TokenError),
    /// The address cannot be used.
    #[error("cannot use the address of Loom's service")]
    Address(#[source] ClientError),
}

/// Whichever service has a data directory.
#[derive(Clone, Debug)]
pub struct DataDir(pub PathBuf);

impl Connect for DataDir {
    fn connect(&self) -> BoxFuture<'_, Result<Clients, ConnectError>> {
        Box::pin(async move {
            let there = Service::join(&self.0).await?;
            let there = there.ok_or_else(|| ConnectError::NotRunning(self.0.clone()))?;
            Clients::of(&there, &self.0)
        })
    }
}

/// A service at a known address.
impl Connect for Endpoint {
    fn connect(&self) -> BoxFuture<'_, Result<Clients, ConnectError>> {
        Box::pin(async move {
            Client::new(self)
                .map(Into::into)
                .map_err(ConnectError::Address)
        })
    }
}

/// The service that this process carries; else whichever has the data directory now.
#[derive(Clone)]
pub struct Held {
    data_dir: PathBuf,
    service: Arc<tokio::sync::Mutex<Option<Service>>>,
}

impl Held {
    /// Begins with a service that was joined or is carried.
    #[must_use]
    pub fn new(data_dir: PathBuf, service: Service) -> Self {
        Self {
            data_dir,
            service: Arc::new(tokio::sync::Mutex::new(Some(service))),
        }
    }

    /// Leaves it, as [`Service::leave`] does.
    pub async fn leave(&self) {
        if let Some(service) = self.service.lock().await.take() {
            service.leave().await;
        }
    }
}

impl Connect for Held {
    fn connect(&self) -> BoxFuture<'_, Result<Clients, ConnectError>> {
        Box::pin(async move {
            let mut service = self.service.lock().await;
            if !service.as_ref().is_some_and(Service::is_carried) {
                *service = Service::join(&self.data_dir).await?;
            }
            match service.as_ref() {
                Some(service) => Clients::of(service, &self.data_dir),
                None => Err(ConnectError::NotRunning(self.data_dir.clone())),
            }
        })
    }
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// There is no service to ask.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It did not answer as asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What was given names no task.
    #[error("`{0}` is not the id of a task; give the whole id, or its last digits")]
    NotATask(String),
}

impl WayError {
    /// In a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            // A fragment that continues “cannot”.
            Self::Client(
                error @ (ClientError::Unreachable { .. }
                | ClientError::Silent { .. }
                | ClientError::Strange { .. }),
            ) => {
                format!("cannot {}", chain(error))
            }
            Self::Connect(_) | Self::Client(_) | Self::NotATask(_) => chain(self),
        }
    }

    /// The word for programs, where the service gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Client(error) => error.code(),
            Self::Connect(_) | Self::NotATask(_) => None,
        }
    }
}

/// The way to whichever service there is. Cheap to clone.
#[derive(Clone)]
pub struct Way {
    connect: Arc<dyn Connect>,
    known: Arc<Mutex<Option<Clients>>>,
}

impl Way {
    /// By way of what finds it.
    #[must_use]
    pub fn new(connect: Arc<dyn Connect>) -> Self {
        Self {
            connect,
            known: Arc::default(),
        }
    }

    /// The client of the agent that was used last, or a new one.
    ///
    /// # Errors
    /// [`WayError`].
    pub async fn client(&self) -> Result<Client, WayError> {
        Ok(self.clients().await?.agent)
    }

    async fn clients(&self) -> Result<Clients, WayError> {
        let known = self.known().clone();
        match known {
            Some(clients) => Ok(clients),
            None => self.look_again().await,
        }
    }

    /// Clients of the service there is now.
    ///
    /// # Errors
    /// [`WayError`].
    pub async fn look_again(&self) -> Result<Clients, WayError> {
        let clients = self.connect.connect().await?;
        *self.known() = Some(clients.clone());
        Ok(clients)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Clients>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a request of the agent; where nobody was there to take it, it is made once more to
    /// whoever is there now.
    ///
    /// # Errors
    /// [`WayError`].
    pub async fn call<T, F>(&self, request: impl Fn(Client) -> F + Send) -> Result<T, WayError>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
    {
        self.send(|clients| clients.agent, request).await
    }

    /// The same for what a human decided.
    ///
    /// # Errors
    /// [`WayError`].
    pub async fn call_for_human<T, F>(
        &self,
        request: impl Fn(Client) -> F + Send,
    ) -> Result<T, WayError>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
    {
        self.send(|clients| clients.human, request).await
    }

    async fn send<T, F>(
        &self,
        whose: fn(Clients) -> Client,
        request: impl Fn(Client) -> F + Send,
    ) -> Result<T, WayError>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
    {
        match request(whose(self.clients().await?)).await {
            Err(error) if nobody_there(&error) => {
                let clients = self.look_again().await?;
                Ok(request(whose(clients)).await?)
            }
            answer => Ok(answer?),
        }
    }

    /// The task that is meant.
    ///
    /// # Errors
    /// [`WayError`].
    pub async fn task(&self, task: &str) -> Result<Task, WayError> {
        let text = task.trim();
        // Anything else is no id, and must not become another path.
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Err(WayError::NotATask(clip(text, 80)));
        }
        self.call(|client| async move { client.task(text).await })
            .await
    }

    /// The id of the task that is meant.
    ///
    /// # Errors
    /// [`WayError`].
    pub async fn id(&self, task: &str) -> Result<TaskId, WayError> {
        match task.trim().parse() {
            Ok(id) => Ok(id),
            Err(_) => Ok(self.task(task).await?.task_id),
        }
    }
}

/// Whether the request surely did not arrive: the connection could not be made, or what answers is
/// not the service any more (another program has its port, or its token is a new one).
fn nobody_there(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { source, .. } => source.is_connect(),
        ClientError::Refused { status, .. } => *status == 401,
        ClientError::Silent { .. } | ClientError::Strange { .. } | ClientError::Address { .. } => {
            false
        }
    }
}
