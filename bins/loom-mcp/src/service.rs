//! The way to Loom's service: found when it is needed, and looked for again when it has gone, since
//! one that is started anew may listen elsewhere.

use futures_util::future::BoxFuture;
use loom_client::wire::Task;
use loom_client::{Client, ClientError, Endpoint, EndpointError};
use loom_events::TaskId;
use std::path::PathBuf;
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

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody has published an address.
    #[error("Loom's service is not running (no address in {}); start it with `loomd`", .0.display())]
    NotRunning(PathBuf),
    /// What is published cannot be read.
    #[error("cannot find Loom's service")]
    Published(#[from] EndpointError),
    /// The address cannot be used.
    #[error("cannot use the address of Loom's service")]
    Address(#[source] ClientError),
    /// Anything else, such as a service that could not be carried.
    #[error("{0}")]
    Other(String),
}

/// The service that a data directory names.
#[derive(Clone, Debug)]
pub struct DataDir(pub PathBuf);

impl Connect for DataDir {
    fn connect(&self) -> BoxFuture<'_, Result<Clients, ConnectError>> {
        Box::pin(async move {
            match Endpoint::published(&self.0)? {
                None => Err(ConnectError::NotRunning(self.0.clone())),
                Some((endpoint, _)) => Client::new(&endpoint)
                    .map(Into::into)
                    .map_err(ConnectError::Address),
            }
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

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("`{0}` is not the id of a task; give the whole id, or its last digits")]
    NotATask(String),
}

impl ServiceError {
    /// In a sentence.
    pub(crate) fn sentence(&self) -> String {
        match self {
            // A fragment that continues “cannot”.
            Self::Client(
                error @ (ClientError::Unreachable { .. } | ClientError::Strange { .. }),
            ) => {
                format!("cannot {}", crate::text::chain(error))
            }
            Self::Connect(_) | Self::Client(_) | Self::NotATask(_) => crate::text::chain(self),
        }
    }

    /// The word for programs, where the service gave one.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Client(error) => error.code(),
            Self::Connect(_) | Self::NotATask(_) => None,
        }
    }
}

/// The service, as the tools use it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Service {
    connect: Arc<dyn Connect>,
    known: Arc<Mutex<Option<Clients>>>,
}

impl Service {
    pub(crate) fn new(connect: Arc<dyn Connect>) -> Self {
        Self {
            connect,
            known: Arc::default(),
        }
    }

    /// The client of the agent that was used last, or a new one.
    pub(crate) async fn client(&self) -> Result<Client, ServiceError> {
        Ok(self.clients().await?.agent)
    }

    async fn clients(&self) -> Result<Clients, ServiceError> {
        let known = self.known().clone();
        match known {
            Some(clients) => Ok(clients),
            None => self.look_again().await,
        }
    }

    /// Clients of the service there is now.
    pub(crate) async fn look_again(&self) -> Result<Clients, ServiceError> {
        let clients = self.connect.connect().await?;
        *self.known() = Some(clients.clone());
        Ok(clients)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Clients>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a request of the agent; where nobody was there to take it, it is made once more to
    /// whoever is there now.
    pub(crate) async fn call<T, F>(
        &self,
        request: impl Fn(Client) -> F + Send,
    ) -> Result<T, ServiceError>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
    {
        self.send(|clients| clients.agent, request).await
    }

    /// The same for what a human decided.
    pub(crate) async fn call_for_human<T, F>(
        &self,
        request: impl Fn(Client) -> F + Send,
    ) -> Result<T, ServiceError>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
    {
        self.send(|clients| clients.human, request).await
    }

    async fn send<T, F>(
        &self,
        whose: fn(Clients) -> Client,
        request: impl Fn(Client) -> F + Send,
    ) -> Result<T, ServiceError>
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
    pub(crate) async fn task(&self, task: &str) -> Result<Task, ServiceError> {
        let text = task.trim();
        // Anything else is no id, and must not become another path.
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Err(ServiceError::NotATask(crate::text::clip(text, 80)));
        }
        self.call(|client| async move { client.task(text).await })
            .await
    }

    /// The id of the task that is meant.
    pub(crate) async fn id(&self, task: &str) -> Result<TaskId, ServiceError> {
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
