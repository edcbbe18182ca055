//! A service over an engine: made, checked, run to its end. It opens nothing and configures nothing;
//! whoever has an engine can carry one, on a port of its own and with a token that nobody else knows.

use crate::access::{Access, Hosts, Tokens};
use crate::app::App;
use crate::fault::chain;
use crate::http::{listen, router};
use crate::limits::Limits;
use crate::routes::Crowds;
use crate::shown::Shown;
use crate::table::table;
use loom_client::wire::ConfigValue;
use loom_engine::Engine;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What a service is made from.
pub struct Server {
    /// The engine. It is neither recovered nor stopped by the service unless `recover` says so.
    pub engine: Arc<Engine>,
    /// The tokens; none lets everybody in who reaches the port.
    pub tokens: Option<Tokens>,
    /// Names by which it may be called besides its address.
    pub names: Vec<String>,
    /// Its bounds.
    pub limits: Limits,
    /// The effective configuration, as it is shown.
    pub config: Vec<ConfigValue>,
    /// Whether it gives figures to Prometheus.
    pub figures: bool,
    /// Whether unfinished tasks are taken up first; until they are, it is not ready.
    pub recover: bool,
}

/// Why a service does not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Everybody on the network would be let in.
    #[error(
        "serve at {0} without a token: everybody who reaches it could run commands here; listen at 127.0.0.1, or leave --no-auth out"
    )]
    Open(SocketAddr),
    /// The socket is of no use.
    #[error("serve at this socket")]
    Socket(#[source] io::Error),
}

impl Server {
    /// Whether it may serve at an address.
    ///
    /// # Errors
    /// [`ServeError::Open`].
    pub fn check(&self, bound: SocketAddr) -> Result<(), ServeError> {
        match self.tokens.is_none() && !bound.ip().is_loopback() {
            true => Err(ServeError::Open(bound)),
            false => Ok(()),
        }
    }

    /// Serves until `stop` is cancelled. Then nothing more is accepted, streams end with an id that
    /// they can be resumed with, and requests that are being answered come to their end. The engine
    /// goes on; [`Engine::stop`] ends it.
    ///
    /// # Errors
    /// [`ServeError`]; then nothing was served.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let bound = listener.local_addr().map_err(ServeError::Socket)?;
        self.check(bound)?;
        if self.tokens.is_none() {
            tracing::warn!(%bound, "serving without a token: every program on this machine may use it");
        }
        let app = Arc::new(App {
            access: Access::new(Hosts::new(bound, self.names), self.tokens),
            shown: Shown::new(Arc::clone(self.engine.redactor())),
            engine: self.engine,
            subscribers: Arc::new(Semaphore::new(self.limits.subscribers)),
            crowds: Crowds::default(),
            limits: self.limits,
            config: self.config,
            figures: self.figures,
            version: VERSION,
            carried: !self.recover,
            recovered: AtomicBool::new(!self.recover),
            stop: stop.clone(),
        });
        let recovering = self
            .recover
            .then(|| tokio::spawn(recover(Arc::clone(&app))));
        let limits = app.limits.clone();
        listen(listener, router(&app, table()), &limits, &stop).await;
        app.crowds.ended().await;
        if let Some(recovering) = recovering {
            // What was not taken up yet is taken up by the next process.
            recovering.abort();
        }
        Ok(())
    }
}

/// Names this build.
pub const VERSION: &str = concat!("loom ", env!("CARGO_PKG_VERSION"));

async fn recover(app: Arc<App>) {
    match app.engine.recover().await {
        Ok(resumed) => tracing::info!(tasks = resumed.len(), "unfinished tasks were taken up"),
        Err(error) => tracing::error!(error = chain(&error), "unfinished tasks were not taken up"),
    }
    app.recovered.store(true, Ordering::Release);
}
