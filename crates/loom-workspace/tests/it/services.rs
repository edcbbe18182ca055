//! Long-lived children: their pipes, their last words, and that nothing of them is left.

use loom_workspace::{Service, ServiceError, ServicePipes, ServiceSpec, kill_labelled};
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Longer than any test may take.
const LONG: Duration = Duration::from_secs(60);

/// Beyond it the child does not mean to end by itself.
const SHORT: Duration = Duration::from_millis(50);

fn spec(line: &str, dir: &Path) -> ServiceSpec {
    ServiceSpec {
        program: "sh".into(),
        args: vec!["-c".into(), line.into()],
        cwd: dir.to_owned(),
        env: vec![(OsString::from("PATH"), OsString::from(PATH))],
        label: format!("service:{}", dir.display()),
    }
}

fn start(line: &str, dir: &Path) -> (Service, ServicePipes) {
    Service::start(&spec(line, dir)).unwrap()
}

/// Processes that carry the label of this directory.
fn alive(dir: &Path) -> usize {
    let label = format!("LOOM_RUN=service:{}", dir.display());
    let processes = std::fs::read_dir("/proc").unwrap();
    let labelled = |pid: std::path::PathBuf| {
        let environment = std::fs::read(pid.join("environ")).unwrap_or_default();
        environment
            .split(|b| *b == 0)
            .any(|v| v == label.as_bytes())
    };
    processes
        .filter(|process| labelled(process.as_ref().unwrap().path()))
        .count()
}

/// A killed process needs a moment to be gone.
fn assert_nothing_is_left(dir: &Path) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while alive(dir) > 0 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(alive(dir), 0);
}

#[tokio::test]
async fn it_talks_over_its_pipes_and_ends_when_its_input_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let (service, mut pipes) = start("cat", dir.path());
    pipes.input.write_all(b"hello\n").await.unwrap();
    let mut output = BufReader::new(pipes.output).lines();
    assert_eq!(output.next_line().await.unwrap().unwrap(), "hello");
    drop(pipes.input);
    // Its output ends, so it has not been killed.
    assert_eq!(output.next_line().await.unwrap(), None);
    service.stop(LONG).await;
    assert_nothing_is_left(dir.path());
}

#[tokio::test]
async fn it_has_the_environment_that_it_was_given_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (_service, mut pipes) = start("env | cut -d= -f1 | sort", dir.path());
    let mut names = String::new();
    pipes.output.read_to_string(&mut names).await.unwrap();
    let names: Vec<&str> = names.lines().filter(|name| *name != "_").collect();
    assert_eq!(names, ["LOOM_RUN", "PATH", "PWD"]);
}

#[tokio::test]
async fn its_last_words_and_its_end_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let line = "i=0; while [ $i -lt 20000 ]; do echo noise $i >&2; i=$((i+1)); done; \
                echo no database >&2; exit 3";
    let (mut service, _pipes) = start(line, dir.path());
    assert_eq!(service.wait(LONG).await.as_deref(), Some("exit status 3"));
    assert_eq!(service.ended().as_deref(), Some("exit status 3"));
    // What it wrote may still be on its way.
    while !service.last_words().ends_with("no database") {
        tokio::task::yield_now().await;
    }
    assert!(service.last_words().len() < 1000);
}

#[tokio::test]
async fn one_that_does_not_end_by_itself_is_asked_and_then_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (service, mut pipes) = start(
        "trap '' TERM; echo ready; sleep 300 & wait; sleep 300",
        dir.path(),
    );
    let mut ready = [0; 6];
    pipes.output.read_exact(&mut ready).await.unwrap();
    drop(pipes);
    service.stop(SHORT).await;
    assert_nothing_is_left(dir.path());
}

#[tokio::test]
async fn what_left_its_group_and_its_parent_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let line =
        "(setsid sh -c 'sleep 300 & sleep 300' &) </dev/null >/dev/null 2>&1; echo ready; cat";
    let (service, mut pipes) = start(line, dir.path());
    let mut ready = [0; 6];
    pipes.output.read_exact(&mut ready).await.unwrap();
    drop(service);
    assert_nothing_is_left(dir.path());
}

#[tokio::test]
async fn what_a_crash_left_is_found_by_a_prefix_of_its_label() {
    let dir = tempfile::tempdir().unwrap();
    let (mut service, _pipes) = start("sleep 300", dir.path());
    assert!(alive(dir.path()) > 0);
    let prefix = format!("service:{}", dir.path().display());
    assert!(kill_labelled(&prefix) > 0);
    assert_eq!(service.wait(LONG).await.as_deref(), Some("signal 9"));
}

#[tokio::test]
async fn a_program_that_is_not_there_or_depends_on_the_place_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |program: &str| {
        let spec = ServiceSpec {
            program: program.into(),
            ..spec("", dir.path())
        };
        Service::start(&spec).err().unwrap()
    };
    let missing = refused("no-such-program");
    assert!(
        matches!(missing, ServiceError::NotFound { .. }),
        "{missing}"
    );
    assert!(missing.to_string().contains(PATH), "{missing}");
    for relative in ["./sh", "bin/sh", "../sh"] {
        assert!(matches!(refused(relative), ServiceError::Relative { .. }));
    }
    assert!(matches!(refused("/no/such"), ServiceError::Start { .. }));
}
