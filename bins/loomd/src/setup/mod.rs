//! How Loom is set up from what is around it: the environment, the configuration, the models that
//! answer. The service and the command do it in the same way.

mod error;
pub mod models;
mod surroundings;

pub use error::SetupError;
pub use surroundings::Surroundings;

use loom_engine::{Config, Flag, Loaded, Setup, Sources, SystemClock};
use loom_redact::{Redactor, Secret};
use loom_router::Usable;
use std::path::Path;
use std::sync::Arc;

/// The configuration of a data directory with a file and flags on top.
///
/// # Errors
/// The first thing that is wrong in it.
pub fn load(
    here: &Surroundings,
    data_dir: &Path,
    file: Option<&Path>,
    flags: &[Flag],
) -> Result<Loaded, SetupError> {
    let file = file.map(|file| here.absolute(file));
    let loaded = Config::load(&Sources {
        data_dir: Some(data_dir),
        file: file.as_deref(),
        env: &here.env,
        flags,
    });
    let loaded = loaded.map_err(|error| {
        SetupError::of(&error)
            .hint("config/loom.toml in Loom's sources lists every key with its values")
    })?;
    let webhooks = loaded.config.webhook_settings(&here.env);
    webhooks.map_err(|error| SetupError::cannot(&error))?;
    Ok(loaded)
}

/// Looks for containers where the user's own `docker` does, unless the configuration says otherwise.
pub fn find_containers(here: &Surroundings, config: &mut Config) {
    let socket = &mut config.sandbox.socket;
    if socket.is_none() {
        *socket = here.var("DOCKER_HOST").map(str::to_owned);
    }
}

/// What keeps the secrets of this machine, and the token of the service, out of what is kept and said.
#[must_use]
pub fn redactor(here: &Surroundings, config: &Config, data_dir: &Path) -> Redactor {
    // Without a file there is no token yet that could be said.
    let token = std::fs::read_to_string(data_dir.join(loom_client::TOKEN_FILE)).ok();
    let token = token.map(|token| Secret::new("service token", token.trim()));
    config.redactor(&here.env, token)
}

/// The model that makes vectors. One that cannot be used is no reason to do nothing.
fn embedding(here: &Surroundings, config: &mut Config) -> Option<Usable> {
    match config.embedding_entry(&here.env) {
        Ok(entry) => entry.map(Usable::from),
        Err(error) => {
            tracing::warn!(%error, "the memory is searched by words only");
            config.memory.embedding = None;
            None
        }
    }
}

/// What an engine over a data directory is made from.
#[must_use]
pub fn setup(
    here: &Surroundings,
    mut config: Config,
    mut models: Vec<Usable>,
    data_dir: &Path,
) -> Setup {
    find_containers(here, &mut config);
    models.extend(embedding(here, &mut config));
    Setup {
        // What is wrong with them was said when the configuration was loaded.
        webhooks: config.webhook_settings(&here.env).unwrap_or_default(),
        redactor: Arc::new(redactor(here, &config, data_dir)),
        servers: config.server_settings(&here.env),
        config,
        models,
        data_dir: data_dir.to_owned(),
        home: here.home.clone(),
        path_env: here.path_env.clone(),
        helper: here.helper.clone(),
        clock: Arc::new(SystemClock),
        build: crate::VERSION.to_owned(),
    }
}
