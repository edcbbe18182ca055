//! The facade for embedders and front ends: submit, command, follow, revert, shut down. Everything
//! is passed in; several engines can live in one process, each with a data directory of its own.

use crate::broken::chain;
use crate::config::{Config, ShellPlace};
use crate::keeper::{self, Keeper};
use crate::learning::Learning;
use crate::metrics::{Counts, Metrics};
use crate::once::Turns;
use crate::outside::Watchers;
use crate::project::Skills;
use crate::queue::{Queue, Ticket};
use crate::reader::{QueryError, Reader};
use crate::runner::{self, CommandRefused, Inbox, RunnerError, RunnerHandle};
use crate::shared::{Shared, TaskPlace};
use crate::webhooks::{Webhooks, Worker};
use crate::window::Windows;
use crate::{Clock, Extensions, Feed, SystemClock};
use futures_util::Stream;
use loom_events::{Command, NewTask, Seq, TaskId, TaskSettings, ToolSpec};
use loom_kernel::Input;
use loom_prompts::Prompts;
use loom_redact::Redactor;
use loom_router::{ModelStatus, ProviderFactory, Router, Usable};
use loom_state::{DataDirLock, Follow, Journal, ModelFacts, Options, SqliteJournal, subscribe};
use loom_tools::{
    AskUser, Recall, Registry, ServerSettings, Servers, SkillTool, Surroundings, Tool,
};
use loom_workspace::{Bounds, Store, Workspace};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Live signals kept for a slow watcher; the oldest go first, and none of them is a record.
const LIVE_SIGNALS: usize = 1_024;

/// What an engine is made from.
pub struct Setup {
    /// The effective configuration.
    pub config: Config,
    /// Where Loom keeps its own data; made when missing.
    pub data_dir: PathBuf,
    /// The user's home directory, which must not be a workspace.
    pub home: Option<PathBuf>,
    /// The search path for programs.
    pub path_env: OsString,
    /// A program that calls [`loom_workspace::sandbox_helper`] first thing in `main`: the caller
    /// itself, or `loom-sandbox-helper`. Without one, sandboxes are weaker or missing.
    pub helper: Option<PathBuf>,
    /// Leaves secrets out of everything that is kept or shown; see [`Config::redactor`].
    pub redactor: Arc<Redactor>,
    /// The models: from the configuration, found, or the caller's own.
    pub models: Vec<Usable>,
    /// The servers of tools; see [`Config::server_settings`].
    pub servers: Vec<ServerSettings>,
    /// Who is told of the end of tasks, and of questions; see [`Config::webhook_settings`].
    pub webhooks: Webhooks,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Names this build in the journal.
    pub build: String,
}

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
    pub(crate) worker: Worker,
    /// Those who are told beside the work.
    pub(crate) watchers: Watchers,
    lock: DataDirLock,
}

struct Running {
    handle: RunnerHandle,
    join: JoinHandle<Result<(), RunnerError>>,
}

/// Why an engine could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory cannot be used.
    #[error("use the data directory {dir}")]
    DataDir {
        /// The directory.
        dir: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it.
    #[error(transparent)]
    Locked(#[from] loom_state::LockError),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] loom_state::OpenError),
    /// What was learned cannot be read.
    #[error("read what was learned")]
    Learning(#[source] loom_state::ReadError),
    /// The snapshot store cannot be opened.
    #[error(transparent)]
    Store(#[from] loom_workspace::StoreError),
    /// The configuration makes no sense.
    #[error("{0}")]
    Config(String),
    /// The models make no sense.
    #[error(transparent)]
    Router(#[from] loom_router::RouterError),
    /// A prompt template cannot be used.
    #[error(transparent)]
    Template(#[from] loom_prompts::TemplateError),
}

/// Why a task was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The goal says nothing.
    #[error("the goal is empty: say in a sentence what is to be done")]
    EmptyGoal,
    /// The goal is a document.
    #[error("the goal has {0} bytes, more than {max}: put the material into a file of the workspace", max = NewTask::MAX_GOAL_BYTES)]
    LongGoal(usize),
    /// Nobody can be told at that address.
    #[error("`callback_url` cannot be a receiver: {0}")]
    Callback(String),
    /// The workspace cannot be one.
    #[error(transparent)]
    Workspace(#[from] loom_workspace::OpenError),
    /// There is no model for a role that every task needs.
    #[error(transparent)]
    NoModel(#[from] loom_router::NoModel),
    /// The task's own directory cannot be made.
    #[error("make the directory of the task")]
    Place(#[source] std::io::Error),
    /// The kernel refused it.
    #[error(transparent)]
    Rejected(#[from] loom_kernel::Rejection),
    /// The journal did not take it.
    #[error(transparent)]
    Runner(#[from] RunnerError),
}

/// Why a command was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such task here.
    #[error("task {0} does not exist")]
    NoSuchTask(TaskId),
    /// It has ended.
    #[error("task {task} has ended ({status}); nothing can be asked of it any more")]
    Ended {
        /// The task.
        task: TaskId,
        /// How it ended.
        status: &'static str,
    },
    /// The task does not take it in its state.
    #[error(transparent)]
    Refused(#[from] CommandRefused),
    /// The task could not be taken up again.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// It could not be looked up.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Why an unfinished task could not be taken up again.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Its journal cannot be folded.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// It is history of another data directory, or that cannot be told.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Its workspace is gone or cannot be used any more.
    #[error("take task {task} up again")]
    Workspace {
        /// The task.
        task: TaskId,
        /// The cause.
        #[source]
        source: loom_workspace::OpenError,
    },
    /// Its own directory cannot be made.
    #[error("make the directory of task {task}")]
    Place {
        /// The task.
        task: TaskId,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A container that a crash has left may still write.
    #[error("end the containers that task {task} may have left")]
    Containers {
        /// The task.
        task: TaskId,
        /// The cause.
        #[source]
        source: loom_workspace::DockerError,
    },
}

impl Setup {
    /// What is needed at least. Everything else is as without a configuration file, and no program is
    /// found: set `path_env` and `helper` where tasks shall run commands.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, models: Vec<Usable>) -> Self {
        Self {
            config: Config::default(),
            data_dir: data_dir.into(),
            home: None,
            path_env: OsString::new(),
            helper: None,
            redactor: Arc::default(),
            models,
            servers: Vec::new(),
            webhooks: Webhooks::default(),
            clock: Arc::new(SystemClock),
            build: concat!("loom-engine ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl Engine {
    /// Takes the data directory and opens everything in it. Starts no task by itself: see
    /// [`Engine::recover`].
    ///
    /// # Errors
    /// [`OpenError`], one clear sentence each.
    pub async fn open(setup: Setup) -> Result<Self, OpenError> {
        // Its size would be part of every future that may open an engine.
        Box::pin(Self::open_with(setup, Extensions::default())).await
    }

    /// The same with tools and providers of the caller's.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Config`] also for a tool whose name is taken.
    pub async fn open_with(setup: Setup, extensions: Extensions) -> Result<Self, OpenError> {
        let dir = setup.data_dir.clone();
        let made = |source| OpenError::DataDir {
            dir: dir.clone(),
            source,
        };
        make_private(&dir).map_err(made)?;
        let lock = DataDirLock::acquire(&dir)?;
        let options = Options {
            durability: setup.config.state.durability,
        };
        let journal: Arc<dyn Journal> = Arc::new(SqliteJournal::open(&dir, options)?);
        let learning = Learning::open(&*journal);
        let learning = learning.await.map_err(OpenError::Learning)?;
        let store = Arc::new(Store::open(&dir.join("objects"))?);
        let shell = setup
            .config
            .shell_settings(&ShellPlace {
                path_env: &setup.path_env,
                home: setup.home.as_deref(),
                data_dir: &dir,
                helper: setup.helper.as_deref(),
            })
            .map_err(|error| OpenError::Config(chain(&error)))?;
        let prompts = match &setup.config.prompts {
            Some(overrides) => Prompts::with_overrides(overrides)?,
            None => Prompts::builtin()?,
        };
        check_examples(&prompts)?;
        let router = router(setup.models, extensions.providers.as_ref())?;
        let mut registry = registry();
        for tool in extensions.tools {
            let taken = registry.register(tool);
            taken.map_err(|taken| OpenError::Config(chain(&taken)))?;
        }
        let servers = servers(setup.servers, &dir, &setup.path_env, setup.home.as_deref());
        let (live, _) = broadcast::channel(LIVE_SIGNALS);
        let shared = Arc::new(Shared {
            journal: Arc::clone(&journal),
            effects: extensions.effects,
            router: Arc::new(router),
            prompts: Arc::new(prompts),
            registry: Arc::new(registry),
            servers: Arc::new(servers),
            shell,
            store: Arc::clone(&store),
            project: setup.config.project,
            skills: Skills::of(&dir),
            clock: setup.clock,
            live,
            build: setup.build,
            counts: Counts::default(),
            webhooks: setup.webhooks,
            outbox: Notify::new(),
            served_at: OnceLock::new(),
            redactor: setup.redactor,
            max_snapshot: setup.config.workspace.max_snapshot,
            learning,
            windows: Windows::default(),
        });
        let queue = Queue::new(setup.config.max_parallel_tasks);
        let bounds = Bounds {
            data_dir: dir.clone(),
            home: setup.home,
            roots: setup.config.workspace.roots.clone(),
        };
        Ok(Self {
            reader: Reader::over(journal, store, bounds.clone()),
            bounds,
            data_dir: dir,
            config: setup.config,
            runners: Mutex::default(),
            queue,
            keys: Turns::default(),
            resuming: Turns::default(),
            worker: Worker::start(Arc::clone(&shared)),
            watchers: Watchers::start(&shared),
            shared,
            lock,
        })
    }

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
        let join = tokio::spawn(async move {
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

/// The tools that work on the workspace, and those that need the engine.
/// An example that could not be a plan would teach planners to write such plans.
fn check_examples(prompts: &Prompts) -> Result<(), OpenError> {
    for example in prompts.examples() {
        let settings = TaskSettings::default();
        loom_kernel::validate_plan(example.plan(), &settings, &[]).map_err(|errors| {
            OpenError::Config(format!(
                "the example of a plan `{}` is not acceptable as one: {}",
                example.name(),
                errors.join("; ")
            ))
        })?;
    }
    Ok(())
}

fn registry() -> Registry {
    let mut registry = Registry::builtin();
    let more: [Arc<dyn Tool>; 3] = [
        Arc::new(Recall::default()),
        Arc::new(AskUser::default()),
        Arc::new(SkillTool::default()),
    ];
    for tool in more {
        registry
            .register(tool)
            .expect("BUG: the built-in tools have names of their own");
    }
    registry
}

/// Loom's own tools, as a model is offered them in a workspace.
#[must_use]
pub fn own_tools() -> Vec<ToolSpec> {
    registry().specs(true)
}

/// The servers of tools, after what a crash has left of them is ended: they are ours, since the data
/// directory is.
fn servers(
    settings: Vec<ServerSettings>,
    data_dir: &Path,
    path_env: &OsStr,
    home: Option<&Path>,
) -> Servers {
    let around = Surroundings {
        path_env: path_env.to_owned(),
        home: home.map(Path::to_owned),
        label: format!("loom-mcp:{}", data_dir.display()),
    };
    if !settings.is_empty() {
        loom_workspace::kill_labelled(&format!("{}:", around.label));
    }
    Servers::new(settings, around)
}

/// A router that knows of its models what was found out before.
fn router(
    models: Vec<Usable>,
    providers: &dyn ProviderFactory,
) -> Result<Router, loom_router::RouterError> {
    let (entries, known): (Vec<_>, Vec<_>) = models
        .into_iter()
        .map(|model| (model.entry.clone(), (model.entry.name, model.capabilities)))
        .unzip();
    let router = Router::with_providers(entries, providers)?;
    for (name, capabilities) in known {
        router.learn(&name, capabilities);
    }
    Ok(router)
}

/// Keeps what was found out about models, in place of what was known of them. No engine is needed,
/// but nobody else may have the data directory.
///
/// # Errors
/// [`OpenError`], when the data directory or the journal cannot be used.
pub async fn keep_model_facts(data_dir: &Path, facts: Vec<ModelFacts>) -> Result<(), OpenError> {
    let made = |source| OpenError::DataDir {
        dir: data_dir.to_owned(),
        source,
    };
    make_private(data_dir).map_err(made)?;
    let _lock = DataDirLock::acquire(data_dir)?;
    let journal = SqliteJournal::open(data_dir, Options::default())?;
    for one in facts {
        journal
            .put_model_facts(one)
            .await
            .map_err(|error| made(std::io::Error::other(error)))?;
    }
    Ok(())
}

/// Makes the data directory for its owner alone: prompts and file contents are in it.
fn make_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

const fn is_final(status: loom_state::RowStatus) -> bool {
    use loom_state::RowStatus;
    matches!(
        status,
        RowStatus::Completed | RowStatus::Failed | RowStatus::Cancelled
    )
}
