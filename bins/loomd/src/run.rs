//! A service from its configuration to its end: what `loomd` does, and `loom serve`.

use crate::access::Tokens;
use crate::beside::Beside;
use crate::fault::chain;
use crate::front::{AGAIN, PATIENCE};
use crate::limits::Limits;
use crate::notify::Notifier;
use crate::server::Server;
use crate::setup::{self, SetupError, Surroundings, models};
use loom_client::wire::ConfigValue;
use loom_engine::{Config, Engine, Extensions, Loaded, OpenError, Reader, show};
use loom_router::Usable;
use loom_state::{DataDirLock, LockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long tasks may take to come to their next boundary once the service stops. With the farewell
/// to its clients this stays below the ten seconds that it promises, and what is cut off then is
/// taken up by the next start like after any crash.
const TO_THE_BOUNDARY: Duration = Duration::from_millis(7_500);

/// Descriptors wanted: one for each connection, and for files and the processes of tasks. More would
/// be handed on to commands, of which some go through all that they might have.
const DESCRIPTORS: u64 = 8_192;

/// Runs a service until `stop`. `listening` is told its address once it takes requests.
///
/// # Errors
/// Why it does not begin.
pub async fn run(
    here: &Surroundings,
    data_dir: &Path,
    loaded: Loaded,
    auth: bool,
    stop: CancellationToken,
    listening: impl FnOnce(&str),
) -> Result<(), SetupError> {
    free(data_dir).await?;
    raise_descriptors();
    let models = models(here, data_dir, &loaded.config).await?;
    let setup = setup::setup(here, loaded.config.clone(), models, data_dir);
    let beside = Beside::start().map_err(|error| SetupError::of(&error))?;
    let extensions = Extensions {
        work: beside.handle(),
        ..Extensions::default()
    };
    let opened = Box::pin(Engine::open_with(setup, extensions)).await;
    let engine = Arc::new(opened.map_err(open_error)?);
    let served = serve(here, data_dir, &loaded, auth, &engine, stop, listening).await;
    if tokio::time::timeout(TO_THE_BOUNDARY, engine.stop())
        .await
        .is_err()
    {
        tracing::warn!("some task did not come to a boundary; the next start takes it up");
    }
    served
}

/// Waits for a data directory that nobody has. One that another service has is not waited for; a command
/// that answers a question by itself has it for a moment only.
///
/// Opening the engine takes the lock and would say the same, but models are looked for before, which
/// takes its time and may end with words about them.
async fn free(data_dir: &Path) -> Result<(), SetupError> {
    let begin = tokio::time::Instant::now();
    loop {
        let holder = DataDirLock::holder(data_dir).map_err(|error| SetupError::cannot(&error))?;
        let Some(holder) = holder else {
            return Ok(());
        };
        if holder.address.is_some() || begin.elapsed() > PATIENCE {
            let dir = data_dir.to_owned();
            let error = SetupError::cannot(&LockError::Held { dir, holder });
            return Err(error.hint("every other command of `loom` joins what has it"));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn serve(
    here: &Surroundings,
    data_dir: &Path,
    loaded: &Loaded,
    auth: bool,
    engine: &Arc<Engine>,
    stop: CancellationToken,
    listening: impl FnOnce(&str),
) -> Result<(), SetupError> {
    let listener = bind(&loaded.config).await?;
    let bound = listener
        .local_addr()
        .map_err(|error| SetupError::of(&error))?;
    let tokens = match auth {
        true => Some(Tokens::of(data_dir).map_err(|error| SetupError::cannot(&error))?),
        false => None,
    };
    let server = Server {
        engine: Arc::clone(engine),
        tokens,
        names: loaded.config.service.names.clone(),
        limits: limits(&loaded.config),
        config: shown(loaded),
        figures: loaded.config.telemetry.prometheus,
        recover: true,
    };
    server
        .check(bound)
        .map_err(|error| SetupError::cannot(&error))?;
    let url = format!("http://{}", reachable(bound));
    // Without that it still works for whoever knows its address.
    if let Err(error) = engine.publish(&url) {
        tracing::warn!(error = chain(&error), "the lock does not say the address");
    }
    let notifier = Notifier::of(here);
    notifier.say("READY=1");
    listening(&url);
    let served = server.serve(listener, stop).await;
    notifier.say("STOPPING=1");
    served.map_err(|error| SetupError::cannot(&error))
}

/// The models of a service. Those that are configured are taken also while their server does not
/// answer: it may be started later.
async fn models(
    here: &Surroundings,
    data_dir: &Path,
    config: &Config,
) -> Result<Vec<Usable>, SetupError> {
    let reader = Reader::open(data_dir, here.home.clone()).ok();
    let facts = models::Facts::load(reader.as_ref()).await;
    drop(reader);
    let choice = models::Choice::default();
    if config.models_that_chat().next().is_none() {
        let found = models::choose(config, &choice, &here.env, &facts).await?;
        return Ok(found.usable());
    }
    let (asked, _) = models::survey(config, &choice, &here.env, &facts).await?;
    let usable = asked.into_iter().map(|one| {
        if let Some(why) = &one.down {
            tracing::warn!(
                model = one.model.entry.name,
                why,
                "a model does not answer yet"
            );
        }
        Usable {
            entry: one.model.entry,
            capabilities: one.model.known,
        }
    });
    Ok(usable.collect())
}

async fn bind(config: &Config) -> Result<TcpListener, SetupError> {
    let (host, port) = (config.service.host.as_str(), config.service.port);
    TcpListener::bind((host, port)).await.map_err(|error| {
        let hint = "take another port with --port or `server.port`; 0 takes any that is free";
        SetupError::new(format!("cannot listen at {host}, port {port}: {error}")).hint(hint)
    })
}

/// The address under which this machine reaches it.
fn reachable(bound: SocketAddr) -> SocketAddr {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

fn limits(config: &Config) -> Limits {
    let service = &config.service;
    let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    Limits {
        body: usize::try_from(service.max_body).unwrap_or(usize::MAX),
        connections: count(service.max_connections),
        subscribers: count(service.max_subscribers),
        tasks: count(service.max_tasks),
        ..Limits::default()
    }
}

/// The effective configuration as it is shown.
fn shown(loaded: &Loaded) -> Vec<ConfigValue> {
    let value = |shown: loom_engine::Shown| ConfigValue {
        key: shown.key,
        value: shown.value,
        origin: shown.origin.to_string(),
    };
    show(loaded).into_iter().map(value).collect()
}

fn open_error(error: OpenError) -> SetupError {
    match error {
        OpenError::Config(_) => SetupError::of(&error),
        _ => SetupError::cannot(&error),
    }
}

/// A service has more descriptors open than a shell's programs, for which the usual limit is meant.
fn raise_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit
        .maximum
        .map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    if limit.current.is_some_and(|now| now < wanted) {
        limit.current = Some(wanted);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "few connections can be open at once");
        }
    }
}
