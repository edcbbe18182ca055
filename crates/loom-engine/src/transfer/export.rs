//! Writing a task into one file, without secrets.

use super::{EXPORT_FORMAT, End, Head, NAMES, Payload, name};
use crate::engine::Engine;
use crate::reader::QueryError;
use loom_events::{BlobId, Record, TaskId, event_version};
use loom_redact::Redactor;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Engine {
    /// A task in one file: its journal, and the prompts, answers and outputs that it names. Secrets are
    /// left out once more, since some of what is kept is exact, see decision 0017.
    ///
    /// # Errors
    /// There is no such task, or it cannot be read.
    pub async fn export(&self, task: TaskId) -> Result<Vec<u8>, QueryError> {
        let records = self.reader().records(task).await?;
        let mut events: Vec<Value> = records.iter().map(|r| event(r, self.redactor())).collect();
        let mut renamed = BTreeMap::new();
        // By the names that they get, so that the same task is the same file wherever it comes from.
        let mut payloads = BTreeMap::new();
        for id in events.iter().flat_map(named) {
            if renamed.contains_key(&id) {
                continue;
            }
            if let Some(bytes) = self.reader().blob(&id).await? {
                let bytes = redacted(bytes, self.redactor());
                // What lost a secret has another hash, and that is its name.
                renamed.insert(id, name(&bytes));
                payloads.insert(name(&bytes), bytes);
            }
        }
        events.iter_mut().for_each(|event| rename(event, &renamed));
        let head = Head {
            loom_export: EXPORT_FORMAT,
            build: self.build().to_owned(),
            task_id: task,
            exported: self.now(),
            events: count(events.len()),
            payloads: count(payloads.len()),
        };
        let mut file = Vec::new();
        line(&mut file, &head);
        events.iter().for_each(|event| line(&mut file, event));
        for bytes in payloads.into_values() {
            line(&mut file, &payload(bytes));
        }
        let blake3 = blake3::hash(&file).to_hex().to_string();
        line(&mut file, &End { blake3 });
        Ok(file)
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn line(file: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(&mut *file, value).expect("BUG: what is kept has a form");
    file.push(b'\n');
}

/// An event with the version of its payload, by which an older one is lifted.
fn event(record: &Record, redactor: &Redactor) -> Value {
    let envelope = &record.envelope;
    let mut event = serde_json::to_value(envelope).expect("BUG: what is kept has a form");
    redactor.value(&mut event);
    json!({ "event": event, "version": event_version(envelope.event.name()) })
}

/// The payloads that an event may name: anything with the form of a name.
fn named(value: &Value) -> Vec<BlobId> {
    let mut found = Vec::new();
    walk(value, &mut |id| found.push(id));
    found
}

fn walk(value: &Value, tell: &mut impl FnMut(BlobId)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, tell)),
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if NAMES.contains(&key.as_str()) => {
                        BlobId::from_hex(text.as_str())
                            .into_iter()
                            .for_each(&mut *tell);
                    }
                    other => walk(other, tell),
                }
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn rename(value: &mut Value, renamed: &BTreeMap<BlobId, BlobId>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, renamed)),
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if NAMES.contains(&key.as_str()) => {
                        let id = BlobId::from_hex(text.as_str()).ok();
                        if let Some(new) = id.and_then(|id| renamed.get(&id)) {
                            *text = new.to_string();
                        }
                    }
                    other => rename(other, renamed),
                }
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A payload without secrets. One of ours is JSON, of which names say what is assigned to them; the
/// others are text.
fn redacted(bytes: Vec<u8>, redactor: &Redactor) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else {
        return redactor.bytes(bytes);
    };
    let before = value.clone();
    redactor.value(&mut value);
    match value == before {
        // As it stands: it may be an output that only looks like one of ours.
        true => bytes,
        false => serde_json::to_vec(&value).unwrap_or_default(),
    }
}

fn payload(bytes: Vec<u8>) -> Payload {
    let payload = name(&bytes);
    match String::from_utf8(bytes) {
        Ok(text) => Payload {
            payload,
            text: Some(text),
            hex: None,
        },
        Err(mixed) => Payload {
            payload,
            text: None,
            hex: Some(digits(mixed.as_bytes())),
        },
    }
}

fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}
