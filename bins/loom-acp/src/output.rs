//! An output whose reader may go away. That is how an editor ends, and no failure: the end of the input,
//! which comes with it, ends this process in good order.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// Takes what nobody reads any more.
pub(crate) struct Output<W>(pub(crate) W);

fn unless_gone<T>(polled: Poll<io::Result<T>>, otherwise: T) -> Poll<io::Result<T>> {
    match polled {
        Poll::Ready(Err(error)) if error.kind() == ErrorKind::BrokenPipe => {
            Poll::Ready(Ok(otherwise))
        }
        polled => polled,
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Output<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        unless_gone(Pin::new(&mut self.0).poll_write(cx, bytes), bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        unless_gone(Pin::new(&mut self.0).poll_flush(cx), ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        unless_gone(Pin::new(&mut self.0).poll_shutdown(cx), ())
    }
}
