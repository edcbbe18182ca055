//! Everything that was said and done in a step: the prompt, each answer, each call, each verdict.

use super::{heading, nothing};
use crate::keys::Move;
use crate::look::Tone;
use crate::model::Model;
use crate::pager::Pager;
use crate::screens::detail::inner;
use crate::text::{clean, clean_lines, count, plural};
use loom_client::wire::{AttemptTrace, CallTrace, SubtaskTrace, TurnTrace};
use loom_events::{Message, SubtaskId, TaskId, VerdictResult};
use loom_view::describe_end;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The trace of a step.
#[derive(Debug, Default)]
pub(crate) struct TraceScreen {
    /// Whose.
    pub(crate) of: Option<(TaskId, SubtaskId)>,
    known: bool,
    title: String,
    /// The text.
    pub(crate) pager: Pager,
}

impl TraceScreen {
    /// Of a step, before it has come.
    pub(crate) fn new(task: TaskId, step: SubtaskId) -> Self {
        Self {
            title: step.to_string(),
            of: Some((task, step)),
            ..Self::default()
        }
    }

    /// Takes what came; one who reads stays where he reads.
    pub(crate) fn take(&mut self, trace: &SubtaskTrace) {
        self.title = clean(&trace.subtask.spec.title);
        let lines = lines(trace);
        match self.known {
            true => self.pager.replace(lines),
            false => self.pager = Pager::new(lines),
        }
        self.known = true;
    }

    /// Moves in the text.
    pub(crate) fn go(&mut self, to: Move, body: Rect) {
        self.pager.go(to, usize::from(inner(body).height));
    }
}

/// Draws it.
pub(crate) fn draw(model: &Model, body: Rect, buffer: &mut Buffer) {
    let (look, screen) = (model.look, &model.trace);
    let at = match screen.pager.len() {
        0 => String::new(),
        len => format!(", line {} of {}", screen.pager.top + 1, count(len as u64)),
    };
    let title = format!("trace of {}{at}", screen.title);
    let area = heading(look, buffer, body, &title, true);
    if !screen.known {
        let text = model.awaits("asking for what was said and done …");
        nothing(look, buffer, area, &text);
        return;
    }
    screen.pager.draw(look, area, buffer);
}

type Lines = Vec<(Tone, String)>;

fn lines(trace: &SubtaskTrace) -> Lines {
    let spec = &trace.subtask.spec;
    let mut out = vec![(Tone::Strong, clean(&spec.title))];
    out.extend(clean_lines(&spec.description).map(|line| (Tone::Plain, format!("  {line}"))));
    out.extend(
        spec.criteria
            .iter()
            .map(|text| (Tone::Dim, format!("  done when {}", clean(text)))),
    );
    out.extend(spec.checks.iter().map(|check| {
        (
            Tone::Dim,
            format!("  checked: {}", clean(&check.to_string())),
        )
    }));
    out.extend(spec.held_out.iter().map(|held| {
        let check = held.check.to_string();
        (Tone::Dim, format!("  held out: {}", clean(&check)))
    }));
    if trace.attempts.is_empty() {
        out.push((Tone::Dim, "nothing was tried yet".to_owned()));
    }
    for attempt in &trace.attempts {
        self::attempt(attempt, &mut out);
    }
    out
}

fn attempt(trace: &AttemptTrace, out: &mut Lines) {
    let attempt = &trace.attempt;
    let model = attempt
        .model
        .as_deref()
        .map_or_else(String::new, |model| format!(" with {}", clean(model)));
    out.push((Tone::Plain, String::new()));
    out.push((
        Tone::Strong,
        format!(
            "━━ attempt {}{model}, tier {}",
            attempt.ordinal, attempt.tier
        ),
    ));
    for message in trace.prompt.iter().flatten() {
        self::message(message, out);
    }
    for turn in &trace.turns {
        self::turn(turn, out);
    }
    if let Some(shown) = &attempt.verdict {
        let verdict = &shown.verdict;
        let (tone, word) = match verdict.result {
            VerdictResult::Pass => (Tone::Good, "✓ passed"),
            VerdictResult::Fail => (Tone::Bad, "✗ failed"),
            VerdictResult::Inconclusive => (Tone::Caught, "? cannot tell"),
        };
        out.push((
            tone,
            format!(
                "── verdict: {word}, {:.0} % sure",
                verdict.confidence.value * 100.0
            ),
        ));
        for check in &verdict.checks {
            let (mark, tone) = if check.passed {
                ("✓", Tone::Good)
            } else {
                ("✗", Tone::Bad)
            };
            out.push((tone, format!("  {mark} {}", clean(&check.check))));
            out.extend(clean_lines(&check.detail).map(|line| (Tone::Dim, format!("    {line}"))));
        }
        for criterion in &verdict.criteria {
            out.push((
                Tone::Plain,
                format!("  {:?}: {}", criterion.verdict, clean(&criterion.criterion)),
            ));
        }
    }
    if let Some(why) = &attempt.ended {
        out.push((
            Tone::Dim,
            format!("── ended: {}", clean(&describe_end(why, &attempt.feedback))),
        ));
    }
}

fn message(message: &Message, out: &mut Lines) {
    let (who, text) = match message {
        Message::System { text } => ("prompt: system", text),
        Message::User { text } => ("prompt: user", text),
        Message::Assistant { text, .. } => ("prompt: assistant", text),
        Message::Tool { text, .. } => ("prompt: tool", text),
    };
    out.push((
        Tone::Hint,
        format!("── {who}, {}", plural(text.len(), "byte")),
    ));
    out.extend(clean_lines(text).map(|line| (Tone::Dim, format!("  {line}"))));
}

fn turn(turn: &TurnTrace, out: &mut Lines) {
    let usage = turn.usage.map_or_else(String::new, |usage| {
        let cached = match usage.cached {
            0 => String::new(),
            cached => format!(" ({} cached)", count(cached)),
        };
        format!(
            ", {} tokens read{cached}, {} written",
            count(usage.prompt),
            count(usage.completion)
        )
    });
    out.push((Tone::Hint, format!("── turn {}{usage}", turn.turn)));
    out.extend(clean_lines(&turn.thoughts).map(|line| (Tone::Dim, format!("  ┆ {line}"))));
    out.extend(clean_lines(&turn.text).map(|line| (Tone::Plain, format!("  {line}"))));
    if let Some(failure) = &turn.failure {
        out.push((Tone::Bad, format!("  ✗ {}", clean(failure))));
    }
    for call in &turn.calls {
        self::call(call, out);
    }
}

fn call(trace: &CallTrace, out: &mut Lines) {
    let (mark, tone) = match trace.success {
        Some(true) => ("✓", Tone::Plain),
        Some(false) => ("✗", Tone::Caught),
        None => ("●", Tone::Plain),
    };
    out.push((tone, format!("  {mark} {}", clean(&trace.call.name))));
    if let Some(arguments) = trace.call.arguments.as_object() {
        for (name, value) in arguments {
            // A text is shown as it is, not as JSON.
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let mut lines = clean_lines(&text);
            out.push((
                Tone::Plain,
                format!(
                    "      {}: {}",
                    clean(name),
                    lines.next().unwrap_or_default()
                ),
            ));
            out.extend(lines.map(|line| (Tone::Plain, format!("        {line}"))));
        }
    }
    if let Some(output) = &trace.output {
        out.extend(clean_lines(output).map(|line| (Tone::Dim, format!("    │ {line}"))));
    }
}
