//! A text that is read: lines with their tones, of which some are on the screen. Drawing costs what
//! is seen, however long it is.

use crate::keys::Move;
use crate::look::{Look, Tone};
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Lines kept of one text; what is longer says that it was cut.
pub(crate) const MAX_LINES: usize = 20_000;

/// Rows that one line may take.
const MAX_ROWS: usize = 12;

/// A text that is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pager {
    lines: Vec<(Tone, String)>,
    /// The first line on the screen.
    pub(crate) top: usize,
    /// What is searched for.
    pub(crate) sought: String,
}

impl Pager {
    /// A text from its beginning.
    pub(crate) fn new(mut lines: Vec<(Tone, String)>) -> Self {
        if lines.len() > MAX_LINES {
            let more = lines.len() - MAX_LINES;
            lines.truncate(MAX_LINES);
            lines.push((Tone::Caught, format!("… {more} more lines are not shown")));
        }
        Self {
            lines,
            ..Self::default()
        }
    }

    /// Another text at the same place.
    pub(crate) fn replace(&mut self, lines: Vec<(Tone, String)>) {
        let top = self.top;
        let sought = std::mem::take(&mut self.sought);
        *self = Self::new(lines);
        self.top = top.min(self.lines.len().saturating_sub(1));
        self.sought = sought;
    }

    /// How many lines there are.
    pub(crate) const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Moves on a screen of so many rows.
    pub(crate) fn go(&mut self, to: Move, rows: usize) {
        let last = self.lines.len().saturating_sub(rows.max(1));
        self.top = to.within(self.top, last + 1, rows.saturating_sub(1));
    }

    /// Moves by a number of lines.
    pub(crate) fn scroll(&mut self, by: i32, rows: usize) {
        let last = self.lines.len().saturating_sub(rows.max(1));
        let by_lines = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        self.top = match by < 0 {
            true => self.top.saturating_sub(by_lines),
            false => self.top.saturating_add(by_lines).min(last),
        };
    }

    /// Goes to the next line that holds what is sought, or to the one before; whether there is one.
    pub(crate) fn seek(&mut self, forward: bool) -> bool {
        let found = {
            let holds = |at: &usize| contains(&self.lines[*at].1, &self.sought);
            match forward {
                true => (self.top + 1..self.lines.len())
                    .find(holds)
                    .or_else(|| (0..self.lines.len()).find(holds)),
                false => (0..self.top)
                    .rev()
                    .find(holds)
                    .or_else(|| (0..self.lines.len()).rev().find(holds)),
            }
        };
        if let Some(at) = found.filter(|_| !self.sought.is_empty()) {
            self.top = at;
            return true;
        }
        false
    }

    /// Draws what fits.
    pub(crate) fn draw(&self, look: Look, area: Rect, buffer: &mut Buffer) {
        let mut y = area.y;
        for (tone, line) in self.lines.iter().skip(self.top) {
            let found = !self.sought.is_empty() && contains(line, &self.sought);
            let mut style = look.style(*tone);
            if found {
                style = style.add_modifier(ratatui::style::Modifier::REVERSED);
            }
            for row in text::wrap(line, usize::from(area.width), MAX_ROWS) {
                if y >= area.bottom() {
                    return;
                }
                buffer.set_stringn(area.x, y, &row, usize::from(area.width), style);
                y += 1;
            }
        }
    }
}

/// Whether a line holds a text, upper or lower case; without a text none does.
pub(crate) fn contains(line: &str, sought: &str) -> bool {
    !sought.is_empty() && line.to_lowercase().contains(&sought.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager(n: usize) -> Pager {
        Pager::new(
            (0..n)
                .map(|at| (Tone::Plain, format!("Line {at}")))
                .collect(),
        )
    }

    #[test]
    fn a_move_never_leaves_the_text() {
        let mut pager = pager(30);
        pager.go(Move::End, 10);
        assert_eq!(pager.top, 20);
        pager.go(Move::Down, 10);
        assert_eq!(pager.top, 20);
        pager.scroll(-100, 10);
        assert_eq!(pager.top, 0);
        pager.scroll(100, 10);
        assert_eq!(pager.top, 20);
    }

    #[test]
    fn a_search_goes_round() {
        let mut pager = pager(30);
        pager.sought = "line 2".to_owned();
        let mut seen = Vec::new();
        for _ in 0..3 {
            assert!(pager.seek(true));
            seen.push(pager.top);
        }
        assert_eq!(seen, [2, 20, 21]);
        pager.seek(false);
        assert_eq!(pager.top, 20);
        pager.sought = "nowhere".to_owned();
        assert!(!pager.seek(true));
        assert_eq!(pager.top, 20);
    }

    #[test]
    fn a_text_without_end_is_cut_and_says_so() {
        let pager = pager(MAX_LINES + 5);
        assert_eq!(pager.len(), MAX_LINES + 1);
        assert!(pager.lines[MAX_LINES].1.contains("5 more lines"));
    }
}
