//! The whole picture: a head, the screen where the user is, what is in front of it, a foot.

use crate::actions::{Action, usable};
use crate::look::Tone;
use crate::model::{Link, Model, Place};
use crate::overlays;
use crate::screens::{self, put};
use crate::text::{duration, plural, width};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// The smallest screen that anything can be shown on.
const LEAST: (u16, u16) = (40, 10);

/// Draws what is known. Reads the model and nothing else.
pub(crate) fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let cursor = if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!("too small: {} by {} at least", LEAST.0, LEAST.1);
        put(
            buffer,
            area,
            area.x,
            area.y,
            &text,
            model.look.style(Tone::Plain),
        );
        None
    } else {
        draw(model, buffer)
    };
    model.look.finish(buffer);
    if let Some(at) = cursor.filter(|at| area.contains(*at)) {
        frame.set_cursor_position(at);
    }
}

fn draw(model: &Model, buffer: &mut Buffer) -> Option<Position> {
    // The size that was drawn for last may be older than that of the screen, in a storm of resizes.
    let body = model.body().intersection(buffer.area);
    head(model, buffer);
    let mut cursor = None;
    match model.place() {
        Place::Dashboard => screens::draw_dashboard(model, body, buffer),
        Place::Detail => screens::draw_detail(model, body, buffer),
        Place::Diff => screens::draw_diff(model, body, buffer),
        Place::Plan => cursor = screens::draw_plan(model, body, buffer),
        Place::Memory => screens::draw_memory(model, body, buffer),
        Place::Trace => screens::draw_trace(model, body, buffer),
        Place::Models => screens::draw_models(model, body, buffer),
        Place::NewTask => cursor = screens::draw_new_task(model, body, buffer),
    }
    foot(model, buffer);
    match &model.overlay {
        Some(overlay) => overlays::draw(model, overlay, buffer),
        None => cursor,
    }
}

fn head(model: &Model, buffer: &mut Buffer) {
    let look = model.look;
    let row = Rect {
        height: 1,
        ..buffer.area
    };
    let x = put(buffer, row, row.x, row.y, "Loom", look.style(Tone::Strong));
    let tasks = model.dashboard.tasks.len();
    let more = if model.dashboard.more { "+" } else { "" };
    let count = match tasks {
        0 => String::new(),
        1 => " · 1 task".to_owned(),
        n => format!(" · {n}{more} tasks"),
    };
    let x = put(buffer, row, x, row.y, &count, look.style(Tone::Dim));
    let waiting = model.dashboard.waiting();
    if waiting > 0 {
        let wait = if waiting == 1 { "waits" } else { "wait" };
        put(
            buffer,
            row,
            x,
            row.y,
            &format!(" · {waiting} {wait} for you"),
            look.style(Tone::Caught),
        );
    }
    let (tone, text) = link(model);
    let x = row
        .right()
        .saturating_sub(u16::try_from(width(&text)).unwrap_or(0));
    put(buffer, row, x, row.y, &text, look.style(tone));
}

fn link(model: &Model) -> (Tone, String) {
    match &model.link {
        Link::Connecting => (Tone::Dim, "connecting …".to_owned()),
        Link::Online if !model.missing.is_empty() => (
            Tone::Caught,
            format!("! {} missing, see n", plural(model.missing.len(), "thing")),
        ),
        Link::Online => (Tone::Dim, "connected".to_owned()),
        Link::Offline(since, _) => {
            let since = duration(model.now.since(*since));
            (Tone::Bad, format!("✗ offline for {since}, trying again"))
        }
    }
}

/// Keys of every form.
const FIELD: (&str, &str) = ("Tab", "next field");
const LINE: (&str, &str) = ("Ctrl-J", "new line");

/// A message, and the keys that can be pressed.
fn foot(model: &Model, buffer: &mut Buffer) {
    let look = model.look;
    let screen = buffer.area;
    let row = |up: u16| Rect {
        y: screen.bottom().saturating_sub(up),
        height: 1,
        ..screen
    };
    let above = row(2);
    match (&model.notice, &model.link) {
        (Some(notice), _) => {
            let (mark, tone) = if notice.bad {
                ("! ", Tone::Caught)
            } else {
                ("", Tone::Plain)
            };
            put(
                buffer,
                above,
                above.x,
                above.y,
                &format!("{mark}{}", notice.text),
                look.style(tone),
            );
        }
        (None, Link::Offline(_, why)) => {
            put(buffer, above, above.x, above.y, why, look.style(Tone::Dim));
        }
        (None, _) => {}
    }
    let keys = row(1);
    if let Some(enter) = model.form_takes() {
        let shown = [("Enter", enter), FIELD, LINE, ("Esc", "back")];
        return overlays::keys(look, buffer, keys, keys.y, &shown);
    }
    let always = |action| matches!(action, Action::Help | Action::Quit | Action::Back);
    let all: Vec<_> = usable(model).collect();
    let (last, first): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|binding| always(binding.action));
    let cells = |text: &(&str, &str)| width(text.0) + 1 + width(text.1) + 2;
    let text = |binding: &crate::actions::Binding| (binding.key, label(model, binding));
    let fixed: usize = last.iter().map(|binding| cells(&text(binding))).sum();
    let mut room = usize::from(keys.width).saturating_sub(fixed);
    let mut shown = Vec::new();
    for binding in first {
        let cell = text(binding);
        // What does not fit is left out whole; `?` names it.
        if let Some(left) = room.checked_sub(cells(&cell)) {
            room = left;
            shown.push(cell);
        }
    }
    shown.extend(last.iter().map(|binding| text(binding)));
    overlays::keys(look, buffer, keys, keys.y, &shown);
}

/// What a key does now: pause and resume are one key.
fn label(model: &Model, binding: &crate::actions::Binding) -> &'static str {
    let paused = match (model.place(), &model.watched) {
        (Place::Dashboard, _) => {
            let selected = model.dashboard.selected();
            selected.is_some_and(|task| task.status == loom_view::TaskStatus::Paused)
        }
        (_, Some(watched)) => watched.view.status == loom_view::TaskStatus::Paused,
        (_, None) => false,
    };
    match binding.action {
        Action::Pause if paused => "resume",
        _ => binding.label,
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
