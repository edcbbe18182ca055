//! The streams of the service, as messages. They resume by themselves (`loom_client::follow`); what
//! waiting does not mend is told, and tried again later.

use crate::msg::Msg;
use futures_util::{Stream, StreamExt as _};
use loom_client::{Client, ClientError, Followed, TaskQuery};
use loom_events::{Event, Record, Seq, TaskId};
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// Records given on together.
const TOGETHER: usize = 256;

/// How long to wait after an error that no waiting mends by itself: a wrong token, another program
/// on the port. Somebody may mend it meanwhile.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// Follows all tasks, to know that something happened in one of them.
pub(super) async fn all(client: Client, outbox: Sender<Msg>) {
    loop {
        let mut stream = client.follow_all(None);
        while let Some(item) = stream.next().await {
            let msg = match item {
                Ok(Followed::Record(record)) => Msg::Stirred {
                    calls: calls(&record.envelope.event),
                },
                // What models say is shown of the task that is watched.
                Ok(Followed::Live(_)) => continue,
                Ok(Followed::Offline(error)) | Err(error) => Msg::Offline(told(&error)),
                Ok(Followed::Online) => Msg::Online,
            };
            if outbox.send(msg).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(AFTER_ERROR).await;
        // Only an answer that needs the token shows that it is mended.
        let one = TaskQuery {
            limit: Some(1),
            ..TaskQuery::default()
        };
        if client.tasks(&one).await.is_ok() && outbox.send(Msg::Online).await.is_err() {
            return;
        }
    }
}

/// Whether somebody who does not look should hear of it.
const fn calls(event: &Event) -> bool {
    matches!(event, Event::ApprovalRequested { .. }) || event.is_terminal()
}

/// Follows one task from its beginning to its end.
pub(super) async fn watch(client: Client, task: TaskId, outbox: Sender<Msg>) {
    give(client.follow(task, Seq::ZERO), task, outbox).await;
}

async fn give(
    stream: impl Stream<Item = Result<Followed, ClientError>> + Unpin,
    task: TaskId,
    outbox: Sender<Msg>,
) {
    // Whatever is there already is given on together: the past of a task is long.
    let mut stream = stream.ready_chunks(TOGETHER);
    while let Some(items) = stream.next().await {
        let mut records = Vec::new();
        let mut msgs = Vec::new();
        for item in items {
            match item {
                Ok(Followed::Record(record)) => records.push(*record),
                Ok(Followed::Live(live)) => {
                    flush(task, &mut records, &mut msgs);
                    msgs.push(Msg::Live(Box::new(live)));
                }
                Ok(Followed::Offline(error)) => msgs.push(Msg::Offline(told(&error))),
                Ok(Followed::Online) => msgs.push(Msg::Online),
                Err(error) => msgs.push(Msg::Unwatchable(task, told(&error))),
            }
        }
        flush(task, &mut records, &mut msgs);
        for msg in msgs {
            if outbox.send(msg).await.is_err() {
                return;
            }
        }
    }
}

fn flush(task: TaskId, records: &mut Vec<Record>, msgs: &mut Vec<Msg>) {
    if !records.is_empty() {
        msgs.push(Msg::Records(task, std::mem::take(records)));
    }
}

/// An error with its causes, in one line.
pub(super) fn told(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        // Some say their cause themselves.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
