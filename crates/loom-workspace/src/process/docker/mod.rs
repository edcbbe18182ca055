//! Containers of a Docker or Podman engine as a sandbox, on request.
//!
//! Every command gets a container of its own, which is gone when the command has ended: nothing is
//! handed from one command to the next but the workspace and the scratch directory, and no process
//! survives. The programs are those of the image; of the host nothing is seen but these two places,
//! at their own paths. Loom never pulls an image and speaks to unix sockets only, since the engine
//! must be on the machine whose files the command works on.
//!
//! `places` says where engines listen, `connect` tries one, `container` describes the container of a
//! command, `life` runs it, `sweep` finds what a crash has left. Without the feature `docker` there
//! is only an [`absent`](DockerSandbox) sandbox that cannot be made.

#[cfg(not(feature = "docker"))]
mod absent;
#[cfg(feature = "docker")]
mod connect;
#[cfg(feature = "docker")]
mod container;
#[cfg(feature = "docker")]
mod life;
mod places;
#[cfg(feature = "docker")]
mod sweep;

#[cfg(not(feature = "docker"))]
pub use absent::DockerSandbox;
#[cfg(feature = "docker")]
pub use connect::DockerSandbox;
pub use places::docker_sockets;

use std::path::PathBuf;
use std::time::Duration;

/// What containers are made from, and where.
#[derive(Clone, Debug)]
pub struct DockerSettings {
    /// The image with the programs; it must be there, and have `/bin/sh`.
    pub image: String,
    /// Sockets of engines, tried in order: see [`docker_sockets`].
    pub sockets: Vec<PathBuf>,
    /// Bytes of memory that a command may use; none leaves it to the engine.
    pub memory: Option<u64>,
    /// A directory in which the first try may make a file: it shows whose files a container writes.
    pub try_in: PathBuf,
    /// How long looking and the first try may take together.
    pub timeout: Duration,
}

/// Why containers cannot be had.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DockerError {
    /// The feature `docker` is off.
    #[error("this build of Loom cannot use containers: build it with the feature `docker`")]
    NotBuiltIn,
    /// The engine is elsewhere.
    #[error(
        "`{host}` is not the socket of an engine on this machine: give a path such as unix:///var/run/docker.sock"
    )]
    NotLocal {
        /// What was given.
        host: String,
    },
    /// No socket answered.
    #[error("no Docker or Podman engine answers ({})", tried.join("; "))]
    NoEngine {
        /// Each socket with what was wrong.
        tried: Vec<String>,
    },
    /// The image is not there.
    #[error(
        "the image `{image}` is not there, and Loom pulls none by itself: `{program} pull {image}`"
    )]
    NoImage {
        /// The image.
        image: String,
        /// The engine's command.
        program: &'static str,
    },
    /// The image is there and a container does not work.
    #[error("a container of `{image}` does not come up: {complaint}")]
    NotUp {
        /// The image.
        image: String,
        /// What went wrong.
        complaint: String,
    },
    /// The engine answered with an error, or not at all.
    #[error("the engine at {} does not do what it is asked: {complaint}", socket.display())]
    Engine {
        /// Its socket.
        socket: PathBuf,
        /// What it said.
        complaint: String,
    },
}
