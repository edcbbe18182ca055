//! Over streamable HTTP: on loopback, for whoever has the token, and never for a web page of somebody
//! else's.

use crate::server::{Options, Server, Shared};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use loomd::{Connect, Scope, Tokens};
use rmcp::ServerHandler;
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

/// Serves whoever comes with the token of an agent, or the owner's, until it is told to stop. Without
/// tokens anybody on this machine may come.
///
/// # Errors
/// [`HttpError`].
pub async fn serve_http(
    connect: impl Connect,
    options: Options,
    listener: TcpListener,
    tokens: Option<Tokens>,
    stop: CancellationToken,
) -> Result<(), HttpError> {
    let shared = Shared::new(Arc::new(connect), options, stop.clone());
    let make = move || Server::new(Arc::clone(&shared));
    serve_handler(make, listener, tokens, stop).await
}

/// Serves any handler of the protocol behind the door of [`serve_http`]. The conformance suite asks
/// for tools that a product has no use for: a handler that has them is measured through this.
///
/// # Errors
/// [`HttpError`].
pub async fn serve_handler<H: ServerHandler>(
    make: impl Fn() -> H + Send + Sync + 'static,
    listener: TcpListener,
    tokens: Option<Tokens>,
    stop: CancellationToken,
) -> Result<(), HttpError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(HttpError::NotLoopback(address));
    }
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(IDLE);
    let config = StreamableHttpServerConfig::default()
        .with_allowed_origins(ORIGINS)
        // Streams end, and with them the connections.
        .with_cancellation_token(stop.clone());
    let service = StreamableHttpService::new(move || Ok(make()), Arc::new(sessions), config);
    let guard = middleware::from_fn_with_state(tokens, guard);
    let router = Router::new().nest_service(PATH, service).layer(guard);
    let serving =
        axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving.into_future() => Ok(served?),
        () = late => Ok(()),
    }
}

async fn guard(State(tokens): State<Option<Tokens>>, request: Request, next: Next) -> Response {
    let Some(tokens) = tokens else {
        return next.run(request).await;
    };
    let given = request.headers().get(header::AUTHORIZATION);
    if given.is_some_and(|given| opens(given, &tokens)) {
        return next.run(request).await;
    }
    let mut refused = (StatusCode::UNAUTHORIZED, "a bearer token is needed\n").into_response();
    let challenge = HeaderValue::from_static("Bearer realm=\"loom\"");
    refused
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    refused
}

/// Whether it is the token of an agent at least.
fn opens(given: &HeaderValue, tokens: &Tokens) -> bool {
    let given = given.to_str().ok().and_then(|given| given.split_once(' '));
    given.is_some_and(|(scheme, token)| {
        scheme.eq_ignore_ascii_case("bearer") && tokens.scope_of(token) >= Some(Scope::Agent)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_of_an_agent_or_of_the_owner_opens() {
        let tokens = Tokens::fresh().unwrap();
        let opened = |scheme: &str, token: &str| {
            opens(
                &HeaderValue::from_str(&format!("{scheme} {token}")).unwrap(),
                &tokens,
            )
        };
        for scope in [Scope::Agent, Scope::Owner] {
            assert!(opened("Bearer", tokens.scoped(scope)), "{scope:?}");
            assert!(opened("bearer", tokens.scoped(scope)), "{scope:?}");
            assert!(!opened("Basic", tokens.scoped(scope)), "{scope:?}");
        }
        assert!(!opened("Bearer", tokens.scoped(Scope::Reader)));
        assert!(!opened("Bearer", ""));
        assert!(!opens(&HeaderValue::from_static("Bearer"), &tokens));
    }
}
