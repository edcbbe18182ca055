//! Reads the events of one answer under its deadlines.

use super::assemble::{Abort, Assembly, MAX_ANSWER_BYTES};
use super::refusal::Refused;
use super::wire::Chunk;
use super::{OpenAiCompatible, read_capped};
use crate::call_error::millis;
use crate::{CallError, Deadline, Deadlines, DeltaSink};
use bytes::Bytes;
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::{Stream, StreamExt};
use loom_events::Latency;
use reqwest::{Response, header};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What a whole stream may weigh: a token costs some 300 bytes on the wire, and twice that with the
/// timings that some servers add to each.
const MAX_STREAM_BYTES: usize = 128 << 20;

/// What one line may weigh: the whole arguments of a call in one event, escaped.
const MAX_LINE_BYTES: usize = 4 << 20;

/// How long the usage may take to follow the finish chunk, for servers that neither say `[DONE]` nor
/// close the connection.
const AFTER_FINISH: Duration = Duration::from_secs(2);

/// The clocks of one try.
pub(super) struct Clock {
    deadlines: Deadlines,
    started: Instant,
    first_token: Option<Instant>,
    last_event: Instant,
    finished: bool,
}

impl Clock {
    pub(super) fn start(deadlines: Deadlines) -> Self {
        let now = Instant::now();
        Self {
            deadlines,
            started: now,
            first_token: None,
            last_event: now,
            finished: false,
        }
    }

    /// Waits for what must come before the first token.
    pub(super) async fn until_first_token<F: Future>(
        &self,
        work: F,
    ) -> Result<F::Output, Deadline> {
        let (at, deadline) = self.next();
        timeout_at(at, work).await.map_err(|_| deadline)
    }

    /// The deadline that is next, and which it is.
    fn next(&self) -> (Instant, Deadline) {
        let total = (self.started + self.deadlines.total, Deadline::Total);
        let other = if self.finished {
            (self.last_event + AFTER_FINISH, Deadline::Stall)
        } else if self.first_token.is_some() {
            (self.last_event + self.deadlines.stall, Deadline::Stall)
        } else {
            (
                self.started + self.deadlines.first_token,
                Deadline::FirstToken,
            )
        };
        std::cmp::min_by_key(total, other, |(at, _)| *at)
    }

    /// An event came. One without a piece of the answer shows life, but is no token.
    fn event(&mut self, progress: bool) {
        self.last_event = Instant::now();
        if progress && self.first_token.is_none() {
            self.first_token = Some(self.last_event);
        }
    }

    /// The times of a complete answer.
    pub(super) fn latency(&self) -> Latency {
        let total = self.started.elapsed();
        let first = self.first_token.map(|at| at - self.started);
        Latency {
            first_token_ms: millis(first.unwrap_or(total)),
            total_ms: millis(total),
        }
    }
}

/// Why the bytes of a stream end before their end.
#[derive(Debug)]
enum Lost {
    Http(reqwest::Error),
    TooLarge(&'static str, usize),
}

impl OpenAiCompatible {
    /// Reads an answer to its end, handing on the pieces.
    pub(super) async fn read(
        &self,
        response: Response,
        clock: &mut Clock,
        sink: &mut dyn DeltaSink,
    ) -> Result<Assembly, CallError> {
        if !is_event_stream(&response) {
            return self.read_whole(response, clock, sink).await;
        }
        let mut assembly = Assembly::default();
        let mut events = pin!(capped(response.bytes_stream()).eventsource());
        loop {
            let (at, deadline) = clock.next();
            let event = match timeout_at(at, events.next()).await {
                Ok(Some(Ok(event))) => event,
                // After the finish chunk nothing is owed any more.
                Ok(_) | Err(_) if assembly.is_finished() => return Ok(assembly),
                Ok(Some(Err(error))) => return Err(self.stream_error(error)),
                Ok(None) => return Err(self.cut(&assembly)),
                Err(_) => return Err(self.timed_out(deadline)),
            };
            if event.data.trim() == "[DONE]" {
                return Ok(assembly);
            }
            let progress = self.take(&mut assembly, event.data.as_bytes(), sink)?;
            clock.event(progress);
            clock.finished = assembly.is_finished();
        }
    }

    /// An answer in one piece, of a server that does not stream after all.
    async fn read_whole(
        &self,
        response: Response,
        clock: &mut Clock,
        sink: &mut dyn DeltaSink,
    ) -> Result<Assembly, CallError> {
        let body = clock.until_first_token(read_capped(response)).await;
        let body = body
            .map_err(|deadline| self.timed_out(deadline))?
            .map_err(|error| self.lost(&error))?;
        let mut assembly = Assembly::default();
        let read = self.take(&mut assembly, &body, sink);
        clock.event(true);
        match read {
            Ok(_) if assembly.is_finished() => Ok(assembly),
            Err(error) if !matches!(error, CallError::Broken { .. }) => Err(error),
            _ => Err(CallError::Protocol {
                server: self.place.server.clone(),
                model: self.place.model.clone(),
                reason: format!(
                    "neither a stream nor a chat completion came, but {:?}",
                    String::from_utf8_lossy(&body[..body.len().min(80)])
                ),
            }),
        }
    }

    /// Takes one event.
    fn take(
        &self,
        assembly: &mut Assembly,
        data: &[u8],
        sink: &mut dyn DeltaSink,
    ) -> Result<bool, CallError> {
        let chunk: Chunk = serde_json::from_slice(data)
            .map_err(|error| self.broken(format!("an event is not the expected JSON ({error})")))?;
        if chunk.is_error() {
            return Err(Refused::in_stream(&self.place, data).error());
        }
        assembly
            .take(chunk, sink)
            .map_err(|abort| self.aborted(abort))
    }

    fn aborted(&self, abort: Abort) -> CallError {
        let model = self.place.model.clone();
        match abort {
            Abort::TooLarge => CallError::TooLarge {
                model,
                what: "it",
                limit: MAX_ANSWER_BYTES,
            },
            Abort::Repeating(sample) => CallError::Repeating { model, sample },
        }
    }

    fn stream_error(&self, error: EventStreamError<Lost>) -> CallError {
        match error {
            EventStreamError::Transport(Lost::Http(error)) => self.lost(&error),
            EventStreamError::Transport(Lost::TooLarge(what, limit)) => CallError::TooLarge {
                model: self.place.model.clone(),
                what,
                limit,
            },
            EventStreamError::Utf8(_) => self.broken("the stream is not UTF-8".into()),
            EventStreamError::Parser(_) => {
                self.broken("the stream does not consist of events".into())
            }
        }
    }

    fn cut(&self, assembly: &Assembly) -> CallError {
        self.broken(format!(
            "the stream ended after {} bytes of the answer without an end mark",
            assembly.written()
        ))
    }

    fn broken(&self, reason: String) -> CallError {
        CallError::Broken {
            server: self.place.server.clone(),
            model: self.place.model.clone(),
            reason,
        }
    }
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"))
}

/// The same bytes, with an end to the patience: the reader of events buffers a line without bound.
fn capped(
    stream: impl Stream<Item = reqwest::Result<Bytes>>,
) -> impl Stream<Item = Result<Bytes, Lost>> {
    let (mut all, mut line) = (0_usize, 0_usize);
    stream.map(move |chunk| {
        let chunk = chunk.map_err(Lost::Http)?;
        all = all.saturating_add(chunk.len());
        line = match chunk.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => chunk.len() - at - 1,
            None => line.saturating_add(chunk.len()),
        };
        if line > MAX_LINE_BYTES {
            return Err(Lost::TooLarge("a line of the stream", MAX_LINE_BYTES));
        }
        if all > MAX_STREAM_BYTES {
            return Err(Lost::TooLarge("the stream", MAX_STREAM_BYTES));
        }
        Ok(chunk)
    })
}
