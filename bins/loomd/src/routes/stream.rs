//! Events as they happen.
//!
//! A record's id is its place, so a client that comes back with the last one it has seen gets the next
//! one, each exactly once: nothing is kept for it here. **Invariant:** a stream is read from the
//! journal at the speed of its reader; it never holds up whoever writes.
//!
//! The first event after a silence goes out at once. While many read along, those that follow it are
//! sent together after a [`pause`], so that a thousand readers cost some writes a second each, however
//! busy the tasks are.

use crate::app::App;
use crate::fault::Fault;
use crate::http::{Answer, Call, Parameters};
use crate::shown::Shown;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use loom_client::wire::{LAST_EVENT_ID, MODEL_DELTA, Problem, STREAM_CUT, STREAM_OPEN};
use loom_engine::Feed;
use loom_events::{Record, Seq, TaskId};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// When a client is to come back by itself: a service that restarts is there again by then.
const COME_BACK: Duration = Duration::from_secs(1);

/// What each further stream adds to the pause of all, so that together they make ten thousand writes a
/// second at most: a tenth of one core or so.
const SHARE: Duration = Duration::from_micros(100);

/// So few streams cost nothing that anybody would notice.
const FEW: usize = 32;

/// Longer than that would look like a jerk to whoever watches.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

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
    /// Events.
    Open {
        /// They.
        events: BoxStream<'static, Result<Event, Infallible>>,
        /// How long it may be silent.
        keep_alive: Duration,
    },
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
        vec![("text/event-stream", json!({ "type": "string" }))]
    }

    fn into_response(self, _: &Shown) -> Response {
        match self {
            Self::Over => StatusCode::NO_CONTENT.into_response(),
            Self::Open { events, keep_alive } => {
                let first = Event::default().retry(COME_BACK).comment("loom");
                let events = stream::iter([Ok(first)]).chain(events);
                let alive = KeepAlive::new().interval(keep_alive);
                let mut response = Sse::new(events).keep_alive(alive).into_response();
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
    if row.is_some_and(|row| row.status.is_final() && row.last_seq <= after) {
        return Ok(Streamed::Over);
    }
    let place = place(&call.app)?;
    let feed = call.app.engine.follow(task, after);
    let app = Arc::clone(&call.app);
    let words = feed.filter_map(move |item| {
        let word = match item {
            Ok(Feed::Record(record)) => Some(Ok(Word::of_task(&record, &app.shown))),
            Ok(Feed::Live(signal)) => live.then(|| Ok(Word::live(&signal, &app.shown))),
            Err(error) => Some(Err(error)),
        };
        std::future::ready(word)
    });
    Ok(open(&call.app, words, place, Some(task)))
}

pub(crate) async fn all(call: Call<Parameters<AllStream>>) -> Result<Streamed, Fault> {
    let place = place(&call.app)?;
    let engine = &call.app.engine;
    let after = last_id(&call)?.or(call.query.0.after);
    // Whatever is committed from here on is after it.
    let after = after.unwrap_or_else(|| engine.last_record());
    let opening = Event::default()
        .event(STREAM_OPEN)
        .id(after.to_string())
        .data("{}");
    let opening = Word::passing(opening);
    let app = Arc::clone(&call.app);
    let records = engine
        .follow_all(after)
        .map(move |item| item.map(|record| Word::of_all(&record, &app.shown)));
    let words = stream::iter([Ok(opening)]).chain(records);
    Ok(open(&call.app, words, place, None))
}

/// One event on its way.
pub(super) struct Word {
    event: Event,
    /// Whether the stream ends with it.
    is_last: bool,
}

impl Word {
    /// What is no record, and nothing ends with it.
    pub(super) const fn passing(event: Event) -> Self {
        Self {
            event,
            is_last: false,
        }
    }

    pub(super) fn of_task(record: &Record, shown: &Shown) -> Self {
        Self {
            event: named(record, shown).id(record.envelope.seq.to_string()),
            is_last: record.envelope.event.is_terminal(),
        }
    }

    fn of_all(record: &Record, shown: &Shown) -> Self {
        Self {
            event: named(record, shown).id(record.id.to_string()),
            is_last: false,
        }
    }

    fn live(signal: &loom_view::Live, shown: &Shown) -> Self {
        let event = Event::default().event(MODEL_DELTA);
        let named = Named::new(MODEL_DELTA, signal);
        Self::passing(event.data(said(shown.text(&named))))
    }
}

/// What is no record, with its name in the data as records have it: many clients read nothing but the
/// data.
#[derive(Serialize)]
struct Named<'a, T> {
    event_type: &'static str,
    #[serde(flatten)]
    said: &'a T,
}

impl<'a, T> Named<'a, T> {
    fn new(event_type: &'static str, said: &'a T) -> Self {
        Self { event_type, said }
    }
}

fn named(record: &Record, shown: &Shown) -> Event {
    let event = Event::default().event(record.envelope.event.name());
    event.data(said(shown.record(record)))
}

/// What is journaled had a JSON form, and has it still.
fn said<T: From<&'static str>>(text: serde_json::Result<T>) -> T {
    text.unwrap_or_else(|_| "null".into())
}

/// What the last word of a stream says that ends before its time.
fn cut(task: Option<TaskId>, code: &str, detail: &str) -> Event {
    let mut problem = Problem::new(code, detail);
    problem.task_id = task;
    let text = said(serde_json::to_string(&Named::new(STREAM_CUT, &problem)));
    Event::default().event(STREAM_CUT).data(text)
}

/// How long a stream that has just said something gathers before it speaks again.
fn pause(streams: usize) -> Duration {
    if streams <= FEW {
        return Duration::ZERO;
    }
    let share = SHARE.saturating_mul(u32::try_from(streams).unwrap_or(u32::MAX));
    share.min(LONGEST_PAUSE)
}

/// One stream.
struct Reader<S> {
    words: S,
    app: Arc<App>,
    task: Option<TaskId>,
    /// Whether something was said since the last pause.
    has_spoken: bool,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl<S, E> Reader<S>
where
    S: Stream<Item = Result<Word, E>> + Unpin,
    E: std::error::Error + 'static,
{
    /// The next word; none when the service stops.
    async fn word(&mut self) -> Option<Result<Word, E>> {
        if self.app.stop.is_cancelled() {
            return None;
        }
        if let Some(next) = self.words.next().now_or_never() {
            return next;
        }
        let pause = match std::mem::take(&mut self.has_spoken) {
            true => pause(self.app.streams()),
            false => Duration::ZERO,
        };
        let next = async {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            self.words.next().await
        };
        tokio::select! {
            biased;
            () = self.app.stop.cancelled() => None,
            next = next => next,
        }
    }

    async fn event(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        let (event, is_last) = match self.word().await {
            Some(Ok(word)) => (word.event, word.is_last),
            Some(Err(error)) => {
                tracing::error!(error = crate::fault::chain(&error), "a stream broke off");
                let why = "the journal cannot be read; its log says why";
                (cut(self.task, "internal", why), true)
            }
            None => {
                let why = "the service stops; go on with the last id";
                (cut(self.task, "unavailable", why), true)
            }
        };
        (self.has_spoken, self.over) = (true, is_last);
        Some(event)
    }
}

/// A stream of words that ends with the service, too.
pub(super) fn open<E: std::error::Error + 'static>(
    app: &Arc<App>,
    words: impl Stream<Item = Result<Word, E>> + Send + 'static,
    place: OwnedSemaphorePermit,
    task: Option<TaskId>,
) -> Streamed {
    let reader = Reader {
        words: words.boxed(),
        app: Arc::clone(app),
        task,
        has_spoken: false,
        over: false,
        _place: place,
    };
    let events = stream::unfold(reader, |mut reader| async move {
        let event = reader.event().await?;
        Some((Ok(event), reader))
    });
    Streamed::Open {
        events: events.boxed(),
        keep_alive: app.limits.keep_alive,
    }
}

/// One of the places for streams.
pub(super) fn place(app: &App) -> Result<OwnedSemaphorePermit, Fault> {
    let place = Arc::clone(&app.subscribers).try_acquire_owned();
    place.map_err(|_| {
        Fault::too_many(
            "subscribers",
            "too many streams are open (`server.max_subscribers`)",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_streams_never_wait_and_many_share_the_writes_out() {
        assert_eq!(pause(1), Duration::ZERO);
        assert_eq!(pause(FEW), Duration::ZERO);
        for streams in [FEW + 1, 100, 1_000] {
            let writes = u128::from(streams as u64) * 1_000_000 / pause(streams).as_micros();
            assert_eq!(writes, 10_000, "{streams}");
        }
        assert_eq!(pause(usize::MAX), LONGEST_PAUSE);
    }
}
