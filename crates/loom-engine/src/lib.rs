//! The runner and the facade: a task from its goal to its verified result.
//!
//! Start at [`Engine`], then `runner.rs`, one loop: step, append, start and stop, wait. Each kind of
//! work is one file of `effects/`. Nothing here decides what the kernel could decide.

#![deny(missing_docs)]

mod again;
mod broken;
mod changelog;
mod clock;
mod collect;
mod config;
mod conversation;
mod effects;
mod engine;
mod feed;
mod forks;
mod ledger;
mod metrics;
mod once;
mod outputs;
mod prefix;
mod project;
mod queue;
mod reader;
mod redact;
mod revert;
mod runner;
mod serving;
mod shared;
mod webhooks;
mod window;

pub use again::{Again, AgainError, Point};
pub use clock::{Clock, SystemClock};
pub use collect::{CollectError, Collection};
pub use config::{
    Config, ConfigError, Durability, Flag, Loaded, LogLevel, LoggingConfig, ModelConfig,
    ModelConfigError, Origin, PolicyConfig, PolicyRule, ProjectConfig, RuleDecision, SandboxConfig,
    SandboxMode, ServerApproval, ServerConfig, ServiceConfig, ShellConfigError, ShellPlace, Shown,
    Sources, StateConfig, Timeouts, ToolsConfig, WebhooksConfig, WorkspaceConfig, show,
};
pub use engine::{
    CommandError, Engine, OpenError, ResumeError, Setup, SubmitError, keep_model_facts, own_tools,
};
pub use feed::Feed;
pub use loom_events::{RevertReport, RevertRequest, RevertScope};
pub use loom_kernel::Rejection;
pub use loom_state::ModelFacts;
pub use loom_view::{
    AttemptView, ChangeEntry, ErrorRow, FileRow, Live, QuestionView, Signal, Steering,
    SubtaskStatus, SubtaskView, TaskStatus, TaskView, VerdictView, describe_end,
};
pub use metrics::{Metrics, ModelFigures};
pub use once::{Begun, OnceError};
pub use prefix::{PrefixReport, PrefixShare};
pub use project::{AgreedError, SkillInfo, SkillStanding, SkillSurvey, Skills};
pub use reader::{QueryError, Reader, ReplayReport};
pub use runner::{CommandRefused, RunnerError};
pub use webhooks::{WebhookError, Webhooks};
