//! Finds an engine that answers, and tries the image once.

use super::life::{complaint, in_time};
use super::{DockerError, DockerSettings};
use crate::process::{CommandLine, CommandSpec, Finished, RunStatus, Sandbox};
use bollard::errors::Error;
use bollard::models::{ImageInspect, SystemVersion};
use bollard::{API_DEFAULT_VERSION, Docker};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The client's own bound on the begin of an answer, in seconds: above that of any command, since
/// the answer to the wait for a container may begin with its end. Each request has a bound here.
const CLIENT_TIME: u64 = 365 * 24 * 60 * 60;

/// Written by the first container, to see whose file it becomes.
const TRIED: &str = "container-wrote-this";

/// What the first container runs; it answers with the best shell of the image.
const TRY: &str = "echo > container-wrote-this && { command -v bash || echo /bin/sh; }";

/// An engine and an image, tried and found to work. A clone is the same one.
#[derive(Clone)]
pub struct DockerSandbox(Arc<Engine>);

/// What a container is made with.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) client: Docker,
    pub(super) socket: PathBuf,
    pub(super) image: String,
    /// The image as it was when it was tried; its name may be given to another one.
    pub(super) image_id: String,
    /// Whether the image brings a check of its own, which would run beside every command.
    pub(super) has_health_check: bool,
    pub(super) shell: String,
    pub(super) identity: Identity,
    pub(super) memory: Option<u64>,
    pub(super) kind: Kind,
    version: String,
}

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Docker,
    Podman,
}

impl Kind {
    fn of(version: &SystemVersion) -> Self {
        let mut components = version.components.iter().flatten();
        match components.any(|one| one.name.contains("Podman")) {
            true => Self::Podman,
            false => Self::Docker,
        }
    }

    /// The command of its users, for hints.
    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// As whom a command runs, so that what it writes is the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// As in `--userns`.
    pub(super) userns: Option<&'static str>,
}

impl Identity {
    /// What to try, in order. Engines number users in their own ways, and a wrong one would leave
    /// files that are not the user's; which one is right is seen from a file, not guessed.
    fn candidates(uid: u32, gid: u32) -> Vec<Self> {
        let own = |userns| Self { uid, gid, userns };
        vec![
            // Docker and Podman of the system, Docker Desktop.
            own(None),
            // Rootless Podman.
            own(Some("keep-id")),
            // Docker with remapped users.
            own(Some("host")),
            // Rootless Docker: its root is the user.
            Self {
                uid: 0,
                gid: 0,
                userns: None,
            },
        ]
    }
}

impl DockerSandbox {
    /// Takes the first engine that answers and runs one container, made like those of commands.
    /// Blocks, for as long as that takes.
    ///
    /// # Errors
    /// [`DockerError`] says what is missing and how to get it.
    pub fn connect(settings: &DockerSettings) -> Result<Self, DockerError> {
        // In a thread of its own: the caller may be inside a runtime, which must not wait for another.
        std::thread::scope(|scope| {
            let connecting = scope.spawn(|| {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| error.to_string())
                    .map(|runtime| runtime.block_on(connect(settings)))
            });
            let broken = |complaint: String| DockerError::NoEngine {
                tried: vec![complaint],
            };
            match connecting.join() {
                Ok(connected) => connected.map_err(broken)?,
                Err(_) => Err(broken("BUG: the thread that connects died".to_owned())),
            }
        })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.0
    }

    /// What is used, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        let Engine {
            version,
            socket,
            image,
            ..
        } = self.engine();
        format!("containers of `{image}`, {version} at {}", socket.display())
    }
}

impl fmt::Debug for DockerSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Engine {
            socket,
            image,
            identity,
            ..
        } = self.engine();
        f.debug_struct("DockerSandbox")
            .field("socket", socket)
            .field("image", image)
            .field("identity", identity)
            .finish_non_exhaustive()
    }
}

impl PartialEq for DockerSandbox {
    fn eq(&self, other: &Self) -> bool {
        let key = |one: &Self| {
            let engine = one.engine();
            (
                engine.socket.clone(),
                engine.image_id.clone(),
                engine.memory,
            )
        };
        key(self) == key(other)
    }
}

impl Eq for DockerSandbox {}

async fn connect(settings: &DockerSettings) -> Result<DockerSandbox, DockerError> {
    let (socket, client, version) = find(settings).await?;
    let kind = Kind::of(&version);
    let image = image(&client, &socket, kind, settings).await?;
    let engine = Engine {
        image: settings.image.clone(),
        image_id: image.id.unwrap_or_else(|| settings.image.clone()),
        has_health_check: image
            .config
            .is_some_and(|config| config.healthcheck.is_some()),
        // Until the first container has said which.
        shell: "/bin/sh".to_owned(),
        identity: Identity {
            uid: 0,
            gid: 0,
            userns: None,
        },
        memory: settings.memory,
        kind,
        version: format!("{kind:?} {}", version.version.unwrap_or_default()),
        client,
        socket,
    };
    try_identities(&engine, settings).await
}

async fn find(settings: &DockerSettings) -> Result<(PathBuf, Docker, SystemVersion), DockerError> {
    let mut tried = Vec::new();
    for socket in &settings.sockets {
        match ask(socket, settings.timeout).await {
            Ok((client, version)) => return Ok((socket.clone(), client, version)),
            Err(why) => tried.push(format!("{}: {why}", socket.display())),
        }
    }
    Err(DockerError::NoEngine { tried })
}

async fn ask(socket: &Path, time: Duration) -> Result<(Docker, SystemVersion), String> {
    let place = socket.to_str().ok_or("its path is not UTF-8")?;
    let client = match Docker::connect_with_unix(place, CLIENT_TIME, API_DEFAULT_VERSION) {
        Ok(client) => client,
        Err(Error::SocketNotFoundError(_)) => return Err("there is none".to_owned()),
        Err(error) => return Err(complaint(&error)),
    };
    let version = in_time(time, client.version()).await?;
    Ok((client, version))
}

async fn image(
    client: &Docker,
    socket: &Path,
    kind: Kind,
    settings: &DockerSettings,
) -> Result<ImageInspect, DockerError> {
    let failed = |complaint| DockerError::Engine {
        socket: socket.to_owned(),
        complaint,
    };
    match tokio::time::timeout(settings.timeout, client.inspect_image(&settings.image)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(Error::DockerResponseServerError {
            status_code: 404, ..
        })) => Err(DockerError::NoImage {
            image: settings.image.clone(),
            program: kind.program(),
        }),
        Ok(Err(error)) => Err(failed(complaint(&error))),
        Err(_) => Err(failed("it does not answer".to_owned())),
    }
}

/// The engine with the identity whose files are those of the owner of the directory.
async fn try_identities(
    engine: &Engine,
    settings: &DockerSettings,
) -> Result<DockerSandbox, DockerError> {
    let not_up = |complaint: String| DockerError::NotUp {
        image: settings.image.clone(),
        complaint,
    };
    let owner = std::fs::metadata(&settings.try_in)
        .map_err(|error| not_up(format!("{}: {error}", settings.try_in.display())))?;
    let mut first = None;
    for identity in Identity::candidates(owner.uid(), owner.gid()) {
        let candidate = Engine {
            identity,
            ..engine.clone()
        };
        match try_one(&candidate, settings, owner.uid()).await {
            Ok(shell) => return Ok(DockerSandbox(Arc::new(Engine { shell, ..candidate }))),
            // The first is the usual one, so its complaint is the one that helps.
            Err(complaint) => {
                first.get_or_insert(complaint);
            }
        }
    }
    Err(not_up(first.unwrap_or_default()))
}

async fn try_one(engine: &Engine, settings: &DockerSettings, owner: u32) -> Result<String, String> {
    let sandbox = DockerSandbox(Arc::new(engine.clone()));
    let dir = &settings.try_in;
    let spec = CommandSpec {
        command: CommandLine::Shell(TRY.to_owned()),
        workspace: dir.clone(),
        cwd: dir.clone(),
        env: Vec::new(),
        timeout: settings.timeout,
        output_cap: 4096,
        sandbox: Sandbox::Docker(sandbox.clone()),
        scratch: dir.clone(),
        readable: Vec::new(),
        writable: Vec::new(),
        network: false,
        label: format!("try:{}", dir.display()),
    };
    let ran = sandbox.run(&spec, &CancellationToken::new()).await;
    let written = dir.join(TRIED);
    let found = std::fs::metadata(&written).map(|file| file.uid());
    std::fs::remove_file(&written).ok();
    let Finished { status, output, .. } = ran.map_err(|error| error.to_string())?;
    match (status, found) {
        (RunStatus::Exit(0), Ok(uid)) if uid == owner => Ok(output.trim().to_owned()),
        (RunStatus::Exit(0), Ok(uid)) => Err(format!(
            "what it writes belongs to user {uid}, not to user {owner}"
        )),
        (RunStatus::Exit(0), Err(_)) => Err(format!(
            "what it writes in {} does not arrive there: the engine must see the files of this machine",
            dir.display()
        )),
        _ => Err(format!("{status:?}: {}", output.trim())),
    }
}
