//! [`Keeper`]: keeps a task running though its runner dies. A panic is a bug of ours and nothing that a
//! task should hang in for ever: the runner begins again from the journal, as after a crash, and a task
//! whose runner dies again and again ends as failed, with what it died of.

use crate::broken::chain;
use crate::engine::{ResumeError, SubmitError};
use crate::ledger::Ledger;
use crate::queue::{Queue, Standing, Ticket};
use crate::runner::{self, Inbox, Runner, RunnerError};
use crate::shared::{Shared, TaskPlace};
use futures_util::FutureExt as _;
use loom_events::{Seq, TaskId};
use loom_kernel::Input;
use loom_workspace::{Sandbox, Workspace};
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Deaths after which a runner begins again. What is done wrong once may be right the next time, when
/// what it came from is in the past; what is wrong three times is wrong for good.
const RESTARTS: u32 = 2;

/// Events after which an earlier death is forgotten: the task got on.
const PROGRESS: u64 = 64;

/// Whoever submitted hears once whether the task was taken.
pub(crate) type Accepted = oneshot::Sender<Result<(), SubmitError>>;

/// What a task needs to be taken up again.
pub(crate) struct Keeper {
    pub(crate) task: TaskId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) place: Arc<TaskPlace>,
    pub(crate) queue: Arc<Queue>,
    /// What reaches the task, whichever runner works on it.
    pub(crate) sender: mpsc::Sender<Inbox>,
    pub(crate) inbox: mpsc::Receiver<Inbox>,
}

impl Keeper {
    /// Runs a task to its end, or to a shutdown.
    pub(crate) async fn run(
        mut self,
        mut ledger: Ledger,
        mut first: Input,
        mut accepted: Option<Accepted>,
        mut turn: Ticket,
    ) -> Result<(), RunnerError> {
        let (mut deaths, mut died_at) = (0, Seq::ZERO);
        loop {
            let (shared, place) = (Arc::clone(&self.shared), Arc::clone(&self.place));
            let sender = self.sender.clone();
            let runner = Runner::new(self.task, shared, place, ledger, (sender, &mut self.inbox));
            let work = runner.run(first, accepted.take(), turn);
            let message = match AssertUnwindSafe(work).catch_unwind().await {
                Ok(ended) => return ended,
                Err(panic) => words(panic.as_ref()),
            };
            tracing::error!(task = %self.task, message, "BUG: a runner died");
            // Whoever waits for an answer has none, and is told so by that.
            while let Ok(message) = self.inbox.try_recv() {
                if matches!(message, Inbox::Shutdown) {
                    return Ok(());
                }
            }
            let died = RunnerError::Died {
                task: self.task,
                message: message.clone(),
            };
            ledger = runner::fold(&self.shared, self.task).await?;
            let now = ledger.state.last_seq();
            if now == Seq::ZERO || deaths > RESTARTS {
                return Err(died);
            }
            if ledger.state.is_done() {
                return Ok(());
            }
            deaths = match now.0 - died_at.0 > PROGRESS {
                true => 1,
                false => deaths + 1,
            };
            died_at = now;
            self.tidy(&ledger).await?;
            let workspace = self.place.workspace.as_ref();
            turn = self
                .queue
                .join(self.task, workspace.map(|w| w.path().to_owned()));
            let build = self.shared.build.clone();
            first = match deaths > RESTARTS {
                false => Input::Recover { build },
                true => {
                    // What is half done is put back, which takes the right to write.
                    while turn.behind().is_some() && turn.moved().await != Standing::Admitted {}
                    let reason = format!("BUG: what runs the task died {deaths} times: {message}");
                    Input::Abandon { build, reason }
                }
            };
        }
    }

    async fn tidy(&self, ledger: &Ledger) -> Result<(), RunnerError> {
        let ended = end_survivors(&self.shared, self.task).await;
        ended.map_err(|error| RunnerError::Died {
            task: self.task,
            message: chain(&error),
        })?;
        tidy(&self.shared, &self.queue, self.task, &self.place, ledger).await;
        Ok(())
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_owned())
}

/// Nothing of the task may still run when its effects are reconciled.
pub(crate) async fn end_survivors(shared: &Shared, task: TaskId) -> Result<(), ResumeError> {
    let label = crate::shared::label(task);
    let mut killed = loom_workspace::kill_labelled(&label);
    if let Sandbox::Docker(containers) = &shared.shell.sandbox {
        let removed = containers.remove_labelled(&label).await;
        killed += removed.map_err(|source| ResumeError::Containers { task, source })?;
    }
    if killed > 0 {
        tracing::warn!(%task, killed, "ended what a crash had left running");
    }
    Ok(())
}

/// Removes what a crash has left of forks and half-written files.
pub(crate) async fn tidy(
    shared: &Shared,
    queue: &Arc<Queue>,
    task: TaskId,
    place: &TaskPlace,
    ledger: &Ledger,
) {
    let Some(workspace) = &place.workspace else {
        return;
    };
    let live = ledger.live_forks();
    let kept = move |name: &str| live.contains(name);
    if let Err(error) = place.forks.sweep(Arc::clone(&shared.store), kept).await {
        tracing::warn!(%task, error = chain(&error), "forks were not removed");
    }
    drop(clean(queue, task, Arc::clone(workspace)).await);
}

/// Removes what a crash left half written in a workspace, and keeps others from writing there.
/// Nothing happens while a task writes there: what it has open is no leftover.
pub(crate) async fn clean(
    queue: &Arc<Queue>,
    task: TaskId,
    workspace: Arc<Workspace>,
) -> Option<Ticket> {
    let turn = queue.hold(task, workspace.path())?;
    let cleaned = tokio::task::spawn_blocking(move || workspace.remove_leftovers()).await;
    if let Ok(Err(error)) = cleaned {
        tracing::warn!(error = chain(&error), "leftovers were not removed");
    }
    Some(turn)
}
