//! What every command needs: the screen, the surroundings, the configuration, the engine.

use crate::cli::Global;
use crate::fault::{Exit, Fault};
use crate::log;
use crate::ui::Ui;
use loom_client::ClientError;
use loom_client::wire::Task;
use loom_engine::{Config, Engine, Flag, Loaded, OpenError, QueryError, Reader, Setup};
use loom_events::TaskId;
use loom_router::Usable;
use loomd::setup::{self, Surroundings};
use loomd::{FrontError, Service, Visible};
use std::path::{Path, PathBuf};

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
        let redactor = setup::redactor(&self.here, &loaded.config, &data_dir);
        log::start(loaded.config.logging.level, redactor);
        Ok(loaded)
    }

    /// Looks for containers where the user's own `docker` does, unless the configuration says
    /// otherwise.
    pub(crate) fn find_containers(&self, config: &mut Config) {
        setup::find_containers(&self.here, config);
    }

    /// The service that has the data directory, when there is one.
    pub(crate) async fn joined(&self) -> Result<Option<Service>, Fault> {
        Service::join(&self.data_dir()?).await.map_err(front_fault)
    }

    /// The service, for what needs no model, also where there is no journal yet.
    pub(crate) async fn any_service(&self) -> Result<Service, Fault> {
        if let Some(service) = self.looking().await? {
            return Ok(service);
        }
        let data_dir = self.data_dir()?;
        let config = self.load(&[])?.config;
        let setup = self.setup(config, Vec::new(), &data_dir);
        let carried = Service::carry(setup, Vec::new(), Visible::No).await;
        carried.map_err(front_fault)
    }

    /// The service, for a question that needs no model; none when there is nothing to ask about yet.
    pub(crate) async fn looking(&self) -> Result<Option<Service>, Fault> {
        let data_dir = self.data_dir()?;
        let loaded = self.load(&[])?;
        // Whoever is faster is joined; then it is looked once more.
        for _ in 0..2 {
            if let Some(service) = self.joined().await? {
                return Ok(Some(service));
            }
            if self.reader()?.is_none() {
                return Ok(None);
            }
            let setup = self.setup(loaded.config.clone(), Vec::new(), &data_dir);
            match Service::carry(setup, Vec::new(), Visible::No).await {
                Err(FrontError::Open(OpenError::Locked(_))) => {}
                carried => return carried.map(Some).map_err(front_fault),
            }
        }
        Ok(None)
    }

    /// The service and the task that is meant.
    pub(crate) async fn task(&self, task: &str) -> Result<(Service, Task), Fault> {
        let Some(service) = self.looking().await? else {
            return Err(Fault::usage(QueryError::NoSuchTask(task.to_owned())));
        };
        match service.client().task(task).await {
            Ok(found) => Ok((service, found)),
            Err(error) => {
                service.leave().await;
                Err(client_fault(error))
            }
        }
    }

    /// An engine over the data directory, for what only its holder may do.
    pub(crate) async fn engine(
        &self,
        config: Config,
        models: Vec<Usable>,
        data_dir: &Path,
    ) -> Result<Engine, Fault> {
        let setup = self.setup(config, models, data_dir);
        Engine::open(setup).await.map_err(open_fault)
    }

    /// What an engine over a data directory is made from.
    pub(crate) fn setup(&self, config: Config, models: Vec<Usable>, data_dir: &Path) -> Setup {
        setup::setup(&self.here, config, models, data_dir)
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
        | QueryError::Imported(_)
        | QueryError::Workspace(_) => Fault::from(error).exit(Exit::Usage),
        QueryError::Journal(_) | QueryError::Blob(_) | QueryError::Append(_) => {
            Fault::cannot(error)
        }
        _ => Fault::from(error),
    }
}

/// Why there is no service.
pub(crate) fn front_fault(error: FrontError) -> Fault {
    match error {
        FrontError::Open(error) => open_fault(error),
        FrontError::Client(error) => client_fault(error),
        other => Fault::cannot(other),
    }
}

/// What the service refused, in its words: what the caller is to blame for has exit code 2.
pub(crate) fn client_fault(error: ClientError) -> Fault {
    match &error {
        ClientError::Refused { status, problem } => {
            let fault = Fault::usage(problem);
            match (problem.error.as_str(), *status) {
                ("no_model", _) => {
                    fault.hint("give the role to a model under [models.NAME], or use --model NAME")
                }
                (_, 400..=499) => fault,
                _ => fault.exit(Exit::Failed),
            }
        }
        ClientError::Unreachable { .. }
        | ClientError::Silent { .. }
        | ClientError::Strange { .. }
        | ClientError::Address { .. } => Fault::cannot(error),
    }
}

/// Why there is no engine; what the configuration is to blame for has exit code 2.
fn open_fault(error: OpenError) -> Fault {
    match error {
        OpenError::Config(_) => Fault::from(error).exit(Exit::Usage),
        OpenError::Router(_) | OpenError::Template(_) | OpenError::DataDir { .. } => {
            Fault::cannot(error).exit(Exit::Usage)
        }
        _ => Fault::cannot(error),
    }
}
