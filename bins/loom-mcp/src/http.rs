//! Over streamable HTTP: on loopback, for whoever has the token, and never for a web page of somebody
//! else's.

use crate::server::{Options, Server, Shared};
use crate::service::Connect;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where the protocol is spoken.
pub const PATH: &str = "/mcp";

/// Pages that may call from a browser: those of this machine, which need the token all the same.
const ORIGINS: [&str; 3] = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];

/// Sessions of the older revisions that nobody has used for so long are forgotten. A call that waits
/// for a task speaks more often.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// How long connections have to end by themselves.
const GRACE: Duration = Duration::from_secs(5);

/// Why it cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Others could reach it.
    #[error("serve on {0}: only addresses of this machine are allowed")]
    NotLoopback(SocketAddr),
    /// The system says no.
    #[error("serve over HTTP")]
    Io(#[from] io::Error),
}

/// Serves whoever comes with the token, until it is told to stop. Without a token anybody on this
/// machine may come.
///
/// # Errors
/// [`HttpError`].
pub async fn serve_http(
    connect: impl Connect,
    options: Options,
    listener: TcpListener,
    token: Option<String>,
    stop: CancellationToken,
) -> Result<(), HttpError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(HttpError::NotLoopback(address));
    }
    let shared = Shared::new(Arc::new(connect), options);
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(IDLE);
    let config = StreamableHttpServerConfig::default()
        .with_allowed_origins(ORIGINS)
        .with_cancellation_token(shared.stop.clone());
    let handler = Arc::clone(&shared);
    let service = StreamableHttpService::new(
        move || Ok(Server::new(Arc::clone(&handler))),
        Arc::new(sessions),
        config,
    );
    let guard = middleware::from_fn_with_state(token.map(Arc::from), guard);
    let router = Router::new().nest_service(PATH, service).layer(guard);
    let ended = stop.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        ended.cancelled().await;
        // Streams end, and with them the connections.
        shared.stop.cancel();
    });
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving.into_future() => Ok(served?),
        () = late => Ok(()),
    }
}

async fn guard(State(token): State<Option<Arc<str>>>, request: Request, next: Next) -> Response {
    let Some(token) = token else {
        return next.run(request).await;
    };
    let given = request.headers().get(header::AUTHORIZATION);
    if given.is_some_and(|given| same(given.as_bytes(), &token)) {
        return next.run(request).await;
    }
    let mut refused = (StatusCode::UNAUTHORIZED, "a bearer token is needed\n").into_response();
    let challenge = HeaderValue::from_static("Bearer realm=\"loom\"");
    refused
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    refused
}

/// Compares all of it, however early it differs.
fn same(given: &[u8], token: &str) -> bool {
    let Some((scheme, given)) = given.split_at_checked(7) else {
        return false;
    };
    let token = token.as_bytes();
    let differ = given.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b));
    scheme.eq_ignore_ascii_case(b"bearer ") && given.len() == token.len() && differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_opens() {
        assert!(same(b"Bearer secret", "secret"));
        assert!(same(b"bearer secret", "secret"));
        for wrong in [
            "Bearer secre",
            "Bearer secret2",
            "Basic secret",
            "secret",
            "",
            "Bearer ",
        ] {
            assert!(!same(wrong.as_bytes(), "secret"), "{wrong}");
        }
    }
}
