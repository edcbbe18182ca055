//! What every command needs: the screen, the surroundings, the configuration, the engine.

use crate::cli::Global;
use crate::fault::{Exit, Fault};
use crate::log;
use crate::ui::Ui;
use loom_engine::{
    Config, Engine, Flag, Loaded, OpenError, QueryError, Reader, Setup, SystemClock,
};
use loom_events::TaskId;
use loom_router::Usable;
use loomd::setup::{self, Surroundings};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The context of a command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) ui: Ui,
    pub(crate) here: Surroundings,
    pub(crate) global: Global,
}

impl Context {
    /// Where Loom keeps its data.
    pub(crate) fn data_dir(&self) -> Result<PathBuf, Fault> {
        self.here
            .data_dir(self.global.data_dir.as_deref())
            .map_err(Fault::setup)
    }

    /// The configuration with these flags on top; begins to log as it says.
    pub(crate) fn load(&self, flags: &[Flag]) -> Result<Loaded, Fault> {
        let data_dir = self.data_dir()?;
        let file = self.global.config.as_deref();
        let loaded = setup::load(&self.here, &data_dir, file, flags).map_err(Fault::setup)?;
        log::start(loaded.config.logging.level);
        Ok(loaded)
    }

    /// Looks for containers where the user's own `docker` does, unless the configuration says
    /// otherwise.
    pub(crate) fn find_containers(&self, config: &mut Config) {
        setup::find_containers(&self.here, config);
    }

    /// An engine over the data directory, for commands that change something.
    pub(crate) async fn engine(
        &self,
        mut config: Config,
        models: Vec<Usable>,
        data_dir: &Path,
    ) -> Result<Engine, Fault> {
        self.find_containers(&mut config);
        let setup = Setup {
            servers: config.server_settings(&self.here.env),
            config,
            models,
            data_dir: data_dir.to_owned(),
            home: self.here.home.clone(),
            path_env: self.here.path_env.clone(),
            helper: self.here.helper.clone(),
            clock: Arc::new(SystemClock),
            build: concat!("loom ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        Engine::open(setup).await.map_err(open_fault)
    }

    /// The tasks, for commands that only look; none when there is no journal yet.
    pub(crate) fn reader(&self) -> Result<Option<Reader>, Fault> {
        let data_dir = self.data_dir()?;
        match Reader::open(&data_dir, self.here.home.clone()) {
            Err(OpenError::Journal(loom_state::OpenError::Missing { .. })) => Ok(None),
            opened => opened.map(Some).map_err(open_fault),
        }
    }

    /// The tasks and the one that is meant.
    pub(crate) async fn find(&self, task: &str) -> Result<(Reader, TaskId), Fault> {
        let Some(reader) = self.reader()? else {
            let none = QueryError::NoSuchTask(task.to_owned());
            return Err(Fault::usage(none));
        };
        let task = reader.find(task).await.map_err(query_fault)?;
        Ok((reader, task))
    }
}

/// A question about a task that names nothing is the caller's mistake.
pub(crate) fn query_fault(error: QueryError) -> Fault {
    match error {
        QueryError::NoSuchTask(_)
        | QueryError::Ambiguous { .. }
        | QueryError::NotChanged(_)
        | QueryError::NoWorkspace(_)
        | QueryError::StillRunning(_)
        | QueryError::Collected { .. }
        | QueryError::Workspace(_) => Fault::from(error).exit(Exit::Usage),
        QueryError::Journal(_) | QueryError::Blob(_) | QueryError::Append(_) => {
            Fault::cannot(error)
        }
        QueryError::Files(_) => Fault::from(error),
    }
}

/// Why there is no engine; what the configuration is to blame for has exit code 2.
fn open_fault(error: OpenError) -> Fault {
    match error {
        OpenError::Config(_) => Fault::from(error).exit(Exit::Usage),
        OpenError::Router(_) | OpenError::Template(_) | OpenError::DataDir { .. } => {
            Fault::cannot(error).exit(Exit::Usage)
        }
        OpenError::Locked(_) | OpenError::Journal(_) | OpenError::Store(_) => Fault::cannot(error),
    }
}
