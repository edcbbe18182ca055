//! A key that was pressed: what is in front gets it first, then the form, then the table of actions,
//! and what none of them knows is a move.

use super::search::prompted;
use super::{edit_plan, go, perform, show_diff};
use crate::actions::{self, Action};
use crate::keys::{Key, Move};
use crate::model::{Model, Place};
use crate::msg::Cmd;
use crate::overlays::{Overlay, Reply};

/// A key was pressed.
pub(crate) fn key(model: &mut Model, key: Key) -> Vec<Cmd> {
    match key {
        Key::Ctrl('c') => return vec![Cmd::Quit],
        Key::Ctrl('z') => return vec![Cmd::Suspend],
        _ => {}
    }
    // Who presses a key has stopped waiting: what is found later is not to move the screen.
    if let Some(watched) = &mut model.watched {
        watched.log.scan = None;
    }
    if model.overlay.is_some() {
        return overlay_key(model, key);
    }
    match model.place() {
        Place::NewTask if key != Key::Esc => {
            return model.new_task.key(key).unwrap_or_else(|wrong| {
                model.complain(wrong);
                Vec::new()
            });
        }
        Place::Plan if model.plan.form.is_some() => {
            if let Err(wrong) = model.plan.form_key(key) {
                model.complain(wrong);
            }
            return Vec::new();
        }
        _ => {}
    }
    if let Some(action) = name(key).and_then(|name| actions::of_key(&name, model.place())) {
        return perform(model, action);
    }
    match key.to_move() {
        Some(Move::Right) if model.place() == Place::Dashboard => perform(model, Action::Open),
        Some(Move::Left) if !matches!(model.place(), Place::Dashboard | Place::Diff) => {
            perform(model, Action::Back)
        }
        Some(to) => go(model, to),
        None => Vec::new(),
    }
}

/// How the table of actions writes a key.
fn name(key: Key) -> Option<String> {
    Some(match key {
        Key::Char(c) => c.to_string(),
        Key::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
        Key::Enter => "Enter".to_owned(),
        Key::Esc | Key::Backspace => "Esc".to_owned(),
        Key::Tab => "Tab".to_owned(),
        Key::CarryUp => "K".to_owned(),
        Key::CarryDown => "J".to_owned(),
        Key::AltEnter | Key::BackTab | Key::Delete | Key::Go(_) => return None,
    })
}

fn overlay_key(model: &mut Model, key: Key) -> Vec<Cmd> {
    let Some(mut overlay) = model.overlay.take() else {
        return Vec::new();
    };
    let rows = usize::from(model.size.1.saturating_sub(6));
    let cmds = match &mut overlay {
        Overlay::Help(pager) => {
            match key {
                Key::Esc | Key::Enter | Key::Char('q' | '?') => return Vec::new(),
                key => pager.go(key.to_move().unwrap_or(Move::Left), rows),
            }
            Vec::new()
        }
        Overlay::Confirm(confirm) => {
            if matches!(key, Key::Esc | Key::Char('q')) {
                return Vec::new();
            }
            // `y` and `m` first: they are no moves.
            if let Some(cmd) = confirm.chosen(key) {
                return vec![cmd];
            }
            if let Some(to) = key.to_move() {
                confirm.what.go(to, rows);
            }
            Vec::new()
        }
        Overlay::Rating(rating) => {
            if matches!(key, Key::Esc | Key::Backspace | Key::Char('q')) {
                return Vec::new();
            }
            let of = model.watched.as_ref().filter(|one| one.id == rating.task);
            of.and_then(|of| rating.key(key, of)).into_iter().collect()
        }
        Overlay::Question(asked) => match asked.key(key) {
            Reply::Stay => {
                let arrow = matches!(
                    key,
                    Key::Go(Move::Up | Move::Down | Move::PageUp | Move::PageDown)
                );
                if let Some(to) = key.to_move().filter(|_| arrow) {
                    asked.action.go(to, rows.min(10));
                }
                Vec::new()
            }
            Reply::Close => return Vec::new(),
            Reply::Answer(cmd) => return vec![cmd],
            Reply::EditPlan => return edit_plan(model),
            Reply::Diff => return show_diff(model, asked.task, None),
            Reply::Complain(what) => {
                model.complain(what);
                Vec::new()
            }
        },
        Overlay::Prompt(prompt) => match key {
            Key::Esc => return Vec::new(),
            Key::Enter => {
                let text = prompt.input.take();
                return prompted(model, prompt.purpose.clone(), text.trim().to_owned());
            }
            key => {
                prompt.input.key(key);
                Vec::new()
            }
        },
        Overlay::Palette(palette) => {
            if key == Key::Esc {
                return Vec::new();
            }
            match palette.key(key, model) {
                Some(action) => return perform(model, action),
                None if key == Key::Enter => return Vec::new(),
                None => Vec::new(),
            }
        }
    };
    model.overlay = Some(overlay);
    cmds
}
