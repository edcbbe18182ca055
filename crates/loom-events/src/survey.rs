//! What a task found in its workspace before any work: what is protected, and what is not.

use serde::{Deserialize, Serialize};

/// The workspace before work starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Survey {
    /// Files and links that are kept before they change.
    pub files: u64,
    /// Their bytes: the most that a first snapshot takes, before compression.
    pub bytes: u64,
    /// Bytes that are free where snapshots are kept, if that could be found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// What is not protected, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOutGroup>,
}

/// What is not protected for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeftOutGroup {
    /// The reason.
    pub why: WhyLeftOut,
    /// How many files or directories.
    pub count: u64,
    /// The first of them.
    pub paths: Vec<String>,
}

impl LeftOutGroup {
    /// Paths that are named for each reason; all reasons together name about twenty.
    pub const NAMED: usize = 3;
}

/// Why something is left out of snapshots: its changes are neither seen nor undone, unless it says
/// otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhyLeftOut {
    /// Derived from the rest and bulky, such as `target` or `node_modules`.
    Derived,
    /// Internals of a git repository.
    Git,
    /// A device, or a socket: its changes are seen, but it cannot be made again.
    Special,
    /// It cannot be read.
    Unreadable,
    /// Larger than the store keeps: changes are seen but cannot be undone.
    TooLarge,
    /// Below more levels than are walked.
    TooDeep,
}
