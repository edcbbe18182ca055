//! Child processes: started in one way, ended without exception.

mod capture;
mod docker;
mod git;
mod run;
mod sandbox;
mod survivors;

pub use docker::{DockerError, DockerSandbox, DockerSettings, docker_sockets};
pub use run::{CommandLine, CommandSpec, Finished, RunError, RunStatus, run};
pub use sandbox::{Sandbox, detect_sandbox, toolchains};
pub use survivors::kill_labelled;
