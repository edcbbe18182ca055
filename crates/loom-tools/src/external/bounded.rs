//! Messages of a server in bounded memory: one that is too long ends the connection.

use super::trouble::Trouble;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes of one message. A result of 10 MB fits; a server that never ends its line does not fill the
/// memory.
pub(super) const MAX_MESSAGE: usize = 16 << 20;

/// What is told of a message that is longer.
pub(super) const TOO_LONG: &str = "it sent a message of more than 16 MiB";

/// A reader of lines that fails in one that is too long.
pub(super) struct Bounded<R> {
    inner: R,
    /// Bytes since the last end of a line.
    line: usize,
    trouble: Arc<Trouble>,
}

impl<R> Bounded<R> {
    pub(super) const fn new(inner: R, trouble: Arc<Trouble>) -> Self {
        Self {
            inner,
            line: 0,
            trouble,
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Bounded<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let fresh = &buffer.filled()[before..];
        self.line = match fresh.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => fresh.len() - end - 1,
            None => self.line + fresh.len(),
        };
        if self.line > MAX_MESSAGE {
            self.trouble.note(TOO_LONG);
            return Poll::Ready(Err(io::Error::other(TOO_LONG)));
        }
        Poll::Ready(Ok(()))
    }
}

/// Counts the bytes of an event of a stream.
#[derive(Default)]
pub(super) struct EventSize {
    event: usize,
    line: usize,
}

impl EventSize {
    /// Whether the event is still within the bound after these bytes.
    pub(super) fn fits(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            match byte {
                // An empty line ends the event.
                b'\n' if self.line == 0 => self.event = 0,
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => {
                    self.line += 1;
                    self.event += 1;
                }
            }
        }
        self.event <= MAX_MESSAGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    #[tokio::test]
    async fn many_lines_are_read_and_one_without_an_end_is_not() {
        let trouble = Arc::<Trouble>::default();
        let lines = "x\n".repeat(100).into_bytes();
        let mut read = Vec::new();
        let mut bounded = Bounded::new(&lines[..], Arc::clone(&trouble));
        bounded.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, lines);
        assert_eq!(trouble.told(), None);
        let endless = tokio::io::repeat(b'x');
        let mut bounded = Bounded::new(endless, Arc::clone(&trouble));
        let mut buffer = vec![0; 1 << 20];
        let ended = loop {
            if let Err(error) = bounded.read(&mut buffer).await {
                break error.to_string();
            }
        };
        assert_eq!(ended, TOO_LONG);
        assert_eq!(trouble.told().as_deref(), Some(TOO_LONG));
    }

    #[test]
    fn an_event_is_counted_until_its_empty_line() {
        let mut size = EventSize::default();
        let part = vec![b'x'; MAX_MESSAGE];
        assert!(size.fits(&part));
        assert!(size.fits(b"\r\n\r\n"));
        assert!(size.fits(&part));
        assert!(!size.fits(b"\ny"));
    }
}
