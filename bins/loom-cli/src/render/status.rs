//! One task, a list of tasks: how things stand.

use super::question::{Asking, question};
use super::report::file;
use crate::ui::{Tone, clean, clip, count, duration, fit, plural};
use loom_client::wire::{Reverted, TaskSummary};
use loom_engine::{SubtaskStatus, SubtaskView, TaskView};
use loom_events::{TaskId, Time};
use loom_view::TaskStatus;

/// Columns of a goal in a list, when nobody says how wide the screen is.
const GOAL_COLUMNS: usize = 60;

/// A task as it stands.
pub(crate) fn status(view: &TaskView, now: Time) -> Vec<(Tone, String)> {
    let mut lines = vec![(Tone::Strong, clean(&view.goal))];
    let mut about = vec![
        format!("task {}", view.id.short()),
        view.status.name().replace('_', " "),
        format!("begun {} ago", duration(now.since(view.created))),
        format!("{} tokens", count(view.usage.total())),
    ];
    about.extend(
        view.behind
            .map(|other| format!("waits for task {}", other.short())),
    );
    let continues = view.continues;
    about.extend(continues.map(|(from, at)| format!("continues task {} at {at}", from.short())));
    about.extend(view.network.then(|| "with network".to_owned()));
    about.extend(view.workspace.clone().map(|dir| clean(&dir)));
    lines.push((Tone::Dim, about.join(" · ")));
    if let Some(reason) = &view.reason {
        lines.push((Tone::Bad, clean(reason)));
    }
    lines.extend(view.subtasks.iter().map(subtask));
    for asked in &view.questions {
        lines.extend(question(asked, now));
        let (id, number) = (view.id.short(), asked.id);
        let how = match Asking::of(&asked.question.subject) {
            Asking::Consent { .. } => {
                format!("loom approve {id} {number}, or loom reject {id} {number}")
            }
            Asking::Plan => format!(
                "loom approve {id} {number}, loom reject {id} {number}, or loom answer {id} --plan FILE"
            ),
            Asking::Words | Asking::WayOut | Asking::Done => format!("loom answer {id}"),
        };
        lines.push((Tone::Dim, format!("  {how}")));
    }
    lines.extend(view.survey.iter().flat_map(super::survey));
    for what in &view.degraded {
        lines.push((Tone::Caught, format!("! {}", clean(what))));
    }
    lines.extend(
        view.files
            .iter()
            .map(|row| (Tone::Plain, format!("  {}", file(row)))),
    );
    lines
}

/// That the files are no longer as the task left them.
pub(crate) fn taken_back(revert: &Reverted, now: Time) -> String {
    let files = plural(revert.files as usize, "file");
    let ago = duration(now.since(revert.at));
    format!("{}: {files}, {ago} ago", clean(&revert.words()))
}

fn subtask(subtask: &SubtaskView) -> (Tone, String) {
    let (mark, tone) = match subtask.status {
        SubtaskStatus::Pending => ("·", Tone::Plain),
        SubtaskStatus::Running | SubtaskStatus::Verifying => ("▸", Tone::Strong),
        SubtaskStatus::WaitingApproval => ("?", Tone::Caught),
        SubtaskStatus::Completed => ("✓", Tone::Good),
        SubtaskStatus::Failed | SubtaskStatus::Blocked => ("✗", Tone::Bad),
        SubtaskStatus::Skipped => ("-", Tone::Dim),
    };
    let mut text = format!("  {mark} {}", clean(&subtask.spec.title));
    if subtask.attempts.len() > 1 {
        text.push_str(&format!(" ({})", plural(subtask.attempts.len(), "attempt")));
    }
    if let Some(reason) = &subtask.reason {
        text.push_str(&format!(": {}", crate::ui::first_line(reason)));
    }
    (tone, text)
}

/// A row of the list.
pub(crate) struct Listed {
    pub(crate) row: TaskSummary,
    /// The task that it waits for.
    pub(crate) behind: Option<TaskId>,
}

/// The list of tasks, with a heading.
pub(crate) fn task_table(
    rows: &[Listed],
    now: Time,
    columns: Option<usize>,
) -> Vec<(Tone, String)> {
    let head = format!(
        "{}  {}  {}  {}  goal",
        fit("task", 8),
        fit("status", 16),
        fit("done", 6),
        fit("age", 12)
    );
    let mut lines = vec![(Tone::Dim, head)];
    for Listed { row, behind } in rows {
        let done = format!("{}/{}", row.progress.done, row.progress.total);
        let status = match behind {
            Some(other) => format!("queued, {}", other.short()),
            None => row.status.name().replace('_', " "),
        };
        let line = format!(
            "{}  {}  {}  {}  {}",
            row.task_id.short(),
            fit(&status, 16),
            fit(&done, 6),
            fit(&duration(now.since(row.created)), 12),
            clip(&clean(&row.goal), GOAL_COLUMNS),
        );
        let line = columns.map_or_else(|| line.clone(), |columns| clip(&line, columns));
        lines.push((tone(row.status), line));
    }
    lines
}

const fn tone(status: TaskStatus) -> Tone {
    match status {
        TaskStatus::Completed => Tone::Good,
        TaskStatus::Failed => Tone::Bad,
        TaskStatus::WaitingApproval => Tone::Caught,
        TaskStatus::Cancelled => Tone::Dim,
        TaskStatus::Pending
        | TaskStatus::Queued
        | TaskStatus::Planning
        | TaskStatus::Executing
        | TaskStatus::Paused
        | TaskStatus::Stopping => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::Journal;
    use loom_engine::QuestionView;
    use loom_events::{EffectId, OnExpiry, Question, QuestionId, Risk, Seq, Subject};

    #[test]
    fn what_waits_for_an_answer_is_shown_in_full_with_the_way_to_answer() {
        let mut view = Journal::demo_like().view();
        view.questions.push(QuestionView {
            id: QuestionId(Seq(9)),
            question: Question {
                subject: Subject::Doubt {
                    effect: EffectId(Seq(3)),
                },
                reason: "publishes the package".into(),
                action: "npm publish".into(),
                risk: Risk::High,
                rules: Vec::new(),
                choices: Vec::new(),
                default: None,
            },
            deadline: None,
            on_expiry: OnExpiry::Deny,
        });
        let lines = status(&view, Time::from_millis(61_000)).into_iter();
        let text: Vec<_> = lines.map(|(_, text)| text).collect();
        for line in [
            "  │ npm publish",
            "  loom approve 099a8057 9, or loom reject 099a8057 9",
        ] {
            assert!(text.iter().any(|text| text == line), "{text:#?}");
        }
    }

    #[test]
    fn a_task_in_the_middle_shows_where_it_stands() {
        let view = Journal::demo_like().view();
        let lines: Vec<_> = status(&view, Time::from_millis(61_000))
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(
            lines,
            [
                "Mend the total and write the page",
                "task 099a8057 · executing · begun 1 min 0 s ago · 2,100 tokens · /home/me/sums",
                "  ✓ Mend the total",
                "  ▸ Write the page",
                "  M sum.sh  +3 −1",
            ]
        );
    }
}
