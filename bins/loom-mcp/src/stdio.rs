//! On standard input and output, as a client starts it. Standard output carries the protocol and
//! nothing else.

use crate::server::{Options, Server, Shared};
use loomd::Connect;
use rmcp::ServiceExt as _;
use rmcp::service::{QuitReason, ServerInitializeError};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

/// Why it ended other than by its client.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client did not begin as the protocol says.
    #[error("begin with the client")]
    Begin(#[source] Box<ServerInitializeError>),
    /// The session broke down.
    #[error("serve the client")]
    Session(#[source] tokio::task::JoinError),
}

/// Serves the client that started this process, until it closes its end.
///
/// # Errors
/// The client does not speak the protocol.
pub async fn serve_stdio(connect: impl Connect, options: Options) -> Result<(), StdioError> {
    let shared = Shared::new(Arc::new(connect), options, CancellationToken::new());
    let (input, output) = rmcp::transport::stdio_pipes();
    let input = Watched {
        input,
        ended: shared.stop.clone(),
    };
    let server = Server::new(Arc::clone(&shared));
    let running = match server.serve((input, output)).await {
        Ok(running) => running,
        // It looked and went away.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(StdioError::Begin(Box::new(error))),
    };
    match running.waiting().await {
        Ok(QuitReason::JoinError(error)) | Err(error) => Err(StdioError::Session(error)),
        Ok(_) => Ok(()),
    }
}

/// An input whose end is told at once: calls that wait for a task would hold up the end of the
/// process, and nobody is left to hear of them.
struct Watched<R> {
    input: R,
    ended: CancellationToken,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.input).poll_read(cx, buffer);
        let over = match &polled {
            Poll::Ready(Ok(())) => buffer.filled().len() == before && buffer.remaining() > 0,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if over {
            self.ended.cancel();
        }
        polled
    }
}
