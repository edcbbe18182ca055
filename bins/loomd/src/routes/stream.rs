//! Events as they happen.
//!
//! A record's id is its place, so a client that comes back with the last one it has seen gets the next
//! one, each exactly once: nothing is kept for it here. **Invariant:** a stream is read from the
//! journal at the speed of its reader; it never holds up whoever writes.
//! What is gathered is one write.

use super::crowd::{Topic, follow, read};
use super::gather::Gather;
use super::word::{Word, one};
use crate::app::App;
use crate::fault::Fault;
use crate::http::{Answer, Call, Parameters, sse};
use crate::shown::Shown;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use loom_client::wire::{LAST_EVENT_ID, STREAM_OPEN};
use loom_events::{Seq, TaskId};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// How a stream begins. A client comes back by itself after a second: a service that restarts is there
/// again by then.
const OPENING: Bytes = Bytes::from_static(b"retry: 1000\n: loom\n\n");

/// Where to begin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskStream {
    /// Only events after this one; the header `Last-Event-ID` counts more.
    #[serde(default)]
    after: Option<Seq>,
    /// Whether text of models is sent while it is written (`model_delta`); it is, unless this says no.
    #[serde(default)]
    live: Option<bool>,
}

/// Where to begin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllStream {
    /// Only records after this one; without it, what happens from now on. The header
    /// `Last-Event-ID` counts more.
    #[serde(default)]
    after: Option<u64>,
}

/// A stream, or that there is none any more.
pub(crate) enum Streamed {
    /// Events, as they are written.
    Open(BoxStream<'static, Result<Bytes, Infallible>>),
    /// The task has ended and everything of it is known: a client must not come again.
    Over,
}

impl Answer for Streamed {
    const STATUS: u16 = 200;
    const ALSO: &'static [(u16, &'static str)] = &[(
        204,
        "The task has ended, and there is no event after the named one: do not come again.",
    )];

    fn forms(_: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
        // What a tool that reads streams makes of one event.
        let event = json!({
            "type": "object",
            "description": "One event of the stream.",
            "properties": {
                "id": { "type": "string", "description": "Where a client goes on; missing in what is said in passing." },
                "event": { "type": "string", "description": "The name of the event." },
                "data": { "type": "string", "contentMediaType": "application/json" },
            },
            "required": ["event", "data"],
        });
        vec![("text/event-stream", event)]
    }

    fn into_response(self, _: &Shown) -> Response {
        match self {
            Self::Over => StatusCode::NO_CONTENT.into_response(),
            Self::Open(written) => {
                let written = stream::iter([Ok(OPENING)]).chain(written);
                let mut response = Response::new(Body::from_stream(written));
                let kind = HeaderValue::from_static("text/event-stream");
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                // A proxy must not wait until it has enough of it.
                response
                    .headers_mut()
                    .insert("x-accel-buffering", HeaderValue::from_static("no"));
                response
                    .headers_mut()
                    .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
        }
    }
}

pub(crate) async fn task(call: Call<Parameters<TaskStream>>) -> Result<Streamed, Fault> {
    let task = call.task().await?;
    let after = last_id(&call)?.map(Seq).or(call.query.0.after);
    let after = after.unwrap_or(Seq::ZERO);
    let live = call.query.0.live.unwrap_or(true);
    let row = call.app.engine.reader().row(task).await?;
    let reached = row.as_ref().map_or(Seq::ZERO, |row| row.last_seq);
    let ended = row.is_some_and(|row| row.status.is_final());
    if ended && reached <= after {
        return Ok(Streamed::Over);
    }
    let place = place(&call.app)?;
    let topic = Topic::Task { task, live };
    let words = match ended {
        true => read(&call.app, topic, after.0).boxed(),
        false => follow(&call.app, topic, after.0, reached.0).boxed(),
    };
    let words = Gather::new(words, no_pause);
    Ok(open(&call.app, words, place, Some(task)))
}

pub(crate) async fn all(call: Call<Parameters<AllStream>>) -> Result<Streamed, Fault> {
    let place = place(&call.app)?;
    let reached = call.app.engine.last_record();
    let after = last_id(&call)?.or(call.query.0.after);
    // Whatever is committed from here on is after it.
    let after = after.unwrap_or(reached);
    let opening = Word::passing(sse::event(STREAM_OPEN, Some(after), "{}"));
    let records = follow(&call.app, Topic::All, after, reached);
    let words = stream::iter([Ok(opening)]).chain(records);
    let words = Gather::new(words.boxed(), no_pause);
    Ok(open(&call.app, words, place, None))
}

/// The crowd has gathered already.
const fn no_pause(_: usize) -> Duration {
    Duration::ZERO
}

/// One stream.
struct Reader<S, P> {
    words: Gather<S, P>,
    app: Arc<App>,
    task: Option<TaskId>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl<S, P, E> Reader<S, P>
where
    S: Stream<Item = Result<Word, E>> + Unpin,
    P: Fn(usize) -> Duration,
    E: std::error::Error + 'static,
{
    /// What is written next; none when it is over.
    async fn written(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        let words = tokio::select! {
            biased;
            () = self.app.stop.cancelled() => None,
            words = tokio::time::timeout(self.app.limits.keep_alive, self.words.next()) => match words {
                Ok(words) => words,
                Err(_) => return Some(sse::ALIVE),
            },
        };
        let Some(words) = words else {
            self.over = true;
            let why = "the service stops; go on with the last id";
            return Some(Word::cut(self.task, "unavailable", why).written);
        };
        let mut all = Vec::with_capacity(words.len());
        for word in words {
            let word = word.unwrap_or_else(|error| self.broken(&error));
            all.push(word.written);
            if word.is_last {
                self.over = true;
                break;
            }
        }
        Some(one(&all))
    }

    /// The last word of a stream whose journal cannot be read.
    fn broken(&self, error: &E) -> Word {
        tracing::error!(error = crate::fault::chain(error), "a stream broke off");
        let why = "the journal cannot be read; its log says why";
        Word::cut(self.task, "internal", why)
    }
}

/// A stream of words that ends with the service, too. What is gathered is one write.
pub(super) fn open<S, P, E>(
    app: &Arc<App>,
    words: Gather<S, P>,
    place: OwnedSemaphorePermit,
    task: Option<TaskId>,
) -> Streamed
where
    S: Stream<Item = Result<Word, E>> + Send + Unpin + 'static,
    P: Fn(usize) -> Duration + Send + Sync + 'static,
    E: std::error::Error + Send + 'static,
{
    let reader = Reader {
        words,
        app: Arc::clone(app),
        task,
        over: false,
        _place: place,
    };
    let written = stream::unfold(reader, |mut reader| async move {
        let written = reader.written().await?;
        Some((Ok(written), reader))
    });
    Streamed::Open(written.boxed())
}

/// One of the places for streams.
pub(super) fn place(app: &App) -> Result<OwnedSemaphorePermit, Fault> {
    let place = Arc::clone(&app.subscribers).try_acquire_owned();
    place.map_err(|_| {
        Fault::too_many(
            "subscribers",
            "too many streams are open (`server.max_subscribers`); close one, or ask for `/tasks/{id}/events` from time to time",
        )
    })
}

/// The last id that the client has seen.
fn last_id<Q, B>(call: &Call<Q, B>) -> Result<Option<u64>, Fault> {
    let Some(text) = call.header(LAST_EVENT_ID)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|_| Fault::bad_request("header", "`Last-Event-ID` is not an id of this stream"))
}
