//! What a secret looks like, and the text without it: known values first, then patterns. Pure.
//!
//! Start at [`Redactor`], and at [`Flow`] for what comes in pieces; the patterns are rows of `rules.rs`. Nothing here knows what a text is for:
//! which texts may lose their secrets, and which must stay exact, is said in
//! `docs/decisions/0017-what-is-shown-is-redacted-what-is-acted-on-is-exact.md`.

#![deny(missing_docs)]

mod assigned;
mod base64;
mod block;
#[cfg(test)]
mod cases;
mod flow;
mod known;
mod mark;
mod names;
mod random;
mod redactor;
mod rules;
mod set;
mod span;
mod tokens;
mod url;

pub use flow::Flow;
pub use known::Secret;
pub use mark::first_new_mark;
pub use names::is_secret_name;
pub use redactor::Redactor;
