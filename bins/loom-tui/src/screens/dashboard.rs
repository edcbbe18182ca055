//! All tasks at a glance.

use super::{first_shown, nothing, put, select, task_status};
use crate::keys::Move;
use crate::look::Tone;
use crate::model::{Link, Model};
use crate::pager::contains;
use crate::text::{age, bar, first_line, fit, short};
use loom_client::wire::{TaskPage, TaskSummary};
use loom_events::TaskId;
use loom_view::TaskStatus;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Cells of a progress bar.
const BAR: usize = 8;

/// The list of tasks.
#[derive(Debug, Default)]
pub(crate) struct Dashboard {
    /// What the service lists, newest first.
    pub(crate) tasks: Vec<TaskSummary>,
    /// Whether it has more.
    pub(crate) more: bool,
    /// Whether it has answered yet.
    pub(crate) known: bool,
    /// What is searched for.
    pub(crate) sought: String,
    /// Whether something happened since it was asked for.
    pub(crate) stale: bool,
    /// When it was asked for, in milliseconds.
    pub(crate) asked_at: i64,
    at: usize,
}

impl Dashboard {
    /// The tasks that are shown.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &TaskSummary> {
        let all = self.sought.is_empty();
        let sought = &self.sought;
        self.tasks.iter().filter(move |task| {
            all || contains(&task.goal, sought)
                || contains(task.workspace.as_deref().unwrap_or_default(), sought)
                || contains(task.status.name(), sought)
                || contains(&task.task_id.to_string(), sought)
        })
    }

    /// The selected one.
    pub(crate) fn selected(&self) -> Option<&TaskSummary> {
        self.shown().nth(self.at)
    }

    /// Takes a list; the selected task stays selected.
    pub(crate) fn take(&mut self, page: TaskPage) {
        let selected = self.selected().map(|task| task.task_id);
        self.tasks = page.tasks;
        self.more = page.next_cursor.is_some();
        self.known = true;
        match selected {
            Some(task) => self.select(task),
            None => self.at = 0,
        }
    }

    /// Selects a task, or stays near.
    pub(crate) fn select(&mut self, task: TaskId) {
        let at = self.shown().position(|row| row.task_id == task);
        self.at = at
            .unwrap_or(self.at)
            .min(self.shown().count().saturating_sub(1));
    }

    /// Moves in the list.
    pub(crate) fn go(&mut self, to: Move, rows: usize) {
        self.at = to.within(self.at, self.shown().count(), rows);
    }

    /// Selects what was clicked on; whether it was selected before.
    pub(crate) fn click(&mut self, body: Rect, column: u16, row: u16) -> bool {
        let len = self.shown().count();
        match super::clicked(list(body), column, row, self.at, len) {
            Some(at) => std::mem::replace(&mut self.at, at) == at,
            None => false,
        }
    }

    /// Tasks that wait for an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.tasks
            .iter()
            .filter(|task| task.waiting > 0 && !task.status.is_final())
            .count()
    }
}

/// The rows of the list, without its heading.
const fn list(body: Rect) -> Rect {
    Rect {
        y: body.y + 1,
        height: body.height.saturating_sub(1),
        ..body
    }
}

/// Draws it.
pub(crate) fn draw(model: &Model, body: Rect, buffer: &mut Buffer) {
    let (look, dashboard) = (model.look, &model.dashboard);
    let wide = body.width >= 120;
    let head = match wide {
        true => format!(
            "  {} {} {} {} {} {}",
            fit("status", 14),
            fit("progress", BAR + 6),
            fit("age", 5),
            fit("tokens", 7),
            fit("task", 9),
            "goal"
        ),
        false => format!(
            "  {} {} {} {}",
            fit("status", 14),
            fit("progress", BAR + 6),
            fit("age", 5),
            "goal"
        ),
    };
    put(buffer, body, body.x, body.y, &head, look.style(Tone::Dim));
    let area = list(body);
    let len = dashboard.shown().count();
    if len == 0 {
        nothing(look, buffer, area, &empty(model));
        return;
    }
    let first = first_shown(dashboard.at, len, usize::from(area.height));
    let rows = dashboard
        .shown()
        .enumerate()
        .skip(first)
        .take(usize::from(area.height));
    for (y, (at, task)) in (area.y..).zip(rows) {
        row(model, task, wide, y, area, buffer);
        if at == dashboard.at {
            select(buffer, area, y);
        }
    }
}

fn empty(model: &Model) -> String {
    let dashboard = &model.dashboard;
    match (&model.link, dashboard.known) {
        (Link::Offline(..), false) => "the service does not answer; it is tried again".to_owned(),
        (_, false) => "asking the service for its tasks …".to_owned(),
        _ if !dashboard.sought.is_empty() => {
            format!(
                "no task has “{}” in it; / and Enter shows all",
                dashboard.sought
            )
        }
        _ => "there is no task yet: n begins one".to_owned(),
    }
}

fn row(model: &Model, task: &TaskSummary, wide: bool, y: u16, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let (mark, tone, words) = task_status(task.status);
    let words = match task.waiting {
        0 => words.to_owned(),
        _ if task.status == TaskStatus::WaitingApproval => words.to_owned(),
        n => format!("{n} to answer"),
    };
    let tone = if task.waiting > 0 && !task.status.is_final() {
        Tone::Caught
    } else {
        tone
    };
    let x = put(
        buffer,
        area,
        area.x,
        y,
        &format!("{mark} {} ", fit(&words, 14)),
        look.style(tone),
    );
    let done = match task.progress.total {
        0 => fit("", BAR + 6),
        total => {
            let bar = bar(task.progress.done.into(), total.into(), BAR);
            fit(&format!("{bar} {}/{total}", task.progress.done), BAR + 6)
        }
    };
    let x = put(
        buffer,
        area,
        x,
        y,
        &format!("{done} "),
        look.style(Tone::Plain),
    );
    let since = if task.status.is_final() {
        task.updated
    } else {
        task.created
    };
    let mut columns = format!("{} ", fit(&age(model.now.since(since)), 5));
    if wide {
        columns.push_str(&format!(
            "{} {}  ",
            fit(&short(task.tokens), 7),
            task.task_id.short()
        ));
    }
    let x = put(buffer, area, x, y, &columns, look.style(Tone::Dim));
    let goal = if task.status.is_final() {
        Tone::Dim
    } else {
        Tone::Plain
    };
    let x = put(
        buffer,
        area,
        x,
        y,
        &first_line(&task.goal),
        look.style(goal),
    );
    if let Some(workspace) = task.workspace.as_deref().filter(|_| wide) {
        put(
            buffer,
            area,
            x + 2,
            y,
            &crate::text::clean(workspace),
            look.style(Tone::Dim),
        );
    }
}
