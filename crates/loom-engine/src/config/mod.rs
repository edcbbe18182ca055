//! Configuration: built-in defaults, then `loom.toml` in the data directory, then a file that was
//! named, then the environment, then flags. Every value knows where it came from.
//!
//! Start at `keys.rs`: one table names every key, its form and its field, and reading, checking,
//! showing and the documentation test are derived from it. A value that does not fit is an error
//! that names place, key and the nearest valid one; nothing is silently ignored.

mod docker;
mod environment;
mod error;
mod file;
mod form;
mod keys;
mod load;
mod model;
mod outside;
mod policy;
mod secrets;
mod server;
mod settings;
mod shell;
mod show;
mod webhooks;

pub use error::{ConfigError, Origin};
pub use load::{Flag, Loaded, Sources};
pub use loom_state::Durability;
pub use model::{ModelConfig, ModelConfigError, Timeouts};
pub use outside::{NotifyConfig, TelemetryConfig};
pub use policy::{PolicyConfig, PolicyRule, RuleDecision};
pub use server::{ServerApproval, ServerConfig};
pub use settings::{
    Config, LogLevel, LoggingConfig, MemoryConfig, ProjectConfig, SandboxConfig, SandboxMode,
    ServiceConfig, StateConfig, ToolsConfig, WorkspaceConfig,
};
pub use shell::{ShellConfigError, ShellPlace};
pub use show::{Shown, show};
pub use webhooks::WebhooksConfig;
