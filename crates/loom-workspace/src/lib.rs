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
mod fork;
mod guard;
mod lines;
mod manifest;
mod name;
mod open;
mod patch;
#[cfg(test)]
mod path_cases;
mod process;
mod renames;
mod resolve;
mod root;
mod scan;
mod scratch;
mod spot;
mod store;
mod survey;
mod tree;
mod undo;
mod walk;
mod workspace;

pub use derived::Trees;
pub use edit::{Applied, Edit, Pending, applied};
pub use error::FsError;
pub use fork::{
    Divergence, Fork, ForkBounds, ForkError, ForkReport, Forks, LeftAlone, MergeConflict,
    MergeConflictKind, MergeError, MergePlan, NotForked, PathDivergence, Strategy, WhyNotForked,
    divergence,
};
pub use guard::{Guard, guard};
pub use loom_events::{
    Choices, Conflict, ConflictKind, DiffStatus, FileDiff, How, Offer, Settle, Settled, WhyLeftOut,
};
pub use manifest::{LeftOut, Manifest, ManifestError};
pub use open::{Bounds, OpenError};
pub use process::{
    Bubblewrap, CommandLine, CommandSpec, DockerError, DockerSandbox, DockerSettings, Finished,
    Landlock, RunError, RunStatus, Rung, RungName, Sandbox, SandboxSurvey, Service, ServiceError,
    ServicePipes, ServiceSpec, detect_sandbox, docker_sockets, kill_labelled, run, sandbox_helper,
    survey_sandboxes, toolchains,
};
pub use scratch::{Location, Scratch};
pub use store::{Collected, Collecting, Live, Store, StoreError, content_hash};
pub use undo::UndoPlan;
pub use walk::{ListEntry, Walk, Walked};
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
        shared::<Forks>();
        shared::<Fork>();
        shared::<MergePlan>();
        shared::<Manifest>();
        shared::<Walk>();
        sent(|walked: Walked| walked);
        sent(|spec: CommandSpec| async move {
            sent(run(&spec, &tokio_util::sync::CancellationToken::new()));
        });
    }
}
