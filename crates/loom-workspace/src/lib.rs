//! The user's files: confinement, snapshots, changes, diff, undo, processes.
//!
//! The only code of Loom that writes user files or starts processes. Start reading at
//! [`Workspace`]; `root` holds the one way from a path to a file, `process` the one way to a child.

#![deny(missing_docs)]

mod apply;
mod changes;
mod derived;
mod diff;
mod edit;
mod error;
mod guard;
mod lines;
mod manifest;
mod name;
mod open;
mod patch;
#[cfg(test)]
mod path_cases;
mod process;
mod resolve;
mod root;
mod scan;
mod scratch;
mod spot;
mod store;
mod tree;
mod undo;
mod walk;
mod workspace;

pub use diff::{DiffStatus, FileDiff};
pub use edit::{Applied, Edit, Pending, applied};
pub use error::FsError;
pub use guard::{Guard, guard};
pub use manifest::{LeftOut, Manifest, ManifestError, WhyLeftOut};
pub use open::{Bounds, OpenError};
pub use process::{
    CommandLine, CommandSpec, DockerError, DockerSandbox, DockerSettings, Finished, RunError,
    RunStatus, Sandbox, detect_sandbox, docker_sockets, kill_labelled, run, toolchains,
};
pub use scratch::{Location, Scratch};
pub use store::{Store, StoreError};
pub use undo::{Conflict, UndoPlan};
pub use walk::{ListEntry, Walk};
pub use workspace::Workspace;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_share_between_threads_can_be_shared() {
        fn shared<T: Send + Sync>() {}
        fn sent<T: Send>(_: T) {}
        shared::<Workspace>();
        shared::<Store>();
        shared::<Scratch>();
        shared::<Manifest>();
        shared::<Walk>();
        sent(|spec: CommandSpec| async move {
            sent(run(&spec, &tokio_util::sync::CancellationToken::new()));
        });
    }
}
