//! A service to work with: joined where one has the data directory, else carried with the models that
//! the command line asks for.

use crate::cli::ModelChoice;
use crate::context::{Context, client_fault, front_fault};
use crate::fault::Fault;
use crate::models;
use loom_client::wire::ConfigValue;
use loom_engine::{Loaded, OpenError, show};
use loom_events::TaskId;
use loom_router::Usable;
use loomd::{FrontError, Service, Visible};
use std::path::PathBuf;

/// Times that somebody else may take the data directory between looking and taking.
const RACES: usize = 3;

/// What this process would work with, if it is the one to do it.
pub(crate) struct Work {
    loaded: Loaded,
    choice: ModelChoice,
    data_dir: PathBuf,
    /// Whether nothing is said to people.
    quiet: bool,
    models: Option<Vec<Usable>>,
}

impl Work {
    pub(crate) const fn new(
        loaded: Loaded,
        choice: ModelChoice,
        data_dir: PathBuf,
        quiet: bool,
    ) -> Self {
        Self {
            loaded,
            choice,
            data_dir,
            quiet,
            models: None,
        }
    }

    /// The same, and nothing more is said to people: the screen is not theirs to write on.
    pub(crate) fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Whether the terminal rings at the end and for a question.
    pub(crate) const fn rings(&self) -> bool {
        self.loaded.config.notify.bell
    }

    /// The service.
    pub(crate) async fn service(&mut self, context: &Context) -> Result<Service, Fault> {
        for _ in 0..RACES {
            if let Some(service) = context.joined().await? {
                self.takes_its_models(&service)?;
                return Ok(service);
            }
            let models = self.models(context).await?;
            let config = self.loaded.config.clone();
            let carried = Service::carry(
                context.setup(config, models, &self.data_dir),
                shown(&self.loaded),
                Visible::Yes,
            );
            match carried.await {
                // Somebody was faster, and can be joined.
                Err(FrontError::Open(OpenError::Locked(_))) => {}
                carried => return carried.map_err(front_fault),
            }
        }
        Err(Fault::from(anyhow::anyhow!(
            "other processes take the data directory again and again"
        )))
    }

    /// After a joined service has gone, goes on with a task in the one that came after it, or in this
    /// process. Whether there is another one now.
    pub(crate) async fn revive(
        &mut self,
        context: &Context,
        service: &mut Service,
        task: TaskId,
    ) -> Result<bool, Fault> {
        if service.is_carried() {
            return Ok(false);
        }
        if let Some(there) = context.joined().await? {
            let is_new = there.client().url() != service.client().url();
            if is_new {
                *service = there;
            }
            return Ok(is_new);
        }
        // It may have left because there was nothing more to do: then no model is needed.
        if let Some(there) = context.looking().await? {
            let found = there.client().task(&task.to_string()).await;
            let found = found.map_err(client_fault)?;
            if found.running || found.view.status.is_final() {
                *service = there;
                return Ok(true);
            }
            there.leave().await;
        }
        *service = self.service(context).await?;
        if service.is_carried() {
            let resumed = service.client().resume(task).await;
            resumed.map_err(client_fault)?;
        }
        Ok(true)
    }

    async fn models(&mut self, context: &Context) -> Result<Vec<Usable>, Fault> {
        if let Some(models) = &self.models {
            return Ok(models.clone());
        }
        let models = models::choose(&self.loaded.config, &self.choice, context).await?;
        if !self.quiet {
            models.announce(context);
        }
        let models = models.usable();
        self.models = Some(models.clone());
        Ok(models)
    }

    /// A service has models of its own; asking for others would be asking for nothing.
    fn takes_its_models(&self, service: &Service) -> Result<(), Fault> {
        let option = match (&self.choice.server, &self.choice.model) {
            (None, None) => return Ok(()),
            (Some(_), _) => "--server",
            (None, Some(_)) => "--model",
        };
        let url = service.client().url();
        let text = format!(
            "{option} cannot be used: the service at {url} has the data directory, and uses its own models"
        );
        Err(Fault::usage(text)
            .hint("leave it out, stop the service, or work beside it with another --data-dir"))
    }
}

/// The configuration in the form in which the service shows it.
pub(crate) fn shown(loaded: &Loaded) -> Vec<ConfigValue> {
    let shown = show(loaded).into_iter().map(|shown| ConfigValue {
        key: shown.key,
        value: shown.value,
        origin: shown.origin.to_string(),
    });
    shown.collect()
}
