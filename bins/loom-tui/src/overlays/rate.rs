//! Whether a task that has ended is right: said of the whole or of a step, by whoever has looked.

use super::{keys, window};
use crate::keys::{Key, Move};
use crate::look::Tone;
use crate::model::Model;
use crate::msg::{Cmd, Wish};
use crate::screens::{first_shown, put, select};
use crate::text::clean;
use crate::watched::Watched;
use loom_client::wire::Rated;
use loom_events::{SubtaskId, TaskId};
use loom_view::{SubtaskStatus, SubtaskView, TaskStatus};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Rows that are not of the list: the goal, an empty one, what comes of it, the keys.
const AROUND: u16 = 4;

/// Rows of the screen that the window leaves free: the frame, and the foot, where the answer is shown.
const FREE: u16 = 6;

/// What is said of a task.
#[derive(Debug)]
pub(crate) struct Rating {
    /// The task.
    pub(crate) task: TaskId,
    /// What is selected.
    on: On,
}

/// Of what it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
enum On {
    Whole,
    Step(SubtaskId),
}

impl Rating {
    /// Of a step, or else of the whole.
    pub(crate) fn new(task: TaskId, step: Option<SubtaskId>) -> Self {
        let on = step.map_or(On::Whole, On::Step);
        Self { task, on }
    }

    /// A key: moves, or says it. The window stays, so that a task can be said through step by step.
    pub(crate) fn key(&mut self, key: Key, watched: &Watched) -> Option<Cmd> {
        let rows = rows(watched);
        let at = self.at(&rows);
        let sideways = |to: &Move| matches!(to, Move::Left | Move::Right);
        if let Some(to) = key.to_move().filter(|to| !sideways(to)) {
            let to = to.within(at, rows.len(), rows.len());
            self.on = rows.get(to).map_or(On::Whole, Row::on);
            return None;
        }
        let right = match key {
            Key::Char('y') => true,
            Key::Char('n') => false,
            _ => return None,
        };
        let steps = match rows.get(at)? {
            Row::Whole => Vec::new(),
            Row::Step(_, step) => vec![step.spec.id.clone()],
        };
        Some(Cmd::Ask(self.task, Wish::Rate(right, steps)))
    }

    fn at(&self, rows: &[Row<'_>]) -> usize {
        rows.iter().position(|row| row.on() == self.on).unwrap_or(0)
    }
}

/// Something that can be right or wrong.
enum Row<'a> {
    Whole,
    Step(usize, &'a SubtaskView),
}

impl Row<'_> {
    fn on(&self) -> On {
        match self {
            Self::Whole => On::Whole,
            Self::Step(_, step) => On::Step(step.spec.id.clone()),
        }
    }
}

/// What has a result: the whole where it was completed, and each completed step.
fn rows(watched: &Watched) -> Vec<Row<'_>> {
    let view = &watched.view;
    let whole = (view.status == TaskStatus::Completed).then_some(Row::Whole);
    let steps = view.subtasks.iter().enumerate();
    let completed = steps.filter(|(_, step)| step.status == SubtaskStatus::Completed);
    let steps = completed.map(|(at, step)| Row::Step(at, step));
    whole.into_iter().chain(steps).collect()
}

/// What was said of a step: its tone, its mark and its words.
pub(crate) fn said(
    ratings: &[Rated],
    step: &SubtaskId,
) -> Option<(Tone, &'static str, &'static str)> {
    let rated = ratings.iter().find(|rated| rated.subtask == *step)?;
    Some(match rated.right {
        right if right >= 1.0 => (Tone::Good, "✓", "rated right"),
        right if right <= 0.0 => (Tone::Bad, "✗", "rated wrong"),
        _ => (Tone::Caught, "?", "may be wrong"),
    })
}

/// Draws it.
pub(super) fn draw(model: &Model, rating: &Rating, buffer: &mut Buffer) {
    let Some(watched) = model.watched.as_ref().filter(|one| one.id == rating.task) else {
        return;
    };
    let look = model.look;
    let rows = rows(watched);
    let most = buffer.area.height.saturating_sub(FREE);
    let wanted = u16::try_from(rows.len().max(1)).unwrap_or(u16::MAX);
    let area = window(
        look,
        buffer,
        "is it right?",
        90,
        wanted.saturating_add(AROUND).min(most),
    );
    let goal = crate::text::first_line(&watched.view.goal);
    put(buffer, area, area.x, area.y, &goal, look.style(Tone::Plain));
    let list = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(AROUND).min(wanted),
        ..area
    };
    let at = rating.at(&rows);
    let first = first_shown(at, rows.len(), usize::from(list.height));
    for (y, (nth, row)) in (list.y..list.bottom()).zip(rows.iter().enumerate().skip(first)) {
        let (name, said) = match row {
            Row::Whole => ("all of it".to_owned(), Rated::words(&watched.ratings)),
            Row::Step(n, step) => (format!("{}. {}", n + 1, clean(&step.spec.title)), None),
        };
        let of_step = match row {
            Row::Whole => None,
            Row::Step(_, step) => self::said(&watched.ratings, &step.spec.id),
        };
        let (tone, mark, words) = of_step.unwrap_or((Tone::Dim, " ", ""));
        let x = put(
            buffer,
            list,
            list.x,
            y,
            &format!("{mark} "),
            look.style(tone),
        );
        let x = put(buffer, list, x, y, &name, look.style(Tone::Plain));
        let words = said.unwrap_or_else(|| words.to_owned());
        put(buffer, list, x, y, &format!("  {words}"), look.style(tone));
        if nth == at {
            select(buffer, list, y);
        }
    }
    let hint = match (rows.is_empty(), watched.view.last_seq.0) {
        (_, 0) => "reading its journal …",
        (true, _) => "nothing of it was completed, so nothing of it can be right",
        (false, _) => "nothing of the task changes: Loom learns how sure it may be of its results",
    };
    let below = area.bottom().saturating_sub(2);
    put(buffer, area, area.x, below, hint, look.style(Tone::Dim));
    let shown: &[(&str, &str)] = match rows.is_empty() {
        true => &[("Esc", "close")],
        false => &[
            ("y", "right"),
            ("n", "wrong"),
            ("↑↓", "of what"),
            ("Esc", "close"),
        ],
    };
    keys(look, buffer, area, area.bottom().saturating_sub(1), shown);
}
