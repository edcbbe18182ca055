//! Child processes: started in one way, ended without exception.

mod capture;
mod docker;
mod git;
mod helper;
mod run;
mod sandbox;
mod service;
mod survivors;

pub use docker::{DockerError, DockerSandbox, DockerSettings, docker_sockets};
pub use helper::sandbox_helper;
pub use run::{CommandLine, CommandSpec, Finished, RunError, RunStatus, run};
pub use sandbox::{
    Bubblewrap, Landlock, Rung, RungName, Sandbox, SandboxSurvey, detect_sandbox, survey_sandboxes,
    toolchains,
};
pub use service::{Service, ServiceError, ServicePipes, ServiceSpec};
pub use survivors::kill_labelled;
