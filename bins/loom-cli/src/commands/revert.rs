//! `loom revert`: puts back what a task changed. What somebody else changed since is left alone until
//! they say what is to be done about it.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::{Style, Tone, clean, plural};
use clap::{Args, ValueEnum};
use loom_engine::{RevertReport, RevertRequest, RevertScope};
use loom_events::{FileChange, Operation, Seq, SubtaskId, TaskId};
use loom_workspace::{Choices, Conflict, How, Offer, Settle};
use serde_json::json;

/// Lines of a difference that are shown with a conflict; `--json` has all of it.
const MAX_LINES: usize = 12;

/// Arguments of `loom revert`.
#[derive(Debug, Args)]
#[command(after_help = "\
What you changed since is a conflict: it is shown and left alone, and the exit code is 1. Then
  --merge            keep your changes and take Loom's out, where that comes out clean
  --merge=markers    the same, with conflict marks in the file where it does not
  --overwrite PATH   take the old version of PATH; --theirs takes the old version of all
What was there is kept: --undo takes any revert back, as a whole or not at all. Doing --undo twice \
does the revert again; it never goes a step further back.

Examples:
  loom revert 1a2b3c4d
  loom revert 1a2b3c4d --file src/main.rs
  loom revert 1a2b3c4d --entry 42    one change of those that `loom changes` lists
  loom revert 1a2b3c4d --merge
  loom revert 1a2b3c4d --undo        take the last revert itself back")]
pub(crate) struct RevertArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Only what this subtask changed
    #[arg(long, value_name = "ID", group = "what")]
    subtask: Option<String>,
    /// Only this file or directory, relative to the workspace
    #[arg(long, value_name = "PATH", group = "what")]
    file: Option<String>,
    /// Only this change, by its number in `loom changes`
    #[arg(long, value_name = "SEQ", group = "what")]
    entry: Option<u64>,
    /// Take the last revert back; a second time does it again
    #[arg(long, group = "what")]
    undo: bool,
    /// Keep what you changed since and take only Loom's changes out
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true,
          default_missing_value = "clean")]
    merge: Option<MergeHow>,
    /// Take the old version of this path, also where you changed it since
    #[arg(long, value_name = "PATH")]
    overwrite: Vec<String>,
    /// Take the old version of everything, also of what you changed since
    #[arg(long, conflicts_with = "merge")]
    theirs: bool,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Print what was done as one line of JSON
    #[arg(long)]
    json: bool,
}

/// What becomes of a merge that does not come out clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MergeHow {
    /// It stays a conflict, and the file is left alone
    Clean,
    /// Both versions are written into the file, between conflict marks
    Markers,
}

impl RevertArgs {
    fn request(&self) -> Result<RevertRequest, Fault> {
        let rest = match (self.theirs, self.merge) {
            (true, _) => Settle::Overwrite,
            (false, Some(MergeHow::Clean)) => Settle::Merge,
            (false, Some(MergeHow::Markers)) => Settle::Mark,
            (false, None) => Settle::Leave,
        };
        let mut choices = Choices::all(rest);
        let overwritten = self.overwrite.iter();
        choices
            .paths
            .extend(overwritten.map(|path| (path.clone(), Settle::Overwrite)));
        Ok(RevertRequest {
            scope: self.scope()?,
            choices,
            dry_run: self.dry_run,
        })
    }

    fn scope(&self) -> Result<RevertScope, Fault> {
        if self.undo {
            return Ok(RevertScope::LastRevert);
        }
        if let Some(path) = &self.file {
            return Ok(RevertScope::File(path.clone()));
        }
        if let Some(seq) = self.entry {
            return Ok(RevertScope::Entry(Seq(seq)));
        }
        match &self.subtask {
            None => Ok(RevertScope::Task),
            Some(id) => SubtaskId::new(id.as_str())
                .map(RevertScope::Subtask)
                .map_err(|error| Fault::from(error).exit(Exit::Usage)),
        }
    }
}

pub(super) async fn run(arguments: RevertArgs, context: &mut Context) -> Outcome {
    let request = arguments.request()?;
    let (service, task) = context.task(&arguments.task).await?;
    let task = task.task_id;
    let reverted = service.client().revert(task, &request).await;
    service.leave().await;
    let report = reverted.map_err(client_fault)?;
    if arguments.json {
        let json = as_json(task, &request, &report);
        context.ui.raw(&format!("{json}\n"));
    } else {
        show(context, task, &request, &report);
    }
    match report.conflicts.is_empty() {
        true => Ok(Exit::Done),
        false => Ok(Exit::Failed),
    }
}

fn show(context: &mut Context, task: TaskId, request: &RevertRequest, report: &RevertReport) {
    if request.dry_run {
        context
            .ui
            .line(Tone::Hint, "nothing is done yet; this would be:");
    }
    for (tone, text) in lines(report) {
        context.ui.line(tone, &text);
    }
    let proposals = request.choices.rest == Settle::Merge;
    for conflict in &report.conflicts {
        let style = context.ui.out;
        context.ui.raw(&details(conflict, proposals, style));
    }
    for text in ways(task, request, report) {
        context.ui.note(Tone::Hint, &text);
    }
}

/// What a revert did.
pub(super) fn lines(report: &RevertReport) -> Vec<(Tone, String)> {
    let how = |change: &FileChange| {
        let settled = report.settled.iter().find(|one| one.path == change.path);
        settled.map(|settled| settled.how)
    };
    let mut lines: Vec<_> = report
        .changes
        .iter()
        .map(|change| (Tone::Good, format!("  {}", line(change, how(change)))))
        .collect();
    for conflict in &report.conflicts {
        let text = format!("  left alone  {}: {}", clean(&conflict.path), conflict.why);
        lines.push((Tone::Caught, text));
    }
    let head = match (report.changes.len(), report.conflicts.len()) {
        (0, 0) => "nothing to put back: everything is as it was".to_owned(),
        (0, _) => "nothing was put back".to_owned(),
        (n, _) => format!("{} put back", plural(n, "file")),
    };
    lines.insert(0, (Tone::Strong, head));
    lines
}

fn line(change: &FileChange, how: Option<How>) -> String {
    let path = clean(&change.path);
    match (change.operation, how) {
        (_, Some(How::Merged)) => format!("merged      {path}"),
        (_, Some(How::Marked)) => format!("marked      {path}: resolve the marks in it"),
        (_, Some(How::Overwritten)) => format!("overwritten {path}"),
        (Operation::Create, None) => format!("back again  {path}"),
        (Operation::Modify, None) => format!("as before   {path}"),
        (Operation::Delete, None) => format!("gone again  {path}"),
        (Operation::Rename, None) => {
            let to = change.new_path.as_deref().map(clean).unwrap_or_default();
            format!("named back  {path} → {to}")
        }
    }
}

/// What somebody changed since, in short, and what a merge makes of it.
fn details(conflict: &Conflict, proposals: bool, style: Style) -> String {
    let mut text = String::new();
    if let Some(since) = &conflict.since {
        let patch = since.patch.lines().skip_while(|l| !l.starts_with("@@"));
        let patch: Vec<&str> = patch.collect();
        if !patch.is_empty() {
            let head = format!("\n{}, changed since:", clean(&conflict.path));
            text.push_str(&style.paint(Tone::Strong, &head));
            text.push('\n');
            text.push_str(&style.patch(&shortened(&patch)));
        }
    }
    if let Offer::Marked {
        places,
        text: merged,
    } = &conflict.merge
        && proposals
    {
        let head = format!(
            "\n{}, merged with {} in it:",
            clean(&conflict.path),
            plural(*places, "conflict")
        );
        text.push_str(&style.paint(Tone::Strong, &head));
        text.push('\n');
        for line in merged.lines() {
            text.push_str(&clean(line));
            text.push('\n');
        }
    }
    text
}

fn shortened(lines: &[&str]) -> String {
    let mut text: String = lines
        .iter()
        .take(MAX_LINES)
        .map(|line| format!("{line}\n"))
        .collect();
    let more = lines.len().saturating_sub(MAX_LINES);
    if more > 0 {
        text.push_str(&format!(" and {}\n", plural(more, "more line")));
    }
    text
}

/// How to go on.
fn ways(task: TaskId, request: &RevertRequest, report: &RevertReport) -> Vec<String> {
    let task = task.short();
    let again = format!("loom revert {task}{}", flags(&request.scope));
    let count = |offer: fn(&Offer) -> bool| {
        let conflicts = report.conflicts.iter();
        conflicts.filter(|conflict| offer(&conflict.merge)).count()
    };
    let clean = count(|offer| matches!(offer, Offer::Clean { .. }));
    let marked = count(|offer| matches!(offer, Offer::Marked { .. }));
    let mut ways = Vec::new();
    if clean > 0 {
        let files = plural(clean, "file");
        ways.push(format!(
            "keep your changes and take Loom's out ({files}): {again} --merge"
        ));
    }
    if marked > 0 {
        let files = plural(marked, "file");
        ways.push(format!(
            "merge with conflict marks ({files}): {again} --merge=markers"
        ));
    }
    if let Some(first) = report.conflicts.iter().find(|one| one.can_overwrite) {
        let path = shell_word(&first.path);
        ways.push(format!(
            "take the old version: {again} --overwrite {path}, or --theirs for all"
        ));
    }
    if !report.changes.is_empty() && !request.dry_run {
        ways.push(match request.scope {
            RevertScope::LastRevert => format!("do it again: loom revert {task} --undo"),
            _ => format!("take this back: loom revert {task} --undo"),
        });
    }
    ways
}

/// The scope as it is typed.
fn flags(scope: &RevertScope) -> String {
    match scope {
        RevertScope::Task => String::new(),
        RevertScope::Subtask(id) => format!(" --subtask {id}"),
        RevertScope::File(path) => format!(" --file {}", shell_word(path)),
        RevertScope::Entry(seq) => format!(" --entry {seq}"),
        RevertScope::LastRevert => " --undo".to_owned(),
        // Not asked for here: that is how `loom retry` and `loom fork` put back.
        RevertScope::Subtasks(_) | RevertScope::After(_) => String::new(),
    }
}

/// A path as it can be typed.
fn shell_word(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@');
    match path.chars().all(plain) && !path.starts_with('-') {
        true => path.to_owned(),
        false => format!("'{}'", clean(path).replace('\'', "'\\''")),
    }
}

fn as_json(task: TaskId, request: &RevertRequest, report: &RevertReport) -> serde_json::Value {
    json!({
        "task_id": task,
        "dry_run": request.dry_run,
        "changes": report.changes,
        "settled": report.settled,
        "conflicts": report.conflicts,
    })
}
