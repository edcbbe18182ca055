//! `shell_execute`.

use super::command::{Line, judged, spec};
use crate::files::{argument, blocking, count, spec as tool_spec};
use crate::policy::{Decision, Judgement};
use crate::tool::{CallOutcome, ToolOutput, first_line, refusal};
use crate::{Call, ShellSettings, Tool};
use loom_events::{Class, FileChange, Operation, Risk, ToolSpec};
use loom_workspace::{Finished, FsError, RunError, RunStatus, run};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Changed files that are listed for the model.
const MAX_LISTED: usize = 20;

pub(super) struct ShellExecute(ToolSpec);

impl Default for ShellExecute {
    fn default() -> Self {
        Self(tool_spec(
            "shell_execute",
            "Run a command line with bash in the workspace: no terminal, no input, and no network unless \
             this task was given it; background processes end with it. Returns output, exit status and \
             changed files.",
            json!({
                "type": "object",
                "properties": {
                    "command": {"type": "string"},
                    "timeout_s": {"type": "integer", "minimum": 1}
                },
                "required": ["command"]
            }),
        ))
    }
}

#[async_trait::async_trait]
impl Tool for ShellExecute {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, arguments: &Value, shell: &ShellSettings) -> Class {
        let network = || judged(argument(arguments, "command"), None, shell).network;
        let leaves_the_workspace = shell.network || !shell.writable.is_empty();
        match shell.sandbox.is_contained() && !leaves_the_workspace && !network() {
            true => Class::Restorable,
            false => Class::Unknowable,
        }
    }

    fn summary(&self, arguments: &Value) -> String {
        format!("run {}", argument(arguments, "command"))
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        let line = argument(call.arguments, "command");
        if let Some(mark) = loom_redact::first_new_mark("", line) {
            return redacted(mark);
        }
        let workspace = call.context.workspace.map(AsRef::as_ref);
        let judgement = judged(line, workspace, call.context.shell);
        match judgement.decision {
            Decision::Deny => return denied(judgement),
            Decision::Ask if !call.is_granted() => return held(call, judgement),
            Decision::Ask | Decision::Allow => {}
        }
        match execute(call, judgement.network).await {
            Ok(output) => output.into(),
            Err(outcome) => outcome,
        }
    }
}

fn denied(judgement: Judgement) -> CallOutcome {
    let message = format!(
        "the command was not run: {}. Policy forbids this, and no approval changes it: reach the \
         goal in another way inside the workspace, or say what is blocked",
        judgement.reason
    );
    refusal("forbidden_command", message).into()
}

/// A command with a mark in the place of a secret would do something else than it says.
fn redacted(mark: &str) -> CallOutcome {
    let message = format!(
        "the command was not run: `{mark}` stands for a secret that you are not shown. Name the file or \
         the variable that holds it, or do without it"
    );
    refusal("redacted_text", message).into()
}

fn held(call: &Call<'_>, judgement: Judgement) -> CallOutcome {
    let risk = match judgement.network {
        true => Risk::High,
        false => Risk::Medium,
    };
    let action = argument(call.arguments, "command").to_owned();
    call.hold(judgement.reason, action, risk, judgement.rules)
        .into()
}

async fn execute(call: &Call<'_>, network: bool) -> Result<ToolOutput, CallOutcome> {
    let context = call.context;
    let none = || ToolOutput::negative("this task has no workspace");
    let workspace = context.workspace.ok_or_else(none)?;
    let asked_for = call
        .number("timeout_s")
        .map(|s| Duration::from_secs(s as u64));
    let timeout = asked_for
        .unwrap_or(context.shell.timeout)
        .min(context.shell.max_timeout);
    let line = Line {
        line: argument(call.arguments, "command"),
        workspace: workspace.as_ref(),
        scratch: context.scratch,
        timeout,
        network,
        label: context.label,
    };
    let before = {
        let workspace = Arc::clone(workspace);
        blocking(move || workspace.take_manifest())
            .await?
            .map_err(|error| unsafe_to_run(&error))?
    };
    let ran = match run(&spec(&line, context.shell), context.cancel).await {
        // It did run, so its changes are looked for all the same.
        Err(error @ RunError::Watch { .. }) => Err(error),
        Err(error) => {
            let text = format!("the command did not run: {error}");
            return Err(ToolOutput::negative(text).into());
        }
        Ok(finished) => Ok(finished),
    };
    let since = {
        let workspace = Arc::clone(workspace);
        blocking(move || workspace.changes_since(&before)).await?
    };
    // What a command tried to leave for git is for the user to know, too.
    let put_back = ran.as_ref().map(|finished| finished.put_back.clone());
    let mut degraded = put_back.unwrap_or_default();
    let changes = match since {
        Ok((_, changes)) => changes,
        Err(error) => {
            degraded.push(format!("what the command changed is not known: {error}"));
            Vec::new()
        }
    };
    record(call, &changes, &mut degraded).await;
    note_seen(call, &changes);
    Ok(match ran {
        Ok(finished) => output(finished, timeout, &changes, degraded),
        Err(error) => lost(&error, &changes, degraded),
    })
}

/// Nobody knows how it ended.
fn lost(error: &RunError, changes: &[FileChange], degraded: Vec<String>) -> ToolOutput {
    let text = format!(
        "the command was lost from sight, and how it ended is not known: {error}\n{}",
        listed(changes)
    );
    ToolOutput {
        summary: first_line(&text),
        text,
        touched: true,
        files_changed: crate::files::changed_files(changes),
        degraded,
        ..ToolOutput::default()
    }
}

/// The changes have happened; a journal that is not there any more is said, not hidden.
pub(crate) async fn record(call: &Call<'_>, changes: &[FileChange], degraded: &mut Vec<String>) {
    for change in changes {
        if let Err(error) = call.context.recorder.changing(change.clone()).await {
            degraded.push(error.to_string());
            return;
        }
    }
}

/// What is gone is not known any more; what was moved is known under its new name.
pub(crate) fn note_seen(call: &Call<'_>, changes: &[FileChange]) {
    for change in changes {
        match (&change.operation, &change.new_path) {
            (Operation::Rename, Some(to)) => call.context.seen.moved(&change.path, to),
            (Operation::Delete, _) => call.context.seen.forget(&change.path),
            (Operation::Create | Operation::Modify | Operation::Rename, _) => {}
        }
    }
}

fn unsafe_to_run(error: &FsError) -> ToolOutput {
    ToolOutput::negative(format!(
        "the command was not run, since the workspace could not be saved first: {error}"
    ))
}

fn output(
    finished: Finished,
    timeout: Duration,
    changes: &[FileChange],
    degraded: Vec<String>,
) -> ToolOutput {
    let status = match finished.status {
        RunStatus::Exit(code) => format!("exit status {code}"),
        RunStatus::Signal(signal) => format!("ended by signal {signal}"),
        RunStatus::TimedOut => format!(
            "killed after {} s: give a larger timeout_s, or do less at once",
            timeout.as_secs()
        ),
        RunStatus::Cancelled => "cancelled".to_owned(),
        RunStatus::OutOfMemory => {
            "ended by the limit of its memory: do less at once, or with fewer processes".to_owned()
        }
    };
    let mut text = finished.output;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("[no output]\n");
    }
    for corrected in finished.put_back {
        text.push_str(&format!("[git: {corrected}]\n"));
    }
    text.push_str(&listed(changes));
    let seconds = finished.duration.as_secs_f64();
    text.push_str(&format!("[{status}, {seconds:.1} s]\n"));
    let changed = crate::files::changed_files(changes);
    let summary = match changed {
        0 => first_line(&status),
        _ => format!(
            "{}, {} changed",
            first_line(&status),
            count(changed as usize, "file")
        ),
    };
    ToolOutput {
        ok: finished.status == RunStatus::Exit(0),
        text,
        full: None,
        summary,
        touched: true,
        files_changed: changed,
        degraded,
    }
}

pub(crate) fn listed(changes: &[FileChange]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut names: Vec<String> = changes.iter().take(MAX_LISTED).map(describe).collect();
    if changes.len() > MAX_LISTED {
        names.push(format!("and {} more", changes.len() - MAX_LISTED));
    }
    format!("[changed: {}]\n", names.join(", "))
}

fn describe(change: &FileChange) -> String {
    let path = &change.path;
    match (&change.operation, &change.new_path) {
        (Operation::Create, _) => format!("{path} (new)"),
        (Operation::Delete, _) => format!("{path} (deleted)"),
        (Operation::Rename, Some(to)) => format!("{path} -> {to}"),
        (Operation::Modify | Operation::Rename, _) => path.clone(),
    }
}
