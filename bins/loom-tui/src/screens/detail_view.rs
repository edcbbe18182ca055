//! The picture of one task: its head, its plan, its files, its log, its gauges.

use super::detail::{Pane, inner};
use super::{first_shown, heading, nothing, put, select, step_status, task_status};
use crate::look::Tone;
use crate::model::Model;
use crate::overlays;
use crate::text::{bar, clean, duration, first_line, short};
use crate::watched::Watched;
use loom_client::wire::Rated;
use loom_events::{Operation, SubtaskId};
use loom_view::{FileRow, SubtaskStatus, SubtaskView};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws it.
pub(crate) fn draw(model: &Model, body: Rect, buffer: &mut Buffer) {
    let Some(watched) = &model.watched else {
        return;
    };
    let areas = model.detail.areas(body, watched);
    head(model, watched, areas.head, buffer);
    plan(model, watched, areas.plan, buffer);
    files(model, watched, areas.files, buffer);
    log(model, watched, areas.log, buffer);
    gauges(model, watched, areas.gauges, buffer);
}

fn head(model: &Model, watched: &Watched, area: Rect, buffer: &mut Buffer) {
    let (look, view) = (model.look, &watched.view);
    if let Some(broken) = &watched.broken {
        put(
            buffer,
            area,
            area.x,
            area.y,
            &format!("✗ {broken}"),
            look.style(Tone::Bad),
        );
        return;
    }
    let goal = match view.last_seq.0 {
        0 => "reading its journal …".to_owned(),
        _ => first_line(&view.goal),
    };
    put(
        buffer,
        area,
        area.x,
        area.y,
        &goal,
        look.style(Tone::Strong),
    );
    let (mark, tone, words) = task_status(view.status);
    let y = area.y + 1;
    let x = put(
        buffer,
        area,
        area.x,
        y,
        &format!("{mark} {words}"),
        look.style(tone),
    );
    let x = match &watched.taken_back {
        Some(words) => put(
            buffer,
            area,
            x,
            y,
            &format!(" · {}", clean(words)),
            look.style(Tone::Caught),
        ),
        None => x,
    };
    let x = match Rated::words(&watched.ratings) {
        Some(words) => put(
            buffer,
            area,
            x,
            y,
            &format!(" · {words}"),
            look.style(Tone::Plain),
        ),
        None => x,
    };
    let end = if view.status.is_final() {
        view.updated
    } else {
        model.now
    };
    let mut parts = vec![
        format!("{}/{} steps", view.done(), view.subtasks.len()),
        duration(end.since(view.created)),
    ];
    let step = view.subtasks.get(model.detail.step(watched));
    if let Some(name) = step
        .and_then(|s| s.last_attempt())
        .and_then(|a| a.model.as_deref())
    {
        parts.push(clean(name));
    }
    if let Some(workspace) = &view.workspace {
        parts.push(clean(workspace));
    }
    parts.push(view.id.short());
    let x = put(
        buffer,
        area,
        x,
        y,
        &format!(" · {}", parts.join(" · ")),
        look.style(Tone::Dim),
    );
    match (view.questions.len(), &view.reason) {
        (0, Some(reason)) => {
            put(
                buffer,
                area,
                x,
                y,
                &format!(" · {}", first_line(reason)),
                look.style(Tone::Plain),
            );
        }
        (0, None) => {}
        (n, _) => {
            let text = match n {
                1 => " · a question waits: a".to_owned(),
                n => format!(" · {n} questions wait: a"),
            };
            // Never cut off by a long path.
            let x = x.min(
                area.right()
                    .saturating_sub(u16::try_from(text.len()).unwrap_or(0)),
            );
            put(buffer, area, x, y, &text, look.style(Tone::Hint));
        }
    }
}

fn plan(model: &Model, watched: &Watched, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let (look, view) = (model.look, &watched.view);
    let title = match view.plan_version {
        0 | 1 => "plan".to_owned(),
        version => format!("plan, version {version}"),
    };
    let focused = model.detail.pane == Pane::Plan;
    let list = heading(look, buffer, area, &title, focused);
    if view.subtasks.is_empty() {
        put(
            buffer,
            list,
            list.x + 2,
            list.y,
            "no plan yet",
            look.style(Tone::Dim),
        );
        return;
    }
    let selected = model.detail.step(watched);
    let first = first_shown(selected, view.subtasks.len(), usize::from(list.height));
    let rows = view
        .subtasks
        .iter()
        .enumerate()
        .skip(first)
        .take(usize::from(list.height));
    for (y, (at, step)) in (list.y..).zip(rows) {
        step_row(
            model,
            watched,
            at,
            step,
            Rect {
                y,
                height: 1,
                ..list
            },
            buffer,
        );
        if at == selected && focused {
            select(buffer, list, y);
        }
    }
}

fn step_row(
    model: &Model,
    watched: &Watched,
    at: usize,
    step: &SubtaskView,
    row: Rect,
    buffer: &mut Buffer,
) {
    let look = model.look;
    let (mark, tone) = step_status(step.status);
    let x = put(
        buffer,
        row,
        row.x,
        row.y,
        &format!("{mark} "),
        look.style(tone),
    );
    let title = format!("{}. {}", at + 1, clean(&step.spec.title));
    let title_tone = match step.status {
        SubtaskStatus::Running | SubtaskStatus::Verifying | SubtaskStatus::WaitingApproval => {
            Tone::Strong
        }
        SubtaskStatus::Failed | SubtaskStatus::Blocked => Tone::Plain,
        SubtaskStatus::Pending => Tone::Plain,
        SubtaskStatus::Completed | SubtaskStatus::Skipped => Tone::Dim,
    };
    let x = put(buffer, row, x, row.y, &title, look.style(title_tone));
    let x = match overlays::said(&watched.ratings, &step.spec.id) {
        Some((tone, _, words)) => put(
            buffer,
            row,
            x,
            row.y,
            &format!("  {words}"),
            look.style(tone),
        ),
        None => x,
    };
    put(
        buffer,
        row,
        x,
        row.y,
        &remark(watched, at, step),
        look.style(Tone::Dim),
    );
}

/// What is said of a step behind its title.
fn remark(watched: &Watched, at: usize, step: &SubtaskView) -> String {
    let mut parts = Vec::new();
    let before = at
        .checked_sub(1)
        .and_then(|before| watched.view.subtasks.get(before));
    let usual = step
        .spec
        .depends_on
        .iter()
        .all(|id| Some(id) == before.map(|s| &s.spec.id));
    if !usual {
        let number = |id: &SubtaskId| {
            let at = watched.view.subtasks.iter().position(|s| &s.spec.id == id);
            at.map_or_else(|| id.to_string(), |at| (at + 1).to_string())
        };
        let after: Vec<_> = step.spec.depends_on.iter().map(number).collect();
        parts.push(format!("after {}", after.join(", ")));
    }
    if step.attempts.len() > 1 {
        parts.push(format!("attempt {}", step.attempts.len()));
    }
    match step.status {
        SubtaskStatus::Running => {
            let attempt = step.last_attempt();
            parts.extend(attempt.map(|a| format!("turn {}", a.turns + 1)));
            parts.extend(attempt.and_then(|a| a.current.as_deref()).map(first_line));
        }
        SubtaskStatus::Verifying => parts.push("verifying".to_owned()),
        SubtaskStatus::Completed if !step.summary.is_empty() => parts.push(clean(&step.summary)),
        SubtaskStatus::Failed | SubtaskStatus::Blocked => {
            parts.extend(step.reason.as_deref().map(first_line));
        }
        _ => {}
    }
    match parts.is_empty() {
        true => String::new(),
        false => format!("  {}", parts.join(" · ")),
    }
}

fn files(model: &Model, watched: &Watched, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let (look, files) = (model.look, &watched.view.files);
    let focused = model.detail.pane == Pane::Files;
    let list = heading(
        look,
        buffer,
        area,
        &format!("files ({})", files.len()),
        focused,
    );
    if files.is_empty() {
        put(
            buffer,
            list,
            list.x + 2,
            list.y,
            "nothing is changed",
            look.style(Tone::Dim),
        );
        return;
    }
    let at = model.detail.file.min(files.len() - 1);
    let first = first_shown(at, files.len(), usize::from(list.height));
    let rows = files
        .iter()
        .enumerate()
        .skip(first)
        .take(usize::from(list.height));
    for (y, (nth, file)) in (list.y..).zip(rows) {
        file_row(
            model,
            file,
            Rect {
                y,
                height: 1,
                ..list
            },
            buffer,
        );
        if nth == at && focused {
            select(buffer, list, y);
        }
    }
}

fn file_row(model: &Model, file: &FileRow, row: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let mark = match file.operation {
        Operation::Create => "A",
        Operation::Modify => "M",
        Operation::Delete => "D",
        Operation::Rename => "R",
    };
    let x = put(
        buffer,
        row,
        row.x,
        row.y,
        &format!("{mark} {}", clean(&file.path)),
        look.style(Tone::Plain),
    );
    let x = put(
        buffer,
        row,
        x,
        row.y,
        &format!(" +{}", file.lines.added),
        look.style(Tone::Good),
    );
    put(
        buffer,
        row,
        x,
        row.y,
        &format!(" −{}", file.lines.removed),
        look.style(Tone::Bad),
    );
}

fn log(model: &Model, watched: &Watched, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let log = &watched.log;
    let mut title = match log.filter {
        crate::log::Filter::All => "log".to_owned(),
        filter => format!("log: {}", filter.name()),
    };
    if !log.sought.is_empty() {
        title.push_str(&format!(", search “{}”", log.sought));
    }
    if !log.follows() {
        title.push_str(", scrolled (G follows)");
    }
    heading(look, buffer, area, &title, model.detail.pane == Pane::Log);
    let list = inner(area);
    if watched.view.last_seq.0 == 0 {
        nothing(look, buffer, list, "reading its journal …");
        return;
    }
    log.draw(look, watched.view.created, &watched.tail(), list, buffer);
}

/// Speed, context, budget, time left: on one row, or on two.
fn gauges(model: &Model, watched: &Watched, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let view = &watched.view;
    let running = view
        .subtasks
        .get(model.detail.step(watched))
        .and_then(SubtaskView::last_attempt);
    let context = running.map_or(0, |attempt| u64::from(attempt.context_percent));
    let speed = watched
        .pace
        .decode
        .map_or_else(|| "–".to_owned(), |speed| format!("{speed:.0}"));
    let cached = watched
        .pace
        .cached
        .map_or_else(String::new, |percent| format!(", {percent} % cached"));
    let budget = watched.limits.tokens;
    let used = view.usage.total();
    let left = watched.left(model.now).map_or_else(String::new, |left| {
        format!("  about {} left", duration(left))
    });
    let context = match context {
        0 => "context –".to_owned(),
        context => format!("context {} {context} %", bar(context, 100, 8)),
    };
    let first = format!("{speed} tokens/s{cached}  {context}");
    let second = format!(
        "budget {} {} of {} tokens{left}",
        bar(used, budget, 8),
        short(used),
        short(budget)
    );
    let tone = look.style(Tone::Plain);
    match area.height {
        0 => {}
        1 => {
            put(
                buffer,
                area,
                area.x,
                area.y,
                &format!("{first}  {second}"),
                tone,
            );
        }
        _ => {
            put(buffer, area, area.x, area.y, &first, tone);
            put(buffer, area, area.x, area.y + 1, &second, tone);
        }
    }
}
