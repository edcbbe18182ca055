//! The journal of a task, page by page or as a whole.

use crate::app::App;
use crate::fault::{Fault, chain};
use crate::http::{Answer, Call, Either, Json, Parameters};
use crate::shown::Shown;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use loom_client::wire::EventPage;
use loom_events::{Record, Seq, TaskId};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

/// Events of a page, where the caller does not say.
const PAGE: usize = 200;

/// The most events of a page: some of them are large.
const LONGEST_PAGE: usize = 1_000;

/// Which events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventQuery {
    /// Only events after this one.
    #[serde(default)]
    after: Option<Seq>,
    /// At most so many, and no more than 1000. Without it, `ndjson` gives all.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// `ndjson` gives an event a line.
    #[serde(default)]
    format: Option<Format>,
}

/// The form of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// A page.
    Json,
    /// All, an event a line.
    Ndjson,
}

pub(crate) async fn page(
    call: Call<Parameters<EventQuery>>,
) -> Result<Either<Json<EventPage>, Lines>, Fault> {
    let task = call.task().await?;
    let EventQuery {
        after,
        limit,
        format,
    } = call.query.0;
    let after = after.unwrap_or(Seq::ZERO);
    if limit.is_some_and(|limit| !(1..=LONGEST_PAGE).contains(&limit)) {
        let text = format!("`limit` must be from 1 to {LONGEST_PAGE}");
        return Err(Fault::bad_request("query", text));
    }
    if format == Some(Format::Ndjson) {
        return Ok(Either::B(Lines {
            app: call.app,
            task,
            after,
            left: limit.unwrap_or(usize::MAX),
        }));
    }
    let limit = limit.unwrap_or(PAGE);
    // One more says whether there is another page.
    let mut events = call
        .app
        .engine
        .reader()
        .page(task, after, limit + 1)
        .await?;
    let more = events.len() > limit;
    events.truncate(limit);
    let last = events.last().map(|record| record.envelope.seq);
    Ok(Either::A(Json(EventPage {
        next_after: last.filter(|_| more),
        events,
    })))
}

/// The events of a task, a line each, read as they are sent.
pub(crate) struct Lines {
    app: Arc<App>,
    task: TaskId,
    after: Seq,
    /// Lines that are still to come at most.
    left: usize,
}

impl Answer for Lines {
    const STATUS: u16 = 200;

    fn forms(_: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
        vec![("application/x-ndjson", json!({ "type": "string" }))]
    }

    fn into_response(self, _: &Shown) -> Response {
        let pages = stream::try_unfold(Some(self), |lines| async move {
            let Some(mut lines) = lines else {
                return Ok(None);
            };
            let reader = lines.app.engine.reader();
            let most = lines.left.min(LONGEST_PAGE);
            if most == 0 {
                return Ok(None);
            }
            let page = reader.page(lines.task, lines.after, most).await;
            let page = page.map_err(|error| {
                // What was sent so far is whole lines; that it breaks off says the rest.
                tracing::error!(error = chain(&error), "an export broke off");
                io::Error::other(error)
            })?;
            let Some(last) = page.last().map(|record| record.envelope.seq) else {
                return Ok(None);
            };
            lines.after = last;
            lines.left -= page.len().min(lines.left);
            Ok::<_, io::Error>(Some((text(&page, &lines.app.shown)?, Some(lines))))
        });
        let mut response = Response::new(Body::from_stream(pages));
        let kind = HeaderValue::from_static("application/x-ndjson");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

fn text(page: &[Record], shown: &Shown) -> io::Result<Bytes> {
    let mut text = Vec::new();
    for record in page {
        text.extend(shown.json(record)?);
        text.push(b'\n');
    }
    Ok(text.into())
}
