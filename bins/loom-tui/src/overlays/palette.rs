//! Commands by their names: what is typed narrows them down.

use super::window;
use crate::actions::{Action, Binding, usable};
use crate::input::Input;
use crate::keys::{Key, Move};
use crate::look::Tone;
use crate::model::Model;
use crate::screens::{first_shown, put, select};
use crate::text::fit;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// The palette.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    /// What is typed.
    pub(crate) input: Input,
    at: usize,
}

impl Palette {
    /// The commands that fit what is typed, those first whose name begins with it.
    fn found<'a>(&'a self, model: &'a Model) -> Vec<&'static Binding> {
        let sought = self.input.text().to_lowercase();
        let fits = |binding: &&Binding| {
            let words = format!("{} {}", binding.label, binding.help).to_lowercase();
            sought.split_whitespace().all(|word| words.contains(word))
        };
        let mut found: Vec<_> = usable(model)
            .filter(fits)
            .filter(|b| b.action != Action::Palette)
            .collect();
        found.sort_by_key(|binding| !binding.label.starts_with(&sought));
        found
    }

    /// A key; the chosen command, if one was chosen.
    pub(crate) fn key(&mut self, key: Key, model: &Model) -> Option<Action> {
        match key {
            Key::Enter => return self.found(model).get(self.at).map(|binding| binding.action),
            Key::Go(to @ (Move::Up | Move::Down | Move::PageUp | Move::PageDown)) => {
                self.at = to.within(self.at, self.found(model).len(), 10);
            }
            key => {
                self.input.key(key);
                self.at = 0;
            }
        }
        None
    }
}

/// Draws it; gives the place of the cursor.
pub(super) fn draw(model: &Model, palette: &Palette, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let found = palette.found(model);
    let rows = u16::try_from(usable(model).count() + 1).unwrap_or(u16::MAX);
    let area = window(look, buffer, "commands", 70, rows.min(18));
    let x = put(buffer, area, area.x, area.y, ": ", look.style(Tone::Hint));
    let (text, column) = palette
        .input
        .window(usize::from(area.right().saturating_sub(x)));
    put(buffer, area, x, area.y, &text, look.style(Tone::Plain));
    let list = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    if found.is_empty() {
        put(
            buffer,
            list,
            list.x,
            list.y,
            "no command is called that",
            look.style(Tone::Dim),
        );
    }
    let first = first_shown(palette.at, found.len(), usize::from(list.height));
    for (y, (at, binding)) in (list.y..list.bottom()).zip(found.iter().enumerate().skip(first)) {
        let x = put(
            buffer,
            list,
            list.x,
            y,
            &format!("{} ", fit(binding.label, 12)),
            look.style(Tone::Plain),
        );
        let key = format!("{} ", fit(binding.key, 7));
        let x = put(buffer, list, x, y, &key, look.style(Tone::Hint));
        put(buffer, list, x, y, binding.help, look.style(Tone::Dim));
        if at == palette.at {
            select(buffer, list, y);
        }
    }
    Some(Position::new(x + column, area.y))
}
