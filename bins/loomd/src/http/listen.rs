//! Accepts connections, bounded, and ends them in order.

use super::head::{READ, READ_HEADERS};
use super::stall::Stall;
use crate::limits::Limits;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long accepting rests after it failed, which it does when the process has no descriptors left.
const REST: Duration = Duration::from_millis(100);

/// What a connection beyond the limit is told. It is told nothing more, so it costs next to nothing.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
retry-after: 5\r\nconnection: close\r\ncontent-length: 117\r\n\r\n\
{\"error\":\"connections\",\"detail\":\"too many connections are open (`server.max_connections`); close one, or try again\"}\n";

/// Serves until `stop`, then lets what is being answered come to its end, for a while.
pub(crate) async fn listen(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    stop: &CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        match Arc::clone(&slots).try_acquire_owned() {
            Ok(slot) => {
                let served = serve(stream, router.clone(), limits.clone(), stop.clone());
                connections.spawn(async move {
                    served.await;
                    drop(slot);
                });
            }
            Err(_) => refuse(stream).await,
        }
    }
    // Nobody else is taken from here on.
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.farewell, connections.wait())
        .await
        .is_err()
    {
        tracing::info!(open = connections.len(), "connections are cut");
    }
}

async fn serve(stream: TcpStream, router: Router, limits: Limits, stop: CancellationToken) {
    // An event is small and must not wait for the next one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small packets are held back");
    }
    let stream = TokioIo::new(Stall::new(stream, limits.stall));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(READ_HEADERS)
        .max_header_size(READ)
        .max_buf_size(READ);
    let connection = builder.serve_connection(stream, TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let farewell = limits.farewell;
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(farewell, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        // A client that goes away is no fault of anybody here.
        tracing::debug!(%error, "a connection ended");
    }
}

async fn refuse(mut stream: TcpStream) {
    // Whoever is refused may be gone already; and nobody waits for him.
    let told = tokio::time::timeout(REST, stream.write_all(FULL)).await;
    if let Ok(Err(error)) = told {
        tracing::debug!(%error, "a connection beyond the limit was not told so");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
    }
}
