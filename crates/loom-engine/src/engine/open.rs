//! From a configuration to an engine: what it is made from, what can be wrong with that, and how its
//! parts are put together. What it does then is in the module above.

use super::Engine;
use crate::broken::chain;
use crate::config::{Config, ShellPlace};
use crate::learning::Learning;
use crate::metrics::Counts;
use crate::once::Turns;
use crate::outside::Watchers;
use crate::project::Skills;
use crate::queue::Queue;
use crate::reader::Reader;
use crate::shared::Shared;
use crate::vectors::Vectors;
use crate::webhooks::Webhooks;
use crate::window::Windows;
use crate::{Clock, Extensions, SystemClock};
use loom_events::{TaskSettings, ToolSpec};
use loom_prompts::Prompts;
use loom_redact::Redactor;
use loom_router::{ProviderFactory, Router, Usable};
use loom_state::{DataDirLock, Journal, ModelFacts, Options, SqliteJournal};
use loom_tools::{
    AskUser, Recall, Registry, ServerSettings, Servers, SkillTool, Surroundings, Tool,
};
use loom_workspace::{Bounds, Store};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::{Notify, broadcast};

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

/// Why an engine could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
        let embedding = setup.config.memory.embedding.as_deref();
        let router = router(setup.models, embedding, extensions.providers.as_ref())?;
        let vectors = Vectors::new(embedding, &router);
        let mut registry = registry();
        for tool in extensions.tools {
            let taken = registry.register(tool);
            taken.map_err(|taken| OpenError::Config(chain(&taken)))?;
        }
        let servers = servers(setup.servers, &dir, &setup.path_env, setup.home.as_deref());
        let (live, _) = broadcast::channel(LIVE_SIGNALS);
        let shared = Arc::new(Shared {
            journal: Arc::clone(&journal),
            work: extensions.work,
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
            vectors,
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
            worker: crate::webhooks::start(Arc::clone(&shared)),
            embedding: crate::vectors::start(Arc::clone(&shared)),
            watchers: Watchers::start(&shared),
            shared,
            lock,
        })
    }
}

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

/// The tools that work on the workspace, and those that need the engine.
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

/// A router that knows of its models what was found out before. The one that makes vectors is asked for
/// nothing else.
fn router(
    models: Vec<Usable>,
    embedding: Option<&str>,
    providers: &dyn ProviderFactory,
) -> Result<Router, OpenError> {
    if let Some(name) = embedding
        && !models.iter().any(|model| model.entry.name == name)
    {
        let text = format!("`memory.embedding` names the model {name}, which there is not");
        return Err(OpenError::Config(text));
    }
    let (mut entries, known): (Vec<_>, Vec<_>) = models
        .into_iter()
        .map(|model| (model.entry.clone(), (model.entry.name, model.capabilities)))
        .unzip();
    for entry in &mut entries {
        if embedding == Some(entry.name.as_str()) {
            entry.roles.clear();
        }
    }
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
