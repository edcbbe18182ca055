//! Commands of planned checks: the same sandbox and policy as the model's, and nobody to ask.

use super::command::{Line, judged, spec};
use crate::ShellSettings;
use crate::policy::Decision;
use loom_workspace::{Finished, RunError, Workspace, run};
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
    /// It ran.
    Finished(Finished),
    /// It did not run, and why.
    NotRun(String),
}

/// Runs the command of a check.
pub async fn run_check(command: &CheckCommand<'_>, cancel: &CancellationToken) -> CheckRun {
    let judgement = judged(command.line, Some(command.workspace), command.shell);
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
    match run_unjudged(command, cancel).await {
        Ok(finished) => CheckRun::Finished(finished),
        Err(error) => CheckRun::NotRun(error.to_string()),
    }
}

/// Runs a command without asking the policy: for a measure of what stands behind it. Everything
/// else is as in `shell_execute`.
///
/// # Errors
/// When it cannot be started.
pub async fn run_unjudged(
    command: &CheckCommand<'_>,
    cancel: &CancellationToken,
) -> Result<Finished, RunError> {
    let line = Line {
        line: command.line,
        workspace: command.workspace,
        scratch: command.scratch,
        timeout: command.timeout,
        network: false,
        label: command.label,
    };
    run(&spec(&line, command.shell), cancel).await
}
