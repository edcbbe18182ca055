//! What the sandboxes keep in, each beside the others.

use crate::processes::{Place, bubblewrap, contained, landlock};
use loom_workspace::{Finished, RunError, RunStatus, Sandbox, run};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use tokio_util::sync::CancellationToken;

impl Place {
    /// A repository of the user's in the workspace.
    async fn repository() -> Self {
        let place = Self::new();
        let line = "git init -q . && mkdir -p .git/hooks && echo x > f";
        place.run(line, &Sandbox::None).await;
        place
    }
}

fn assert_done(done: &Finished) {
    assert_eq!(done.status, RunStatus::Exit(0), "{}", done.output);
}

#[tokio::test]
async fn without_a_sandbox_nothing_runs() {
    let place = Place::new();
    let spec = place.spec("touch ran", &Sandbox::Missing);
    let done = run(&spec, &CancellationToken::new()).await;
    assert!(matches!(done, Err(RunError::NoSandbox)), "{done:?}");
    assert!(!place.path("workspace/ran").exists());
}

#[tokio::test]
async fn only_the_workspace_and_the_places_that_were_given_can_be_written() {
    for sandbox in contained() {
        let place = Place::new();
        fs::create_dir(place.path("home/cache")).unwrap();
        fs::create_dir(place.path("home/tool")).unwrap();
        fs::write(place.path("home/tool/version"), "7\n").unwrap();
        let line = "echo x > in && f=$(mktemp) && echo x > $f && echo x > ~/own \
                    && echo x > ~/cache/in && cat ~/tool/version";
        let mut spec = place.spec(line, &sandbox);
        spec.writable = vec![place.path("home/cache")];
        spec.readable = vec![place.path("home/tool")];
        let done = run(&spec, &CancellationToken::new()).await.unwrap();
        assert_done(&done);
        assert_eq!(done.output, "7\n");
        assert!(place.path("workspace/in").exists() && place.path("home/cache/in").exists());
        assert!(!place.path("home/own").exists(), "its home is its own");

        let line = "echo x > ~/tool/version; touch \"$BASE/outside/x\" ../outside/x \"$BASE/home/x\"; \
                    rmdir \"$BASE/outside\"; touch /usr/x /etc/x";
        spec = place.spec(line, &sandbox);
        spec.readable = vec![place.path("home/tool")];
        run(&spec, &CancellationToken::new()).await.unwrap();
        let version = fs::read_to_string(place.path("home/tool/version")).unwrap();
        assert_eq!(version, "7\n", "{sandbox:?}");
        assert!(place.path("outside").exists());
        for made in ["outside/x", "home/x"] {
            assert!(!place.path(made).exists(), "{made} in {sandbox:?}");
        }
        assert!(!Path::new("/usr/x").exists() && !Path::new("/etc/x").exists());
    }
}

#[tokio::test]
async fn nothing_outside_can_be_read() {
    for sandbox in contained() {
        let place = Place::new();
        fs::write(place.path("home/secret"), "LOOM_CANARY").unwrap();
        fs::write(place.path("outside/secret"), "LOOM_CANARY").unwrap();
        let line = format!(
            "cat ~/secret \"$BASE/home/secret\" \"$BASE/outside/secret\" ../outside/secret \
             /proc/{}/environ /etc/shadow; ln -s \"$BASE/outside/secret\" l; cat l; \
             cp -r \"$BASE/outside\" copy; cat copy/secret; for p in /proc/[0-9]*; do \
             cat \"$p/root$BASE/outside/secret\"; done",
            std::process::id()
        );
        let done = place.run(&line, &sandbox).await;
        assert!(!done.output.contains("LOOM_CANARY"), "{}", done.output);
    }
}

#[tokio::test]
async fn the_network_is_there_only_when_it_is_granted() {
    for sandbox in contained() {
        let place = Place::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
        let done = place.run(&line, &sandbox).await;
        assert!(!done.output.contains("connected"), "{}", done.output);
        assert!(listener.accept().is_err(), "{sandbox:?}");

        let mut spec = place.spec(&line, &sandbox);
        spec.network = true;
        let done = run(&spec, &CancellationToken::new()).await.unwrap();
        assert_eq!(done.output, "connected\n", "{sandbox:?}");
    }
}

#[tokio::test]
async fn limits_and_the_filter_of_system_calls_are_in_force() {
    for sandbox in contained() {
        let place = Place::new();
        let done = place.run("ulimit -c; ulimit -n; ulimit -u", &sandbox).await;
        let limits: Vec<u64> = done.output.lines().map(|n| n.parse().unwrap()).collect();
        let [core, files, processes] = limits[..] else {
            panic!("{}", done.output);
        };
        assert!(
            core == 0 && files <= 65_536 && processes < 100_000,
            "{limits:?}"
        );
        let done = place
            .run("unshare -Ur true || mount -t tmpfs x /tmp", &sandbox)
            .await;
        assert_ne!(
            done.status,
            RunStatus::Exit(0),
            "{sandbox:?}: {}",
            done.output
        );
    }
    if let Some(sandbox) = bubblewrap() {
        let filtered = "grep -x 'Seccomp:.2' /proc/self/status";
        assert_done(&Place::new().run(filtered, &sandbox).await);
    }
}

#[tokio::test]
async fn programs_that_need_sockets_among_themselves_find_them_in_bubblewrap() {
    let Some(sandbox) = bubblewrap() else { return };
    let line = "python3 -c \"import socket;s=socket.socket();s.bind(('127.0.0.1',0));s.listen();\
                socket.create_connection(s.getsockname())\"";
    assert_done(&Place::new().run(line, &sandbox).await);
}

#[tokio::test]
async fn what_git_would_run_is_afterwards_what_it_was() {
    for sandbox in contained() {
        let place = Place::repository().await;
        let config = fs::read(place.path("workspace/.git/config")).unwrap();
        for attack in [
            "echo x > .git/hooks/pre-commit",
            "git config core.fsmonitor ./x",
            "echo x >> .git/config",
            "mv .git g2; mkdir -p .git/hooks; echo x > .git/hooks/pre-commit; cp g2/HEAD .git/",
            "mv .git/hooks .git/h2; mkdir .git/hooks; echo x > .git/hooks/pre-commit",
            "rm -rf .git/config; echo x > .git/config",
            "mkdir e; cp .git/config e/; echo ../e > .git/commondir",
        ] {
            place.run(attack, &sandbox).await;
            let now = fs::read(place.path("workspace/.git/config")).unwrap();
            assert_eq!(now, config, "{attack} in {sandbox:?}");
            for made in ["hooks/pre-commit", "commondir"] {
                let path = place.path("workspace/.git").join(made);
                assert!(!path.exists(), "{attack} in {sandbox:?}");
            }
        }
    }
}

#[tokio::test]
async fn git_can_be_worked_with() {
    for sandbox in contained() {
        let place = Place::repository().await;
        let line = "git add -A && git -c user.name=t -c user.email=t@t commit -qm t && \
                    git switch -qc topic && git tag v1 && git stash list && git log --oneline && \
                    git init -q other && git -C other config user.name t && git clone -q . copy && \
                    git -C copy log --oneline";
        let done = place.run(line, &sandbox).await;
        assert_done(&done);
        assert_eq!(done.put_back, [""; 0], "{sandbox:?}");
    }
}

#[tokio::test]
async fn a_hook_in_a_new_repository_is_held_and_that_is_said() {
    for sandbox in contained() {
        let place = Place::new();
        let line = "git init -q other && echo evil > other/.git/hooks/post-checkout && \
                    git -C other config core.fsmonitor ./evil";
        let done = place.run(line, &sandbox).await;
        assert_done(&done);
        let git = place.path("workspace/other/.git");
        assert!(!git.join("hooks/post-checkout").exists());
        assert!(git.join("loom-held/hooks/post-checkout").exists());
        let config = fs::read_to_string(git.join("config")).unwrap();
        assert!(!config.contains("evil"), "{config}");
        assert_eq!(done.put_back.len(), 2, "{:?}", done.put_back);
    }
}

#[tokio::test]
async fn landlock_says_that_it_is_weaker() {
    let Some(sandbox) = landlock() else { return };
    let weakness = sandbox.weakness().unwrap();
    assert!(weakness.contains("reduced"), "{weakness}");
}
