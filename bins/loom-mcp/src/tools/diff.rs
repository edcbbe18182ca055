//! `loom_diff`: what a task changed.

use super::{Answer, Hints, Refusal, Tool};
use crate::caller::Caller;
use crate::resources;
use loom_events::{DiffStatus, FileDiff};
use loom_view::text::clean;
use rmcp::model::ContentBlock;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes of patches in one result: what an agent can read at once. Whole files only, so that the patch
/// stays one; the rest is named.
const MAX_PATCH: usize = 30_000;

/// Files that are listed.
const MAX_FILES: usize = 200;

pub(super) struct Diff;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The task's id, or its last digits (at least four).
    task: String,
    /// Only this file, relative to the workspace.
    #[serde(default)]
    path: Option<String>,
}

/// What is different from before the task.
#[derive(Serialize, JsonSchema)]
pub(super) struct Output {
    /// The task's id.
    task_id: String,
    /// How many files are different.
    files_changed: usize,
    /// The files.
    files: Vec<File>,
    /// A unified patch, valid for `git apply`.
    patch: String,
    /// Files whose patch is not in `patch`, since it would be too long: ask for them by `path`, or
    /// read the resource.
    left_out: Vec<String>,
}

/// A file that is different.
#[derive(Serialize, JsonSchema)]
struct File {
    /// Relative to the workspace.
    path: String,
    /// Its path before, when it was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path: Option<String>,
    /// `added`, `modified`, `deleted` or `renamed`.
    status: &'static str,
    /// Lines added.
    added: u32,
    /// Lines removed.
    removed: u32,
    /// Whether it is not text.
    binary: bool,
}

impl Tool for Diff {
    type Args = Args;
    type Output = Output;
    const NAME: &'static str = "loom_diff";
    const TITLE: &'static str = "Show changes";
    const ABOUT: &'static str = "Shows what is different in the workspace from before the task, as a patch. Long patches are left out by file and named; `path` shows one file.";
    const HINTS: Hints = Hints::ReadOnly;

    async fn call(caller: &Caller, args: Args) -> Result<Answer<Output>, Refusal> {
        let id = caller.service().id(&args.task).await?;
        let files = match &args.path {
            Some(path) => {
                let one = caller
                    .service()
                    .call(|client| async move { client.file_diff(id, path).await });
                vec![one.await?]
            }
            None => {
                caller
                    .service()
                    .call(|client| async move { client.diff(id).await })
                    .await?
                    .files
            }
        };
        let output = output(id.to_string(), &files, args.path.is_some());
        let links = vec![ContentBlock::resource_link(resources::diff(id))];
        Ok(Answer::Done {
            text: text(&output),
            output,
            links,
        })
    }
}

fn output(task_id: String, files: &[FileDiff], asked_for: bool) -> Output {
    let mut patch = String::new();
    let mut left_out = Vec::new();
    for file in files {
        // One file that was asked for is shown whatever its length, up to what a message can hold.
        let most = if asked_for { MAX_PATCH * 8 } else { MAX_PATCH };
        match patch.len() + file.patch.len() <= most {
            true => patch += &file.patch,
            false => left_out.push(clean(&file.path)),
        }
    }
    Output {
        task_id,
        files_changed: files.len(),
        files: files.iter().take(MAX_FILES).map(File::new).collect(),
        patch,
        left_out,
    }
}

impl File {
    fn new(diff: &FileDiff) -> Self {
        Self {
            path: clean(&diff.path),
            old_path: diff.old_path.as_deref().map(clean),
            status: match diff.status {
                DiffStatus::Added => "added",
                DiffStatus::Modified => "modified",
                DiffStatus::Deleted => "deleted",
                DiffStatus::Renamed => "renamed",
            },
            added: diff.added,
            removed: diff.removed,
            binary: diff.binary,
        }
    }
}

fn text(output: &Output) -> String {
    if output.files.is_empty() {
        return "Nothing is different from before the task.".to_owned();
    }
    let mut text = String::new();
    for file in &output.files {
        let (added, removed) = (file.added, file.removed);
        text += &format!("{} {} (+{added} -{removed})\n", file.status, file.path);
    }
    if !output.left_out.is_empty() {
        text += &format!("Not shown here, too long: {}\n", output.left_out.join(", "));
    }
    format!("{text}\n{}", output.patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, length: usize) -> FileDiff {
        FileDiff {
            path: path.to_owned(),
            old_path: None,
            status: DiffStatus::Modified,
            added: 1,
            removed: 0,
            binary: false,
            patch: "+".repeat(length),
        }
    }

    #[test]
    fn a_patch_holds_whole_files_and_names_the_rest() {
        let files = [file("a", 100), file("big", MAX_PATCH), file("c", 100)];
        let shown = output("id".to_owned(), &files, false);
        assert_eq!(shown.left_out, ["big"]);
        assert_eq!(shown.patch.len(), 200);
        assert_eq!(shown.files_changed, 3);
        let one = output("id".to_owned(), &files[1..2], true);
        assert!(one.left_out.is_empty());
    }
}
