//! Tools against a real workspace, and the policy against the recorded commands.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop where something is wrong"
)]

mod bench;
mod editing;
mod faults;
mod files;
mod hostile;
mod nowhere;
mod path_cases;
mod paths;
mod policy;
mod recall;
mod redaction;
mod registry;
mod score;
mod shell;
mod undoing;
mod wrapped;
