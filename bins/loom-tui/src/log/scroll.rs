//! Moving in the log. Its place is the lowest line on the screen, so that what somebody reads stays
//! where it is while lines are added at either end.

use super::draw::column;
use super::{Log, LogLine, Wanted};
use crate::keys::Move;
use crate::pager::contains;
use crate::text;
use loom_events::{LineCount, Seq};
use ratatui::layout::Rect;

/// Rows that one line may take; the trace shows all of it.
const MAX_ROWS: usize = 6;

impl Log {
    /// Moves on a screen of this size; says what is lacking.
    pub(crate) fn go(&mut self, to: Move, area: Rect) -> Option<Wanted> {
        let shown = self.shown(area);
        let page = shown.len().saturating_sub(1).max(1);
        match to {
            Move::Up | Move::PageUp => {
                let steps = if to == Move::Up { 1 } else { page };
                let mut wanted = None;
                for _ in 0..steps {
                    wanted = self.up(area);
                    if wanted.is_some() {
                        break;
                    }
                }
                wanted
            }
            Move::Down | Move::PageDown => self.down(if to == Move::Down { 1 } else { page }),
            Move::Home => {
                let first = (0..self.lines.len()).find(|at| self.filter.admits(&self.lines[*at]));
                self.anchor = first.map(|at| self.first + at as u64);
                // The highest line on the screen is the first one: fill the rest of it.
                while self.anchor.is_some() && self.fills(area).is_none() {
                    if !self.step_down() {
                        break;
                    }
                }
                (self.after > Seq::ZERO).then_some(Wanted::Older)
            }
            Move::End => {
                self.anchor = None;
                // What lies between would be thrown away on the way: begin anew, at the end.
                (!self.live).then_some(Wanted::Newer)
            }
            Move::Left | Move::Right => None,
        }
    }

    /// Goes to the line before or after that holds what is sought; whether there is one.
    pub(crate) fn seek(&mut self, forward: bool) -> bool {
        let len = self.lines.len();
        let now = match self.anchor {
            Some(id) => usize::try_from(id.saturating_sub(self.first)).unwrap_or(0),
            None => len,
        };
        let holds = |at: &usize| {
            let line = &self.lines[*at];
            self.filter.admits(line) && contains(&line.text, &self.sought)
        };
        let found = match forward {
            true => (now + 1..len).find(holds),
            false => (0..now.min(len)).rev().find(holds),
        };
        if let Some(at) = found {
            self.anchor = Some(self.first + at as u64);
        }
        found.is_some()
    }

    /// Whether the last line is shown.
    pub(crate) const fn follows(&self) -> bool {
        self.anchor.is_none()
    }

    /// Whether the last line is wanted and not there.
    pub(crate) const fn lacks_end(&self) -> bool {
        self.follows() && !self.live
    }

    /// The lines that end at the anchor and fill the area, each in its rows.
    pub(super) fn shown(&self, area: Rect) -> Vec<(&LogLine, Vec<String>)> {
        let mut left = usize::from(area.height);
        let mut shown = Vec::new();
        let end = match self.anchor {
            Some(id) => usize::try_from((id + 1).saturating_sub(self.first)).unwrap_or(0),
            None => self.lines.len(),
        };
        let lines = self.lines.range(..end.min(self.lines.len())).rev();
        for line in lines.filter(|line| self.filter.admits(line)) {
            if left == 0 {
                break;
            }
            let (_, room) = column(line, area);
            let reserved = if line.lines == LineCount::default() {
                0
            } else {
                14
            };
            let rows = text::wrap(&line.text, room.saturating_sub(reserved), MAX_ROWS);
            left = left.saturating_sub(rows.len());
            shown.push((line, rows));
        }
        shown.reverse();
        shown
    }

    /// Whether the lines down to the anchor fill the area.
    fn fills(&self, area: Rect) -> Option<()> {
        let rows: usize = self.shown(area).iter().map(|(_, rows)| rows.len()).sum();
        (rows >= usize::from(area.height)).then_some(())
    }

    fn up(&mut self, area: Rect) -> Option<Wanted> {
        let at = match self.anchor {
            Some(id) => usize::try_from(id.saturating_sub(self.first)).unwrap_or(0),
            None => self
                .lines
                .iter()
                .rposition(|line| self.filter.admits(line))
                .unwrap_or(0),
        };
        let before = (0..at.min(self.lines.len()))
            .rev()
            .find(|at| self.filter.admits(&self.lines[*at]));
        let was = self.anchor;
        if let Some(before) = before {
            self.anchor = Some(self.first + before as u64);
            if self.fills(area).is_some() {
                return None;
            }
            // The first line is on the screen already.
            self.anchor = was;
        }
        (self.after > Seq::ZERO).then_some(Wanted::Older)
    }

    fn down(&mut self, steps: usize) -> Option<Wanted> {
        for _ in 0..steps {
            if self.anchor.is_none() || !self.step_down() {
                break;
            }
        }
        let last = self.lines.iter().rposition(|line| self.filter.admits(line));
        let at_end = match (self.anchor, last) {
            (Some(id), Some(last)) => id >= self.first + last as u64,
            _ => true,
        };
        if at_end && !self.live {
            return Some(Wanted::Newer);
        }
        if at_end {
            self.anchor = None;
        }
        None
    }

    /// One admitted line further down; whether there is one.
    fn step_down(&mut self) -> bool {
        let Some(id) = self.anchor else {
            return false;
        };
        let at = usize::try_from(id.saturating_sub(self.first)).unwrap_or(0);
        let next = (at + 1..self.lines.len()).find(|at| self.filter.admits(&self.lines[*at]));
        if let Some(next) = next {
            self.anchor = Some(self.first + next as u64);
        }
        next.is_some()
    }
}
