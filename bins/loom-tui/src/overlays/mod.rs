//! What is in front of a screen: a question, a confirmation, a line to type, the palette, the help.

mod confirm;
mod help;
mod palette;
mod prompt;
mod question;
mod rate;

pub(crate) use confirm::Confirm;
pub(crate) use confirm::done as reverted;
pub(crate) use palette::Palette;
pub(crate) use prompt::{Prompt, Purpose};
pub(crate) use question::{Asked, Reply};
pub(crate) use rate::{Rating, said};

pub(crate) use help::help;

use crate::look::{Look, Tone};
use crate::model::Model;
use crate::pager::Pager;
use crate::screens::put;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, BorderType, Clear, Widget as _};

/// What is in front of a screen.
#[derive(Debug)]
pub(crate) enum Overlay {
    /// A question that waits for an answer.
    Question(Box<Asked>),
    /// Something that is done only when it is confirmed.
    Confirm(Confirm),
    /// Whether a task is right.
    Rating(Rating),
    /// A line to type.
    Prompt(Prompt),
    /// Commands by their names.
    Palette(Palette),
    /// All keys.
    Help(Pager),
}

/// Draws it; gives the place of the cursor.
pub(crate) fn draw(model: &Model, overlay: &Overlay, buffer: &mut Buffer) -> Option<Position> {
    match overlay {
        Overlay::Question(asked) => question::draw(model, asked, buffer),
        Overlay::Confirm(confirm) => {
            confirm::draw(model, confirm, buffer);
            None
        }
        Overlay::Rating(rating) => {
            rate::draw(model, rating, buffer);
            None
        }
        Overlay::Prompt(prompt) => prompt::draw(model, prompt, buffer),
        Overlay::Palette(palette) => palette::draw(model, palette, buffer),
        Overlay::Help(pager) => {
            let rows = usize::from(
                place(buffer.area, 76, rows_of(pager))
                    .height
                    .saturating_sub(2),
            );
            let more = pager.len().saturating_sub(pager.top + rows);
            let title = match more {
                0 => "keys (Esc closes)".to_owned(),
                more => format!("keys (Esc closes, ↓ {more} more)"),
            };
            let area = window(model.look, buffer, &title, 76, rows_of(pager));
            pager.draw(model.look, area, buffer);
            None
        }
    }
}

fn rows_of(pager: &Pager) -> u16 {
    u16::try_from(pager.len()).unwrap_or(u16::MAX)
}

/// A window in the middle with room for so many columns and rows, as far as the screen has them;
/// gives what is inside of its border.
pub(crate) fn window(
    look: Look,
    buffer: &mut Buffer,
    title: &str,
    columns: u16,
    rows: u16,
) -> Rect {
    let area = place(buffer.area, columns, rows);
    Clear.render(area, buffer);
    let block = Block::bordered()
        .border_type(BorderType::Plain)
        .border_style(look.style(Tone::Plain));
    let inside = block.inner(area);
    block.render(area, buffer);
    put(
        buffer,
        area,
        area.x + 2,
        area.y,
        &format!(" {title} "),
        look.style(Tone::Strong),
    );
    Rect {
        x: inside.x + 1,
        width: inside.width.saturating_sub(2),
        ..inside
    }
}

/// Where a window with room for so many columns and rows is.
pub(crate) fn place(screen: Rect, columns: u16, rows: u16) -> Rect {
    let width = columns
        .saturating_add(4)
        .min(screen.width.saturating_sub(2));
    let height = rows.saturating_add(2).min(screen.height.saturating_sub(2));
    Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    }
}

/// Keys with their words, on one row: `y yes  n no`.
pub(crate) fn keys(look: Look, buffer: &mut Buffer, area: Rect, y: u16, keys: &[(&str, &str)]) {
    let mut x = area.x;
    for (key, words) in keys {
        x = put(buffer, area, x, y, key, look.style(Tone::Hint));
        x = put(
            buffer,
            area,
            x,
            y,
            &format!(" {words}  "),
            look.style(Tone::Plain),
        );
    }
}
