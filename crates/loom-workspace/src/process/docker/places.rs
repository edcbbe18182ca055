//! Where engines listen.

use super::DockerError;
use std::path::{Path, PathBuf};

/// Below the home directory: Docker Desktop on macOS and Linux, Colima, `OrbStack`, Rancher Desktop,
/// Podman's machine.
const IN_HOME: &[&str] = &[
    ".docker/run/docker.sock",
    ".docker/desktop/docker.sock",
    ".colima/default/docker.sock",
    ".orbstack/run/docker.sock",
    ".rd/docker.sock",
    ".local/share/containers/podman/machine/podman.sock",
];

/// The sockets to try, in order. With `host`, which is written as in `DOCKER_HOST` or as a path,
/// only that one; without, the usual places: Docker, Docker Desktop and its like, rootless Docker,
/// rootless Podman, Podman of the system.
///
/// # Errors
/// [`DockerError::NotLocal`] when `host` is no unix socket.
pub fn docker_sockets(
    host: Option<&str>,
    home: Option<&Path>,
) -> Result<Vec<PathBuf>, DockerError> {
    if let Some(host) = host {
        return Ok(vec![local(host)?]);
    }
    let user = rustix::process::getuid().as_raw();
    let of_user = |name: &str| PathBuf::from(format!("/run/user/{user}/{name}"));
    let mut places = vec![PathBuf::from("/var/run/docker.sock")];
    places.extend(IN_HOME.iter().filter_map(|name| Some(home?.join(name))));
    places.extend([
        of_user("docker.sock"),
        of_user("podman/podman.sock"),
        PathBuf::from("/run/podman/podman.sock"),
    ]);
    Ok(places)
}

fn local(host: &str) -> Result<PathBuf, DockerError> {
    let path = Path::new(host.strip_prefix("unix://").unwrap_or(host));
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    Err(DockerError::NotLocal {
        host: host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_was_named_is_the_only_one() {
        for host in ["unix:///run/d.sock", "/run/d.sock"] {
            let only = docker_sockets(Some(host), Some(Path::new("/home/me")));
            assert_eq!(only, Ok(vec![PathBuf::from("/run/d.sock")]), "{host}");
        }
    }

    #[test]
    fn an_engine_elsewhere_is_refused_since_it_has_other_files() {
        for host in ["tcp://127.0.0.1:2375", "ssh://me@box", "docker.sock", ""] {
            let refused = docker_sockets(Some(host), None);
            let host = host.to_owned();
            assert_eq!(refused, Err(DockerError::NotLocal { host }));
        }
    }

    #[test]
    fn the_usual_place_of_docker_comes_first_and_those_of_podman_last() {
        let places = docker_sockets(None, Some(Path::new("/home/me"))).unwrap();
        assert_eq!(places[0], Path::new("/var/run/docker.sock"));
        assert!(places.contains(&PathBuf::from("/home/me/.docker/run/docker.sock")));
        assert_eq!(
            *places.last().unwrap(),
            Path::new("/run/podman/podman.sock")
        );
    }
}
