//! Loom as a library: give it a goal in plain language and a directory, and get back a result that was
//! verified, with models on your own machine.
//!
//! ```no_run
//! use futures_util::StreamExt as _;
//! use loom_engine::events::{NewTask, Seq};
//! use loom_engine::router::ModelEntry;
//! use loom_engine::{Engine, Setup};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let model = ModelEntry::new("mine", "http://127.0.0.1:8080/v1");
//! let engine = Engine::open(Setup::new("/var/lib/my-program", vec![model.into()])).await?;
//! let goal = NewTask::new("Write a haiku about rain into haiku.txt").within("/home/me/poems");
//! let task = engine.submit(goal).await?;
//! let mut feed = engine.follow(task, Seq::ZERO);
//! while feed.next().await.is_some() {}
//! println!("{}", engine.reader().task(task).await?.status.name());
//! engine.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What there is
//!
//! * [`Engine`] is everything that acts: [`submit`](Engine::submit) begins a task and answers once it is
//!   durable, [`command`](Engine::command) steers, answers, pauses and cancels,
//!   [`follow`](Engine::follow) tells what happens, [`revert`](Engine::revert) takes changes back.
//!   An engine has one data directory, and nobody else has it; several engines can live in a process.
//! * [`Reader`] answers questions from the journal, with an engine or without one.
//! * [`TaskView`] is what a task looks like: a fold of its records, which you can keep by yourself.
//! * [`Extensions`] adds tools of your own and ways to talk to models that Loom does not know.
//! * [`events`], [`router`] and [`tools`] are the crates whose words the interface uses.
//!
//! # What it does not do by itself
//!
//! Nothing is read from the environment: configuration, search path, home and clock are passed in with
//! [`Setup`]. After a crash [`Engine::recover`] takes up what is unfinished; [`Engine::open`] alone does
//! not. Commands of models run in a sandbox only where [`Setup::helper`] names a program that calls
//! `loom_workspace::sandbox_helper` first thing in `main`; where no sandbox works, no command runs. With
//! [`events::TaskSettings::attended`] somebody must answer questions; without it a question fails the task.
//!
//! `examples/` has a whole program for each of these: `embed`, `events`, `custom_tool` and
//! `custom_provider`. `docs/embedding.md` says what of the interface is promised.
//!
//! # For who works on it
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
mod extend;
mod feed;
mod forks;
mod keeper;
mod learning;
mod ledger;
mod measure;
mod metrics;
mod once;
mod outputs;
mod outside;
mod prefix;
mod project;
mod queue;
mod rate;
mod reader;
mod redact;
mod revert;
mod runner;
mod serving;
mod shared;
mod sideline;
mod transfer;
mod vectors;
mod webhooks;
mod window;

pub use again::{Again, AgainError, Point};
pub use clock::{Clock, SystemClock};
pub use collect::{CollectError, Collection};
pub use config::{
    Config, ConfigError, Durability, Flag, Loaded, LogLevel, LoggingConfig, MemoryConfig,
    ModelConfig, ModelConfigError, NotifyConfig, Origin, PolicyConfig, PolicyRule, ProjectConfig,
    RuleDecision, SandboxConfig, SandboxMode, ServerApproval, ServerConfig, ServiceConfig,
    ShellConfigError, ShellPlace, Shown, Sources, StateConfig, TelemetryConfig, Timeouts,
    ToolsConfig, WebhooksConfig, WorkspaceConfig, show,
};
pub use engine::{
    CommandError, Engine, OpenError, ResumeError, Setup, SubmitError, keep_model_facts, own_tools,
};
pub use extend::Extensions;
pub use feed::Feed;
pub use learning::{Learned, LearnedPlan, LearnedRecord};
pub use loom_events::{RevertReport, RevertRequest, RevertScope};
pub use loom_kernel::Rejection;
pub use loom_state::{Lesson, ModelFacts};
pub use loom_view::{
    AttemptView, ChangeEntry, ErrorRow, FileRow, Live, QuestionView, Signal, Steering,
    SubtaskStatus, SubtaskView, TaskStatus, TaskView, VerdictView, describe_compared, describe_end,
};
pub use measure::{JudgingError, measure_verifier};
pub use metrics::{Metrics, ModelFigures};
pub use once::{Begun, OnceError};
pub use outside::TelemetryError;
pub use prefix::{PrefixReport, PrefixShare};
pub use project::{AgreedError, SkillInfo, SkillStanding, SkillSurvey, Skills};
pub use rate::{RateError, Rated, Rating};
pub use reader::{QueryError, Reader, ReplayReport};
pub use runner::{CommandRefused, RunnerError};
pub use transfer::{EXPORT_FORMAT, ImportError, Imported, MAX_EXPORT};
pub use webhooks::{WebhookError, Webhooks};
pub use {loom_events as events, loom_router as router, loom_tools as tools};
