//! A real terminal for a test: a tmux server of its own, with one window.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// How long a picture is waited for before the test has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long between two looks at it.
const LOOK: Duration = Duration::from_millis(15);

/// A terminal.
pub(crate) struct Tmux {
    socket: PathBuf,
    _dir: tempfile::TempDir,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test starts the terminal that it tests in"
)]
fn command(program: &str) -> Command {
    Command::new(program)
}

/// Whether there is a tmux; says so when there is none.
pub(crate) fn available(test: &str) -> bool {
    let there = command("tmux")
        .arg("-V")
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("SKIPPED {test}: there is no tmux");
    }
    there
}

impl Tmux {
    /// A terminal of so many columns and rows in which a command runs.
    pub(crate) fn start(columns: u16, rows: u16, env: &[(&str, &str)], line: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tmux = Self {
            socket: dir.path().join("socket"),
            _dir: dir,
        };
        let (x, y) = (columns.to_string(), rows.to_string());
        let mut args = vec!["-f", "/dev/null", "new-session", "-d", "-x", &x, "-y", &y];
        let pairs: Vec<_> = env
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        for pair in &pairs {
            args.extend(["-e", pair]);
        }
        args.push(line);
        tmux.run(&args);
        tmux
    }

    fn call(&self, args: &[&str]) -> Output {
        let mut tmux = command("tmux");
        tmux.arg("-S").arg(&self.socket).args(["-u"]).args(args);
        tmux.env("LANG", "C.UTF-8")
            .env_remove("TMUX")
            .output()
            .unwrap()
    }

    fn run(&self, args: &[&str]) -> String {
        let output = self.call(args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "tmux {args:?}: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What is on the screen.
    pub(crate) fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    /// The same with its escape sequences.
    pub(crate) fn painted(&self) -> String {
        self.run(&["capture-pane", "-p", "-e"])
    }

    /// Presses keys, by their names in tmux.
    pub(crate) fn press(&self, keys: &[&str]) {
        let mut args = vec!["send-keys"];
        args.extend(keys);
        self.run(&args);
    }

    /// Types a text.
    pub(crate) fn type_in(&self, text: &str) {
        self.run(&["send-keys", "-l", text]);
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.run(&[
            "resize-window",
            "-x",
            &columns.to_string(),
            "-y",
            &rows.to_string(),
        ]);
    }

    /// The process in the window.
    pub(crate) fn pid(&self) -> u32 {
        self.fact("pane_pid").parse().unwrap()
    }

    /// A fact that tmux knows of the window.
    pub(crate) fn fact(&self, name: &str) -> String {
        let text = self.run(&["display-message", "-p", &format!("#{{{name}}}")]);
        text.trim().to_owned()
    }

    /// Waits until the screen is as wanted, and gives it.
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} is not shown:\n{screen}");
            std::thread::park_timeout(LOOK);
        }
    }

    /// Waits until a text is shown.
    pub(crate) fn see(&self, text: &str) -> String {
        self.wait(&format!("“{text}”"), |screen| screen.contains(text))
    }

    /// Waits until a text is shown no more.
    pub(crate) fn miss(&self, text: &str) -> String {
        self.wait(&format!("a screen without “{text}”"), |screen| {
            !screen.contains(text)
        })
    }

    /// Waits until a fact is as wanted.
    pub(crate) fn wait_for_fact(&self, name: &str, value: &str) {
        self.wait(&format!("{name} = {value}"), |_| self.fact(name) == value);
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // It is this server and what runs in it, by its socket.
        self.call(&["kill-server"]);
    }
}

/// Sends a signal to a process that the test started.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = command("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}
