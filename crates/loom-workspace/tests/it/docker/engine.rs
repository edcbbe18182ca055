//! Engines and images that are not there, that die, and what they leave.

use super::peer::{IMAGE, LONG, Peer, Place, appears, peer, settings};
use loom_workspace::{DockerError, DockerSandbox, RunError, run};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

#[test]
fn a_missing_image_is_refused_with_the_way_to_get_it() {
    let Some(peer) = peer() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path(), vec![peer.socket()], None);
    settings.image = "registry.invalid/no/such:1".to_owned();
    let refused = DockerSandbox::connect(&settings).unwrap_err();
    assert!(
        matches!(refused, DockerError::NoImage { .. }),
        "{refused:?}"
    );
    let text = refused.to_string();
    assert!(
        text.ends_with("`podman pull registry.invalid/no/such:1`"),
        "{text}"
    );
}

#[test]
fn a_socket_that_is_dead_or_not_there_is_said_and_the_next_one_is_tried() {
    let dir = tempfile::tempdir().unwrap();
    let (dead, absent) = (dir.path().join("dead"), dir.path().join("absent"));
    drop(UnixListener::bind(&dead).unwrap());
    let sockets = vec![absent.clone(), dead.clone()];
    let refused = DockerSandbox::connect(&settings(dir.path(), sockets, None)).unwrap_err();
    let DockerError::NoEngine { tried } = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(tried[0], format!("{}: there is none", absent.display()));
    assert!(tried[1].contains("refused"), "{tried:?}");

    let Some(peer) = peer() else { return };
    std::fs::create_dir(dir.path().join("try")).unwrap();
    let sockets = vec![absent, dead, peer.socket()];
    let found = DockerSandbox::connect(&settings(dir.path(), sockets, None)).unwrap();
    assert!(found.describe().contains("Podman"), "{}", found.describe());
}

#[test]
fn a_socket_that_accepts_and_says_nothing_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let silent = dir.path().join("silent");
    let _listener = UnixListener::bind(&silent).unwrap();
    let mut settings = settings(dir.path(), vec![silent], None);
    settings.timeout = Duration::from_millis(200);
    let refused = DockerSandbox::connect(&settings);
    assert!(
        matches!(refused, Err(DockerError::NoEngine { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_engine_that_dies_in_the_middle_is_an_error_that_names_the_container() {
    let Some(mut peer) = Peer::start() else {
        return;
    };
    let place = Place::new(&peer);
    let spec = place.spec(": > started; sleep 300");
    let cancel = CancellationToken::new();
    let started = place.path("workspace/started");
    let (done, ()) = tokio::join!(run(&spec, &cancel), async {
        appears(&started).await;
        peer.kill();
    });
    let Err(error @ RunError::Watch { .. }) = done else {
        panic!("{done:?}")
    };
    assert!(
        error.to_string().contains("podman rm --force loom-"),
        "{error}"
    );
    // On this machine its processes are seen, so they are gone.
    let deadline = Instant::now() + LONG;
    while place.alive() > 0 {
        assert!(Instant::now() < deadline, "it runs on");
        std::thread::yield_now();
    }
    // The next command says that there is no engine, and does not run.
    let done = run(&spec, &cancel).await;
    assert!(matches!(done, Err(RunError::Sandbox { .. })), "{done:?}");
    // When the engine is back, what is left of the container is found.
    peer.serve_again();
    let mut removed = 0;
    let deadline = Instant::now() + LONG;
    while !peer.labels().is_empty() {
        assert!(Instant::now() < deadline, "{removed} removed");
        let swept = place.docker().remove_labelled(&place.label()).await;
        removed += swept.unwrap();
    }
    assert_eq!(removed, 1);
}

#[tokio::test]
async fn what_a_crash_left_is_found_by_its_label_and_nothing_else_is_touched() {
    let Some(peer) = Peer::start() else { return };
    let place = Place::new(&peer);
    for label in [
        "loom.run=crash:1/0",
        "loom.run=crash:1/1",
        "loom.run=crash:2/0",
        "other=x",
    ] {
        let run = ["run", "--detach", "--network", "none", "--label", label];
        peer.podman(&[&run[..], &[IMAGE, "/bin/sleep", "300"]].concat());
    }
    assert_eq!(place.docker().remove_labelled("").await, Ok(0));
    assert_eq!(place.docker().remove_labelled("crash:1/").await, Ok(2));
    let mut left = peer.labels();
    left.sort();
    assert_eq!(left, ["", "crash:2/0"]);
}
