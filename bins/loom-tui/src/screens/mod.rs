//! The screens, one file each: what it knows, how it moves, what it looks like.

mod dashboard;
mod detail;
mod detail_view;
mod diff;
mod memory;
mod models;
mod new_task;
mod plan;
mod plan_view;
mod trace;

pub(crate) use dashboard::Dashboard;
pub(crate) use detail::{Detail, Pane};
pub(crate) use diff::DiffScreen;
pub(crate) use memory::MemoryScreen;
pub(crate) use models::ModelsScreen;
pub(crate) use new_task::NewTask;
pub(crate) use plan::PlanEditor;
pub(crate) use trace::TraceScreen;

pub(crate) use dashboard::draw as draw_dashboard;
pub(crate) use detail_view::draw as draw_detail;
pub(crate) use diff::draw as draw_diff;
pub(crate) use memory::draw as draw_memory;
pub(crate) use models::draw as draw_models;
pub(crate) use new_task::draw as draw_new_task;
pub(crate) use plan_view::draw as draw_plan;
pub(crate) use trace::draw as draw_trace;

use crate::look::{Look, Tone};
use crate::text;
use loom_view::{SubtaskStatus, TaskStatus};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

/// The first of `len` rows to show, so that row `at` is among the `rows` on the screen.
pub(crate) fn first_shown(at: usize, len: usize, rows: usize) -> usize {
    at.saturating_sub(rows / 2).min(len.saturating_sub(rows))
}

/// The row of a list that was clicked on, if one was.
pub(crate) fn clicked(area: Rect, column: u16, row: u16, at: usize, len: usize) -> Option<usize> {
    if !area.contains(Position::new(column, row)) {
        return None;
    }
    let first = first_shown(at, len, usize::from(area.height));
    let row = first + usize::from(row - area.y);
    (row < len).then_some(row)
}

/// A text in a tone; where the next one begins.
pub(crate) fn put(
    buffer: &mut Buffer,
    area: Rect,
    x: u16,
    y: u16,
    text: &str,
    style: Style,
) -> u16 {
    if y >= area.bottom() || x >= area.right() {
        return area.right();
    }
    let room = usize::from(area.right() - x);
    buffer
        .set_stringn(x, y, text::clip(text, room), room, style)
        .0
}

/// A heading with a line through the rest of its row; the pane with the focus is marked.
pub(crate) fn heading(
    look: Look,
    buffer: &mut Buffer,
    area: Rect,
    title: &str,
    focused: bool,
) -> Rect {
    if area.height == 0 {
        return area;
    }
    let (mark, tone) = if focused {
        ("▸ ", Tone::Strong)
    } else {
        ("─ ", Tone::Dim)
    };
    let x = put(
        buffer,
        area,
        area.x,
        area.y,
        &format!("{mark}{title} "),
        look.style(tone),
    );
    let line = "─".repeat(usize::from(area.right().saturating_sub(x)));
    put(buffer, area, x, area.y, &line, look.style(Tone::Dim));
    Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    }
}

/// Marks a row as the selected one.
pub(crate) fn select(buffer: &mut Buffer, area: Rect, y: u16) {
    let row = Rect {
        y,
        height: 1,
        ..area
    };
    buffer.set_style(
        row.intersection(area),
        Style::new().add_modifier(Modifier::REVERSED),
    );
}

/// What a list says that is empty.
pub(crate) fn nothing(look: Look, buffer: &mut Buffer, area: Rect, text: &str) {
    let rows = text::wrap(text, usize::from(area.width.saturating_sub(4)), 4);
    for (at, row) in rows.iter().enumerate() {
        let y = area.y + 1 + u16::try_from(at).unwrap_or(0);
        put(buffer, area, area.x + 2, y, row, look.style(Tone::Dim));
    }
}

/// The mark, the tone and the words of a task's status.
pub(crate) const fn task_status(status: TaskStatus) -> (&'static str, Tone, &'static str) {
    match status {
        TaskStatus::Pending => ("○", Tone::Dim, "pending"),
        TaskStatus::Queued => ("○", Tone::Dim, "queued"),
        TaskStatus::Planning => ("◐", Tone::Plain, "planning"),
        TaskStatus::Executing => ("●", Tone::Plain, "executing"),
        TaskStatus::WaitingApproval => ("?", Tone::Caught, "waits for you"),
        TaskStatus::Paused => ("‖", Tone::Dim, "paused"),
        TaskStatus::Stopping => ("◐", Tone::Dim, "stopping"),
        TaskStatus::Completed => ("✓", Tone::Good, "completed"),
        TaskStatus::Failed => ("✗", Tone::Bad, "failed"),
        TaskStatus::Cancelled => ("×", Tone::Dim, "cancelled"),
    }
}

/// The mark and the tone of a subtask's status.
pub(crate) const fn step_status(status: SubtaskStatus) -> (&'static str, Tone) {
    match status {
        SubtaskStatus::Pending => ("○", Tone::Dim),
        SubtaskStatus::Running => ("●", Tone::Strong),
        SubtaskStatus::Verifying => ("◐", Tone::Strong),
        SubtaskStatus::WaitingApproval => ("?", Tone::Caught),
        SubtaskStatus::Completed => ("✓", Tone::Good),
        SubtaskStatus::Failed => ("✗", Tone::Bad),
        SubtaskStatus::Blocked => ("!", Tone::Bad),
        SubtaskStatus::Skipped => ("-", Tone::Dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_row_is_on_the_screen_and_a_click_finds_it() {
        for len in [1, 5, 50] {
            for at in 0..len {
                let first = first_shown(at, len, 10);
                assert!((first..first + 10).contains(&at), "{at} of {len}");
            }
        }
        let area = Rect::new(0, 1, 20, 10);
        assert_eq!(clicked(area, 3, 1, 0, 5), Some(0));
        assert_eq!(clicked(area, 3, 7, 0, 5), None);
        assert_eq!(clicked(area, 3, 0, 0, 5), None);
        assert_eq!(clicked(area, 3, 1, 20, 50), Some(15));
    }
}
