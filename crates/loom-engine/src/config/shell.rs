//! What commands run in: the sandbox that was asked for, if it works here.

use super::form::duration;
use super::{Config, SandboxMode};
use loom_tools::ShellSettings;
use loom_workspace::{DockerError, Sandbox, detect_sandbox};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How far a model may raise the timeout of one command: a long build or test run fits, and a
/// command that hangs still costs less than the working time of a task.
const MAX_RAISE: u32 = 6;

/// The settings of the shell that the configuration asks for cannot be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShellConfigError {
    /// Commands must be contained, and nothing here can do it.
    #[error(
        "`sandbox.mode` is \"bubblewrap\", and bubblewrap does not work here: install it (package `bubblewrap`) and allow user namespaces, or set `sandbox.mode` to \"auto\""
    )]
    NoBubblewrap,
    /// Containers need an image.
    #[error("`sandbox.mode` is \"docker\" and `sandbox.image` names no image")]
    NoImage,
    /// The first container has no place to write to.
    #[error("cannot make {}: {why}", dir.display())]
    NoPlace {
        /// The directory.
        dir: PathBuf,
        /// Why.
        why: String,
    },
    /// Containers do not work here.
    #[error("`sandbox.mode` is \"docker\", and that does not work here")]
    Docker(#[source] DockerError),
}

impl Config {
    /// Looks for the sandbox and says how commands are run. It is tried once, here; a container
    /// tries it in the data directory.
    ///
    /// # Errors
    /// A required sandbox is missing.
    pub fn shell_settings(
        &self,
        path_env: &OsStr,
        home: Option<&Path>,
        data_dir: &Path,
    ) -> Result<ShellSettings, ShellConfigError> {
        let timeout = duration(self.tools.shell_timeout_ms);
        Ok(ShellSettings {
            sandbox: match self.sandbox.mode {
                SandboxMode::Docker => self.containers(home, data_dir)?,
                mode => sandbox(mode, || detect_sandbox(path_env))?,
            },
            path_env: path_env.to_owned(),
            home: home.map(Path::to_owned),
            timeout,
            max_timeout: timeout.saturating_mul(MAX_RAISE),
        })
    }
}

fn sandbox(
    mode: SandboxMode,
    detect: impl FnOnce() -> Sandbox,
) -> Result<Sandbox, ShellConfigError> {
    match mode {
        SandboxMode::None => Ok(Sandbox::None),
        // `docker` is looked for elsewhere, and only when it is asked for.
        SandboxMode::Auto | SandboxMode::Docker => Ok(detect()),
        SandboxMode::Bubblewrap => match detect() {
            Sandbox::None => Err(ShellConfigError::NoBubblewrap),
            found @ (Sandbox::Bubblewrap(_) | Sandbox::Docker(_)) => Ok(found),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bwrap() -> Sandbox {
        Sandbox::Bubblewrap("/usr/bin/bwrap".into())
    }

    #[test]
    fn a_sandbox_that_is_required_and_missing_is_an_error_not_a_weaker_one() {
        let missing = sandbox(SandboxMode::Bubblewrap, || Sandbox::None);
        assert_eq!(missing, Err(ShellConfigError::NoBubblewrap));
        assert_eq!(sandbox(SandboxMode::Bubblewrap, bwrap), Ok(bwrap()));
    }

    #[test]
    fn auto_takes_what_is_there_and_none_does_not_look() {
        assert_eq!(sandbox(SandboxMode::Auto, bwrap), Ok(bwrap()));
        assert_eq!(
            sandbox(SandboxMode::Auto, || Sandbox::None),
            Ok(Sandbox::None)
        );
        let looked = sandbox(SandboxMode::None, || panic!("it must not look"));
        assert_eq!(looked, Ok(Sandbox::None));
    }
}
