//! The facade for embedders and front ends: submit, command, follow, revert, shut down. Everything
//! is passed in; several engines can live in one process, each with a data directory of its own.

mod error;
mod open;

pub use error::{CommandError, ResumeError, SubmitError};
pub use open::{OpenError, Setup, keep_model_facts, own_tools};

use crate::Feed;
use crate::broken::chain;
use crate::config::Config;
use crate::keeper::{self, Keeper};
use crate::metrics::Metrics;
use crate::once::Turns;
use crate::outside::Watchers;
use crate::queue::{Queue, Ticket};
use crate::reader::{QueryError, Reader};
use crate::runner::{self, CommandRefused, Inbox, RunnerError, RunnerHandle};
use crate::shared::{Shared, TaskPlace};
use crate::sideline::Sideline;
use futures_util::Stream;
use loom_events::{Command, NewTask, Seq, TaskId};
use loom_kernel::Input;
use loom_redact::Redactor;
use loom_router::ModelStatus;
use loom_state::{DataDirLock, Follow, MemoryQuery, MemoryRow, subscribe};
use loom_workspace::{Bounds, Store, Workspace};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// An orchestrator over one data directory.
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    reader: Reader,
    bounds: Bounds,
    data_dir: PathBuf,
    config: Config,
    runners: Mutex<HashMap<TaskId, Running>>,
    /// Whose turn it is: one writer per workspace, and so many tasks at once.
    queue: Arc<Queue>,
    /// Requests with a key, one at a time for each key.
    pub(crate) keys: Turns<String>,
    /// Taking a task up, one at a time for each task: it must not get two runners.
    resuming: Turns<TaskId>,
    /// Sends what is to be told.
    pub(crate) worker: Sideline,
    /// Makes vectors of what was noted.
    pub(crate) embedding: Sideline,
    /// Those who are told beside the work.
    pub(crate) watchers: Watchers,
    lock: DataDirLock,
}

struct Running {
    handle: RunnerHandle,
    join: JoinHandle<Result<(), RunnerError>>,
}

impl Engine {
    /// Questions about tasks, running or not.
    #[must_use]
    pub const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The effective configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Leaves secrets out of texts, as everything did that this engine has journaled. What a journal
    /// keeps exact, such as plans and commands, goes through it when it leaves the machine.
    #[must_use]
    pub fn redactor(&self) -> &Arc<Redactor> {
        &self.shared.redactor
    }

    /// Figures since the engine was opened.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.shared.counts.metrics(self.queue.counts())
    }

    /// Whether a program may choose a directory for its user: one in `workspace.roots`, and where
    /// nothing is said there, one in the user's home.
    ///
    /// # Errors
    /// A sentence that says why not, and what would change it.
    pub fn may_be_chosen(&self, dir: &Path) -> Result<(), String> {
        let Some(home) = self
            .bounds
            .home
            .as_deref()
            .filter(|_| self.bounds.roots.is_empty())
        else {
            // Whether it is in one of the roots is looked at for everybody.
            return Ok(());
        };
        let real = |dir: &Path| dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        match real(dir).starts_with(real(home)) {
            true => Ok(()),
            false => Err(format!(
                "an agent may only work below {}: `workspace.roots` allows other places",
                home.display()
            )),
        }
    }

    /// What is known about each model.
    #[must_use]
    pub fn models(&self) -> Vec<ModelStatus> {
        self.shared.router.models()
    }

    /// What tasks noted that fits, the best first; with an embedding model and room left, entries that
    /// mean the like come after what words have found.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn search_memory(&self, query: MemoryQuery) -> Result<Vec<MemoryRow>, QueryError> {
        let (vectors, most) = (&self.shared.vectors, query.limit);
        let room = |found: usize| most.saturating_sub(found);
        Ok(vectors.search(&self.shared, query, room).await?)
    }

    /// Begins a task; answers once it is durable, and long before it ends.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing is left behind.
    pub async fn submit(&self, new: NewTask) -> Result<TaskId, SubmitError> {
        self.begin(new, Command::Create).await
    }

    /// Begins a task with a command that is made from it.
    pub(crate) async fn begin(
        &self,
        new: NewTask,
        command: impl FnOnce(NewTask) -> Command,
    ) -> Result<TaskId, SubmitError> {
        let task = TaskId::from_uuid(uuid::Uuid::now_v7());
        self.begin_as(task, new, command).await
    }

    /// The same under an id that nobody has.
    pub(crate) async fn begin_as(
        &self,
        task: TaskId,
        mut new: NewTask,
        command: impl FnOnce(NewTask) -> Command,
    ) -> Result<TaskId, SubmitError> {
        if new.goal.trim().is_empty() {
            return Err(SubmitError::EmptyGoal);
        }
        if new.goal.len() > NewTask::MAX_GOAL_BYTES {
            return Err(SubmitError::LongGoal(new.goal.len()));
        }
        if let Some(url) = &new.callback_url {
            let receiver = self.shared.webhooks.check(url);
            receiver.map_err(SubmitError::Callback)?;
        }
        let workspace = match &new.workspace {
            None => None,
            Some(dir) => Some(Arc::new(self.open_workspace(Path::new(dir))?)),
        };
        if let Some(workspace) = &workspace {
            new.workspace = Some(workspace.path().to_string_lossy().into_owned());
        }
        self.shared.check_roles()?;
        let place = self.place(task, workspace).map_err(SubmitError::Place)?;
        let input = Input::Command(command(new));
        let ledger = crate::ledger::Ledger::new(task);
        let (accepted, created) = oneshot::channel();
        self.launch(task, ledger, place, input, Some(accepted));
        match created.await {
            Ok(Ok(())) => Ok(task),
            Ok(Err(refused)) => Err(refused),
            Err(_) => Err(SubmitError::Runner(RunnerError::Impossible {
                task,
                message: "the runner ended before the task began".to_owned(),
            })),
        }
    }

    /// Takes up every unfinished task.
    ///
    /// # Errors
    /// Only when the list cannot be read; a task that cannot be taken up is logged and left.
    pub async fn recover(&self) -> Result<Vec<TaskId>, QueryError> {
        let mut resumed = Vec::new();
        for task in self.reader.unfinished().await? {
            match self.resume(task).await {
                Ok(()) => resumed.push(task),
                Err(error) => {
                    tracing::error!(%task, error = chain(&error), "a task was not taken up");
                }
            }
        }
        Ok(resumed)
    }

    /// Takes one unfinished task up. Nothing happens when it runs already.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub async fn resume(&self, task: TaskId) -> Result<(), ResumeError> {
        let _turn = self.resuming.turn(&task).await;
        if self.handle(task).is_some() {
            return Ok(());
        }
        let ledger = runner::fold(&self.shared, task).await?;
        if ledger.state.is_done() {
            return Ok(());
        }
        self.reader.must_be_ours(task).await?;
        let workspace = match &ledger.view.workspace {
            None => None,
            Some(dir) => {
                let opened = self.open_workspace(Path::new(dir));
                Some(Arc::new(
                    opened.map_err(|source| ResumeError::Workspace { task, source })?,
                ))
            }
        };
        let place = self
            .place(task, workspace)
            .map_err(|source| ResumeError::Place { task, source })?;
        keeper::end_survivors(&self.shared, task).await?;
        keeper::tidy(&self.shared, &self.queue, task, &place, &ledger).await;
        let build = self.shared.build.clone();
        self.launch(task, ledger, place, Input::Recover { build }, None);
        Ok(())
    }

    /// Gives a task a command; a task that does not run is taken up for it.
    ///
    /// # Errors
    /// [`CommandError`] says what state the task is in.
    pub async fn command(&self, task: TaskId, command: Command) -> Result<(), CommandError> {
        let row = self.reader.row(task).await?;
        let row = row.ok_or(CommandError::NoSuchTask(task))?;
        if is_final(row.status) {
            return Err(CommandError::Ended {
                task,
                status: row.status.name(),
            });
        }
        self.resume(task).await?;
        let Some(handle) = self.handle(task) else {
            let status = self.reader.row(task).await?;
            let status = status.map_or("gone", |row| row.status.name());
            return Err(CommandError::Ended { task, status });
        };
        let (reply, answer) = oneshot::channel();
        let sent = handle.inbox.send(Inbox::Command(command, reply)).await;
        match sent {
            Ok(()) => Ok(answer.await.unwrap_or(Err(CommandRefused::Journal))?),
            Err(_) => Err(CommandError::Refused(CommandRefused::Journal)),
        }
    }

    /// Follows a task: every record after `after` exactly once, and live signals in between. Ends
    /// after the terminal event.
    pub fn follow(
        &self,
        task: TaskId,
        after: Seq,
    ) -> impl Stream<Item = Result<Feed, loom_state::ReadError>> + Send + Unpin + 'static {
        let records = subscribe(
            Arc::clone(&self.shared.journal),
            Follow::Task { task, after },
        );
        crate::feed::merge(task, records, self.shared.live.subscribe())
    }

    /// Says where this engine is served, so that others who want its data directory join it.
    ///
    /// # Errors
    /// [`loom_state::LockError::Io`] when it cannot be written down; the engine is not disturbed.
    pub fn publish(&self, url: &str) -> Result<(), loom_state::LockError> {
        self.lock.publish(url)?;
        // The first address stays: it is where links of messages lead.
        self.shared.served_at.set(url.to_owned()).ok();
        Ok(())
    }

    /// How many tasks this engine works on, or has waiting for their turn.
    #[must_use]
    pub fn at_work(&self) -> usize {
        self.running().len()
    }

    /// Whether a task waits for another one to end.
    #[must_use]
    pub fn is_queued(&self, task: TaskId) -> bool {
        self.queue.is_waiting(task)
    }

    /// Whether a runner of this engine works on a task.
    #[must_use]
    pub fn is_running(&self, task: TaskId) -> bool {
        self.handle(task).is_some()
    }

    /// Stops every task at its next boundary and closes the journal. What runs is taken up again by
    /// [`Engine::recover`] of the next engine.
    pub async fn shutdown(self) {
        self.stop().await;
    }

    /// Asks every runner to end at its next boundary.
    pub(crate) async fn end_runners(&self) -> Vec<JoinHandle<Result<(), RunnerError>>> {
        self.queue.close();
        let running: Vec<Running> = {
            let mut runners = self.lock_runners();
            runners.drain().map(|(_, running)| running).collect()
        };
        for one in &running {
            // A runner that has ended has no inbox any more.
            let _ended = one.handle.inbox.send(Inbox::Shutdown).await;
        }
        running.into_iter().map(|one| one.join).collect()
    }

    /// Names the build in what is written for others.
    pub(crate) fn build(&self) -> &str {
        &self.shared.build
    }

    pub(crate) async fn put_payload(&self, bytes: Vec<u8>) -> Result<(), loom_state::BlobError> {
        self.shared.journal.put_blob(bytes).await?;
        Ok(())
    }

    pub(crate) async fn append_import(
        &self,
        task: TaskId,
        events: Vec<loom_events::Envelope>,
    ) -> Result<(), loom_state::AppendError> {
        let at = self.now();
        self.shared.journal.import(task, events, at).await?;
        Ok(())
    }

    pub(crate) fn now(&self) -> loom_events::Time {
        self.shared.clock.now()
    }

    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(&self.shared.store)
    }

    /// The tasks that runners of this engine work on.
    pub(crate) fn running(&self) -> Vec<TaskId> {
        let runners = self.lock_runners();
        let running = runners.iter().filter(|(_, one)| !one.join.is_finished());
        running.map(|(task, _)| *task).collect()
    }

    /// Removes the forks of a task that does not run, but for some. Their origin may be gone.
    pub(crate) async fn sweep_forks(
        &self,
        task: TaskId,
        kept: std::collections::BTreeSet<String>,
    ) -> Result<(), loom_workspace::ForkError> {
        let dir = self.task_dir(task);
        let forks = crate::forks::TaskForks::new(&dir);
        forks
            .sweep(self.store(), move |name| kept.contains(name))
            .await?;
        Ok(())
    }

    pub(crate) async fn record_collection(
        &self,
        tasks: Vec<TaskId>,
        at: loom_events::Time,
    ) -> Result<(), loom_state::AppendError> {
        self.shared.journal.record_collection(tasks, at).await
    }

    pub(crate) async fn record_revert(
        &self,
        task: TaskId,
        revert: loom_state::RevertRecord,
    ) -> Result<(), loom_state::AppendError> {
        self.shared.journal.record_revert(task, revert).await
    }

    /// Dies as a killed process does: runners are dropped in the middle of whatever they do, and
    /// nothing is written any more. For tests of recovery.
    pub async fn abandon(self) {
        self.queue.close();
        let running: Vec<Running> = {
            let mut runners = self.lock_runners();
            runners.drain().map(|(_, running)| running).collect()
        };
        for one in &running {
            one.join.abort();
        }
        for one in running {
            // Cancelled is what it is meant to be.
            let _aborted = one.join.await;
        }
        self.shared.journal.close().await;
    }

    fn launch(
        &self,
        task: TaskId,
        ledger: crate::ledger::Ledger,
        place: TaskPlace,
        first: Input,
        accepted: Option<oneshot::Sender<Result<(), SubmitError>>>,
    ) {
        // While the task is planned, so that nobody waits for them.
        self.shared.servers.connect();
        let place = Arc::new(place);
        let workspace = place.workspace.as_ref();
        let workspace = workspace.map(|workspace| workspace.path().to_owned());
        let turn = self.queue.join(task, workspace);
        let (sender, inbox) = mpsc::channel(runner::INBOX);
        let handle = RunnerHandle {
            inbox: sender.clone(),
        };
        let keeper = Keeper {
            task,
            shared: Arc::clone(&self.shared),
            place,
            queue: Arc::clone(&self.queue),
            sender,
            inbox,
        };
        let join = self.shared.spawn(async move {
            let outcome = Box::pin(keeper.run(ledger, first, accepted, turn)).await;
            if let Err(error) = &outcome {
                tracing::error!(%task, error = chain(error), "a task stopped running");
            }
            outcome
        });
        self.lock_runners().insert(task, Running { handle, join });
    }

    fn handle(&self, task: TaskId) -> Option<RunnerHandle> {
        let mut runners = self.lock_runners();
        if runners.get(&task).is_some_and(|r| r.join.is_finished()) {
            runners.remove(&task);
        }
        runners.get(&task).map(|running| running.handle.clone())
    }

    fn lock_runners(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, Running>> {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what a crash left half written in a workspace, and keeps others from writing there.
    pub(crate) async fn clean(&self, task: TaskId, workspace: Arc<Workspace>) -> Option<Ticket> {
        keeper::clean(&self.queue, task, workspace).await
    }

    fn open_workspace(&self, dir: &Path) -> Result<Workspace, loom_workspace::OpenError> {
        let workspace = Workspace::open(dir, &self.bounds, Arc::clone(&self.shared.store))?;
        Ok(workspace.with_trees(self.config.workspace.trees()))
    }

    fn place(&self, task: TaskId, workspace: Option<Arc<Workspace>>) -> std::io::Result<TaskPlace> {
        TaskPlace::open(task, self.task_dir(task), workspace)
    }

    fn task_dir(&self, task: TaskId) -> PathBuf {
        self.data_dir.join("tasks").join(task.to_string())
    }
}

const fn is_final(status: loom_state::RowStatus) -> bool {
    use loom_state::RowStatus;
    matches!(
        status,
        RowStatus::Completed | RowStatus::Failed | RowStatus::Cancelled
    )
}
