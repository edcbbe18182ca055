//! A real engine: Podman serving Docker's interface on a socket in a temporary directory, with an
//! image made from busybox. Ended by its id; everything it makes is in that directory.

use loom_workspace::{
    CommandLine, CommandSpec, DockerSandbox, DockerSettings, Finished, Sandbox, run,
};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

pub(super) const IMAGE: &str = "loom-test";

/// Longer than any test may take.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// Stands in the engine's own environment, and must not be seen in a container.
pub(super) const CANARY: &str = "LOOM_CANARY";

/// Without this, limits of the machine and not of these tests decide; and locks would be shared
/// with other engines.
const CONFIGURATION: &str = r#"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
lock_type = "file"
"#;

pub(super) struct Peer {
    dir: tempfile::TempDir,
    /// As whom it runs, when not as the test.
    user: Option<u32>,
    service: Child,
}

/// The engine that tests share while one of them runs, or why there is none.
pub(super) fn peer() -> Option<Arc<Peer>> {
    static SHARED: Mutex<Weak<Peer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(peer) = shared.upgrade() {
        return Some(peer);
    }
    let peer = Arc::new(Peer::start()?);
    *shared = Arc::downgrade(&peer);
    Some(peer)
}

impl Peer {
    pub(super) fn start() -> Option<Self> {
        Self::start_as(None)
    }

    pub(super) fn start_as(user: Option<u32>) -> Option<Self> {
        let dir = tempfile::Builder::new().prefix("loom-pod").tempdir();
        let dir = dir.unwrap();
        fs::create_dir(dir.path().join("xdg")).unwrap();
        for path in [dir.path(), &dir.path().join("xdg")] {
            chown(path, user, user).unwrap();
        }
        match prepare(dir.path(), user) {
            Ok(()) => {
                let service = serve(dir.path(), user);
                Some(Self { dir, user, service })
            }
            Err(why) => {
                eprintln!("skipped: no Podman that works here: {why}");
                None
            }
        }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.path().join("sock")
    }

    /// Ends the engine as a crash would. Containers go on without it.
    pub(super) fn kill(&mut self) {
        self.service.kill().ok();
        self.service.wait().ok();
    }

    pub(super) fn serve_again(&mut self) {
        self.service = serve(self.dir.path(), self.user);
    }

    pub(super) fn podman(&self, arguments: &[&str]) -> String {
        podman(self.dir.path(), self.user, arguments).unwrap()
    }

    /// Labels of all containers; empty for one that is not of a command.
    pub(super) fn labels(&self) -> Vec<String> {
        let format = r#"label={{index .Labels "loom.run"}}"#;
        let listed = self.podman(&["ps", "--all", "--format", format]);
        let label = |line: &str| line.strip_prefix("label=").unwrap().to_owned();
        listed.lines().map(label).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
        // What a failed test has left.
        let rest = ["rm", "--all", "--force", "--time", "0"];
        podman(self.dir.path(), self.user, &rest).ok();
        if self.user.is_some() {
            // Without privileges it keeps a process that holds its namespaces; this ends it.
            podman(self.dir.path(), self.user, &["system", "migrate"]).ok();
        }
    }
}

fn prepare(dir: &Path, user: Option<u32>) -> Result<(), String> {
    fs::write(dir.join("containers.conf"), CONFIGURATION).unwrap();
    let bin = dir.join("rootfs/bin");
    for name in ["bin", "dev", "etc", "proc", "sys", "tmp", "var/tmp", "run"] {
        fs::create_dir_all(dir.join("rootfs").join(name)).unwrap();
    }
    fs::copy("/bin/busybox", bin.join("busybox")).map_err(|error| format!("busybox: {error}"))?;
    for applet in said(command("/bin/busybox").arg("--list"))?.lines() {
        // Fails only for busybox itself.
        symlink("busybox", bin.join(applet)).ok();
    }
    let archive = dir.join("rootfs.tar");
    let rootfs = dir.join("rootfs");
    said(
        command("tar")
            .arg("-C")
            .arg(rootfs)
            .arg("-cf")
            .arg(&archive)
            .arg("."),
    )?;
    podman(
        dir,
        user,
        &["import", "--quiet", archive.to_str().unwrap(), IMAGE],
    )?;
    podman(
        dir,
        user,
        &["run", "--rm", "--network", "none", IMAGE, "/bin/true"],
    )?;
    Ok(())
}

fn podman(dir: &Path, user: Option<u32>, arguments: &[&str]) -> Result<String, String> {
    said(podman_command(dir, user).args(arguments))
}

fn podman_command(dir: &Path, user: Option<u32>) -> Command {
    let mut podman = command("podman");
    if let Some(user) = user {
        podman.uid(user).gid(user);
    }
    podman
        .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"])
        .args(["--runtime", "runc", "--events-backend", "file"])
        .arg("--root")
        .arg(dir.join("root"))
        .arg("--runroot")
        .arg(dir.join("run"))
        .arg("--tmpdir")
        .arg(dir.join("tmp"))
        // Its helper leaves a file where it was started.
        .current_dir(dir)
        .env("CONTAINERS_CONF", dir.join("containers.conf"))
        .env("HOME", dir)
        .env("XDG_RUNTIME_DIR", dir.join("xdg"))
        .env("http_proxy", CANARY)
        .env(CANARY, CANARY);
    podman
}

fn serve(dir: &Path, user: Option<u32>) -> Child {
    let socket = dir.join("sock");
    fs::remove_file(&socket).ok();
    let service = podman_command(dir, user)
        .args(["system", "service", "--time", "0"])
        .arg(format!("unix://{}", socket.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + LONG;
    while UnixStream::connect(&socket).is_err() {
        assert!(Instant::now() < deadline, "the engine does not listen");
        std::thread::yield_now();
    }
    service
}

#[expect(
    clippy::disallowed_methods,
    reason = "the engine is started as the user would start it"
)]
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output();
    let output = output.map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// A workspace with its surroundings, and the sandbox of a user.
pub(super) struct Place {
    _dir: tempfile::TempDir,
    base: PathBuf,
    pub(super) sandbox: Sandbox,
}

impl Place {
    pub(super) fn new(peer: &Peer) -> Self {
        Self::with(peer, None, None)
    }

    /// For a user, and with a limit of memory.
    pub(super) fn with(peer: &Peer, user: Option<u32>, memory: Option<u64>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for sub in ["workspace", "scratch", "outside", "home", "try"] {
            fs::create_dir(base.join(sub)).unwrap();
            if user.is_some() {
                chown(base.join(sub), user, user).unwrap();
            }
        }
        // The user of the test must get through to its own directories.
        fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
        let sandbox = DockerSandbox::connect(&settings(&base, vec![peer.socket()], memory));
        Self {
            _dir: dir,
            sandbox: Sandbox::Docker(sandbox.unwrap()),
            base,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    pub(super) fn docker(&self) -> &DockerSandbox {
        match &self.sandbox {
            Sandbox::Docker(docker) => docker,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn label(&self) -> String {
        format!("test:{}", self.base.display())
    }

    pub(super) fn spec(&self, line: &str) -> CommandSpec {
        let variable = |name: &str, value: &OsStr| (OsString::from(name), value.to_owned());
        CommandSpec {
            command: CommandLine::Shell(line.to_owned()),
            workspace: self.path("workspace"),
            cwd: self.path("workspace"),
            env: vec![
                variable("PATH", OsStr::new("/the/host/has/this")),
                variable("HOME", self.path("home").as_os_str()),
                variable("BASE", self.base.as_os_str()),
            ],
            timeout: LONG,
            output_cap: 10_000,
            sandbox: self.sandbox.clone(),
            scratch: self.path("scratch"),
            readable: Vec::new(),
            writable: Vec::new(),
            network: false,
            label: self.label(),
        }
    }

    pub(super) async fn run(&self, line: &str) -> Finished {
        run(&self.spec(line), &CancellationToken::new())
            .await
            .unwrap()
    }

    /// Neither a container nor a process of this place. What was killed needs a moment to be gone.
    pub(super) async fn assert_nothing_is_left(&self, peer: &Peer) {
        let deadline = Instant::now() + LONG;
        while self.alive() > 0 || peer.labels().contains(&self.label()) {
            assert!(
                Instant::now() < deadline,
                "{} processes are left",
                self.alive()
            );
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn alive(&self) -> usize {
        let label = format!("LOOM_RUN={}", self.label());
        let labelled = |pid: PathBuf| {
            let environment = fs::read(pid.join("environ")).unwrap_or_default();
            environment
                .split(|b| *b == 0)
                .any(|v| v == label.as_bytes())
        };
        let processes = fs::read_dir("/proc").unwrap();
        processes
            .filter(|p| labelled(p.as_ref().unwrap().path()))
            .count()
    }
}

pub(super) fn settings(base: &Path, sockets: Vec<PathBuf>, memory: Option<u64>) -> DockerSettings {
    DockerSettings {
        image: IMAGE.to_owned(),
        sockets,
        memory,
        try_in: base.join("try"),
        timeout: LONG,
    }
}

/// Waits for a file without sleeping.
pub(super) async fn appears(path: &Path) {
    let deadline = Instant::now() + LONG;
    while !path.exists() {
        assert!(
            Instant::now() < deadline,
            "{} does not appear",
            path.display()
        );
        tokio::task::yield_now().await;
    }
}
