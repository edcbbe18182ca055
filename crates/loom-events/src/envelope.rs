//! The envelope around an event and its encoding with versions.
//!
//! Stored form: type, version and data apart, so that a reader can lift an old payload or refuse
//! an unknown one without guessing. Wire form: one flat JSON object.

use crate::{Event, Seq, SubtaskId, TaskId, Time};
use serde::{Deserialize, Serialize};

/// An event with its place in the journal of its task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Envelope {
    /// The task.
    pub task_id: TaskId,
    /// Place in the task's journal, from 1, without gaps.
    pub seq: Seq,
    /// When it was booked; never before the previous one.
    pub timestamp: Time,
    /// The subtask it belongs to, if to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtask_id: Option<SubtaskId>,
    /// The ordinal of the attempt it belongs to, if to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The same for everything inside one attempt or one round of planning: the seq that began it.
    pub correlation_id: Seq,
    /// What happened: `event_type` and `data`.
    #[serde(flatten)]
    pub event: Event,
}

/// An envelope as the journal gives it back: with its id over all tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Record {
    /// Grows over all tasks of one data directory; may have gaps.
    pub id: u64,
    /// The envelope.
    #[serde(flatten)]
    pub envelope: Envelope,
}

/// The version of a payload that has never changed.
pub const EVENT_VERSION: u32 = 1;

/// The version that this build writes for a type of event, and the newest that it reads. A payload
/// gets a new one when a reader of the old one would get something wrong. History, newest first:
///
/// * `context_trimmed` 2 — `before_turn` says which outputs are left out; a 1 says none, since no
///   Loom that wrote a 1 left any out.
/// * everything 1 — the first.
#[must_use]
pub fn event_version(event_type: &str) -> u32 {
    match event_type {
        "context_trimmed" => 2,
        _ => EVENT_VERSION,
    }
}

/// An event in its stored form.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// `event_type`.
    pub event_type: &'static str,
    /// Version of the payload.
    pub version: u32,
    /// The payload as JSON; `null` for a type without one.
    pub data: String,
}

/// Writes an event in its stored form.
///
/// # Errors
/// When a number in the payload is not finite; nothing else of an [`Event`] can fail to encode.
pub fn encode(event: &Event) -> Result<Encoded, EncodeError> {
    let value = serde_json::to_value(event)?;
    let data = value.get("data").unwrap_or(&serde_json::Value::Null);
    Ok(Encoded {
        event_type: event.name(),
        version: event_version(event.name()),
        data: data.to_string(),
    })
}

/// Reads an event from its stored form, lifting older versions to the newest.
///
/// # Errors
/// [`DecodeError`] names the type; the caller refuses the task, not the process.
pub fn decode(event_type: &str, version: u32, data: &str) -> Result<Event, DecodeError> {
    let known = event_version(event_type);
    if !(EVENT_VERSION..=known).contains(&version) {
        return Err(DecodeError::Version {
            event_type: event_type.to_owned(),
            version,
            known,
        });
    }
    // So far every older version is lifted by the default of what it lacks.
    // Built as text, so that the payload is parsed once and not through a `Value`.
    let text = if data == "null" {
        format!("{{\"event_type\":{}}}", serde_json::Value::from(event_type))
    } else {
        format!(
            "{{\"event_type\":{},\"data\":{data}}}",
            serde_json::Value::from(event_type)
        )
    };
    serde_json::from_str(&text).map_err(|source| DecodeError::Payload {
        event_type: event_type.to_owned(),
        source,
    })
}

/// An event that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("encode an event")]
pub struct EncodeError(#[from] serde_json::Error);

/// A stored event that this build cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer Loom.
    #[error("event `{event_type}` has version {version}, this build reads {known}")]
    Version {
        /// Its type.
        event_type: String,
        /// Its version.
        version: u32,
        /// The newest version of this type that this build reads.
        known: u32,
    },
    /// Unknown type or damaged payload.
    #[error("event `{event_type}` cannot be read")]
    Payload {
        /// Its type.
        event_type: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_its_stored_form() {
        for event in [
            Event::TaskPaused,
            Event::Degraded { what: "x".into() },
            Event::SubtaskFailed {
                subtask: SubtaskId::new("a").unwrap(),
                reason: "r \"q\"".into(),
            },
        ] {
            let stored = encode(&event).unwrap();
            let back = decode(stored.event_type, stored.version, &stored.data).unwrap();
            assert_eq!(back, event);
        }
    }

    #[test]
    fn the_name_of_a_type_is_its_tag() {
        let event = Event::TaskStopping {
            end: crate::End::Completed,
        };
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(value["event_type"], event.name());
    }

    #[test]
    fn an_unknown_type_and_a_newer_version_are_refused_by_name() {
        let unknown = decode("task_exploded", 1, "{}").unwrap_err();
        assert!(unknown.to_string().contains("task_exploded"));
        let newer = decode("task_paused", 2, "null").unwrap_err();
        assert!(newer.to_string().contains("version 2"));
    }

    #[test]
    fn an_older_version_of_a_payload_is_lifted() {
        let old = r#"{"effect":4,"elided":2}"#;
        let lifted = decode("context_trimmed", 1, old).unwrap();
        let expected = Event::ContextTrimmed {
            effect: crate::EffectId(Seq(4)),
            elided: 2,
            before_turn: 0,
        };
        assert_eq!(lifted, expected);
        assert_eq!(encode(&lifted).unwrap().version, 2);
        decode("context_trimmed", 3, old).unwrap_err();
        decode("context_trimmed", 0, old).unwrap_err();
    }

    #[test]
    fn on_the_wire_an_envelope_is_one_flat_object() {
        let envelope = Envelope {
            task_id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            seq: Seq(3),
            timestamp: Time::from_millis(0),
            subtask_id: None,
            attempt: None,
            correlation_id: Seq(2),
            event: Event::Degraded { what: "w".into() },
        };
        let text = serde_json::to_string(&Record { id: 7, envelope }).unwrap();
        assert_eq!(
            text,
            r#"{"id":7,"task_id":"01890a5d-ac96-774b-bcce-b302099a8057","seq":3,"timestamp":"1970-01-01T00:00:00.000Z","correlation_id":2,"event_type":"degraded","data":{"what":"w"}}"#
        );
    }
}
