//! Divides the bytes of an answer into events, with an end to the patience.

use super::Framing;
use bytes::Bytes;
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use reqwest::{Response, header};
use std::collections::VecDeque;

/// What a whole stream may weigh: a token costs some 300 bytes on the wire, and twice that with the
/// timings that some servers add to each.
const MAX_STREAM_BYTES: usize = 128 << 20;

/// What one line may weigh: the whole arguments of a call in one event, escaped.
const MAX_LINE_BYTES: usize = 4 << 20;

/// Why the bytes of a stream end before their end.
#[derive(Debug)]
pub(super) enum Lost {
    Http(reqwest::Error),
    TooLarge(&'static str, usize),
    NoEvents(&'static str),
}

/// Whether the answer is a stream. Lines are lines even when there is only one.
pub(super) fn is_stream(response: &Response, framing: Framing) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_events = kind
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"));
    is_events || framing == Framing::Lines
}

/// The events of an answer.
pub(super) fn events(
    response: Response,
    framing: Framing,
) -> BoxStream<'static, Result<Vec<u8>, Lost>> {
    let bytes = capped(response.bytes_stream());
    match framing {
        Framing::Lines => lines(bytes.boxed()).boxed(),
        Framing::Events => bytes
            .eventsource()
            .map(|event| match event {
                Ok(event) => Ok(event.data.into_bytes()),
                Err(EventStreamError::Transport(lost)) => Err(lost),
                Err(EventStreamError::Utf8(_)) => Err(Lost::NoEvents("the stream is not UTF-8")),
                Err(EventStreamError::Parser(_)) => {
                    Err(Lost::NoEvents("the stream does not consist of events"))
                }
            })
            .boxed(),
    }
}

/// The lines that have something on them; the last one needs no end.
fn lines(
    bytes: BoxStream<'static, Result<Bytes, Lost>>,
) -> impl Stream<Item = Result<Vec<u8>, Lost>> {
    struct Reader {
        bytes: BoxStream<'static, Result<Bytes, Lost>>,
        ready: VecDeque<Vec<u8>>,
        open: Vec<u8>,
    }
    let reader = Reader {
        bytes,
        ready: VecDeque::new(),
        open: Vec::new(),
    };
    stream::unfold(reader, |mut reader| async {
        loop {
            if let Some(line) = reader.ready.pop_front() {
                return Some((Ok(line), reader));
            }
            match reader.bytes.next().await {
                Some(Ok(chunk)) => {
                    let mut parts = chunk.split(|byte| *byte == b'\n');
                    reader.open.extend(parts.next().into_iter().flatten());
                    for part in parts {
                        let line = std::mem::replace(&mut reader.open, part.to_vec());
                        reader
                            .ready
                            .extend(Some(line).filter(|line| !is_blank(line)));
                    }
                }
                Some(Err(lost)) => return Some((Err(lost), reader)),
                None if is_blank(&reader.open) => return None,
                None => {
                    let line = std::mem::take(&mut reader.open);
                    return Some((Ok(line), reader));
                }
            }
        }
    })
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

/// The same bytes within bounds: the readers of events and lines buffer a line whatever its length.
fn capped(
    stream: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, Lost>> + Send + 'static {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_the_same_wherever_their_bytes_are_split() {
        let text = "{\"a\":1}\r\n\n{\"b\":\"ä\"}\n{\"c\":2}".as_bytes();
        for at in 0..text.len() {
            let (a, b) = text.split_at(at);
            let parts = [a, b].map(|part| Ok(Bytes::copy_from_slice(part)));
            let read: Vec<_> = lines(stream::iter(parts).boxed())
                .map(|line| String::from_utf8(line.unwrap()).unwrap().trim().to_owned())
                .collect()
                .await;
            assert_eq!(
                read,
                ["{\"a\":1}", "{\"b\":\"ä\"}", "{\"c\":2}"],
                "split at {at}"
            );
        }
    }
}
