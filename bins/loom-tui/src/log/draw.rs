//! The picture of the log. Only what is on the screen is wrapped and drawn.

use super::{Log, LogLine};
use crate::look::{Look, Tone};
use crate::pager::contains;
use crate::text;
use loom_events::{LineCount, Time};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

/// From this width on each line says when it was.
const WIDE: u16 = 100;

impl Log {
    /// Draws what fits above `tail`, which is shown while the end is.
    pub(crate) fn draw(
        &self,
        look: Look,
        began: Time,
        tail: &[(Tone, String)],
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let tail = if self.follows() { tail } else { &[] };
        let tail_rows = u16::try_from(tail.len()).unwrap_or(0).min(area.height);
        let above = Rect {
            height: area.height - tail_rows,
            ..area
        };
        let mut y = area.y;
        let rows = self.shown(above);
        // The highest line may begin above the screen.
        let total: usize = rows.iter().map(|(_, rows)| rows.len()).sum();
        let mut skip = total.saturating_sub(usize::from(above.height));
        for (line, wrapped) in &rows {
            let mut style = look.style(line.tone);
            if contains(&line.text, &self.sought) {
                style = style.add_modifier(Modifier::REVERSED);
            }
            for (nth, row) in wrapped.iter().enumerate() {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                if nth == 0 && area.width >= WIDE {
                    let clock = clock(line.at, began);
                    buffer.set_stringn(area.x, y, clock, 8, look.style(Tone::Dim));
                }
                let (x, room) = column(line, area);
                let (end, _) = buffer.set_stringn(x, y, row, room, style);
                if nth + 1 == wrapped.len() {
                    counts(look, line.lines, end, y, area, buffer);
                }
                y += 1;
            }
        }
        for (tone, line) in tail.iter().take(usize::from(tail_rows)) {
            let room = usize::from(area.width);
            buffer.set_stringn(area.x, y, text::clip(line, room), room, look.style(*tone));
            y += 1;
        }
    }
}

/// Where the text of a line begins, and its columns.
pub(super) fn column(line: &LogLine, area: Rect) -> (u16, usize) {
    let clock = if area.width >= WIDE { 9 } else { 0 };
    let x = area.x + (clock + u16::from(line.depth) * 2).min(area.width);
    (x, usize::from(area.right().saturating_sub(x)))
}

/// Time since the task began.
pub(super) fn clock(at: Time, began: Time) -> String {
    let seconds = at.since(began).as_secs();
    match seconds / 3600 {
        0 => format!("{:>5}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours:>2}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// `+3 −1` behind a line.
fn counts(look: Look, lines: LineCount, x: u16, y: u16, area: Rect, buffer: &mut Buffer) {
    if lines == LineCount::default() {
        return;
    }
    let room = |x: u16| usize::from(area.right().saturating_sub(x));
    let added = format!(" +{}", lines.added);
    let (x, _) = buffer.set_stringn(x, y, added, room(x), look.style(Tone::Good));
    let removed = format!(" −{}", lines.removed);
    buffer.set_stringn(x, y, removed, room(x), look.style(Tone::Bad));
}
