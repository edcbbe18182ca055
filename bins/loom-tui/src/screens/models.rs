//! The models: who they are, how they are, how fast they are, and how many calls they take at once.

use super::{first_shown, heading, nothing, put, select};
use crate::keys::Move;
use crate::look::Tone;
use crate::model::Model;
use crate::text::{clean, clean_lines, fit, short, wrap};
use loom_client::wire::{ModelInfo, ModelList};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The models.
#[derive(Debug, Default)]
pub(crate) struct ModelsScreen {
    models: Vec<ModelInfo>,
    known: bool,
    at: usize,
    /// When they were asked for, in milliseconds.
    pub(crate) asked_at: i64,
}

impl ModelsScreen {
    /// Takes what came.
    pub(crate) fn take(&mut self, list: ModelList) {
        self.models = list.models;
        self.known = true;
        self.at = self.at.min(self.models.len().saturating_sub(1));
    }

    /// Moves in the list.
    pub(crate) fn go(&mut self, to: Move, rows: usize) {
        self.at = to.within(self.at, self.models.len(), rows);
    }

    /// Selects what was clicked on.
    pub(crate) fn click(&mut self, body: Rect, column: u16, row: u16) {
        let at = super::clicked(areas(body).0, column, row, self.at, self.models.len());
        self.at = at.unwrap_or(self.at);
    }
}

fn areas(body: Rect) -> (Rect, Rect) {
    let upper = body.height / 2;
    let list = Rect {
        y: body.y + 2,
        height: upper.saturating_sub(2),
        ..body
    };
    let below = Rect {
        y: body.y + upper + 1,
        height: body.height.saturating_sub(upper + 1),
        ..body
    };
    (list, below)
}

/// Draws it.
pub(crate) fn draw(model: &Model, body: Rect, buffer: &mut Buffer) {
    let (look, screen) = (model.look, &model.models);
    let (list, below) = areas(body);
    heading(
        look,
        buffer,
        Rect {
            y: body.y,
            height: 1,
            ..body
        },
        "models",
        true,
    );
    let head = format!(
        "  {} {} {} {} {} {}",
        fit("name", 22),
        fit("health", 8),
        fit("slots", 12),
        fit("window", 7),
        fit("first", 7),
        "tokens/s in, out"
    );
    put(
        buffer,
        body,
        body.x,
        body.y + 1,
        &head,
        look.style(Tone::Dim),
    );
    if screen.models.is_empty() {
        let text = if screen.known {
            "no model is configured: `loom models` says how"
        } else {
            "asking …"
        };
        nothing(look, buffer, list, text);
        return;
    }
    let first = first_shown(screen.at, screen.models.len(), usize::from(list.height));
    for (y, (at, info)) in (list.y..list.bottom()).zip(screen.models.iter().enumerate().skip(first))
    {
        row(
            model,
            info,
            Rect {
                y,
                height: 1,
                ..list
            },
            buffer,
        );
        if at == screen.at {
            select(buffer, list, y);
        }
    }
    heading(
        look,
        buffer,
        Rect {
            y: below.y.saturating_sub(1),
            height: 1,
            ..body
        },
        "model",
        false,
    );
    if let Some(info) = screen.models.get(screen.at) {
        details(model, info, below, buffer);
    }
}

fn row(model: &Model, info: &ModelInfo, row: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let (mark, tone) = match info.health.as_str() {
        "ok" => ("✓", Tone::Good),
        "resting" => ("✗", Tone::Bad),
        "trying" => ("◐", Tone::Caught),
        _ => ("○", Tone::Dim),
    };
    let running = info.in_flight.saturating_sub(info.waiting);
    let waiting = if info.waiting > 0 {
        format!(" +{} wait", info.waiting)
    } else {
        String::new()
    };
    let slots = format!("{running}/{}{waiting}", info.slots);
    let number = |n: Option<f32>| n.map_or_else(|| "–".to_owned(), |n| format!("{n:.0}"));
    let x = put(
        buffer,
        row,
        row.x,
        row.y,
        &format!("{mark} "),
        look.style(tone),
    );
    let text = format!(
        "{} {} {} {} {} {}, {}",
        fit(&clean(&info.name), 22),
        fit(&clean(&info.health), 8),
        fit(&slots, 12),
        fit(
            &info
                .context_length
                .map_or_else(|| "–".to_owned(), |n| short(n.into())),
            7
        ),
        fit(
            &info
                .first_token_ms
                .map_or_else(|| "–".to_owned(), |ms| format!("{ms}ms")),
            7
        ),
        number(info.prefill_per_s),
        number(info.decode_per_s),
    );
    put(buffer, row, x, row.y, &text, look.style(Tone::Plain));
}

fn details(model: &Model, info: &ModelInfo, area: Rect, buffer: &mut Buffer) {
    let mut lines = vec![
        (
            Tone::Plain,
            format!(
                "{} at {}",
                clean(info.model.as_deref().unwrap_or("the model that is loaded")),
                clean(&info.base_url)
            ),
        ),
        (
            Tone::Dim,
            format!(
                "{}, tier {}, roles: {}",
                clean(&info.provider),
                info.tier,
                clean(&info.roles.join(", "))
            ),
        ),
        (
            Tone::Dim,
            format!("{} calls answered, {} failed", info.succeeded, info.failed),
        ),
    ];
    if let Some(error) = &info.last_error {
        lines.push((Tone::Bad, format!("✗ {}", clean(error))));
    }
    match info.capabilities.as_ref().and_then(|all| all.as_object()) {
        Some(all) => {
            let known = all.iter().filter(|(_, value)| !value.is_null());
            lines.extend(known.map(|(name, value)| {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (
                    Tone::Dim,
                    clean(&format!("{}: {text}", name.replace('_', " "))),
                )
            }));
        }
        None => lines.push((
            Tone::Hint,
            "nobody has looked at what it can do: `loom models --probe`".to_owned(),
        )),
    }
    let mut y = area.y;
    for (tone, line) in lines {
        for line in clean_lines(&line) {
            for row in wrap(&line, usize::from(area.width.saturating_sub(2)), 3) {
                put(buffer, area, area.x + 2, y, &row, model.look.style(tone));
                y += 1;
            }
        }
    }
}
