//! A task in one file: exported for another machine or a report, and imported as history.
//!
//! The file is JSON, one object a line: what it is, each event with the version of its payload, each
//! payload that an event names, and last the hash of everything before. `export.rs` writes it, `import.rs`
//! reads it; neither decides anything about a task.
//!
//! **Invariant:** nothing leaves with a secret in it, and nothing that is here is ever replaced by what
//! comes.

mod export;
mod import;

pub use import::{ImportError, Imported};

use loom_events::{BlobId, TaskId, Time};
use serde::{Deserialize, Serialize};

/// The form that this build writes, and the newest that it reads.
pub const EXPORT_FORMAT: u32 = 1;

/// The longest export: prompts and outputs of a task of thousands of turns. It is read into memory.
pub const MAX_EXPORT: usize = 256 * 1024 * 1024;

/// Members of an event that may name a payload. Snapshots of files are no payload of history: they
/// would be the user's whole directory.
const NAMES: [&str; 6] = ["answer", "evidence", "full", "partial", "prompt", "text"];

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// The form.
    loom_export: u32,
    build: String,
    task_id: TaskId,
    exported: Time,
    events: u64,
    payloads: u64,
}

/// A payload.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    payload: BlobId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What is no text, in hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
struct End {
    /// Hash over every byte before this line.
    blake3: String,
}

/// The name of a payload.
fn name(bytes: &[u8]) -> BlobId {
    let hash = blake3::hash(bytes).to_hex();
    BlobId::from_hex(hash.as_str()).expect("BUG: a hash is 64 hex digits")
}
