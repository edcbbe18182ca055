//! What a front end follows while a task runs: journaled records, and live signals that are not
//! journaled (model text as it streams). A live signal may be missed; a record never is.

use futures_util::{Stream, StreamExt as _, future, stream};
use loom_events::{Record, TaskId};
use loom_state::ReadError;
use loom_view::Live;
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};

/// One thing to show. All who follow share it.
#[derive(Clone, Debug)]
pub enum Feed {
    /// An event, in order, each exactly once.
    Record(Arc<Record>),
    /// Something that happens right now; only for those who watch.
    Live(Arc<Live>),
}

/// Records with the live signals of one task in between; ends with the records.
pub(crate) fn merge(
    task: TaskId,
    records: impl Stream<Item = Result<Arc<Record>, ReadError>> + Send + 'static,
    live: broadcast::Receiver<Arc<Live>>,
) -> impl Stream<Item = Result<Feed, ReadError>> + Send + Unpin + 'static {
    // `None` marks the end of the records: signals alone must not keep the feed open.
    let records = records
        .map(|record| Some(record.map(Feed::Record)))
        .chain(stream::once(future::ready(None)));
    let signals = signals(live)
        .filter(move |live| future::ready(live.task_id == task))
        .map(|live| Some(Ok(Feed::Live(live))));
    stream::select(Box::pin(records), Box::pin(signals))
        .take_while(|item| future::ready(item.is_some()))
        .filter_map(future::ready)
        .boxed()
}

/// Signals as they come. One that was missed is not missed by anybody.
fn signals(live: broadcast::Receiver<Arc<Live>>) -> impl Stream<Item = Arc<Live>> + Send {
    stream::unfold(live, |mut live| async move {
        loop {
            match live.recv().await {
                Ok(signal) => return Some((signal, live)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}
