//! The seam to child processes: checks are lines for a shell, run under policy and sandbox.

use async_trait::async_trait;
use std::time::Duration;

/// Runs the command of a check in the workspace that is judged.
#[async_trait]
pub trait CheckRunner: Send + Sync {
    /// Runs one line to its end. Dropping the future ends it.
    async fn run(&self, line: &str, timeout: Duration) -> Seen;
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How it ended.
    pub ended: Ended,
    /// What it printed, standard error included, capped.
    pub output: String,
    /// How long it took.
    pub duration: Duration,
    /// Fallbacks taken, such as a missing sandbox.
    pub degraded: Vec<String>,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exit(i32),
    /// Killed at its timeout.
    TimedOut,
    /// Killed by a signal.
    Signal(i32),
    /// It was not run, for this reason: policy forbids it, or it could not be started.
    NotRun(String),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(status) => write!(f, "exit {status}"),
            Self::TimedOut => f.write_str("killed at its timeout"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::NotRun(why) => write!(f, "not run: {why}"),
        }
    }
}
