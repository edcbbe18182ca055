//! Identities. Every id below a task is the [`Seq`] of the event that made it, so ids need no
//! counter, no randomness and no table: the journal is their source.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Identifies a task; a version 7 UUID, so ids sort by creation time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
#[serde(transparent)]
pub struct TaskId(#[cfg_attr(feature = "schema", schemars(with = "String"))] uuid::Uuid);

impl TaskId {
    /// Wraps a UUID that the caller made (the vocabulary itself has no randomness).
    #[must_use]
    pub const fn from_uuid(id: uuid::Uuid) -> Self {
        Self(id)
    }

    /// The last eight hexadecimal digits: what people type, long enough to be unique in practice.
    #[must_use]
    pub fn short(&self) -> String {
        let text = self.0.simple().to_string();
        text[text.len() - 8..].to_owned()
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({})", self.short())
    }
}

impl std::str::FromStr for TaskId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        uuid::Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| IdError::Task(text.to_owned()))
    }
}

/// Position of an event in the journal of its task; the first is 1 and there are no gaps.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! seq_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub Seq);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

seq_id! {
    /// Identifies an effect: the seq of its intent event.
    EffectId
}
seq_id! {
    /// Identifies an attempt: the seq of its `subtask_started`.
    AttemptId
}
seq_id! {
    /// Identifies a question to a human: the seq of its `approval_requested`.
    QuestionId
}
seq_id! {
    /// Identifies a round of planning: the seq of its `task_planning` or `task_replanning`.
    PlanningId
}

/// Names a subtask within its task: 1–64 characters, kebab case (`a-z`, `0-9`, single hyphens).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("pattern" = "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength" = 64))
)]
#[serde(transparent)]
pub struct SubtaskId(String);

impl SubtaskId {
    /// Longest id accepted; ids are read by people and repeated in every prompt.
    pub const MAX_LEN: usize = 64;

    /// Checks the form.
    ///
    /// # Errors
    /// [`IdError::Subtask`] when the text is not kebab case or has the wrong length.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let word = |w: &str| {
            !w.is_empty()
                && w.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if text.len() <= Self::MAX_LEN && text.split('-').all(word) {
            Ok(Self(text))
        } else {
            Err(IdError::Subtask(text))
        }
    }

    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubtaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SubtaskId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Names a payload by the BLAKE3 hash of its bytes (64 hexadecimal digits).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[0-9a-f]{64}$")))]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Wraps 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`IdError::Digest`] when the text is anything else.
    pub fn from_hex(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(hex) {
            Ok(Self(text))
        } else {
            Err(IdError::Digest(text))
        }
    }

    /// The hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({}…)", &self.0[..8])
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_hex(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Names a large payload (prompt, answer, tool output) in the blob store.
pub type BlobId = Digest;

/// Says why a text is not an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdError {
    /// Not a UUID.
    #[error("`{0}` is not a task id")]
    Task(String),
    /// Not kebab case, empty or too long.
    #[error("`{0}` is not a subtask id: use 1–64 of a–z, 0–9 and single hyphens")]
    Subtask(String),
    /// Not a BLAKE3 hash.
    #[error("`{0}` is not a digest")]
    Digest(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtask_ids_are_kebab_case() {
        for good in ["a", "fix-bug", "step-2-b", "2fa"] {
            assert!(SubtaskId::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a--b",
            "A",
            "a_b",
            "a b",
            "é",
            &"x".repeat(65),
        ] {
            assert!(SubtaskId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subtask_id_of_bad_form_is_refused_when_decoding() {
        assert!(serde_json::from_str::<SubtaskId>("\"../x\"").is_err());
    }
}
