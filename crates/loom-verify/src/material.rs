//! What there is to show a verifier: the diff, then excerpts, in pieces. Never a claim. What of it is shown
//! at once is decided elsewhere.

use crate::comments::strip;
use crate::files::{blocking, text};
use crate::{GateInput, Scope};
use loom_events::{Check, FileChange};
use loom_redact::Redactor;
use loom_workspace::{FileDiff, Workspace};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest diff of one file: what is longer was generated, or is no step.
const MAX_DIFF_LINES: usize = 1_200;

/// Longest excerpt of a file in the first round, and in later ones, when the verifier could not tell.
const EXCERPT_LINES: [usize; 2] = [120, 400];

/// Something that can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) kind: Kind,
    /// The file that it is of.
    pub(crate) path: Option<String>,
    pub(crate) title: String,
    pub(crate) text: String,
}

/// In the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Report,
    Diff,
    /// Comments that a diff adds, which are claims.
    Comments,
    /// A file as it is now.
    Excerpt,
}

/// Everything that there is to show, and what had to be left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) pieces: Vec<Piece>,
    /// Every changed file in a line.
    pub(crate) listing: Vec<String>,
    pub(crate) degraded: Vec<String>,
    redactor: Arc<Redactor>,
}

impl Shown {
    fn add(&mut self, kind: Kind, path: Option<&str>, title: String, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        // Here, so that a quote is looked for in what was shown.
        let text = self.redactor.text(text).into_owned();
        self.pieces.push(Piece {
            kind,
            path: path.map(str::to_owned),
            title,
            text,
        });
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
        shown.add(
            Kind::Report,
            None,
            "the report".to_owned(),
            &input.attempt.answer,
        );
    }
    let Some(workspace) = &input.workspace else {
        if shown.pieces.is_empty() {
            shown.add(
                Kind::Report,
                None,
                "the answer".to_owned(),
                &input.attempt.answer,
            );
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

/// Diffs of all files, with the comments that they add apart. Returns the paths of files that are new,
/// whose diff is the whole file.
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
    let mut whole = BTreeSet::new();
    for diff in diffs {
        shown.listing.push(listed(&diff));
        let title = format!("diff of {}", diff.path);
        if diff.binary {
            let text = format!("{} is not text", diff.path);
            shown.add(Kind::Diff, Some(&diff.path), title, &text);
            continue;
        }
        let stripped = strip(&diff.path, &diff.patch);
        let (text, cut) = first_lines(&stripped.patch, MAX_DIFF_LINES);
        if cut > 0 {
            shown.degraded.push(format!(
                "the verifier was shown {cut} lines less of {}",
                diff.path
            ));
        } else if diff.removed == 0 && diff.old_path.is_none() && stripped.comments.is_empty() {
            whole.insert(diff.path.clone());
        }
        shown.add(Kind::Diff, Some(&diff.path), title, &text);
        let of_file = |line: &String| format!("{}: {line}", diff.path);
        let comments: Vec<String> = stripped.comments.iter().map(of_file).collect();
        let (text, _) = first_lines(&comments.join("\n"), MAX_DIFF_LINES);
        shown.add(Kind::Comments, Some(&diff.path), String::new(), &text);
    }
    whole
}

/// A file in the list of all that were changed.
fn listed(diff: &FileDiff) -> String {
    let from = diff.old_path.as_ref();
    let from = from
        .map(|old| format!(", before: {old}"))
        .unwrap_or_default();
    if diff.binary {
        return format!("{} (not text{from})", diff.path);
    }
    format!("{} (+{} -{}{from})", diff.path, diff.added, diff.removed)
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
            shown.add(Kind::Excerpt, Some(path), title, &text);
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
