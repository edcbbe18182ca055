//! What tasks noted: of one task, or, by a search, of all.

use super::{first_shown, heading, nothing, put, select};
use crate::keys::Move;
use crate::look::Tone;
use crate::model::Model;
use crate::text::{clean, clean_lines, fit, wrap};
use loom_client::wire::{MemoryItem, MemoryPage};
use loom_events::TaskId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// What was noted.
#[derive(Debug, Default)]
pub(crate) struct MemoryScreen {
    /// Whose; none when all were searched.
    pub(crate) task: Option<TaskId>,
    /// What was searched for in all tasks.
    pub(crate) sought: String,
    entries: Vec<MemoryItem>,
    known: bool,
    at: usize,
}

impl MemoryScreen {
    /// Of a task, or of a search, before anything has come.
    pub(crate) fn new(task: Option<TaskId>, sought: String) -> Self {
        Self {
            task,
            sought,
            ..Self::default()
        }
    }

    /// Takes what came.
    pub(crate) fn take(&mut self, page: MemoryPage) {
        self.entries = page.entries;
        self.known = true;
        self.at = self.at.min(self.entries.len().saturating_sub(1));
    }

    /// Moves in the list.
    pub(crate) fn go(&mut self, to: Move, rows: usize) {
        self.at = to.within(self.at, self.entries.len(), rows);
    }

    /// Selects what was clicked on.
    pub(crate) fn click(&mut self, body: Rect, column: u16, row: u16) {
        let at = super::clicked(areas(body).0, column, row, self.at, self.entries.len());
        self.at = at.unwrap_or(self.at);
    }
}

fn areas(body: Rect) -> (Rect, Rect) {
    let upper = body.height * 3 / 5;
    let list = Rect {
        y: body.y + 1,
        height: upper.saturating_sub(1),
        ..body
    };
    let below = Rect {
        y: body.y + upper + 1,
        height: body.height.saturating_sub(upper + 1),
        ..body
    };
    (list, below)
}

/// Draws it.
pub(crate) fn draw(model: &Model, body: Rect, buffer: &mut Buffer) {
    let (look, screen) = (model.look, &model.memory);
    let (list, below) = areas(body);
    let title = match screen.task {
        Some(task) => format!("noted by task {} (/ searches all)", task.short()),
        None => format!("noted by all tasks: “{}”", clean(&screen.sought)),
    };
    heading(
        look,
        buffer,
        Rect {
            y: body.y,
            height: 1,
            ..body
        },
        &title,
        true,
    );
    if screen.entries.is_empty() {
        let text = if screen.known {
            "nothing".to_owned()
        } else {
            model.awaits("asking …")
        };
        nothing(look, buffer, list, &text);
        return;
    }
    let first = first_shown(screen.at, screen.entries.len(), usize::from(list.height));
    for (y, (at, item)) in
        (list.y..list.bottom()).zip(screen.entries.iter().enumerate().skip(first))
    {
        let kind = item.entry.kind.name().replace('_', " ");
        let x = put(
            buffer,
            list,
            list.x,
            y,
            &format!("{} ", fit(&kind, 16)),
            look.style(Tone::Dim),
        );
        put(
            buffer,
            list,
            x,
            y,
            &clean(&item.entry.summary),
            look.style(Tone::Plain),
        );
        if at == screen.at {
            select(buffer, list, y);
        }
    }
    heading(
        look,
        buffer,
        Rect {
            y: below.y.saturating_sub(1),
            height: 1,
            ..body
        },
        "entry",
        false,
    );
    if let Some(item) = screen.entries.get(screen.at) {
        entry(model, item, below, buffer);
    }
}

fn entry(model: &Model, item: &MemoryItem, area: Rect, buffer: &mut Buffer) {
    let entry = &item.entry;
    let mut lines = vec![(Tone::Strong, clean(&entry.summary))];
    lines.extend(clean_lines(&entry.detail).map(|line| (Tone::Plain, line)));
    let from = entry
        .subtask
        .as_ref()
        .map_or_else(String::new, |id| format!(", step {id}"));
    lines.push((
        Tone::Dim,
        format!("task {}{from}, event {}", item.task_id.short(), item.seq),
    ));
    if item.seen > 1 {
        let last = item.last.unwrap_or(item.at);
        lines.push((
            Tone::Dim,
            format!("noted {} times, last {}", item.seen, last.minute()),
        ));
    }
    if let Some(about) = &item.about {
        lines.push((
            Tone::Dim,
            format!(
                "noted {}; there is another note about “{}”",
                item.at.minute(),
                clean(about)
            ),
        ));
    }
    if !entry.relevance_to.is_empty() {
        lines.push((
            Tone::Dim,
            format!("matters to {}", clean(&entry.relevance_to)),
        ));
    }
    if !entry.tags.is_empty() {
        lines.push((
            Tone::Dim,
            format!("tags: {}", clean(&entry.tags.join(", "))),
        ));
    }
    let mut y = area.y;
    for (tone, line) in lines {
        for row in wrap(&line, usize::from(area.width.saturating_sub(2)), 6) {
            put(buffer, area, area.x + 2, y, &row, model.look.style(tone));
            y += 1;
        }
    }
}
