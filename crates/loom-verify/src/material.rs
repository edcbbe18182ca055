//! What a verifier is shown: the diff, then excerpts, in numbered blocks. Never a claim.

use crate::comments::strip;
use crate::files::{blocking, text};
use crate::{GateInput, Scope};
use loom_events::{Check, FileChange};
use loom_prompts::Block;
use loom_redact::Redactor;
use loom_workspace::Workspace;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most blocks shown; beyond it a verifier loses the thread.
const MAX_BLOCKS: usize = 40;

/// Longest diff of one file.
const MAX_DIFF_LINES: usize = 400;

/// Longest excerpt of a file in the first round, and in later ones, when the verifier could not tell.
const EXCERPT_LINES: [usize; 2] = [120, 400];

/// Blocks and what had to be left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) blocks: Vec<Block>,
    pub(crate) degraded: Vec<String>,
    redactor: Arc<Redactor>,
}

impl Shown {
    /// One piece, as it is.
    pub(crate) fn of(block: Block) -> Self {
        Self {
            blocks: vec![block],
            ..Self::default()
        }
    }

    fn add(&mut self, title: String, text: String) {
        if text.trim().is_empty() {
            return;
        }
        if self.blocks.len() >= MAX_BLOCKS {
            let what = format!("the verifier was shown only {MAX_BLOCKS} pieces of the work");
            if !self.degraded.contains(&what) {
                self.degraded.push(what);
            }
            return;
        }
        let label = format!("D{}", self.blocks.len() + 1);
        // Here, so that a quote is looked for in what was shown.
        let text = self.redactor.text(&text).into_owned();
        self.blocks.push(Block { label, title, text });
    }
}

/// Collects what the verifier is shown.
pub(crate) async fn show(input: &GateInput) -> Shown {
    let mut shown = Shown {
        redactor: Arc::clone(&input.redactor),
        ..Shown::default()
    };
    if input.step.inspect && input.step.scope == Scope::Subtask {
        // The report is the product of such a step, so it is what is judged.
        shown.add("the report".to_owned(), input.attempt.answer.clone());
    }
    let Some(workspace) = &input.workspace else {
        if shown.blocks.is_empty() {
            shown.add("the answer".to_owned(), input.attempt.answer.clone());
        }
        return shown;
    };
    let (workspace, changes) = (Arc::clone(workspace), input.changes.clone());
    let wanted = wanted_files(input);
    let lines = EXCERPT_LINES[usize::from(input.round > 0)];
    blocking(move || {
        let diffed = show_diffs(&workspace, &changes, &mut shown);
        show_excerpts(&workspace, &wanted, &diffed, lines, &mut shown);
        shown
    })
    .await
}

/// Diffs of all files, with the comments that they add in a block of their own. Returns the paths of
/// files that are new, whose diff is the whole file.
fn show_diffs(
    workspace: &Workspace,
    changes: &[FileChange],
    shown: &mut Shown,
) -> BTreeSet<String> {
    let diffs = match workspace.diff(changes) {
        Ok(diffs) => diffs,
        Err(error) => {
            shown
                .degraded
                .push(format!("the verifier was shown no diff: {error}"));
            return BTreeSet::new();
        }
    };
    let mut comments = Vec::new();
    let mut whole = BTreeSet::new();
    for diff in diffs {
        if diff.binary {
            shown.add(
                format!("diff of {}", diff.path),
                format!("{} is not text", diff.path),
            );
            continue;
        }
        let stripped = strip(&diff.path, &diff.patch);
        comments.extend(
            stripped
                .comments
                .iter()
                .map(|line| format!("{}: {line}", diff.path)),
        );
        let (text, cut) = first_lines(&stripped.patch, MAX_DIFF_LINES);
        if cut > 0 {
            shown.degraded.push(format!(
                "the verifier was shown {cut} lines less of {}",
                diff.path
            ));
        } else if diff.removed == 0 && diff.old_path.is_none() && stripped.comments.is_empty() {
            whole.insert(diff.path.clone());
        }
        shown.add(format!("diff of {}", diff.path), text);
    }
    let (text, _) = first_lines(&comments.join("\n"), MAX_DIFF_LINES);
    shown.add(
        "comments that the work added (claims, no evidence of behaviour)".to_owned(),
        text,
    );
    whole
}

/// Files as they are now: what the step names, then what it changed.
fn show_excerpts(
    workspace: &Workspace,
    wanted: &[String],
    diffed: &BTreeSet<String>,
    lines: usize,
    shown: &mut Shown,
) {
    for path in wanted {
        if diffed.contains(path) {
            continue;
        }
        if let Some(text) = text(workspace, path) {
            let (text, cut) = first_lines(&text, lines);
            let title = if cut > 0 {
                format!("{path} as it is now (its beginning; {cut} more lines)")
            } else {
                format!("{path} as it is now")
            };
            shown.add(title, text);
        }
    }
}

/// Files worth an excerpt: declared outputs, paths of checks, changed files; each once.
fn wanted_files(input: &GateInput) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    let outputs = input.step.outputs.iter().cloned();
    let checked = input
        .step
        .checks
        .iter()
        .filter_map(Check::path)
        .map(str::to_owned);
    let changed = input.changes.iter().map(|change| {
        change
            .new_path
            .clone()
            .unwrap_or_else(|| change.path.clone())
    });
    for path in outputs.chain(checked).chain(changed) {
        if !wanted.contains(&path) {
            wanted.push(path);
        }
    }
    wanted
}

/// The first lines of a text and how many were cut.
fn first_lines(text: &str, max: usize) -> (String, usize) {
    let total = text.lines().count();
    let kept: Vec<&str> = text.lines().take(max).collect();
    (kept.join("\n"), total.saturating_sub(max))
}
