//! Delivery of an answer over HTTP: whole, dropped, or stalled, at the pace that was asked for.

use crate::fault::Delivery;
use axum::body::{Body, Bytes};
use futures_util::stream;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Ticks that a connection gets to flush what was sent before it is closed on purpose.
const FLUSH_TICKS: usize = 3;

/// What streams share with their server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// Ends every stream when the server stops.
    pub(crate) stop: CancellationToken,
    /// Answers whose client left before their end.
    pub(crate) abandoned: Arc<AtomicU64>,
    /// Time before each chunk.
    pub(crate) pace: Duration,
}

/// The body of an answer in these parts.
pub(crate) fn body(parts: Vec<Bytes>, delivery: &Delivery, line: Line) -> Body {
    let course = Course {
        parts: parts.into(),
        sent: 0,
        delivery: delivery.clone(),
        watch: Watch::new(&line),
        line,
    };
    Body::from_stream(stream::unfold(course, |mut course| async move {
        let part = course.next().await?;
        Some((part, course))
    }))
}

/// Silence before anything is sent, for a time or until whoever waits goes away.
pub(crate) async fn silence(length: Option<Duration>, line: &Line) {
    let mut watch = Watch::new(line);
    tokio::select! {
        () = line.stop.cancelled() => {}
        () = stall(length) => {}
    }
    watch.over = true;
}

/// An answer on its way.
struct Course {
    parts: VecDeque<Bytes>,
    sent: usize,
    delivery: Delivery,
    line: Line,
    watch: Watch,
}

/// Counts an answer as abandoned by its client when it is dropped before it is over.
struct Watch {
    abandoned: Arc<AtomicU64>,
    over: bool,
}

impl Course {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.watch.over {
            return None;
        }
        let stop = self.line.stop.clone();
        let part = tokio::select! {
            () = stop.cancelled() => Some(Err(closed("the server stopped"))),
            part = self.advance() => part,
        };
        self.watch.over = !matches!(part, Some(Ok(_)));
        part
    }

    async fn advance(&mut self) -> Option<io::Result<Bytes>> {
        match self.delivery {
            Delivery::Dropped(after) if self.sent >= after => {
                flush().await;
                return Some(Err(closed("the connection was dropped on purpose")));
            }
            Delivery::Stalled(after, length) if self.sent == after => stall(length).await,
            _ => {}
        }
        if !self.line.pace.is_zero() {
            tokio::time::sleep(self.line.pace).await;
        }
        self.sent += 1;
        self.parts.pop_front().map(Ok)
    }
}

impl Watch {
    fn new(line: &Line) -> Self {
        Self {
            abandoned: Arc::clone(&line.abandoned),
            over: false,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.over {
            self.abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn stall(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => std::future::pending().await,
    }
}

/// Lets the connection write out what it has: an error right after a chunk would take it along.
async fn flush() {
    for _ in 0..FLUSH_TICKS {
        tokio::task::yield_now().await;
    }
}

fn closed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, why.to_owned())
}
