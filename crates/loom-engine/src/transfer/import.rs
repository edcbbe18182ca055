//! Reading a task from one file: checked whole before anything is written, and never in the place of
//! what is here.

use super::{EXPORT_FORMAT, End, Head, Payload, name};
use crate::engine::Engine;
use crate::ledger::Ledger;
use loom_events::{DecodeError, Envelope, Event, Record, Seq, TaskId, decode};
use loom_state::{AppendError, BlobError};
use loom_view::TaskStatus;
use serde::Deserialize;
use serde_json::Value;

/// A task that was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// It, under the id that it had.
    pub task: TaskId,
    /// Its events.
    pub events: u64,
    /// Where it stood when it was exported.
    pub status: TaskStatus,
}

/// Why a file was not imported. Nothing was written then, but payloads that nothing names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is something else.
    #[error("this is no export of Loom: its first line does not say so")]
    NoExport,
    /// It is from a newer Loom.
    #[error(
        "the export has form {found}, and this Loom reads forms up to {known}: use a newer Loom"
    )]
    Newer {
        /// Its form.
        found: u32,
        /// The newest that this build reads.
        known: u32,
    },
    /// It is not what was written.
    #[error("the export was changed or cut off: {0}")]
    Damaged(String),
    /// One of its events is of a newer Loom, or of none.
    #[error("read event {seq} of the export")]
    Event {
        /// Which.
        seq: Seq,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// There is a task of that id.
    #[error("task {0} is here already, and is left as it is")]
    Exists(TaskId),
    /// The journal did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A payload could not be kept.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl Engine {
    /// Takes a task from an export as history: it can be looked at, and nothing goes on with it.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn import(&self, file: &[u8]) -> Result<Imported, ImportError> {
        let Content {
            task,
            records,
            payloads,
        } = read(file)?;
        let mut ledger = Ledger::new(task);
        ledger.replay(&records).map_err(|bug| {
            ImportError::Damaged(format!("its events cannot have happened: {bug}"))
        })?;
        // They are durable with the events that name them.
        for payload in payloads {
            self.put_payload(payload).await?;
        }
        let events = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let envelopes = records.into_iter().map(|record| record.envelope).collect();
        match self.append_import(task, envelopes).await {
            Err(AppendError::Conflict { .. }) => Err(ImportError::Exists(task)),
            Err(error) => Err(error.into()),
            Ok(()) => {
                self.shared.vectors.wake();
                Ok(Imported {
                    task,
                    events,
                    status: ledger.view.status,
                })
            }
        }
    }
}

/// What is in a file.
struct Content {
    task: TaskId,
    records: Vec<Record>,
    payloads: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
struct EventLine {
    event: Value,
    version: u32,
}

fn read(file: &[u8]) -> Result<Content, ImportError> {
    // The form is looked at first: a newer one may be summed up in another way.
    let first = file.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let form: Value = serde_json::from_slice(first).map_err(|_| ImportError::NoExport)?;
    let form = form.get("loom_export").and_then(Value::as_u64);
    let found = u32::try_from(form.ok_or(ImportError::NoExport)?).unwrap_or(u32::MAX);
    if found > EXPORT_FORMAT {
        let known = EXPORT_FORMAT;
        return Err(ImportError::Newer { found, known });
    }
    let body = checked(file)?;
    let mut lines = body.split(|byte| *byte == b'\n').filter(|l| !l.is_empty());
    let head: Head = line(lines.next().unwrap_or_default())?;
    let mut records = Vec::new();
    for _ in 0..head.events {
        let next = lines.next().ok_or_else(|| damaged("events are missing"))?;
        records.push(record(line(next)?, head.task_id, records.last())?);
    }
    let mut payloads = Vec::new();
    for _ in 0..head.payloads {
        let next = lines
            .next()
            .ok_or_else(|| damaged("payloads are missing"))?;
        payloads.push(bytes(line(next)?)?);
    }
    match lines.next() {
        Some(_) => Err(damaged("there is more in it than its first line says")),
        None if records.is_empty() => Err(damaged("there is no event in it")),
        None => Ok(Content {
            task: head.task_id,
            records,
            payloads,
        }),
    }
}

/// Everything before the last line, which has the hash of it.
fn checked(file: &[u8]) -> Result<&[u8], ImportError> {
    let trimmed = file.strip_suffix(b"\n").unwrap_or(file);
    let at = trimmed.iter().rposition(|byte| *byte == b'\n');
    let (body, last) = file.split_at(at.map_or(0, |at| at + 1));
    let end: End = serde_json::from_slice(last).map_err(|_| damaged("its last line is missing"))?;
    let hash = blake3::hash(body).to_hex();
    match end.blake3 == hash.as_str() {
        true => Ok(body),
        false => Err(damaged("it does not have the hash that its last line says")),
    }
}

fn record(line: EventLine, task: TaskId, before: Option<&Record>) -> Result<Record, ImportError> {
    let mut event = line.event;
    let seq = before
        .map_or(Seq::ZERO, |record| record.envelope.seq)
        .next();
    let kind = event.get("event_type").and_then(Value::as_str);
    let kind = kind
        .ok_or_else(|| damaged("an event has no type"))?
        .to_owned();
    let data = event.get("data").unwrap_or(&Value::Null).to_string();
    let lifted = decode(&kind, line.version, &data);
    let lifted = lifted.map_err(|source| ImportError::Event { seq, source })?;
    // The envelope has the form of any event without a payload.
    if let Some(members) = event.as_object_mut() {
        members.insert("event_type".to_owned(), Event::TaskPaused.name().into());
        members.remove("data");
    }
    let envelope: Envelope = serde_json::from_value(event)
        .map_err(|error| damaged(&format!("event {seq} has no envelope: {error}")))?;
    if envelope.task_id != task || envelope.seq != seq {
        return Err(damaged(&format!("event {seq} is of another place")));
    }
    Ok(Record {
        id: seq.0,
        envelope: Envelope {
            event: lifted,
            ..envelope
        },
    })
}

fn bytes(payload: Payload) -> Result<Vec<u8>, ImportError> {
    let bytes = match (payload.text, payload.hex) {
        (Some(text), None) => Some(text.into_bytes()),
        (None, Some(hex)) => from_digits(&hex),
        _ => None,
    };
    let bytes = bytes.ok_or_else(|| damaged("a payload has no content"))?;
    match name(&bytes) == payload.payload {
        true => Ok(bytes),
        false => Err(damaged("a payload does not have the hash that names it")),
    }
}

fn from_digits(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

fn line<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, ImportError> {
    serde_json::from_slice(line).map_err(|error| damaged(&error.to_string()))
}

fn damaged(what: &str) -> ImportError {
    ImportError::Damaged(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(lines: &[&str]) -> Vec<u8> {
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let hash = blake3::hash(body.as_bytes()).to_hex();
        format!("{body}{{\"blake3\":\"{hash}\"}}\n").into_bytes()
    }

    fn refused(file: &[u8]) -> String {
        read(file).map(|_| ()).unwrap_err().to_string()
    }

    const HEAD: &str = r#"{"loom_export":1,"build":"loom 0.1.0","task_id":"01890a5d-ac96-774b-bcce-b302099a8057","exported":"2026-11-28T17:03:12.345Z","events":1,"payloads":1}"#;
    const PAUSED: &str = r#"{"event":{"task_id":"01890a5d-ac96-774b-bcce-b302099a8057","seq":1,"timestamp":"1970-01-01T00:00:00.000Z","correlation_id":1,"event_type":"task_paused"},"version":1}"#;

    fn payload() -> String {
        format!(r#"{{"payload":"{}","text":"x"}}"#, name(b"x"))
    }

    #[test]
    fn what_is_as_it_was_written_is_read() {
        let content = read(&sealed(&[HEAD, PAUSED, &payload()])).unwrap();
        assert_eq!(
            (content.records.len(), content.payloads),
            (1, vec![b"x".to_vec()])
        );
        assert_eq!(content.records[0].envelope.event, Event::TaskPaused);
    }

    #[test]
    fn what_is_something_else_newer_changed_or_cut_off_is_refused_by_name() {
        let whole = sealed(&[HEAD, PAUSED, &payload()]);
        assert!(refused(b"").contains("no export"));
        assert!(refused(b"{\"a\": 1}\n").contains("no export"));
        let newer = HEAD.replace("\"loom_export\":1", "\"loom_export\":2");
        assert!(refused(newer.as_bytes()).contains("form 2"));
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "byte {at} was changed");
            assert!(
                at + 1 == whole.len() || read(&whole[..at]).is_err(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_right_hash_over_what_cannot_be_is_not_enough() {
        let newer = PAUSED.replace("\"version\":1", "\"version\":9");
        assert!(refused(&sealed(&[HEAD, &newer, &payload()])).contains("event 1"));
        let moved = PAUSED.replace("\"seq\":1", "\"seq\":2");
        assert!(refused(&sealed(&[HEAD, &moved, &payload()])).contains("another place"));
        let other = payload().replace("\"x\"", "\"y\"");
        assert!(refused(&sealed(&[HEAD, PAUSED, &other])).contains("the hash that names it"));
        assert!(refused(&sealed(&[HEAD, PAUSED])).contains("payloads are missing"));
        assert!(refused(&sealed(&[HEAD, PAUSED, &payload(), &payload()])).contains("more in it"));
    }
}
