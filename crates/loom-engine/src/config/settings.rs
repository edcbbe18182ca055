//! The effective configuration as plain data. Where a key is in the file is not where its value is
//! here: `keys.rs` connects the two.

use super::{
    ModelConfig, NotifyConfig, PolicyConfig, ServerConfig, TelemetryConfig, WebhooksConfig,
};
use loom_events::TaskSettings;
use loom_state::Durability;
use loom_workspace::Trees;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Models by name.
    pub models: BTreeMap<String, ModelConfig>,
    /// Servers of tools by name.
    pub servers: BTreeMap<String, ServerConfig>,
    /// The service.
    pub service: ServiceConfig,
    /// Where tasks may work.
    pub workspace: WorkspaceConfig,
    /// Settings that a task is created with: limits, ladder, verification, approval.
    pub task: TaskSettings,
    /// Tasks that run at once; two never write one workspace, whatever this says.
    pub max_parallel_tasks: u32,
    /// A directory with prompt templates that replace built-in ones of the same name.
    pub prompts: Option<PathBuf>,
    /// What of a project goes into prompts.
    pub project: ProjectConfig,
    /// What is remembered of tasks.
    pub memory: MemoryConfig,
    /// The journal.
    pub state: StateConfig,
    /// Tools.
    pub tools: ToolsConfig,
    /// What the user says of commands.
    pub policy: PolicyConfig,
    /// What contains the commands that tools run.
    pub sandbox: SandboxConfig,
    /// Who is told of the end of tasks, and of questions.
    pub webhooks: WebhooksConfig,
    /// Whose command is run for them, and whether a bell rings.
    pub notify: NotifyConfig,
    /// Where spans of tasks are sent to.
    pub telemetry: TelemetryConfig,
    /// What Loom writes about itself.
    pub logging: LoggingConfig,
}

impl Config {
    /// One local model server works on one or two prompts at a time, so more tasks would only wait
    /// for each other; four keep it busy while some of them run their checks.
    const MAX_PARALLEL_TASKS: u32 = 4;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            models: BTreeMap::new(),
            servers: BTreeMap::new(),
            service: ServiceConfig::default(),
            workspace: WorkspaceConfig::default(),
            task: TaskSettings::default(),
            max_parallel_tasks: Self::MAX_PARALLEL_TASKS,
            prompts: None,
            project: ProjectConfig::default(),
            memory: MemoryConfig::default(),
            state: StateConfig::default(),
            tools: ToolsConfig::default(),
            policy: PolicyConfig::default(),
            sandbox: SandboxConfig::default(),
            webhooks: WebhooksConfig::default(),
            notify: NotifyConfig::default(),
            telemetry: TelemetryConfig::default(),
            logging: LoggingConfig::default(),
        }
    }
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceConfig {
    /// The address to listen at.
    pub host: String,
    /// The port; 0 takes any that is free.
    pub port: u16,
    /// Names besides its address by which the service may be called.
    pub names: Vec<String>,
    /// Bytes of a request's body.
    pub max_body: u64,
    /// Tasks without an end; a further one is not taken.
    pub max_tasks: u32,
    /// Connections at once.
    pub max_connections: u32,
    /// Streams of events at once.
    pub max_subscribers: u32,
}

impl Default for ServiceConfig {
    /// Only this machine; a goal and its context fit into a body many times over; and a hundred
    /// programs may each follow ten tasks.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 9000,
            names: Vec::new(),
            max_body: 1 << 20,
            max_tasks: 1000,
            max_connections: 2048,
            max_subscribers: 1536,
        }
    }
}

/// `[memory]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryConfig {
    /// Name of the model that makes vectors of what was noted. It is asked for nothing else.
    pub embedding: Option<String>,
}

/// `[workspace]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkspaceConfig {
    /// Directories beneath which a workspace may be; empty allows any that is not dangerous.
    pub roots: Vec<PathBuf>,
    /// More names of directories that are left out of snapshots.
    pub derived: Vec<String>,
    /// Names of directories that are never left out.
    pub keep: Vec<String>,
    /// The most bytes that the first snapshot of a task may take.
    pub max_snapshot: u64,
}

impl WorkspaceConfig {
    /// A project that is worked on by hand is far smaller; beyond it a directory full of data was
    /// given by mistake, and copying it would take longer than the work.
    const MAX_SNAPSHOT: u64 = 20 << 30;

    /// What is said about directories.
    pub(crate) fn trees(&self) -> Trees {
        Trees {
            derived: self.derived.clone(),
            keep: self.keep.clone(),
        }
    }
}

impl Default for WorkspaceConfig {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            derived: Vec::new(),
            keep: Vec::new(),
            max_snapshot: Self::MAX_SNAPSHOT,
        }
    }
}

/// What of a project goes into prompts; keys of `[execution]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProjectConfig {
    /// Its files of instructions.
    pub notes: bool,
    /// Skills: the user's own, and those of the project that were agreed to.
    pub skills: bool,
}

impl Default for ProjectConfig {
    fn default() -> Self {
        Self {
            notes: true,
            skills: true,
        }
    }
}

/// `[state]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateConfig {
    /// What an acknowledged event survives.
    pub durability: Durability,
    /// Milliseconds for which the snapshots of an ended task are kept; none: for ever.
    pub keep_snapshots_ms: Option<u64>,
    /// Bytes that the snapshots of ended tasks may take; beyond it the oldest go first.
    pub max_snapshots: u64,
}

impl Default for StateConfig {
    /// A month: whoever has lived with a change that long takes it back with git.
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            keep_snapshots_ms: Some(30 * 24 * 60 * 60 * 1000),
            max_snapshots: 20 << 30,
        }
    }
}

/// `[tools]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolsConfig {
    /// Milliseconds after which a shell command and everything it started is killed.
    pub shell_timeout_ms: u64,
}

impl Default for ToolsConfig {
    /// Five minutes: a cold build of a mid-sized project fits, a command that waits for input it
    /// will never get does not hold up the task for an evening.
    fn default() -> Self {
        Self {
            shell_timeout_ms: 5 * 60 * 1000,
        }
    }
}

/// `[sandbox]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxConfig {
    /// What contains commands.
    pub mode: SandboxMode,
    /// The image of containers.
    pub image: Option<String>,
    /// The socket of the engine, as in `DOCKER_HOST` or as a path; none looks at the usual places.
    pub socket: Option<String>,
    /// Memory of a container in MiB; none leaves it to the engine.
    pub memory_mib: Option<u64>,
    /// More that commands may read than the system, toolchains and the workspace.
    pub read: Vec<PathBuf>,
    /// More that commands may write. Nothing of it is recorded or put back.
    pub write: Vec<PathBuf>,
}

/// What contains the commands that tools run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxMode {
    /// The strongest that works here; when there is none, no command runs.
    #[default]
    Auto,
    /// Bubblewrap, or Loom does not start.
    Bubblewrap,
    /// Landlock, or Loom does not start.
    Landlock,
    /// The sandbox of macOS, or Loom does not start.
    Seatbelt,
    /// A container for each command, or Loom does not start.
    Docker,
    /// Nothing, on the user's word.
    None,
}

/// `[logging]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggingConfig {
    /// The least severe messages that are written.
    pub level: LogLevel,
}

/// Severity of log messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What broke.
    Error,
    /// What is suspicious, too.
    #[default]
    Warn,
    /// What happens, too.
    Info,
    /// Details, too.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word used in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
