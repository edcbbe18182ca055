//! What a model is shown of a task: short, and with what to do next. Made from the wire types, and
//! nothing of how Loom works inside.

use crate::question::QuestionShown;

use crate::uri;
use loom_client::wire::{Task, TaskSummary};
use loom_events::Operation;
use loom_view::text::{clean, clip, line, plural};
use loom_view::{SubtaskStatus, TaskStatus, Wants};
use schemars::JsonSchema;
use serde::Serialize;

/// Steps, files and questions that are shown one by one; there is a count of all of them.
const MAX_ROWS: usize = 40;

/// Characters of a goal: enough to know which one it is.
const MAX_GOAL: usize = 300;

/// A task.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskShown {
    /// The task's id; every other tool takes it.
    pub(crate) task_id: String,
    /// Where it stands.
    #[schemars(with = "Status")]
    pub(crate) status: &'static str,
    /// Whether it has ended, one way or another.
    pub(crate) finished: bool,
    /// What to know and what to do next, in a few sentences.
    pub(crate) message: String,
    /// The goal, shortened.
    pub(crate) goal: String,
    /// The directory it works in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workspace: Option<String>,
    /// Steps that are done.
    pub(crate) steps_done: u32,
    /// Steps of the plan; 0 while there is none.
    pub(crate) steps_total: u32,
    /// The steps, in the order of the plan.
    pub(crate) steps: Vec<Step>,
    /// Questions that wait for an answer.
    pub(crate) questions: Vec<QuestionShown>,
    /// Files that were changed.
    pub(crate) files: Vec<FileShown>,
    /// How many files were changed in all.
    pub(crate) files_changed: usize,
    /// What the result rests on; only of a task that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<ResultShown>,
    /// Tokens used so far.
    pub(crate) tokens: u64,
    /// Resource with all changes as a patch.
    pub(crate) diff: String,
    /// Resource with everything that happened.
    pub(crate) log: String,
}

/// The statuses, for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(
    dead_code,
    reason = "only its schema is used; the words are loom-view's"
)]
pub(crate) enum Status {
    Pending,
    Queued,
    Planning,
    Executing,
    WaitingApproval,
    Paused,
    Stopping,
    Completed,
    Failed,
    Cancelled,
}

/// A step of the plan.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Step {
    /// Its id.
    pub(crate) id: String,
    /// What it is, in a few words.
    pub(crate) title: String,
    /// Where it stands.
    pub(crate) status: &'static str,
    /// How often it was tried.
    pub(crate) attempts: usize,
    /// What was done, or why it was not.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default)]
    pub(crate) note: String,
}

/// A file that was changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FileShown {
    /// Relative to the workspace.
    pub(crate) path: String,
    /// What happened to it.
    pub(crate) change: &'static str,
    /// Lines added.
    pub(crate) added: u32,
    /// Lines removed.
    pub(crate) removed: u32,
}

/// What a result rests on.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ResultShown {
    /// Why it failed or was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Steps whose result was verified by checks.
    pub(crate) verified: usize,
    /// Steps that passed on a model's word only: look at these.
    pub(crate) claimed: Vec<String>,
    /// Steps that were not completed.
    pub(crate) unfinished: Vec<String>,
    /// Whether only a human could have gone on, and none was there.
    pub(crate) needs_human: bool,
    /// Whether something could not be put back: the workspace needs a look.
    pub(crate) unclean: bool,
}

impl TaskShown {
    /// A task, with a sentence about what comes next.
    pub(crate) fn new(task: &Task) -> Self {
        let view = &task.view;
        let id = task.task_id;
        Self {
            task_id: id.to_string(),
            status: view.status.name(),
            finished: view.status.is_final(),
            message: message(task),
            goal: clip(&view.goal, MAX_GOAL),
            workspace: view.workspace.clone(),
            steps_done: task.progress.done,
            steps_total: task.progress.total,
            steps: view.subtasks.iter().take(MAX_ROWS).map(Step::new).collect(),
            questions: view
                .questions
                .iter()
                .take(MAX_ROWS)
                .map(Into::into)
                .collect(),
            files: view
                .files
                .iter()
                .take(MAX_ROWS)
                .map(FileShown::new)
                .collect(),
            files_changed: view.files.len(),
            result: view.summary.as_ref().map(|summary| {
                let ids =
                    |ids: &[loom_events::SubtaskId]| ids.iter().map(ToString::to_string).collect();
                ResultShown {
                    reason: view.reason.as_deref().map(|why| clip(why, MAX_GOAL)),
                    verified: summary.verified.len(),
                    claimed: ids(&summary.claimed),
                    unfinished: ids(&summary.unfinished),
                    needs_human: summary.needs_human,
                    unclean: summary.unclean,
                }
            }),
            tokens: view.usage.total(),
            diff: uri::diff(id),
            log: uri::log(id),
        }
    }

    /// The same for somebody who reads: what a client shows that does not know structured results.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("Task {}: {}\n{}\n", self.task_id, self.status, self.message);
        if self.steps_total > 0 {
            text += &format!("Steps: {} of {} done\n", self.steps_done, self.steps_total);
        }
        for step in &self.steps {
            let tries = match step.attempts {
                0 | 1 => String::new(),
                n => format!(", attempt {n}"),
            };
            let note = match step.note.is_empty() {
                true => String::new(),
                false => format!(" — {}", step.note),
            };
            text += &format!(
                "- [{}{tries}] {}: {}{note}\n",
                step.status, step.id, step.title
            );
        }
        for one in &self.questions {
            text += &one.text();
        }
        if self.files_changed > 0 {
            text += &format!("Changed: {}\n", plural(self.files_changed, "file"));
        }
        for file in &self.files {
            let (added, removed) = (file.added, file.removed);
            text += &format!("- {} {} (+{added} -{removed})\n", file.change, file.path);
        }
        text
    }
}

impl Step {
    fn new(view: &loom_view::SubtaskView) -> Self {
        let now = view.last_attempt().and_then(|last| last.current.as_deref());
        let note = match (view.status, &view.reason) {
            (SubtaskStatus::Running | SubtaskStatus::Verifying, _) => now.unwrap_or_default(),
            (_, Some(reason)) => reason,
            (_, None) => &view.summary,
        };
        Self {
            id: view.spec.id.to_string(),
            title: line(&view.spec.title),
            status: view.status.name(),
            attempts: view.attempts.len(),
            note: line(note),
        }
    }
}

impl FileShown {
    fn new(row: &loom_view::FileRow) -> Self {
        Self {
            path: clean(&row.path),
            change: match row.operation {
                Operation::Create => "created",
                Operation::Modify => "modified",
                Operation::Delete => "deleted",
                Operation::Rename => "renamed",
            },
            added: row.lines.added,
            removed: row.lines.removed,
        }
    }
}

/// Where it stands and what to do about it.
fn message(task: &Task) -> String {
    let view = &task.view;
    let why = view.reason.as_deref().map(line).unwrap_or_default();
    match view.status {
        TaskStatus::Completed => {
            let claimed = view.summary.as_ref().map_or(0, |summary| summary.claimed.len());
            let look = match claimed {
                0 => String::new(),
                n => format!(" {} passed on a model's word only: look at the diff.", plural(n, "step")),
            };
            format!("Completed.{look} loom_diff shows the changes, loom_revert takes them back.")
        }
        TaskStatus::Failed => format!(
            "Failed: {why}. loom_task_events tells what happened; loom_revert takes back what was changed."
        ),
        TaskStatus::Cancelled => {
            format!("Cancelled: {why}. loom_revert takes back what was changed.")
        }
        TaskStatus::Paused => "Paused: it goes on when a human resumes it.".to_owned(),
        TaskStatus::Stopping => "It is being stopped; what is half done is put back.".to_owned(),
        _ if !view.questions.is_empty() => asked(task),
        _ if !task.running => {
            "No process works on it: it was left when its service ended, and goes on when that starts again."
                .to_owned()
        }
        TaskStatus::Queued => match view.behind {
            Some(behind) => format!("It waits for task {behind} and begins by itself. loom_wait waits for it."),
            None => "It waits for its turn and begins by itself. loom_wait waits for it.".to_owned(),
        },
        TaskStatus::Pending | TaskStatus::Planning | TaskStatus::Executing | TaskStatus::WaitingApproval => {
            "It works. loom_wait waits for it; nothing needs to be done meanwhile.".to_owned()
        }
    }
}

fn asked(task: &Task) -> String {
    let view = &task.view;
    let waits = match view.status {
        TaskStatus::WaitingApproval => "It waits for an answer and does nothing until then.",
        _ => "It works, and has a question.",
    };
    let mut how: Vec<&str> = view
        .questions
        .iter()
        .map(|view| match view.wants() {
            Wants::Consent { .. } => {
                " Show it to your user: only a human may consent (loom_approve, or `loom approve` in a terminal); loom_answer can reject it."
            }
            Wants::Words => " Answer it with loom_answer; ask your user when you do not know.",
            Wants::WayOut => " Decide with loom_answer: retry with guidance, skip the step, or abort.",
            Wants::Done => " Your user does the step by hand: only they can say that it is done.",
        })
        .collect();
    how.sort_unstable();
    how.dedup();
    format!("{waits}{}", how.concat())
}

/// A task in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskRow {
    /// The task's id.
    pub(crate) task_id: String,
    /// The goal, shortened.
    pub(crate) goal: String,
    /// Where it stands.
    #[schemars(with = "Status")]
    pub(crate) status: &'static str,
    /// The directory it works in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workspace: Option<String>,
    /// Steps that are done.
    pub(crate) steps_done: u32,
    /// Steps of the plan.
    pub(crate) steps_total: u32,
    /// Questions that wait for an answer.
    pub(crate) questions: u32,
    /// When something last happened.
    pub(crate) updated: String,
}

impl From<&TaskSummary> for TaskRow {
    fn from(one: &TaskSummary) -> Self {
        Self {
            task_id: one.task_id.to_string(),
            goal: line(&one.goal),
            status: one.status.name(),
            workspace: one.workspace.clone(),
            steps_done: one.progress.done,
            steps_total: one.progress.total,
            questions: one.waiting,
            updated: one.updated.to_string(),
        }
    }
}

/// What was taken, of a tool that asks a task for something.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Taken {
    /// The task's id.
    pub(crate) task_id: String,
    /// Where it stood right after.
    #[schemars(with = "Status")]
    pub(crate) status: &'static str,
    /// What was taken, in a sentence.
    pub(crate) message: String,
}

impl From<loom_client::wire::Taken> for Taken {
    fn from(taken: loom_client::wire::Taken) -> Self {
        Self {
            task_id: taken.task_id.to_string(),
            status: taken.status.name(),
            message: clean(&taken.message),
        }
    }
}
