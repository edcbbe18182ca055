//! A line to type, at the foot of the screen.

use crate::input::Input;
use crate::look::Tone;
use crate::model::Model;
use crate::screens::put;
use loom_events::{SubtaskId, TaskId};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// A line that is typed.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// What for.
    pub(crate) purpose: Purpose,
    /// The line.
    pub(crate) input: Input,
}

/// What a line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An instruction for a task.
    Steer(TaskId),
    /// What to do differently in a step.
    Guidance(TaskId, SubtaskId),
    /// A search where the user is.
    Search,
}

/// Draws it; gives the place of the cursor.
pub(super) fn draw(model: &Model, prompt: &Prompt, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let screen = buffer.area;
    let row = Rect {
        y: screen.bottom().saturating_sub(2),
        height: 1.min(screen.height),
        ..screen
    };
    let label = match &prompt.purpose {
        Purpose::Steer(_) => "instruction: ",
        Purpose::Guidance(..) => "what to do differently: ",
        Purpose::Search => "search: ",
    };
    put(
        buffer,
        row,
        row.x,
        row.y,
        &" ".repeat(usize::from(row.width)),
        look.style(Tone::Plain),
    );
    let x = put(buffer, row, row.x, row.y, label, look.style(Tone::Hint));
    let (text, column) = prompt
        .input
        .window(usize::from(row.right().saturating_sub(x)));
    put(buffer, row, x, row.y, &text, look.style(Tone::Plain));
    Some(Position::new(x + column, row.y))
}
