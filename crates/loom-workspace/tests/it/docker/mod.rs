//! Commands in containers, on a real engine.

mod engine;
mod peer;

use loom_workspace::{CommandLine, RunError, RunStatus, run};
use peer::{CANARY, Peer, Place, appears, peer};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_command_ends_with_its_code_or_signal_and_its_output_in_order() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let done = place
        .run("for i in 1 2 3 4 5; do echo $i; echo e$i >&2; done; exit 7")
        .await;
    assert_eq!(done.status, RunStatus::Exit(7), "{}", done.output);
    assert_eq!(done.output, "1\ne1\n2\ne2\n3\ne3\n4\ne4\n5\ne5\n");
    for (line, signal) in [("kill -9 $$", 9), ("kill -TERM $$", 15)] {
        let done = place.run(line).await;
        let ended = (done.status, done.output.as_str());
        assert_eq!(ended, (RunStatus::Signal(signal), ""));
    }
    let mut spec = place.spec("");
    spec.command = CommandLine::Program(vec!["no-such-program".into(), "with space".into()]);
    let done = run(&spec, &CancellationToken::new()).await.unwrap();
    assert_eq!(done.status, RunStatus::Exit(127));
    assert!(done.output.contains("no-such-program"), "{}", done.output);
}

#[tokio::test]
async fn input_is_closed_and_nothing_comes_from_the_environment_of_the_host_or_the_engine() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let done = place
        .run("cat; tr '\\0' '\\n' < /proc/1/environ; env | cut -d= -f1 | sort")
        .await;
    assert!(!done.output.contains(CANARY), "{}", done.output);
    assert!(!done.output.contains("/the/host"), "{}", done.output);
    let (_, names) = done.output.split_once("BASE\n").unwrap();
    // The engine adds what says where the command is.
    let expected = "HOME\nHOSTNAME\nLOOM_RUN\nPATH\nPWD\nSHLVL\nTERM\nTMPDIR\ncontainer\n";
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_flood_is_drained_and_head_and_tail_are_kept() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let done = place
        .run("echo first; head -c 60000000 /dev/zero | tr '\\0' x; echo; echo last")
        .await;
    assert_eq!(done.status, RunStatus::Exit(0));
    assert_eq!(
        done.omitted,
        60_000_000 + "first\n\nlast\n".len() as u64 - 10_000
    );
    assert!(done.output.starts_with("first\nxxx") && done.output.ends_with("xxx\nlast\n"));
}

#[tokio::test]
async fn a_command_that_closes_its_output_is_waited_for() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let line = "echo said; exec >/dev/null 2>&1; : > closed; while [ ! -e go ]; do sleep 0.05; done; exit 3";
    let go = async {
        appears(&place.path("workspace/closed")).await;
        fs::write(place.path("workspace/go"), "").unwrap();
    };
    let (done, ()) = tokio::join!(place.run(line), go);
    let ended = (done.status, done.output.as_str());
    assert_eq!(ended, (RunStatus::Exit(3), "said\n"));
}

#[tokio::test]
async fn a_timeout_ends_everything() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let mut spec = place.spec("echo started; trap '' TERM; sleep 300 & sleep 300");
    spec.timeout = Duration::from_secs(2);
    let done = run(&spec, &CancellationToken::new()).await.unwrap();
    let ended = (done.status, done.output.as_str());
    assert_eq!(ended, (RunStatus::TimedOut, "started\n"));
    place.assert_nothing_is_left(&peer).await;
}

#[tokio::test]
async fn nobody_outlives_the_command_and_orphans_are_taken_in() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let line = "(setsid sh -c 'sleep 300 & sleep 300' &) </dev/null >/dev/null 2>&1; sleep 300 & \
                (sh -c 'true & true' &); for i in $(seq 200); do \
                z=$(cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z'); [ \"$z\" = 0 ] && break; \
                sleep 0.05; done; echo \"zombies: $z\"";
    let done = place.run(line).await;
    assert_eq!(done.output, "zombies: 0\n");
    place.assert_nothing_is_left(&peer).await;
}

#[tokio::test]
async fn a_cancelled_command_ends_with_everything_it_started() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let cancel = CancellationToken::new();
    let spec = place.spec("sleep 300 & : > started; sleep 300");
    let started = place.path("workspace/started");
    let (done, ()) = tokio::join!(run(&spec, &cancel), async {
        appears(&started).await;
        cancel.cancel();
    });
    assert_eq!(done.unwrap().status, RunStatus::Cancelled);
    place.assert_nothing_is_left(&peer).await;
    // One that is cancelled before does not run.
    fs::remove_file(&started).unwrap();
    assert_eq!(
        run(&spec, &cancel).await.unwrap().status,
        RunStatus::Cancelled
    );
    assert!(!started.exists());
}

#[tokio::test]
async fn a_dropped_run_ends_with_everything_it_started() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let cancel = CancellationToken::new();
    let spec = place.spec("sleep 300 & : > started; sleep 300");
    let started = place.path("workspace/started");
    tokio::select! {
        done = run(&spec, &cancel) => panic!("it ended: {done:?}"),
        () = appears(&started) => {}
    }
    place.assert_nothing_is_left(&peer).await;
}

#[tokio::test]
async fn there_is_no_network() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let line = format!("ls /sys/class/net; nc 127.0.0.1 {port} </dev/null && echo connected");
    let done = place.run(&line).await;
    assert!(done.output.starts_with("lo\n"), "{}", done.output);
    assert!(!done.output.contains("connected"), "{}", done.output);
    assert!(listener.accept().is_err());
}

#[tokio::test]
async fn work_is_written_as_the_user_at_its_own_path_and_nothing_else_can_be() {
    let Some(peer) = peer() else { return };
    // As somebody else than the engine, where that can be had.
    let user = is_root().then_some(12_345);
    let place = Place::with(&peer, user, None);
    let line = "pwd; echo x > in && echo x > \"$BASE/scratch/in\" && echo x > ~/in && \
                printf '#!/bin/sh\\necho ran\\n' > /tmp/s && chmod +x /tmp/s && /tmp/s";
    let done = place.run(line).await;
    let expected = format!("{}\nran\n", place.path("workspace").display());
    assert_eq!((done.status, done.output), (RunStatus::Exit(0), expected));
    let owner = |name: &str| fs::metadata(place.path(name)).unwrap().uid();
    assert_eq!(owner("workspace/in"), owner("workspace"));
    assert_eq!(owner("scratch/in"), owner("scratch"));
    assert!(
        !place.path("home/in").exists(),
        "the home is the container's own"
    );

    fs::write(place.path("outside/secret"), CANARY).unwrap();
    fs::write(place.path("home/secret"), CANARY).unwrap();
    let attacks = "cat ~/secret \"$BASE/outside/secret\" ../outside/secret; ls \"$BASE\"; \
                   ln -s \"$BASE/outside/secret\" l; cat l; touch /x /bin/x \"$BASE/outside/x\" ../y; \
                   mount -o remount,rw / && touch /x; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status";
    let done = place.run(attacks).await;
    assert!(!done.output.contains(CANARY), "{}", done.output);
    assert!(
        done.output
            .contains("CapEff:\t0000000000000000\nNoNewPrivs:\t1\n")
    );
    assert!(!place.path("outside/x").exists() && !place.path("y").exists());
}

/// Whether files can be given away here.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[tokio::test]
async fn what_git_would_run_cannot_be_changed() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let git = place.path("workspace/.git");
    fs::create_dir_all(git.join("hooks")).unwrap();
    fs::write(git.join("config"), "[core]\n").unwrap();
    let attacks = "echo x > .git/hooks/pre-commit; echo x >> .git/config; rm .git/config; mv .git g2; \
                   mv .git/hooks .git/h2; ln -sf /bin/sh .git/hooks/post-merge; echo ok > .git/index";
    place.run(attacks).await;
    assert_eq!(fs::read_to_string(git.join("config")).unwrap(), "[core]\n");
    assert_eq!(fs::read_dir(git.join("hooks")).unwrap().count(), 0);
    assert!(!place.path("workspace/g2").exists());
    assert_eq!(fs::read_to_string(git.join("index")).unwrap(), "ok\n");
}

#[tokio::test]
async fn what_git_would_run_in_other_repositories_is_put_back() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    let hooks = place.path("workspace/sub/.git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    fs::write(hooks.join("pre-commit"), "mine").unwrap();
    let line = "echo x > sub/.git/hooks/pre-commit; mkdir -p new/.git/hooks; \
                echo x > new/.git/hooks/post-checkout";
    let done = place.run(line).await;
    assert_eq!(done.put_back.len(), 2, "{done:?}");
    assert_eq!(
        fs::read_to_string(hooks.join("pre-commit")).unwrap(),
        "mine"
    );
    let new = place.path("workspace/new/.git");
    assert!(!new.join("hooks/post-checkout").exists());
    assert!(new.join("loom-held/hooks/post-checkout").exists());
}

#[tokio::test]
async fn what_is_granted_is_there_below_the_home_too_and_written_only_where_it_may_be() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    for granted in ["home/models", "outside/cache"] {
        fs::create_dir(place.path(granted)).unwrap();
    }
    fs::write(place.path("home/models/one"), "weights\n").unwrap();
    let mut spec = place.spec(
        "cat ~/models/one; echo x > \"$BASE/outside/cache/in\"; \
         touch ~/models/in \"$BASE/outside/in\" 2>/dev/null; ls ~",
    );
    spec.readable = vec![place.path("home/models"), place.path("nowhere")];
    spec.writable = vec![place.path("outside/cache")];
    let done = run(&spec, &CancellationToken::new()).await.unwrap();
    assert_eq!(done.output, "weights\nmodels\n");
    assert!(place.path("outside/cache/in").exists());
    assert!(!place.path("home/models/in").exists() && !place.path("outside/in").exists());
}

#[tokio::test]
async fn a_workspace_that_is_gone_is_not_made_by_the_engine() {
    let Some(peer) = peer() else { return };
    let place = Place::new(&peer);
    for gone in ["workspace", "cwd"] {
        let mut spec = place.spec("echo ran");
        match gone {
            "workspace" => spec.workspace = place.path("gone"),
            _ => spec.cwd = place.path("workspace/gone"),
        }
        let done = run(&spec, &CancellationToken::new()).await;
        let refused =
            matches!(&done, Err(RunError::Sandbox { complaint }) if complaint.contains("gone"));
        assert!(refused, "{done:?}");
    }
    assert!(!place.path("gone").exists() && !place.path("workspace/gone").exists());
}

#[tokio::test]
async fn memory_is_bounded_when_it_is_asked_for() {
    let Some(peer) = peer() else { return };
    let place = Place::with(&peer, None, Some(64 << 20));
    let done = place
        .run("x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo survived")
        .await;
    // Not every engine tells whose limit it was.
    let killed = [RunStatus::OutOfMemory, RunStatus::Signal(9)];
    assert!(killed.contains(&done.status), "{done:?}");
}

#[tokio::test]
async fn with_an_engine_of_the_user_files_are_the_users() {
    if !is_root() {
        eprintln!("skipped: to start an engine as another user takes root");
        return;
    }
    let user = Some(12_345);
    let Some(peer) = Peer::start_as(user) else {
        return;
    };
    let place = Place::with(&peer, user, None);
    let done = place.run("echo x > in && id -u").await;
    // As its root, which is the user outside.
    assert_eq!(
        (done.status, done.output.as_str()),
        (RunStatus::Exit(0), "0\n")
    );
    let written = fs::metadata(place.path("workspace/in")).unwrap();
    assert_eq!(Some(written.uid()), user);
}
