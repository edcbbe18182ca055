//! Child processes: started in one way, ended without exception.

mod capture;
mod run;
mod sandbox;
mod service;
mod survivors;

pub use run::{CommandLine, CommandSpec, Finished, RunError, RunStatus, run};
pub use sandbox::{Sandbox, detect_sandbox, toolchains};
pub use service::{Service, ServiceError, ServicePipes, ServiceSpec};
pub use survivors::kill_labelled;
