//! What a typed line does: an instruction, guidance, a search where the user is.

use super::fetch;
use crate::keys::Move;
use crate::log::{Scan, Wanted};
use crate::model::{Model, Place};
use crate::msg::{Cmd, Load, Wish};
use crate::overlays::Purpose;
use crate::screens::MemoryScreen;
use loom_client::wire::EventPage;
use loom_events::TaskId;

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
                return seek(model, false);
            }
        }
        Place::Diff => {
            model.diff.sought = text;
            return seek(model, true);
        }
        Place::Trace => {
            model.trace.pager.sought = text;
            return seek(model, true);
        }
        _ => {}
    }
    Vec::new()
}

/// Goes to a match of the search where the user is. The log is searched beyond what is kept of it.
pub(super) fn seek(model: &mut Model, forward: bool) -> Vec<Cmd> {
    let body = model.body();
    let (sought, found) = match model.place() {
        Place::Detail => match &mut model.watched {
            Some(watched) => {
                let found = watched.log.seek(forward);
                if !found && !watched.log.sought.is_empty() {
                    let scan = watched.log.beyond(forward);
                    return scan_on(model, scan, forward);
                }
                (watched.log.sought.clone(), found)
            }
            None => return Vec::new(),
        },
        Place::Diff => (model.diff.sought.clone(), model.diff.seek(forward, body)),
        Place::Trace => (
            model.trace.pager.sought.clone(),
            model.trace.pager.seek(forward),
        ),
        _ => return Vec::new(),
    };
    if !found && !sought.is_empty() {
        missed(model, &sought, forward);
    }
    Vec::new()
}

/// A page of the journal came for a search: goes there when it has a match, else asks for the next.
pub(crate) fn scanned(model: &mut Model, task: TaskId, scan: Scan, page: &EventPage) -> Vec<Cmd> {
    let Some(watched) = model.watched.as_mut().filter(|watched| watched.id == task) else {
        return Vec::new();
    };
    // Given up, or another one was begun.
    if watched.log.scan != Some(scan) {
        return Vec::new();
    }
    watched.log.scan = None;
    if watched.log.jump(scan, &page.events, &watched.view) {
        model.notice = None;
        return match watched.log.lacks_above(model.size.1) {
            true => fetch(model, Wanted::Older, Move::Up),
            false => Vec::new(),
        };
    }
    let next = scan.next(&page.events);
    scan_on(model, next, scan.forward)
}

fn scan_on(model: &mut Model, scan: Option<Scan>, forward: bool) -> Vec<Cmd> {
    let Some(watched) = &mut model.watched else {
        return Vec::new();
    };
    watched.log.scan = scan;
    let (task, sought) = (watched.id, watched.log.sought.clone());
    match scan {
        Some(scan) => {
            let where_ = if forward { "newer" } else { "older" };
            model.say(format!("“{sought}” is searched in {where_} lines"));
            vec![Cmd::Load(Load::Scan(task, scan))]
        }
        None => {
            missed(model, &sought, forward);
            Vec::new()
        }
    }
}

fn missed(model: &mut Model, sought: &str, forward: bool) {
    let where_ = if forward {
        "further down"
    } else {
        "further up"
    };
    model.complain(format!("“{sought}” is not {where_}"));
}
