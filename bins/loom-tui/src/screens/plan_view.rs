//! The picture of a plan that is edited: its steps, and the selected one below them.

use super::{first_shown, heading, nothing, put, select, step_status};
use crate::look::Tone;
use crate::model::Model;
use crate::text::{clean, wrap};
use loom_events::{SubtaskSpec, Voting};
use loom_view::SubtaskStatus;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// The list, and what is said of the selected step, each without its heading.
pub(super) fn areas(body: Rect) -> (Rect, Rect) {
    let upper = body.height / 2;
    let list = Rect {
        y: body.y + 1,
        height: upper.saturating_sub(1),
        ..body
    };
    let below = Rect {
        y: body.y + upper + 1,
        height: body.height.saturating_sub(upper + 1),
        ..body
    };
    (list, below)
}

/// Draws it; gives the place of the cursor while a step is edited.
pub(crate) fn draw(model: &Model, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (look, editor) = (model.look, &model.plan);
    let (list, below) = areas(body);
    let changed = if editor.is_edited() {
        "plan (edited, w saves it)"
    } else {
        "plan"
    };
    heading(
        look,
        buffer,
        Rect {
            y: body.y,
            height: 1,
            ..body
        },
        changed,
        editor.form.is_none(),
    );
    if editor.steps.is_empty() {
        nothing(look, buffer, list, "no step: + adds one");
    }
    let first = first_shown(editor.at, editor.steps.len(), usize::from(list.height));
    let rows = editor.steps.iter().enumerate().skip(first);
    for (y, (at, step)) in (list.y..list.bottom()).zip(rows) {
        let fixed = editor.fixed.contains(&step.id);
        let (mark, tone) = match fixed {
            true => step_status(SubtaskStatus::Completed),
            false => step_status(SubtaskStatus::Pending),
        };
        let x = put(
            buffer,
            list,
            list.x,
            y,
            &format!("{mark} "),
            look.style(tone),
        );
        let text_tone = if fixed { Tone::Dim } else { Tone::Plain };
        let x = put(
            buffer,
            list,
            x,
            y,
            &format!("{}. {}", at + 1, clean(&step.title)),
            look.style(text_tone),
        );
        let needs: Vec<_> = step
            .depends_on
            .iter()
            .filter_map(|id| editor.steps.iter().position(|step| step.id == *id))
            .map(|at| (at + 1).to_string())
            .collect();
        if !needs.is_empty() {
            put(
                buffer,
                list,
                x,
                y,
                &format!("  after {}", needs.join(", ")),
                look.style(Tone::Dim),
            );
        }
        if at == editor.at {
            select(buffer, list, y);
        }
    }
    let head = Rect {
        y: below.y.saturating_sub(1),
        height: 1,
        ..body
    };
    match &editor.form {
        Some(form) => {
            heading(
                look,
                buffer,
                head,
                "step (Enter takes it, Esc does not)",
                true,
            );
            super::new_task::draw_form(look, form, below, buffer)
        }
        None => {
            heading(look, buffer, head, "step", false);
            if let Some(step) = editor.steps.get(editor.at) {
                describe(model, step, below, buffer);
            }
            None
        }
    }
}

fn describe(model: &Model, step: &SubtaskSpec, area: Rect, buffer: &mut Buffer) {
    let mut lines = vec![(Tone::Plain, clean(&step.description))];
    lines.extend(
        step.criteria
            .iter()
            .map(|text| (Tone::Plain, format!("done when {}", clean(text)))),
    );
    lines.extend(
        step.checks
            .iter()
            .map(|check| (Tone::Dim, format!("checked: {}", clean(&check.to_string())))),
    );
    lines.extend(step.held_out.iter().map(|held| {
        let check = held.check.to_string();
        (Tone::Dim, format!("held out: {}", clean(&check)))
    }));
    lines.extend(step.vote.map(|vote| {
        let said = match vote {
            Voting::Executions => "done several times, and compared",
            Voting::Verdicts => "done once, whatever is configured",
        };
        (Tone::Dim, said.to_owned())
    }));
    lines.extend(
        step.outputs
            .iter()
            .map(|path| (Tone::Dim, format!("makes {}", clean(path)))),
    );
    let mut y = area.y;
    for (tone, line) in lines {
        for row in wrap(&line, usize::from(area.width.saturating_sub(2)), 4) {
            put(buffer, area, area.x + 2, y, &row, model.look.style(tone));
            y += 1;
        }
    }
}
