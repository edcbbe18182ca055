//! Child processes: started in one way, ended without exception.

mod run;
mod sandbox;

pub use run::{CommandLine, CommandSpec, Finished, RunError, RunStatus, kill_labelled, run};
pub use sandbox::{Sandbox, detect_sandbox, toolchains};
