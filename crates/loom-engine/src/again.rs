//! A task that begins where another one was: the goal, the directory, the plan and what was completed
//! by then are taken over as facts; the rest is done again.

use crate::engine::{Engine, SubmitError};
use crate::ledger::Ledger;
use crate::reader::{QueryError, Reader};
use loom_events::{
    CheckPower, Command, Continued, Fact, Kept, NewTask, Plan, RevertRequest, RevertScope, Seq,
    SubtaskId, TaskId, TaskSettings,
};
use loom_view::{SubtaskStatus, SubtaskView, TaskView};
use loom_workspace::Conflict;
use std::collections::BTreeSet;

/// Where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// Where it ended: what is completed counts.
    End,
    /// The same, but for one subtask and whatever depends on it.
    Subtask(SubtaskId),
    /// Right after one of its events.
    Event(Seq),
}

/// How a task is to be continued.
#[derive(Clone, Debug)]
pub struct Again {
    /// Where to begin.
    pub point: Point,
    /// Whether the directory is first put back to what it was there, as an undo does.
    pub restore: bool,
    /// The settings of the new task.
    pub settings: TaskSettings,
}

/// Why a task was not continued.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// It still has a runner, or waits for one.
    #[error("task {0} is not finished: `loom resume` goes on with it")]
    Unfinished(TaskId),
    /// There is no such event.
    #[error("task {task} has no event {at}: its last one is {last}")]
    NoEvent {
        /// The task.
        task: TaskId,
        /// As given.
        at: Seq,
        /// Its last event.
        last: Seq,
    },
    /// There is no such subtask.
    #[error("the plan of task {task} has no subtask `{subtask}`; it has {known}")]
    NoSubtask {
        /// The task.
        task: TaskId,
        /// As given.
        subtask: SubtaskId,
        /// Those that it has.
        known: String,
    },
    /// Everything was done.
    #[error("task {0} has completed: name the subtask to begin again from")]
    NothingLeft(TaskId),
    /// Its journal cannot be folded.
    #[error("the journal of task {task} cannot have happened: {bug}")]
    Impossible {
        /// The task.
        task: TaskId,
        /// What.
        bug: String,
    },
    /// Somebody else changed what is to be put back; nothing was done.
    #[error("{} changed since: `loom revert` says what can be done about it", paths(.0))]
    Conflicts(Vec<Conflict>),
    /// It could not be looked at or put back.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The new task was not taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

fn paths(conflicts: &[Conflict]) -> String {
    let paths: Vec<&str> = conflicts.iter().map(|c| c.path.as_str()).collect();
    paths.join(", ")
}

impl Engine {
    /// Begins a new task where another one was.
    ///
    /// # Errors
    /// [`AgainError`]; then nothing has begun, and nothing was put back.
    pub async fn again(&self, task: TaskId, how: Again) -> Result<TaskId, AgainError> {
        let past = self.reader().past(task, &how).await?;
        if how.restore {
            self.put_back(task, past.taken_back).await?;
        }
        let begun = self.begin(past.task, |new| {
            Command::Continue(Continued {
                task: new,
                ..past.continued
            })
        });
        Ok(begun.await?)
    }

    async fn put_back(&self, task: TaskId, scope: RevertScope) -> Result<(), AgainError> {
        if scope == RevertScope::Subtasks(BTreeSet::new()) {
            return Ok(());
        }
        let looked = self
            .revert(
                task,
                RevertRequest {
                    dry_run: true,
                    ..RevertRequest::from(scope.clone())
                },
            )
            .await;
        let report = match looked {
            Err(QueryError::NotChanged(_)) => return Ok(()),
            report => report?,
        };
        if !report.conflicts.is_empty() {
            return Err(AgainError::Conflicts(report.conflicts));
        }
        self.revert(task, scope).await?;
        Ok(())
    }
}

/// What is taken over.
struct Past {
    task: NewTask,
    continued: Continued,
    /// What is taken back when the directory is to be put back.
    taken_back: RevertScope,
}

impl Reader {
    async fn past(&self, task: TaskId, how: &Again) -> Result<Past, AgainError> {
        let mut records = self.records(task).await?;
        self.must_be_ours(task).await?;
        let last = records.last().map_or(Seq::ZERO, |r| r.envelope.seq);
        let at = match &how.point {
            Point::Event(at) if *at > last || *at == Seq::ZERO => {
                let at = *at;
                return Err(AgainError::NoEvent { task, at, last });
            }
            Point::Event(at) => *at,
            Point::End | Point::Subtask(_) => last,
        };
        let by_event = matches!(how.point, Point::Event(_));
        if (!by_event || how.restore) && !self.has_ended(task).await? {
            return Err(AgainError::Unfinished(task));
        }
        records.retain(|record| record.envelope.seq <= at);
        let mut ledger = Ledger::new(task);
        ledger
            .replay(&records)
            .map_err(|bug| AgainError::Impossible {
                task,
                bug: bug.to_string(),
            })?;
        let view = &ledger.view;
        let redone = redone(view, &how.point)?;
        if !by_event && !view.subtasks.is_empty() && redone.is_empty() {
            return Err(AgainError::NothingLeft(task));
        }
        Ok(Past {
            task: NewTask {
                goal: view.goal.clone(),
                workspace: view.workspace.clone(),
                context: context(view),
                settings: how.settings.clone(),
                callback_url: ledger.callback.clone(),
                metadata: None,
            },
            continued: continued(view, at, &redone),
            taken_back: match how.point {
                Point::Event(at) => RevertScope::After(at),
                Point::End | Point::Subtask(_) => RevertScope::Subtasks(redone),
            },
        })
    }
}

/// What is done again: whatever is not completed, and from a subtask on all that depends on it.
fn redone(view: &TaskView, point: &Point) -> Result<BTreeSet<SubtaskId>, AgainError> {
    let completed = |s: &&SubtaskView| s.status == SubtaskStatus::Completed;
    let open = view.subtasks.iter().filter(|s| !completed(s));
    let mut redone: BTreeSet<SubtaskId> = open.map(|s| s.spec.id.clone()).collect();
    if let Point::Subtask(from) = point {
        if view.subtask(from).is_none() {
            let known: Vec<&str> = view.subtasks.iter().map(|s| s.spec.id.as_str()).collect();
            return Err(AgainError::NoSubtask {
                task: view.id,
                subtask: from.clone(),
                known: known.join(", "),
            });
        }
        redone.insert(from.clone());
    }
    // Whatever stands on what is done again is done again.
    loop {
        let stands = |s: &&SubtaskView| {
            !redone.contains(&s.spec.id) && s.spec.depends_on.iter().any(|id| redone.contains(id))
        };
        let more = view.subtasks.iter().filter(stands);
        let more: Vec<SubtaskId> = more.map(|s| s.spec.id.clone()).collect();
        if more.is_empty() {
            return Ok(redone);
        }
        redone.extend(more);
    }
}

fn continued(view: &TaskView, at: Seq, redone: &BTreeSet<SubtaskId>) -> Continued {
    let stays = |id: &SubtaskId| !redone.contains(id);
    let specs = view.subtasks.iter().map(|s| s.spec.clone());
    let kept = view.subtasks.iter().filter(|s| stays(&s.spec.id));
    let stays_noted = |fact: &&Fact| fact.entry.subtask.as_ref().is_some_and(stays);
    let mut facts: Vec<&Fact> = view.memory.iter().filter(stays_noted).collect();
    // They are noted anew, so what was said last must be noted last.
    facts.sort_by_key(|fact| fact.last);
    Continued {
        // Replaced by the caller: it is checked and completed on the way.
        task: NewTask {
            goal: String::new(),
            workspace: None,
            context: None,
            settings: TaskSettings::default(),
            callback_url: None,
            metadata: None,
        },
        from: view.id,
        at,
        plan: Plan {
            subtasks: specs.collect(),
        },
        kept: kept.map(result).collect(),
        facts: facts.into_iter().map(|fact| fact.entry.clone()).collect(),
    }
}

fn result(subtask: &SubtaskView) -> Kept {
    if let Some(kept) = &subtask.kept {
        return kept.clone();
    }
    let verdict = subtask.last_attempt().and_then(|a| a.verdict.as_ref());
    let evidence = |check: &loom_events::CheckResult| {
        check.passed && check.power == CheckPower::Discriminating
    };
    Kept {
        subtask: subtask.spec.id.clone(),
        summary: subtask.summary.clone(),
        confidence: verdict.map_or(0.0, |v| v.verdict.confidence.value),
        proven: verdict.is_some_and(|v| v.verdict.checks.iter().any(evidence)),
    }
}

/// What the user said of the goal, then and while it ran.
fn context(view: &TaskView) -> Option<String> {
    let said = view.steering.iter();
    let said = said.map(|s| format!("The user said while it was worked on: {}", s.text));
    let parts: Vec<String> = view.context.iter().cloned().chain(said).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}
