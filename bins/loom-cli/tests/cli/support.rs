//! A home, a workspace and a data directory of its own for each test, and the binary in them.
#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails is a test that fails"
)]

use loom_sim::{Options, Playbook, SimServer};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A place in which nothing of the developer's machine is seen.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("home")).unwrap();
        std::fs::create_dir_all(dir.path().join("work")).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loom"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path("home"))
            .env("LOOM_HOME", self.data_dir())
            .env("TERM", "xterm-256color")
            .current_dir(self.path("work"))
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn loom(&self, arguments: &[&str]) -> Ran {
        Ran::new(&self.command(arguments).output().unwrap())
    }
}

/// How it ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Lines that begin with `error:`.
    pub(crate) fn errors(&self) -> Vec<&str> {
        self.err
            .lines()
            .filter(|line| line.starts_with("error:"))
            .collect()
    }
}

/// What Ctrl-C does.
#[expect(
    clippy::disallowed_methods,
    reason = "a signal is sent the way a shell does it"
)]
pub(crate) fn interrupt(child: &std::process::Child) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
}

/// A simulated server on a thread of its own, for as long as it lives.
pub(crate) struct Server {
    pub(crate) url: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Server {
    pub(crate) fn start(playbook: &str) -> Self {
        Self::paced(playbook, Duration::ZERO)
    }

    /// A server that takes so long for each piece of an answer.
    pub(crate) fn paced(playbook: &str, pace: Duration) -> Self {
        let options = Options {
            pace,
            ..Options::default()
        };
        let playbook = Playbook::from_yaml(playbook).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let server = SimServer::start(playbook, options).await.unwrap();
                tell.send(server.base_url()).unwrap();
                stopped.await.ok();
            });
        });
        Self {
            url: told.recv().unwrap(),
            _stop: stop,
        }
    }
}

/// Everything below a directory, relative to it.
pub(crate) fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            found.push(
                path.strip_prefix(dir)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned(),
            );
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}
