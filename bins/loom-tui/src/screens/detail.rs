//! One task: where its panes are, and how one moves in them. `detail_view.rs` draws it.

use super::clicked;
use crate::keys::Move;
use crate::log::Wanted;
use crate::watched::Watched;
use ratatui::layout::{Position, Rect};

/// From this width on plan and files stand beside the log.
const WIDE: u16 = 120;

/// Rows of the plan, where it stands above the log.
const PLAN_ROWS: u16 = 6;

/// Where the user is in a task.
#[derive(Debug, Default)]
pub(crate) struct Detail {
    /// The pane with the focus.
    pub(crate) pane: Pane,
    /// The selected step; none is the one that runs.
    pub(crate) step: Option<usize>,
    /// The selected file.
    pub(crate) file: usize,
}

/// A pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    /// The steps.
    Plan,
    /// The log.
    #[default]
    Log,
    /// The files.
    Files,
}

/// Where the panes are, each with its heading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Areas {
    pub(crate) head: Rect,
    pub(crate) plan: Rect,
    pub(crate) files: Rect,
    pub(crate) log: Rect,
    pub(crate) gauges: Rect,
}

impl Detail {
    /// Where the panes are. On a narrow screen the files take the place of the plan.
    pub(crate) fn areas(&self, body: Rect, watched: &Watched) -> Areas {
        let wide = body.width >= WIDE;
        let cut = |y: u16, height: u16| Rect { y, height, ..body };
        let gauges = if wide { 1 } else { 2 };
        let head = cut(body.y, 2.min(body.height));
        let middle = body.height.saturating_sub(2 + gauges);
        let rest = cut(body.y + head.height, middle);
        let gauges = cut(rest.bottom(), body.bottom().saturating_sub(rest.bottom()));
        let rows = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let steps = rows(watched.view.subtasks.len()).max(1);
        let files = rows(watched.view.files.len()).max(1);
        let mut areas = Areas {
            head,
            gauges,
            ..Areas::default()
        };
        if wide {
            let left = (rest.width * 2 / 5).min(72);
            let files_height = (files + 1).min(rest.height / 2);
            let split = rest.height - files_height;
            areas.plan = Rect {
                width: left,
                height: split,
                ..rest
            };
            areas.files = Rect {
                width: left,
                y: rest.y + split,
                height: files_height,
                ..rest
            };
            areas.log = Rect {
                x: rest.x + left + 1,
                width: rest.width - left - 1,
                ..rest
            };
        } else {
            let shown = if self.pane == Pane::Files {
                files
            } else {
                steps
            };
            let most = if self.pane == Pane::Log {
                PLAN_ROWS
            } else {
                rest.height / 2
            };
            let top = (shown.min(most) + 1).min(rest.height / 2);
            let upper = Rect {
                height: top,
                ..rest
            };
            match self.pane {
                Pane::Files => areas.files = upper,
                Pane::Plan | Pane::Log => areas.plan = upper,
            }
            areas.log = Rect {
                y: rest.y + top,
                height: rest.height - top,
                ..rest
            };
        }
        areas
    }

    /// The selected step.
    pub(crate) fn step(&self, watched: &Watched) -> usize {
        let last = watched.view.subtasks.len().saturating_sub(1);
        self.step
            .or_else(|| watched.current())
            .unwrap_or(0)
            .min(last)
    }

    /// Moves in the pane with the focus; says what the log lacks.
    pub(crate) fn go(&mut self, to: Move, body: Rect, watched: &mut Watched) -> Option<Wanted> {
        let areas = self.areas(body, watched);
        let page = |area: Rect| usize::from(inner(area).height);
        match self.pane {
            Pane::Log => return watched.log.go(to, inner(areas.log)),
            Pane::Plan => {
                let at = self.step(watched);
                self.step = Some(to.within(at, watched.view.subtasks.len(), page(areas.plan)));
            }
            Pane::Files => {
                self.file = to.within(self.file, watched.view.files.len(), page(areas.files));
            }
        }
        None
    }

    /// Goes to the next pane.
    pub(crate) const fn next_pane(&mut self) {
        self.pane = match self.pane {
            Pane::Log => Pane::Plan,
            Pane::Plan => Pane::Files,
            Pane::Files => Pane::Log,
        };
    }

    /// Selects what was clicked on; whether it was selected before.
    pub(crate) fn click(&mut self, body: Rect, watched: &Watched, column: u16, row: u16) -> bool {
        let areas = self.areas(body, watched);
        let at = Position::new(column, row);
        let step = self.step(watched);
        if areas.plan.contains(at) {
            let len = watched.view.subtasks.len();
            let was = std::mem::replace(&mut self.pane, Pane::Plan) == Pane::Plan;
            let Some(found) = clicked(inner(areas.plan), column, row, step, len) else {
                return false;
            };
            self.step = Some(found);
            return was && found == step;
        }
        if areas.files.contains(at) {
            let len = watched.view.files.len();
            let was = std::mem::replace(&mut self.pane, Pane::Files) == Pane::Files;
            let Some(found) = clicked(inner(areas.files), column, row, self.file, len) else {
                return false;
            };
            return was && std::mem::replace(&mut self.file, found) == found;
        }
        if areas.log.contains(at) {
            self.pane = Pane::Log;
        }
        false
    }
}

/// A pane without its heading.
pub(crate) const fn inner(area: Rect) -> Rect {
    Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    }
}
