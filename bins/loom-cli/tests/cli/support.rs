//! A home, a workspace and a data directory of its own for each test, and the binary in them.

use loom_sim::{Options, Playbook, SimServer};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A place in which nothing of the developer's machine is seen.
pub struct Place {
    pub dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("home")).unwrap();
        std::fs::create_dir_all(dir.path().join("work")).unwrap();
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
    pub fn command(&self, arguments: &[&str]) -> Command {
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
    pub fn loom(&self, arguments: &[&str]) -> Ran {
        Ran::new(&self.command(arguments).output().unwrap())
    }
}

/// How it ended and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn new(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Lines that begin with `error:`.
    pub fn errors(&self) -> Vec<&str> {
        self.err.lines().filter(|line| line.starts_with("error:")).collect()
    }
}

/// A simulated server on a thread of its own, for as long as it lives.
pub struct Server {
    pub url: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Server {
    pub fn start(playbook: &str) -> Self {
        let playbook = Playbook::from_yaml(playbook).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let server = SimServer::start(playbook, Options::default()).await.unwrap();
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
pub fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(dir).unwrap().to_string_lossy().into_owned());
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}
