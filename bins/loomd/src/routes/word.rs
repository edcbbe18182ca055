//! [`Word`]: what is said in a stream.

use super::gather::Weight;
use crate::http::sse;
use crate::shown::Shown;
use axum::body::Bytes;
use loom_client::wire::{MODEL_DELTA, Problem, STREAM_CUT};
use loom_events::{Record, TaskId};
use loom_view::Live;
use serde::Serialize;

/// One event as it is written, or several.
pub(super) struct Word {
    pub(super) written: Bytes,
    /// Whether the stream ends with it.
    pub(super) is_last: bool,
}

impl Word {
    /// What is no record, and nothing ends with it.
    pub(super) const fn passing(written: Bytes) -> Self {
        Self {
            written,
            is_last: false,
        }
    }

    pub(super) fn of_task(record: &Record, shown: &Shown) -> Self {
        Self {
            written: written(record, record.envelope.seq.0, shown),
            is_last: record.envelope.event.is_terminal(),
        }
    }

    pub(super) fn of_all(record: &Record, shown: &Shown) -> Self {
        Self::passing(written(record, record.id, shown))
    }

    pub(super) fn live(signal: &Live, shown: &Shown) -> Self {
        let text = said(shown.text(&Named::new(MODEL_DELTA, signal)));
        Self::passing(sse::event(MODEL_DELTA, None, &text))
    }

    /// The last word of a stream that ends before its time.
    pub(super) fn cut(task: Option<TaskId>, code: &str, detail: &str) -> Self {
        let mut problem = Problem::new(code, detail);
        problem.task_id = task;
        let text = said(serde_json::to_string(&Named::new(STREAM_CUT, &problem)));
        Self {
            written: sse::event(STREAM_CUT, None, &text),
            is_last: true,
        }
    }
}

impl Weight for Word {
    fn bytes(&self) -> usize {
        self.written.len()
    }
}

/// Many as one, to be written at once.
pub(super) fn one(many: &[Bytes]) -> Bytes {
    match many {
        [one] => one.clone(),
        many => many.concat().into(),
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
    const fn new(event_type: &'static str, said: &'a T) -> Self {
        Self { event_type, said }
    }
}

fn written(record: &Record, id: u64, shown: &Shown) -> Bytes {
    let text = said(shown.record(record));
    sse::event(record.envelope.event.name(), Some(id), &text)
}

/// What is journaled had a JSON form, and has it still.
fn said<T: From<&'static str>>(text: serde_json::Result<T>) -> T {
    text.unwrap_or_else(|_| "null".into())
}
