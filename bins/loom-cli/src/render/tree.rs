//! The live picture of a task: one line for the task, one or more for each subtask.

use crate::ui::{Style, Tone, clean, clip, count, duration, fit, width};
use loom_engine::{SubtaskStatus, SubtaskView, TaskStatus, TaskView};
use loom_events::{AttemptId, EffectId, Time, Work};
use std::collections::BTreeMap;

/// What a picture needs besides the view: this instant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moment {
    /// The time now.
    pub(crate) now: Time,
    /// Counts pictures, for the spinner.
    pub(crate) frame: usize,
    /// What models are writing right now.
    pub(crate) spoken: BTreeMap<EffectId, Spoken>,
    /// Tokens per second, measured.
    pub(crate) speed: Option<f64>,
    /// Columns and rows of the screen.
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// Colours.
    pub(crate) style: Option<Style>,
}

/// What one model is writing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// The last line.
    pub(crate) line: String,
    /// The tool that it writes a call of.
    pub(crate) calling: Option<String>,
}

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Rows left for what scrolls by above the picture.
const ROWS_ABOVE: usize = 4;

/// Fewest subtasks shown, on however small a screen.
const MIN_SUBTASKS: usize = 3;

/// The lines of the picture, each narrower than the screen.
pub(crate) fn tree(view: &TaskView, moment: &Moment) -> Vec<String> {
    let mut lines = vec![task_line(view, moment)];
    let room = moment.rows.saturating_sub(ROWS_ABOVE).max(MIN_SUBTASKS + 3);
    let (from, to) = window(view, room.saturating_sub(5));
    if from > 0 {
        lines.push(paint(moment, Tone::Dim, &format!("  … {from} above")));
    }
    for subtask in &view.subtasks[from..to] {
        lines.push(subtask_line(subtask, moment));
        if is_running(subtask) {
            lines.extend(details(view, subtask, moment));
        }
    }
    let below = view.subtasks.len() - to;
    if below > 0 {
        lines.push(paint(moment, Tone::Dim, &format!("  … {below} below")));
    }
    let planner = view.running().find_map(|(effect, work)| match work {
        Work::Plan { .. } => moment.spoken.get(&effect),
        _ => None,
    });
    if let Some(planner) = planner.filter(|_| view.subtasks.is_empty()) {
        lines.extend(quote(planner, moment));
    }
    lines
}

/// What the model of an attempt is writing.
fn spoken<'a>(view: &TaskView, attempt: AttemptId, moment: &'a Moment) -> Option<&'a Spoken> {
    view.running().find_map(|(effect, work)| match work {
        Work::Model { attempt: of, .. } if *of == attempt => moment.spoken.get(&effect),
        _ => None,
    })
}

/// Which subtasks fit: as many as there is room for around the first one that is not done.
fn window(view: &TaskView, room: usize) -> (usize, usize) {
    let all = view.subtasks.len();
    let room = room.max(MIN_SUBTASKS);
    if all <= room {
        return (0, all);
    }
    let done =
        |s: &SubtaskView| matches!(s.status, SubtaskStatus::Completed | SubtaskStatus::Skipped);
    let current = view
        .subtasks
        .iter()
        .position(|s| !done(s))
        .unwrap_or(all - 1);
    let from = current.saturating_sub(1).min(all - room);
    (from, from + room)
}

const fn is_running(subtask: &SubtaskView) -> bool {
    matches!(
        subtask.status,
        SubtaskStatus::Running | SubtaskStatus::Verifying
    )
}

fn spinner(moment: &Moment) -> &'static str {
    SPINNER[moment.frame % SPINNER.len()]
}

fn paint(moment: &Moment, tone: Tone, text: &str) -> String {
    let text = clip(text, moment.columns.saturating_sub(1));
    moment.style.unwrap_or(Style::PLAIN).paint(tone, &text)
}

fn task_line(view: &TaskView, moment: &Moment) -> String {
    let doing = match view.status {
        TaskStatus::Executing => format!("{}/{} done", view.done(), view.subtasks.len()),
        TaskStatus::WaitingApproval => "waiting for you".to_owned(),
        other => other.name().to_owned(),
    };
    let mut parts = vec![doing, duration(moment.now.since(view.created))];
    if view.usage.total() > 0 {
        parts.push(format!("{} tokens", count(view.usage.total())));
    }
    if let Some(speed) = moment.speed {
        parts.push(format!("{speed:.0} tokens/s"));
    }
    let changed = view.files.len();
    if changed > 0 {
        parts.push(crate::ui::plural(changed, "file"));
    }
    let text = format!("{} {}", spinner(moment), parts.join(" · "));
    paint(moment, Tone::Strong, &text)
}

fn mark(subtask: &SubtaskView, moment: &Moment) -> (&'static str, Tone) {
    match subtask.status {
        SubtaskStatus::Pending => ("·", Tone::Dim),
        SubtaskStatus::Running | SubtaskStatus::Verifying => (spinner(moment), Tone::Plain),
        SubtaskStatus::WaitingApproval => ("?", Tone::Caught),
        SubtaskStatus::Completed => ("✓", Tone::Good),
        SubtaskStatus::Failed | SubtaskStatus::Blocked => ("✗", Tone::Bad),
        SubtaskStatus::Skipped => ("-", Tone::Dim),
    }
}

fn subtask_line(subtask: &SubtaskView, moment: &Moment) -> String {
    let (mark, tone) = mark(subtask, moment);
    let left = format!("  {mark} {}", clean(&subtask.spec.title));
    let right = aside(subtask);
    let room = moment.columns.saturating_sub(1);
    let text = match room.checked_sub(width(&right) + 2) {
        Some(room) if !right.is_empty() && room >= 20 => format!("{}  {right}", fit(&left, room)),
        _ => left,
    };
    paint(moment, tone, &text)
}

/// Attempt and model, for those that have begun.
fn aside(subtask: &SubtaskView) -> String {
    let Some(attempt) = subtask.last_attempt() else {
        return String::new();
    };
    let mut parts = Vec::new();
    if attempt.ordinal > 1 {
        parts.push(format!("attempt {}", attempt.ordinal));
    }
    if is_running(subtask) {
        parts.extend(attempt.model.as_deref().map(clean));
    }
    parts.join(" · ")
}

/// Under a running subtask: what it does now, and what its model says.
fn details(view: &TaskView, subtask: &SubtaskView, moment: &Moment) -> Vec<String> {
    let attempt = subtask.last_attempt();
    let call = attempt.and_then(|a| a.current.as_deref());
    let said = attempt.and_then(|a| spoken(view, a.id, moment));
    let said = said.filter(|_| call.is_none());
    let doing = match (subtask.status, call, said) {
        (SubtaskStatus::Verifying, _, _) => "running the checks".to_owned(),
        (_, Some(call), _) => clean(call),
        (_, None, Some(said)) => match &said.calling {
            Some(name) => format!("writing a call of {}", clean(name)),
            None if said.line.is_empty() => "the model reads".to_owned(),
            None => "the model writes".to_owned(),
        },
        (_, None, None) => "the model reads".to_owned(),
    };
    let mut lines = vec![paint(moment, Tone::Plain, &format!("      {doing}"))];
    lines.extend(said.and_then(|said| quote(said, moment)));
    lines
}

fn quote(said: &Spoken, moment: &Moment) -> Option<String> {
    let text = format!("      “{}", clean(&said.line));
    (!said.line.is_empty()).then(|| paint(moment, Tone::Dim, &text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{Journal, spec};

    fn moment(columns: usize, rows: usize) -> Moment {
        Moment {
            now: Time::from_millis(13_000),
            spoken: [(EffectId(loom_events::Seq(2)), now_the_page())].into(),
            speed: Some(41.2),
            columns,
            rows,
            ..Moment::default()
        }
    }

    #[test]
    fn the_picture_shows_task_subtasks_and_what_runs_now() {
        let mut journal = Journal::demo_like();
        let attempt = loom_events::AttemptId(journal.envelopes[17].seq);
        assert_eq!(
            journal.view().owner(attempt).map(|id| id.as_str()),
            Some("page")
        );
        journal.call("page", attempt, "write_file PAGE.md");
        let picture = tree(&journal.view(), &moment(60, 24));
        assert_eq!(
            picture,
            [
                "⠋ 1/2 done · 12 s · 2,100 tokens · 41 tokens/s · 1 file",
                "  ✓ Mend the total",
                "  ⠋ Write the page                                sim-small",
                "      write_file PAGE.md",
            ]
        );
    }

    #[test]
    fn no_line_is_as_wide_as_the_screen_and_no_picture_as_high() {
        let mut journal = Journal::new();
        journal.create();
        let many = (0..30).map(|n| spec(&format!("s{n}"), &format!("step {n} {}", "x".repeat(90))));
        journal.plan(many.collect());
        journal.start("s12", 2);
        for (columns, rows) in [(20, 8), (40, 12), (80, 24)] {
            let picture = tree(&journal.view(), &moment(columns, rows));
            assert!(
                picture.iter().all(|line| width(line) < columns),
                "{picture:#?}"
            );
            assert!(picture.len() < rows, "{} lines on {rows}", picture.len());
        }
    }

    fn now_the_page() -> Spoken {
        Spoken {
            line: "Now the page.".into(),
            calling: None,
        }
    }

    #[test]
    fn each_step_that_runs_shows_what_its_own_model_writes() {
        let mut journal = Journal::new();
        journal.create();
        journal.plan(vec![spec("one", "First"), spec("two", "Second")]);
        let mut moment = moment(60, 24);
        for (id, line) in [("one", "I look."), ("two", "I write.")] {
            let attempt = journal.start(id, 1);
            let effect = journal.ask_model(id, attempt);
            let said = Spoken {
                line: line.into(),
                calling: None,
            };
            moment.spoken.insert(effect, said);
        }
        let picture = tree(&journal.view(), &moment);
        let at = |text: &str| picture.iter().position(|line| line.contains(text)).unwrap();
        assert!(at("First") < at("“I look.") && at("“I look.") < at("Second"));
        assert!(at("Second") < at("“I write."), "{picture:#?}");
    }

    #[test]
    fn before_there_is_a_plan_the_planner_is_heard() {
        let mut journal = Journal::new();
        journal.create();
        journal.add(
            None,
            loom_events::Event::ModelCallStarted {
                work: Work::Plan {
                    planning: loom_events::PlanningId(loom_events::Seq(1)),
                    round: 0,
                },
                steer_upto: loom_events::Seq::ZERO,
            },
        );
        let picture = tree(&journal.view(), &moment(60, 24));
        assert_eq!(picture.len(), 2);
        assert!(picture[1].contains("“Now the page."));
    }
}
