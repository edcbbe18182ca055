//! What a task changed, file by file, with the words of its language; two columns where they fit.

use super::{first_shown, heading, nothing, put, select};
use crate::diff::{Language, Row, Side, paint, pairs, parse};
use crate::keys::Move;
use crate::look::{Look, Tone};
use crate::model::Model;
use crate::pager::contains;
use crate::text::clean;
use loom_client::wire::DiffList;
use loom_events::{DiffStatus, FileDiff, TaskId};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

/// From this width on, two columns fit.
const SIDE_BY_SIDE: u16 = 140;

/// From this width on, the list of files stands beside the diff.
const LIST: u16 = 110;

/// Bytes kept of the patch of one file; what is longer is no reading matter.
const MAX_PATCH: usize = 2 * 1024 * 1024;

/// The diff of a task.
#[derive(Debug, Default)]
pub(crate) struct DiffScreen {
    /// Whose.
    pub(crate) task: Option<TaskId>,
    files: Vec<FileDiff>,
    known: bool,
    at: usize,
    /// The rows of the file that is shown.
    rows: Vec<Row>,
    pairs: Vec<(Option<usize>, Option<usize>)>,
    top: usize,
    left: usize,
    /// Whether lines were replaced: only then is there something for both columns.
    changed: bool,
    /// Whether one column is wanted, although two would fit.
    one: bool,
    /// What is searched for.
    pub(crate) sought: String,
    /// The file to show first.
    wanted: Option<String>,
}

impl DiffScreen {
    /// The screen of a task, before its diff has come.
    pub(crate) fn new(task: TaskId, file: Option<String>) -> Self {
        Self {
            task: Some(task),
            wanted: file,
            ..Self::default()
        }
    }

    /// Takes the diff.
    pub(crate) fn take(&mut self, diff: DiffList) {
        let path = self
            .wanted
            .take()
            .or_else(|| self.file().map(|file| file.path.clone()));
        self.files = diff.files;
        for file in &mut self.files {
            shorten(&mut file.patch);
        }
        self.known = true;
        let at = self
            .files
            .iter()
            .position(|file| Some(&file.path) == path.as_ref());
        self.show(at.unwrap_or(0));
    }

    /// The file that is shown.
    pub(crate) fn file(&self) -> Option<&FileDiff> {
        self.files.get(self.at)
    }

    fn show(&mut self, at: usize) {
        self.at = at.min(self.files.len().saturating_sub(1));
        self.rows = self
            .file()
            .map(|file| parse(&file.patch))
            .unwrap_or_default();
        self.pairs = pairs(&self.rows);
        let has = |wanted| {
            self.rows
                .iter()
                .any(|row| matches!(row, Row::Line { side, .. } if *side == wanted))
        };
        self.changed = has(Side::Old) && has(Side::New);
        (self.top, self.left) = (0, 0);
    }

    /// Goes to another file.
    pub(crate) fn turn(&mut self, forward: bool) {
        let last = self.files.len().saturating_sub(1);
        match forward {
            true => self.show(if self.at == last { 0 } else { self.at + 1 }),
            false => self.show(self.at.checked_sub(1).unwrap_or(last)),
        }
    }

    /// Shows the diff in the other way.
    pub(crate) const fn other_layout(&mut self) {
        self.one = !self.one;
        self.top = 0;
    }

    fn two_columns(&self, body: Rect) -> bool {
        !self.one && self.changed && body.width >= SIDE_BY_SIDE
    }

    fn len(&self, body: Rect) -> usize {
        if self.two_columns(body) {
            self.pairs.len()
        } else {
            self.rows.len()
        }
    }

    /// Moves in the diff.
    pub(crate) fn go(&mut self, to: Move, body: Rect) {
        let rows = usize::from(areas(body).1.height);
        let last = self.len(body).saturating_sub(rows.max(1));
        match to {
            Move::Left => self.left = self.left.saturating_sub(8),
            Move::Right => self.left = (self.left + 8).min(10_000),
            to => self.top = to.within(self.top, last + 1, rows.saturating_sub(1)),
        }
    }

    /// Goes to the next match, or to the one before; whether there is one.
    pub(crate) fn seek(&mut self, forward: bool, body: Rect) -> bool {
        let two = self.two_columns(body);
        let holds = |at: &usize| match two {
            true => {
                let (old, new) = self.pairs[*at];
                [old, new].into_iter().flatten().any(|at| self.holds(at))
            }
            false => self.holds(*at),
        };
        let len = self.len(body);
        let found = match forward {
            true => (self.top + 1..len).find(holds),
            false => (0..self.top).rev().find(holds),
        };
        self.top = found.unwrap_or(self.top);
        found.is_some()
    }

    fn holds(&self, at: usize) -> bool {
        let (Row::Note(text) | Row::Line { text, .. }) = &self.rows[at];
        contains(text, &self.sought)
    }

    /// Shows the file that was clicked on.
    pub(crate) fn click(&mut self, body: Rect, column: u16, row: u16) {
        let (list, _) = areas(body);
        if let Some(at) = super::clicked(list, column, row, self.at, self.files.len())
            && list.contains(Position::new(column, row))
        {
            self.show(at);
        }
    }
}

fn shorten(patch: &mut String) {
    if patch.len() > MAX_PATCH {
        let mut end = MAX_PATCH;
        while !patch.is_char_boundary(end) {
            end -= 1;
        }
        patch.truncate(end);
        patch.shrink_to_fit();
    }
}

/// The list of files, empty where it does not fit, and the diff, each without its heading.
fn areas(body: Rect) -> (Rect, Rect) {
    let below = Rect {
        y: body.y + 1,
        height: body.height.saturating_sub(1),
        ..body
    };
    let width = if body.width >= LIST {
        (body.width / 5).clamp(24, 44)
    } else {
        0
    };
    let list = Rect { width, ..below };
    let gap = u16::from(width > 0);
    let diff = Rect {
        x: below.x + width + gap,
        width: below.width - width - gap,
        ..below
    };
    (list, diff)
}

/// Draws it.
pub(crate) fn draw(model: &Model, body: Rect, buffer: &mut Buffer) {
    let (look, screen) = (model.look, &model.diff);
    let (list, area) = areas(body);
    let Some(file) = screen.file() else {
        let text = match screen.known {
            true => "nothing is different from before the task".to_owned(),
            false => model.awaits("asking for the differences …"),
        };
        nothing(look, buffer, body, &text);
        return;
    };
    let title = Rect {
        y: body.y,
        height: 1,
        ..area
    };
    let x = put(
        buffer,
        title,
        title.x,
        title.y,
        &named(screen, file),
        look.style(Tone::Strong),
    );
    let x = put(
        buffer,
        title,
        x,
        title.y,
        &format!("  +{}", file.added),
        look.style(Tone::Good),
    );
    put(
        buffer,
        title,
        x,
        title.y,
        &format!(" −{}", file.removed),
        look.style(Tone::Bad),
    );
    files(model, list, body, buffer);
    if screen.rows.is_empty() {
        let text = if file.binary {
            "not text"
        } else {
            "nothing that a patch can show"
        };
        nothing(look, buffer, area, text);
        return;
    }
    let painter = Painter {
        look,
        language: Language::of(&file.path),
        left: screen.left,
        sought: &screen.sought,
    };
    if screen.two_columns(body) {
        let half = (area.width - 1) / 2;
        let left = Rect {
            width: half,
            ..area
        };
        let right = Rect {
            x: area.x + half + 1,
            width: area.width - half - 1,
            ..area
        };
        for (y, (old, new)) in (area.y..area.bottom()).zip(screen.pairs.iter().skip(screen.top)) {
            if let Some(at) = old {
                painter.row(&screen.rows[*at], Some(Side::Old), left, y, buffer);
            }
            put(buffer, area, area.x + half, y, "│", look.style(Tone::Dim));
            if let Some(at) = new.filter(|at| matches!(screen.rows[*at], Row::Line { .. })) {
                painter.row(&screen.rows[at], Some(Side::New), right, y, buffer);
            }
        }
    } else {
        for (y, row) in (area.y..area.bottom()).zip(screen.rows.iter().skip(screen.top)) {
            painter.row(row, None, area, y, buffer);
        }
    }
}

fn named(screen: &DiffScreen, file: &FileDiff) -> String {
    let before = file
        .old_path
        .as_ref()
        .map_or_else(String::new, |old| format!("{} → ", clean(old)));
    format!(
        "{}/{} {} {before}{}",
        screen.at + 1,
        screen.files.len(),
        status(file.status),
        clean(&file.path)
    )
}

const fn status(status: DiffStatus) -> &'static str {
    match status {
        DiffStatus::Added => "A",
        DiffStatus::Modified => "M",
        DiffStatus::Deleted => "D",
        DiffStatus::Renamed => "R",
    }
}

fn files(model: &Model, list: Rect, body: Rect, buffer: &mut Buffer) {
    let (look, screen) = (model.look, &model.diff);
    if list.width == 0 {
        return;
    }
    heading(
        look,
        buffer,
        Rect {
            y: body.y,
            height: 1,
            ..list
        },
        "files",
        false,
    );
    let first = first_shown(screen.at, screen.files.len(), usize::from(list.height));
    let rows = screen.files.iter().enumerate().skip(first);
    for (y, (at, file)) in (list.y..list.bottom()).zip(rows) {
        let text = format!("{} {}", status(file.status), clean(&file.path));
        put(buffer, list, list.x, y, &text, look.style(Tone::Plain));
        if at == screen.at {
            select(buffer, list, y);
        }
    }
}

/// Draws rows.
struct Painter<'a> {
    look: Look,
    language: Option<Language>,
    left: usize,
    sought: &'a str,
}

impl Painter<'_> {
    /// One row; `only` is the side of two columns.
    fn row(&self, row: &Row, only: Option<Side>, area: Rect, y: u16, buffer: &mut Buffer) {
        let (side, old, new, text) = match row {
            Row::Note(text) => {
                put(buffer, area, area.x, y, text, self.look.style(Tone::Hint));
                return;
            }
            Row::Line {
                side,
                old,
                new,
                text,
            } => (*side, *old, *new, text),
        };
        let number = |n: Option<u32>| n.map_or_else(|| "     ".to_owned(), |n| format!("{n:>5}"));
        let gutter = match only {
            None => format!("{}{} ", number(old), number(new)),
            Some(Side::Old) => format!("{} ", number(old)),
            Some(_) => format!("{} ", number(new)),
        };
        let x = put(buffer, area, area.x, y, &gutter, self.look.style(Tone::Dim));
        let (sign, base) = match side {
            Side::Both => (" ", Style::new()),
            Side::Old => ("-", self.look.style(Tone::Bad)),
            Side::New => ("+", self.look.style(Tone::Good)),
        };
        let mut x = put(buffer, area, x, y, sign, base.add_modifier(Modifier::BOLD));
        let mut skip = self.left;
        let found = contains(text, self.sought);
        for (piece, style) in paint(text, self.language, base, self.look) {
            let shown = piece
                .char_indices()
                .nth(skip)
                .map_or("", |(at, _)| &piece[at..]);
            skip = skip.saturating_sub(piece.chars().count());
            let style = if found {
                style.add_modifier(Modifier::REVERSED)
            } else {
                style
            };
            x = put(buffer, area, x, y, shown, style);
        }
    }
}
