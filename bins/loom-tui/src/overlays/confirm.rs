//! Something that is done only when it is confirmed, with what it would do.

use super::{keys, rows_of, window};
use crate::keys::Key;
use crate::look::Tone;
use crate::model::Model;
use crate::msg::{Cmd, Wish};
use crate::pager::Pager;
use crate::text::{clean, plural};
use loom_events::{
    Choices, Offer, Operation, RevertReport, RevertRequest, RevertScope, Settle, TaskId,
};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// A confirmation.
#[derive(Debug)]
pub(crate) struct Confirm {
    /// What is asked.
    pub(crate) title: String,
    /// What it would do.
    pub(crate) what: Pager,
    /// What can be chosen; Esc is none of it.
    choices: Vec<Choice>,
}

/// Something that can be chosen.
#[derive(Debug)]
pub(super) struct Choice {
    /// By which key.
    key: &'static str,
    /// In words.
    words: &'static str,
    /// What is then done.
    cmd: Cmd,
}

impl Confirm {
    /// Whether a task is to be cancelled.
    pub(crate) fn cancel(task: TaskId, goal: &str) -> Self {
        let lines = vec![
            (Tone::Plain, goal.to_owned()),
            (
                Tone::Dim,
                "what is half done is put back; what is done stays, and r takes it back".to_owned(),
            ),
        ];
        let cancel = Wish::Cancel("cancelled in the terminal UI".to_owned());
        Self {
            title: "cancel this task?".to_owned(),
            what: Pager::new(lines),
            choices: vec![Choice {
                key: "y",
                words: "cancel it",
                cmd: Cmd::Ask(task, cancel),
            }],
        }
    }

    /// Whether what a task did not bring about is to be tried again.
    pub(crate) fn again(task: TaskId, goal: &str) -> Self {
        let lines = vec![
            (Tone::Plain, goal.to_owned()),
            (
                Tone::Dim,
                "a new task does what this one did not bring about".to_owned(),
            ),
        ];
        Self {
            title: "try again?".to_owned(),
            what: Pager::new(lines),
            choices: vec![Choice {
                key: "y",
                words: "try again",
                cmd: Cmd::Ask(task, Wish::Retry(None, String::new())),
            }],
        }
    }

    /// Whether changes are to be taken back, of which a trial said what that does.
    pub(crate) fn revert(task: TaskId, request: RevertRequest, report: &RevertReport) -> Self {
        let real = |choices: Choices| {
            let request = RevertRequest {
                choices,
                dry_run: false,
                ..request.clone()
            };
            Cmd::Ask(task, Wish::Revert(request))
        };
        let mut choices = Vec::new();
        if !report.changes.is_empty() {
            let words = match report.conflicts.is_empty() {
                true => "take them back",
                false => "take back what can be",
            };
            choices.push(Choice {
                key: "y",
                words,
                cmd: real(request.choices.clone()),
            });
        }
        if report
            .conflicts
            .iter()
            .any(|conflict| matches!(conflict.merge, Offer::Clean { .. }))
        {
            choices.push(Choice {
                key: "m",
                words: "also merge what comes out clean",
                cmd: real(Choices::all(Settle::Merge)),
            });
        }
        let title = match choices.is_empty() {
            true => "nothing can be taken back".to_owned(),
            false => match &request.scope {
                RevertScope::Task => "take back everything that the task changed?".to_owned(),
                scope => format!("take back {}?", clean(&scope.to_string())),
            },
        };
        Self {
            title,
            what: Pager::new(told(report)),
            choices,
        }
    }

    /// The choice of a key.
    pub(crate) fn chosen(&mut self, key: Key) -> Option<Cmd> {
        let Key::Char(c) = key else {
            return None;
        };
        let at = self
            .choices
            .iter()
            .position(|choice| choice.key.chars().eq([c]))?;
        Some(self.choices.swap_remove(at).cmd)
    }
}

/// What a revert would do, a line a path.
fn told(report: &RevertReport) -> Vec<(Tone, String)> {
    let mut lines = Vec::new();
    for change in &report.changes {
        let path = clean(&change.path);
        lines.push((
            Tone::Plain,
            match (change.operation, &change.new_path) {
                (Operation::Create, _) => format!("A {path} comes back"),
                (Operation::Modify, _) => format!(
                    "M {path}  +{} −{}",
                    change.lines.added, change.lines.removed
                ),
                (Operation::Delete, _) => format!("D {path} goes"),
                (Operation::Rename, Some(to)) => format!("R {path} → {}", clean(to)),
                (Operation::Rename, None) => format!("R {path}"),
            },
        ));
    }
    for conflict in &report.conflicts {
        lines.push((
            Tone::Caught,
            format!("! {}: {}", clean(&conflict.path), clean(&conflict.why)),
        ));
    }
    if lines.is_empty() {
        lines.push((
            Tone::Dim,
            "nothing is different from before the task".to_owned(),
        ));
    }
    lines
}

/// What a revert did, in a sentence.
pub(crate) fn done(report: &RevertReport) -> String {
    let back = plural(report.changes.len(), "change");
    match report.conflicts.len() {
        0 => format!("taken back: {back}"),
        n => format!("taken back: {back}; left alone: {}", plural(n, "path")),
    }
}

/// Draws it.
pub(super) fn draw(model: &Model, confirm: &Confirm, buffer: &mut Buffer) {
    let look = model.look;
    let area = window(
        look,
        buffer,
        &confirm.title,
        90,
        rows_of(&confirm.what).saturating_add(2),
    );
    let body = Rect {
        height: area.height.saturating_sub(2),
        ..area
    };
    confirm.what.draw(look, body, buffer);
    let mut hints: Vec<_> = confirm
        .choices
        .iter()
        .map(|choice| (choice.key, choice.words))
        .collect();
    hints.push(("Esc", if hints.is_empty() { "close" } else { "no" }));
    keys(look, buffer, area, area.bottom().saturating_sub(1), &hints);
}
