//! Simulated models behind a real HTTP server.
//!
//! [`SimServer`] speaks the OpenAI chat-completions protocol the way `llama-server` does. What it
//! answers comes from a [`Playbook`] (YAML that a person can read) or from any [`Responder`], spoiled
//! at will by [`Faults`]. It checks every request it gets and keeps what was wrong with it as a
//! [`Violation`]. [`WeakModels`] err as often as real ones on tasks whose true result is known.
//! [`Demo`] is a small project with a playbook that makes typical mistakes.
//!
//! The crate depends on no other crate of Loom: a harness that works against it works because of what
//! is on the wire.

#![deny(missing_docs)]

mod conversations;
mod demo;
mod embeddings;
mod fault;
mod judge;
mod playbook;
mod recognize;
mod reply;
mod request;
mod server;
mod stream;
mod weak;
mod well_formed;
mod when;
mod wire;

pub use conversations::PromptStats;
pub use demo::{Demo, DemoFile};
pub use embeddings::Embeddings;
pub use fault::{At, Fault, FaultRule, Faults, Refused, Stall};
pub use judge::{CriterionRule, Judge};
pub use playbook::{CallForm, Playbook, PlaybookError, ReplyForm, Rule, Step};
pub use recognize::{Mark, Recognizer, Role};
pub use reply::{Call, Finish, Reply, Responder};
pub use request::{ChatMessage, OfferedTool, PastCall, Request, Schema, Speaker};
pub use server::{Options, Record, SimModel, SimServer, StartError};
pub use weak::{
    Defect, DefectKind, Item, ItemKind, Nature, Profile, Trade, Truth, WeakModels, World, inspect,
};
pub use well_formed::{Violation, ViolationKind};
pub use when::{Called, OneOrMany, Span, Texts, When};
