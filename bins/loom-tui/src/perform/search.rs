//! What a typed line does: an instruction, guidance, a search where the user is.

use crate::keys::Move;
use crate::model::{Model, Place};
use crate::msg::{Cmd, Load, Wish};
use crate::overlays::Purpose;
use crate::screens::MemoryScreen;

/// A line was typed.
pub(super) fn prompted(model: &mut Model, purpose: Purpose, text: String) -> Vec<Cmd> {
    match purpose {
        Purpose::Steer(_) if text.is_empty() => Vec::new(),
        Purpose::Steer(task) => vec![Cmd::Ask(task, Wish::Steer(text))],
        Purpose::Guidance(task, step) => vec![Cmd::Ask(task, Wish::Retry(Some(step), text))],
        Purpose::Search => search(model, text),
    }
}

fn search(model: &mut Model, text: String) -> Vec<Cmd> {
    match model.place() {
        Place::Dashboard => {
            model.dashboard.sought = text;
            model.dashboard.go(Move::Home, 1);
        }
        Place::Memory if !text.is_empty() => {
            model.memory = MemoryScreen::new(None, text.clone());
            return vec![Cmd::Load(Load::Search(text))];
        }
        Place::Detail => {
            if let Some(watched) = &mut model.watched {
                watched.log.sought = text;
                seek(model, false);
            }
        }
        Place::Diff => {
            model.diff.sought = text;
            seek(model, true);
        }
        Place::Trace => {
            model.trace.pager.sought = text;
            seek(model, true);
        }
        _ => {}
    }
    Vec::new()
}

/// Goes to a match of the search where the user is.
pub(super) fn seek(model: &mut Model, forward: bool) {
    let body = model.body();
    let (sought, found) = match model.place() {
        Place::Detail => match &mut model.watched {
            Some(watched) => (watched.log.sought.clone(), watched.log.seek(forward)),
            None => return,
        },
        Place::Diff => (model.diff.sought.clone(), model.diff.seek(forward, body)),
        Place::Trace => (
            model.trace.pager.sought.clone(),
            model.trace.pager.seek(forward),
        ),
        _ => return,
    };
    if !found && !sought.is_empty() {
        let where_ = if forward {
            "further down"
        } else {
            "further up"
        };
        model.complain(format!("“{sought}” is not {where_}"));
    }
}
