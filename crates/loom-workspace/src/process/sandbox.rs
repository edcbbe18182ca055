//! The sandbox around a child process.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What stands between a command and the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// Bubblewrap, at this path: own file system view, processes and network.
    Bubblewrap(PathBuf),
    /// Nothing. The caller must announce it as degraded.
    None,
}

/// The strongest sandbox that works here; tries it once.
#[must_use]
pub fn detect_sandbox(path_env: &OsStr) -> Sandbox {
    let _ = path_env;
    unimplemented!()
}

/// Directories of language toolchains under a home directory, for [`crate::CommandSpec::readable`].
#[must_use]
pub fn toolchains(home: &Path) -> Vec<PathBuf> {
    let _ = home;
    unimplemented!()
}
