//! What a model may call, and the policy in front of it.
//!
//! Start reading at [`Registry`]: it checks a call's arguments, asks the policy and runs the tool.
//! Files are touched and processes started only through `loom-workspace`; every change is given to
//! the [`Recorder`] before it is made.

#![deny(missing_docs)]

mod ask;
mod changes;
mod clip;
mod context;
mod external;
mod files;
mod names;
pub mod policy;
mod recall;
mod registry;
mod secrets;
mod seen;
mod shell;
mod skill;
mod tool;

pub use ask::{Ask, AskUser};
pub use context::{
    Found, Past, PastError, RecordError, Recorder, ShellSettings, SkillFile, ToolContext,
};
pub use external::{
    Free, LONGEST_SERVER_NAME, Offer, Secret, ServerPlace, ServerProgram, ServerSettings,
    ServerState, ServerStatus, ServerTool, Servers, Surroundings, is_server_name,
};
pub use recall::Recall;
pub use registry::{Checked, NameTaken, Registry};
pub use seen::Seen;
pub use shell::{CheckCommand, CheckRun, run_check, run_unjudged};
pub use skill::SkillTool;
pub use tool::{Call, CallOutcome, Held, Tool, ToolOutput};
