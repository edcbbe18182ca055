//! `sandbox.mode = "docker"`: the engine and the image that the configuration names.

use super::{Config, ShellPlace};
use loom_workspace::{DockerSandbox, DockerSettings, Rung, RungName, Sandbox, docker_sockets};
use std::time::Duration;

/// How long an engine may take to answer, and the first container to run. Usually it is half a
/// second; an image that was just loaded is read from disk for the first time.
const CONNECT_TIME: Duration = Duration::from_secs(60);

const MIB: u64 = 1 << 20;

impl Config {
    /// Connects to the engine and tries the image in the data directory.
    pub(super) fn containers(&self, place: &ShellPlace<'_>) -> Rung {
        let (sandbox, found, way_out) = match self.connect(place) {
            Ok(docker) => {
                let found = docker.describe();
                (Some(Sandbox::Docker(docker)), found, "")
            }
            Err(why) => (None, why, "docs/sandbox.md says how to set an engine up"),
        };
        Rung {
            name: RungName::Docker,
            sandbox,
            found,
            way_out: way_out.to_owned(),
        }
    }

    fn connect(&self, place: &ShellPlace<'_>) -> Result<DockerSandbox, String> {
        let image = self.sandbox.image.clone();
        let image = image.ok_or("`sandbox.image` names no image")?;
        // Of the data directory only this is shown to the image.
        let try_in = place.data_dir.join("container-try");
        std::fs::create_dir_all(&try_in)
            .map_err(|error| format!("cannot make {}: {error}", try_in.display()))?;
        let socket = self.sandbox.socket.as_deref();
        let connected = docker_sockets(socket, place.home).and_then(|sockets| {
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
        connected.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SandboxMode;

    #[test]
    fn what_is_missing_is_said_and_nothing_weaker_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let place = ShellPlace {
            path_env: "/usr/bin:/bin".as_ref(),
            home: None,
            data_dir: dir.path(),
            helper: None,
        };
        let mut config = Config::default();
        let complaint = |config: &Config| config.shell_settings(&place).unwrap_err().to_string();
        config.sandbox.mode = SandboxMode::Docker;
        let said = complaint(&config);
        assert!(said.contains("`sandbox.image` names no image"), "{said}");

        config.sandbox.image = Some("some:image".into());
        config.sandbox.socket = Some("tcp://127.0.0.1:2375".into());
        let said = complaint(&config);
        assert!(
            said.contains("\"docker\"") && said.contains("tcp://127.0.0.1:2375"),
            "{said}"
        );
        assert!(!dir.path().join("container-try").exists());
    }

    #[test]
    fn containers_are_looked_for_only_on_request() {
        let dir = tempfile::tempdir().unwrap();
        let place = ShellPlace {
            path_env: "".as_ref(),
            home: None,
            data_dir: dir.path(),
            helper: None,
        };
        let mut config = Config::default();
        assert_eq!(config.survey(&place).rung(RungName::Docker), None);
        config.sandbox.mode = SandboxMode::Docker;
        assert!(config.survey(&place).rung(RungName::Docker).is_some());
    }
}
