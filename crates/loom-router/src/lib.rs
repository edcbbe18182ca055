//! The only code that talks to a model.
//!
//! What lives here: model entries with their roles and tiers, the choice between them, one provider
//! per kind of server, deadlines, retries, the bound on concurrent calls, and the strict reading of
//! what comes back. What does not: prompts, tools, schemas of tool arguments, the journal. A caller
//! hands over typed [`loom_events::Message`]s and gets a typed [`loom_events::Answer`].
//!
//! Start at [`Router`], then `http/call.rs` for one call from request to reply, one of `openai`,
//! `ollama` and `anthropic` for a protocol, and `loom_dialect` for how an answer is interpreted.
//!
//! **Invariant:** nothing here repairs a call by guessing. A call is read as it was meant, or it is
//! refused with a reason that the model can act on.
#![deny(missing_docs)]

mod anthropic;
mod assembly;
mod breaker;
mod by_role;
mod call_error;
mod capabilities;
mod cut;
mod discover;
mod embed;
mod entry;
mod gate;
mod history;
mod http;
mod json_answer;
mod key;
mod kind;
mod model;
mod ollama;
mod openai;
mod outline;
mod probe;
mod provider;
mod queue;
mod repetition;
mod reply;
mod request;
mod retry;
mod router;
mod seats;
mod select;
mod size;
mod status;
mod thinking;
mod tokens;

pub use anthropic::Anthropic;
pub use by_role::{RoleError, RoleReply};
pub use call_error::{CallError, Deadline};
pub use capabilities::{Calls, Capabilities, Judging, Thinking};
pub use discover::{
    Absent, Candidate, Discovered, FoundModel, Usable, discover, entries, local_candidates, usable,
};
pub use embed::Haste;
pub use entry::{Deadlines, ModelEntry};
pub use json_answer::{JsonError, JsonReply};
pub use key::ApiKey;
pub use kind::ProviderKind;
pub use loom_dialect::{Delta, DeltaSink, Discard, Family};
pub use ollama::Ollama;
pub use openai::OpenAiCompatible;
pub use probe::{Canary, Finding, Probe, Stage, Subject, Verdict, probe};
pub use provider::{BuiltinProviders, ListedModel, Provider, ProviderFactory};
pub use reply::ChatReply;
pub use request::{ChatRequest, JsonSchema, ToolChoice};
pub use router::{Router, RouterError};
pub use select::{NoModel, Selected, Tried};
pub use status::{Health, ModelStatus, Speed};
pub use thinking::ThinkingSetting;
pub use tokens::Budget;
