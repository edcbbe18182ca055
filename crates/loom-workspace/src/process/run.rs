//! Runs one command to its end.

use crate::Sandbox;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// A line for `sh -c` (`bash -c` where there is one).
    Shell(String),
    /// A program and its arguments.
    Program(Vec<OsString>),
}

/// A command and its surroundings. Everything is said here; nothing is inherited.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// What to run.
    pub command: CommandLine,
    /// The workspace: writable, also in the sandbox.
    pub workspace: PathBuf,
    /// Where to run it: the workspace or a directory in it.
    pub cwd: PathBuf,
    /// The whole environment; `PATH` should be in it, `HOME` names what the sandbox hides.
    pub env: Vec<(OsString, OsString)>,
    /// When it is killed.
    pub timeout: Duration,
    /// Bytes of output kept: the first and the last half.
    pub output_cap: usize,
    /// What stands between it and the machine.
    pub sandbox: Sandbox,
    /// The task's scratch directory: writable.
    pub scratch: PathBuf,
    /// More that may be read in the sandbox, such as [`crate::toolchains`].
    pub readable: Vec<PathBuf>,
    /// Whether it may use the network, in the sandbox.
    pub network: bool,
    /// Marks every process of this run, so that survivors are found; unique in this machine.
    pub label: String,
}

/// How a command ended, and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub status: RunStatus,
    /// Standard output and error as they came, with a mark where the middle was left out.
    pub output: String,
    /// Bytes left out of the middle.
    pub omitted: u64,
    /// How long it took.
    pub duration: Duration,
}

impl Finished {
    /// Whether a part of the output was left out.
    #[must_use]
    pub const fn truncated(&self) -> bool {
        self.omitted > 0
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// Killed at its timeout.
    TimedOut,
    /// Killed because it was cancelled.
    Cancelled,
}

/// Why a command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no program in it.
    #[error("the command is empty")]
    Empty,
    /// It could not be started.
    #[error("`{program}` cannot be started")]
    Start {
        /// The program.
        program: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// It was lost from sight while it ran.
    #[error("`{program}` cannot be watched")]
    Watch {
        /// The program.
        program: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

/// Runs a command in its own process group and, when it ends, is cancelled, times out or the future
/// is dropped, ends everything it started.
///
/// # Errors
/// When it cannot be started. A command that fails is not an error.
pub async fn run(spec: &CommandSpec, cancel: &CancellationToken) -> Result<Finished, RunError> {
    let _ = (spec, cancel);
    unimplemented!()
}

/// Kills every process whose label starts with `prefix`: what a crash of Loom left running.
/// Returns how many it found.
#[must_use]
pub fn kill_labelled(prefix: &str) -> usize {
    let _ = prefix;
    unimplemented!()
}
