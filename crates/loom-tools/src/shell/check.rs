//! Commands of planned checks: the same sandbox and policy as the model's, and nobody to ask.

use super::command::{Line, degraded, spec};
use crate::ShellSettings;
use crate::policy::{Decision, Where};
use loom_workspace::{Finished, Workspace, run};
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A command of a check.
pub struct CheckCommand<'a> {
    /// The line for the shell.
    pub line: &'a str,
    /// Where it runs.
    pub workspace: &'a Workspace,
    /// The task's own directory.
    pub scratch: &'a Path,
    /// When it is killed.
    pub timeout: Duration,
    /// How commands are run.
    pub shell: &'a ShellSettings,
    /// Marks every process of the run.
    pub label: &'a str,
}

/// What came of the command of a check.
#[derive(Debug)]
pub enum CheckRun {
    /// It ran; beside it the fallbacks that were taken.
    Finished(Finished, Vec<String>),
    /// It did not run, and why.
    NotRun(String),
}

/// Runs the command of a check.
pub async fn run_check(command: &CheckCommand<'_>, cancel: &CancellationToken) -> CheckRun {
    let place = Where {
        workspace: Some(command.workspace.path()),
        network: false,
    };
    let judgement = command.shell.policy.judge(command.line, &place);
    match judgement.decision {
        Decision::Allow => {}
        Decision::Ask => {
            let reason = judgement.reason;
            return CheckRun::NotRun(format!(
                "it needs an approval, and a check has none: {reason}"
            ));
        }
        Decision::Deny => {
            return CheckRun::NotRun(format!("policy forbids it: {}", judgement.reason));
        }
    }
    let line = Line {
        line: command.line,
        workspace: command.workspace,
        scratch: command.scratch,
        timeout: command.timeout,
        network: false,
        label: command.label,
    };
    match run(&spec(&line, command.shell), cancel).await {
        Ok(finished) => CheckRun::Finished(finished, degraded(command.shell)),
        Err(error) => CheckRun::NotRun(error.to_string()),
    }
}
