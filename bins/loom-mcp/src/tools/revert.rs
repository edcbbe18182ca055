//! `loom_revert`: takes back what a task changed.

use super::{Answer, Hints, Refusal, Tool};
use crate::caller::Caller;
use loom_events::{
    Choices, Operation, RevertReport, RevertRequest, RevertScope, Seq, Settle, SubtaskId,
};
use loom_view::text::{clean, line, plural};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) struct Revert;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The task's id, or its last digits (at least four). It must have ended.
    task: String,
    /// Only what this step changed. At most one of `step`, `path`, `entry` and `last_revert`; none
    /// of them means everything.
    #[serde(default)]
    step: Option<String>,
    /// Only this file, or what is in this directory.
    #[serde(default)]
    path: Option<String>,
    /// Only this change, by its number.
    #[serde(default)]
    entry: Option<u64>,
    /// Take back the last revert itself.
    #[serde(default)]
    last_revert: bool,
    /// What to do about files that the user changed since. `leave` (usual): they stay as they are.
    /// `merge`: the user's changes stay, where that fits. `mark`: both, between conflict marks.
    /// `overwrite`: the old version comes back; only when your user says so.
    #[serde(default)]
    on_conflict: OnConflict,
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnConflict {
    #[default]
    Leave,
    Merge,
    Mark,
    Overwrite,
}

/// What was done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Output {
    /// The task's id.
    task_id: String,
    /// Whether it was only said and not done.
    dry_run: bool,
    /// What changed on disk.
    changes: Vec<Change>,
    /// Files that were left alone, and why.
    conflicts: Vec<Conflict>,
}

/// A change on disk.
#[derive(Serialize, JsonSchema)]
struct Change {
    /// Relative to the workspace.
    path: String,
    /// What was done to it.
    done: &'static str,
}

/// A file that was left alone.
#[derive(Serialize, JsonSchema)]
struct Conflict {
    /// Relative to the workspace.
    path: String,
    /// What stands in the way.
    why: String,
    /// Whether `overwrite` would take the old version.
    can_overwrite: bool,
}

impl Tool for Revert {
    type Args = Args;
    type Output = Output;
    const NAME: &'static str = "loom_revert";
    const TITLE: &'static str = "Take changes back";
    const ABOUT: &'static str = "Takes back what a finished task changed: everything, a step, a file or directory, or one change. What the user changed since is never overwritten unless `on_conflict` says so. A revert can itself be taken back (`last_revert`). `dry_run` shows first.";
    const HINTS: Hints = Hints::Destructive {
        again: false,
        open_world: false,
    };

    async fn call(caller: &Caller, args: Args) -> Result<Answer<Output>, Refusal> {
        let task = args.task.clone();
        let request = request(args)?;
        let id = caller.service().id(&task).await?;
        let dry_run = request.dry_run;
        let reverted = caller.service().call(|client| {
            let request = request.clone();
            async move { client.revert(id, &request).await }
        });
        let report = reverted.await?;
        let output = output(id.to_string(), dry_run, &report);
        Ok(Answer::Done {
            text: text(&output),
            output,
            links: Vec::new(),
        })
    }
}

fn request(args: Args) -> Result<RevertRequest, Refusal> {
    let mut scopes = Vec::new();
    if let Some(step) = args.step {
        let id = SubtaskId::new(step).map_err(|error| Refusal(error.to_string()))?;
        scopes.push(RevertScope::Subtask(id));
    }
    scopes.extend(args.path.map(RevertScope::File));
    scopes.extend(args.entry.map(|seq| RevertScope::Entry(Seq(seq))));
    scopes.extend(args.last_revert.then_some(RevertScope::LastRevert));
    if scopes.len() > 1 {
        let text = "give at most one of `step`, `path`, `entry` and `last_revert`";
        return Err(Refusal(text.to_owned()));
    }
    Ok(RevertRequest {
        scope: scopes.pop().unwrap_or_default(),
        choices: Choices::all(match args.on_conflict {
            OnConflict::Leave => Settle::Leave,
            OnConflict::Merge => Settle::Merge,
            OnConflict::Mark => Settle::Mark,
            OnConflict::Overwrite => Settle::Overwrite,
        }),
        dry_run: args.dry_run,
    })
}

fn output(task_id: String, dry_run: bool, report: &RevertReport) -> Output {
    let change = |change: &loom_events::FileChange| Change {
        path: clean(change.new_path.as_ref().unwrap_or(&change.path)),
        done: match change.operation {
            Operation::Create => "made again",
            Operation::Modify => "put back",
            Operation::Delete => "removed",
            Operation::Rename => "renamed back",
        },
    };
    let conflict = |one: &loom_events::Conflict| Conflict {
        path: clean(&one.path),
        why: line(&one.why),
        can_overwrite: one.can_overwrite,
    };
    Output {
        task_id,
        dry_run,
        changes: report.changes.iter().map(change).collect(),
        conflicts: report.conflicts.iter().map(conflict).collect(),
    }
}

fn text(output: &Output) -> String {
    let what = plural(output.changes.len(), "change");
    let mut text = match (output.changes.is_empty(), output.dry_run) {
        (true, _) => "Nothing was taken back.\n".to_owned(),
        (false, true) => format!("Would be done: {what}\n"),
        (false, false) => format!("Done: {what}\n"),
    };
    for change in &output.changes {
        text += &format!("- {}: {}\n", change.path, change.done);
    }
    for one in &output.conflicts {
        text += &format!("- {} is left alone: {}\n", one.path, one.why);
    }
    text
}
