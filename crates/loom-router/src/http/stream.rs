//! Divides the bytes of an answer into events, with an end to the patience.

use super::Framing;
use bytes::Bytes;
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use reqwest::{Response, header};
use serde::de::IgnoredAny;
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

/// The bytes of an answer as they come.
type Bytestream = BoxStream<'static, reqwest::Result<Bytes>>;

/// An answer of which nothing but its beginning was looked at.
pub(super) enum Begun {
    /// It comes in events or lines.
    Stream(Bytestream),
    /// It is one document, or several behind one another.
    Whole(Bytestream),
}

/// What marks a stream of events where the header does not.
const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

/// Enough to tell an event from a document.
const TELLING: usize = 6;

/// Looks at the beginning of an answer. It says more than the header, which is often set by who
/// stands between. Lines are lines even when there is only one.
pub(super) async fn begin(response: Response, framing: Framing) -> reqwest::Result<Begun> {
    let is_declared = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_lowercase().contains("text/event-stream"));
    let mut bytes = response.bytes_stream().boxed();
    if framing == Framing::Lines {
        return Ok(Begun::Stream(bytes));
    }
    let mut head = Vec::new();
    while is_short(without_mark(&head))
        && let Some(chunk) = bytes.next().await
    {
        head.extend_from_slice(&chunk?);
    }
    let start = without_mark(&head);
    let is_document = start.starts_with(b"{") || start.starts_with(b"[");
    let is_events = FIELDS.iter().any(|field| start.starts_with(field));
    let head = Bytes::copy_from_slice(start);
    let bytes = stream::iter([Ok(head)]).chain(bytes).boxed();
    Ok(match is_events || (is_declared && !is_document) {
        true => Begun::Stream(bytes),
        false => Begun::Whole(bytes),
    })
}

fn is_short(start: &[u8]) -> bool {
    start.len() < TELLING && !start.contains(&b'\n') && !start.starts_with(b"{")
}

/// Without the byte order mark and the blank lines with which some keep a connection alive.
fn without_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start()
}

/// The bytes of an answer in one piece, up to a bound.
pub(super) async fn collect(mut bytes: Bytestream, most: usize) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while body.len() < most
        && let Some(chunk) = bytes.next().await
    {
        body.extend_from_slice(&chunk?);
    }
    body.truncate(most);
    Ok(body)
}

/// The documents of a body behind one another; what is no document stays as it is, at the end.
pub(super) fn documents(body: &[u8]) -> Vec<&[u8]> {
    let mut documents = Vec::new();
    let mut read = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
    let mut from = 0;
    while let Some(document) = read.next() {
        let to = match document {
            Ok(_) => read.byte_offset(),
            Err(_) => body.len(),
        };
        documents.push(&body[from..to]);
        from = to;
    }
    documents
}

/// The data of an event, which is several where a server leaves out the blank lines between events.
pub(super) fn parts(data: &[u8]) -> Vec<&[u8]> {
    let is_one = !data.contains(&b'\n') || serde_json::from_slice::<IgnoredAny>(data).is_ok();
    match is_one {
        true => vec![data],
        false => data.split(|byte| *byte == b'\n').collect(),
    }
}

/// The events of an answer.
pub(super) fn events(
    bytes: Bytestream,
    framing: Framing,
) -> BoxStream<'static, Result<Vec<u8>, Lost>> {
    // The last event may lack the blank line that ends it.
    let end = stream::iter([Ok(Bytes::from_static(b"\n\n"))]);
    let bytes = capped(bytes.chain(end));
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
    stream
        .map(move |chunk| {
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
        .flat_map(|chunk| stream::iter(sliced(chunk)))
}

/// A chunk in small parts: the reader of events copies what is left of one for every line in it.
fn sliced(chunk: Result<Bytes, Lost>) -> impl Iterator<Item = Result<Bytes, Lost>> {
    const PART: usize = 4096;
    let (bytes, lost) = match chunk {
        Ok(bytes) => (bytes, None),
        Err(lost) => (Bytes::new(), Some(lost)),
    };
    let parts = (0..bytes.len())
        .step_by(PART)
        .map(move |from| Ok(bytes.slice(from..bytes.len().min(from + PART))));
    parts.chain(lost.map(Err))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_blank_lines_around_it_is_several() {
        let one = b"{\"a\":\n1}".as_slice();
        assert_eq!(parts(one), [one]);
        assert_eq!(
            parts(b"{\"a\":1}\n[DONE]"),
            [b"{\"a\":1}".as_slice(), b"[DONE]"]
        );
    }

    #[test]
    fn a_body_is_one_document_or_several_and_nothing_of_it_is_lost() {
        let lines = b"{\"a\":1}\n{\"b\":2}\n".as_slice();
        assert_eq!(documents(lines), [b"{\"a\":1}".as_slice(), b"\n{\"b\":2}"]);
        assert_eq!(
            documents(b"{\"a\":1} oops"),
            [b"{\"a\":1}".as_slice(), b" oops"]
        );
        assert_eq!(documents(b"<html>"), [b"<html>".as_slice()]);
        assert!(documents(b" \n").is_empty());
    }

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
