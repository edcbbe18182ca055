//! How a front end comes by a service: it joins the one that has the data directory, or carries one
//! itself, on a port of its own. Either way it is a client, and there is no second code path to keep
//! true.
//!
//! **Invariant:** the lock of the data directory says who serves it, so an address that a killed
//! process has left behind is never asked, and never sent the token.

use crate::access::{TokenError, Tokens};
use crate::limits::Limits;
use crate::server::{ServeError, Server};
use loom_client::wire::ConfigValue;
use loom_client::{Client, ClientError, Endpoint};
use loom_engine::{Engine, OpenError, Setup};
use loom_state::{DataDirLock, Holder, LockError};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a holder may take to say where it listens: it has just begun, or only looks something up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked again in that time.
pub(crate) const AGAIN: Duration = Duration::from_millis(50);

/// A service, and what it takes to end it if it is our own.
pub struct Service {
    client: Client,
    carried: Option<Carried>,
}

/// A service in this process.
struct Carried {
    engine: Arc<Engine>,
    stop: CancellationToken,
    served: JoinHandle<Result<(), ServeError>>,
}

/// Whether others may find a carried service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visible {
    /// Others join it: it can do what they ask of it.
    Yes,
    /// It is there for one question, without models; others wait until it is gone.
    No,
}

/// Why a front end has no service.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// The engine cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The lock cannot be looked at.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No port can be had.
    #[error("listen on a port of this machine")]
    Listen(#[source] std::io::Error),
    /// What is published is no address.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Another process has the data directory and serves nobody.
    #[error(
        "join process {pid}, which has {dir}: it does not say where it listens; wait for it or end it",
        dir = .dir.display()
    )]
    Silent {
        /// The data directory.
        dir: PathBuf,
        /// The process, as far as it is known.
        pid: String,
    },
}

impl Service {
    /// Joins the service that has a data directory; none when nobody has it.
    ///
    /// # Errors
    /// [`FrontError::Silent`], when somebody has it and does not serve; or it cannot be looked at.
    pub async fn join(data_dir: &Path) -> Result<Option<Self>, FrontError> {
        let begin = tokio::time::Instant::now();
        loop {
            let Some(holder) = DataDirLock::holder(data_dir)? else {
                return Ok(None);
            };
            if let Some(url) = holder.address.clone() {
                let token = Tokens::of(data_dir)?.owner().to_owned();
                let client = Client::new(&Endpoint {
                    url,
                    token: Some(token),
                })?;
                return Ok(Some(Self {
                    client,
                    carried: None,
                }));
            }
            if begin.elapsed() > PATIENCE {
                return Err(silent(data_dir, &holder));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Carries a service over a data directory that nobody has. Unfinished tasks are left alone until
    /// one is asked for.
    ///
    /// # Errors
    /// [`FrontError`]; [`OpenError::Locked`] when somebody was faster, who can then be joined.
    pub async fn carry(
        setup: Setup,
        config: Vec<ConfigValue>,
        visible: Visible,
    ) -> Result<Self, FrontError> {
        let data_dir = setup.data_dir.clone();
        let engine = Arc::new(Engine::open(setup).await?);
        match Self::serve(&data_dir, Arc::clone(&engine), config, visible).await {
            Ok(service) => Ok(service),
            Err(error) => {
                engine.stop().await;
                Err(error)
            }
        }
    }

    async fn serve(
        data_dir: &Path,
        engine: Arc<Engine>,
        config: Vec<ConfigValue>,
        visible: Visible,
    ) -> Result<Self, FrontError> {
        let tokens = Tokens::of(data_dir)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(FrontError::Listen)?;
        let address = listener.local_addr().map_err(FrontError::Listen)?;
        let url = format!("http://{address}");
        let client = Client::new(&Endpoint {
            url: url.clone(),
            token: Some(tokens.owner().to_owned()),
        })?;
        let stop = CancellationToken::new();
        let server = Server {
            engine: Arc::clone(&engine),
            tokens: Some(tokens),
            names: Vec::new(),
            limits: Limits::default(),
            config,
            figures: false,
            recover: false,
        };
        // The listener is bound: whoever comes before the first accept waits in its queue.
        let served = tokio::spawn(server.serve(listener, stop.clone()));
        if visible == Visible::Yes {
            engine.publish(&url)?;
        }
        Ok(Self {
            client,
            carried: Some(Carried {
                engine,
                stop,
                served,
            }),
        })
    }

    /// The way to talk to it.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it ends with this process.
    #[must_use]
    pub const fn is_carried(&self) -> bool {
        self.carried.is_some()
    }

    /// Leaves it. One of our own stops: what runs is left at its next boundary, and taken up again by
    /// whoever serves the data directory next.
    pub async fn leave(self) {
        let Some(carried) = self.carried else { return };
        carried.stop.cancel();
        carried.engine.stop().await;
        match carried.served.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(error = crate::fault::chain(&error), "the service broke off");
            }
            Err(died) => tracing::error!(%died, "the service broke off"),
        }
    }
}

fn silent(dir: &Path, holder: &Holder) -> FrontError {
    let pid = holder.pid.map(|pid| pid.to_string());
    FrontError::Silent {
        dir: dir.to_owned(),
        pid: pid.unwrap_or_else(|| "(unknown)".to_owned()),
    }
}
