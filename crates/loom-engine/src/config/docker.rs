//! `sandbox.mode = "docker"`: the engine and the image that the configuration names.

use super::{Config, ShellConfigError};
use loom_workspace::{DockerSandbox, DockerSettings, Sandbox, docker_sockets};
use std::path::Path;
use std::time::Duration;

/// How long an engine may take to answer, and the first container to run. Usually it is half a
/// second; an image that was just loaded is read from disk for the first time.
const CONNECT_TIME: Duration = Duration::from_secs(60);

const MIB: u64 = 1 << 20;

impl Config {
    /// Connects to the engine and tries the image.
    pub(super) fn containers(
        &self,
        home: Option<&Path>,
        data_dir: &Path,
    ) -> Result<Sandbox, ShellConfigError> {
        let image = self.sandbox.image.clone();
        let image = image.ok_or(ShellConfigError::NoImage)?;
        // Of the data directory only this is shown to the image.
        let try_in = data_dir.join("container-try");
        std::fs::create_dir_all(&try_in).map_err(|error| ShellConfigError::NoPlace {
            dir: try_in.clone(),
            why: error.to_string(),
        })?;
        let connected = docker_sockets(self.sandbox.socket.as_deref(), home).and_then(|sockets| {
            DockerSandbox::connect(&DockerSettings {
                image,
                sockets,
                memory: self.sandbox.memory_mib.map(|mib| mib.saturating_mul(MIB)),
                try_in: try_in.clone(),
                timeout: CONNECT_TIME,
            })
        });
        // Not empty only when something went wrong, and then a trace of it does no harm.
        std::fs::remove_dir(&try_in).ok();
        connected
            .map(Sandbox::Docker)
            .map_err(ShellConfigError::Docker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SandboxMode;
    use loom_workspace::DockerError;

    #[test]
    fn what_is_missing_is_said_and_nothing_weaker_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.sandbox.mode = SandboxMode::Docker;
        let settings = |config: &Config| {
            config
                .shell_settings("".as_ref(), None, dir.path())
                .map(|settings| settings.sandbox)
        };
        assert_eq!(settings(&config), Err(ShellConfigError::NoImage));

        config.sandbox.image = Some("some:image".into());
        config.sandbox.socket = Some("tcp://127.0.0.1:2375".into());
        let host = "tcp://127.0.0.1:2375".to_owned();
        let elsewhere = ShellConfigError::Docker(DockerError::NotLocal { host });
        assert_eq!(settings(&config), Err(elsewhere));
        assert!(!dir.path().join("container-try").exists());
    }
}
