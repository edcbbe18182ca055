//! A long-lived child that talks over its standard input and output, such as a server of tools.
//!
//! It runs **outside of the sandbox**: the user named it in the configuration, and no model can start
//! one. What it gets is what it was given: its own environment, directory and process group. What it
//! says on standard error is kept to its last lines, for the moment in which somebody asks why.

use super::sandbox::find_program;
use super::survivors::{LABEL, kill_survivors};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// Bytes of standard error that are kept: the end of a stack trace fits.
const KEPT_WORDS: usize = 4 << 10;

/// Lines of it that are shown.
const SHOWN_LINES: usize = 8;

/// How long a child that was asked to end by a signal has for it.
const TERM_TIME: Duration = Duration::from_secs(1);

/// How long a killed process may take to be gone; longer only in a broken driver.
const DEATH_TIME: Duration = Duration::from_secs(5);

/// What to start, and its surroundings. Everything is said here; nothing is inherited.
#[derive(Clone)]
pub struct ServiceSpec {
    /// A name that is looked up in the `PATH` of `env`, or an absolute path.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// The whole environment. There may be secrets in it, so there is no `Debug`.
    pub env: Vec<(OsString, OsString)>,
    /// Marks it and what it starts, so that survivors are found; unique in this machine.
    pub label: String,
}

/// Why a service could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such program.
    #[error("there is no program `{program}` in {path}")]
    NotFound {
        /// What was looked for.
        program: String,
        /// Where.
        path: String,
    },
    /// It is no name, and no absolute path either.
    #[error("`{program}` must be a name or an absolute path")]
    Relative {
        /// What was given.
        program: String,
    },
    /// It could not be started.
    #[error("`{program}` cannot be started in {cwd}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Where.
        cwd: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// A running service. When this value is dropped, the child and everything it started is killed.
pub struct Service {
    child: Child,
    group: Option<Pid>,
    label: String,
    words: Arc<Mutex<LastWords>>,
    listener: JoinHandle<()>,
}

/// Its ends of the pipes. Dropping the input tells the child that there is nothing more to do.
pub struct ServicePipes {
    /// What the child reads.
    pub input: ChildStdin,
    /// What the child writes.
    pub output: ChildStdout,
}

impl Service {
    /// Starts it in a process group of its own. Must be called inside of a runtime.
    ///
    /// # Errors
    /// When there is no such program, or it cannot be started.
    pub fn start(spec: &ServiceSpec) -> Result<(Self, ServicePipes), ServiceError> {
        let program = locate(spec)?;
        let mut child = Command::new(&program)
            .args(&spec.args)
            .env_clear()
            .envs(spec.env.iter().map(|(name, value)| (name, value)))
            .env(LABEL, &spec.label)
            .current_dir(&spec.cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| ServiceError::Start {
                program: program.display().to_string(),
                cwd: spec.cwd.display().to_string(),
                source,
            })?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            unreachable!("BUG: all three were asked for");
        };
        let words = Arc::default();
        let service = Self {
            group: child.id().and_then(pid),
            child,
            label: spec.label.clone(),
            listener: tokio::spawn(listen(errors, Arc::clone(&words))),
            words,
        };
        Ok((service, ServicePipes { input, output }))
    }

    /// The last lines that it wrote on standard error; empty when it wrote none.
    #[must_use]
    pub fn last_words(&self) -> String {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.lines()
    }

    /// How it ended, such as `exit status 1`; none while it runs.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(describe)
    }

    /// Waits until it has ended, at most so long; then as [`Service::ended`].
    pub async fn wait(&mut self, at_most: Duration) -> Option<String> {
        let status = tokio::time::timeout(at_most, self.child.wait()).await;
        status.ok()?.ok().map(describe)
    }

    /// Ends it. Its input should be closed by now, which a child that behaves takes as the end: it
    /// has `grace` for that, then it is asked by a signal, then it is killed. What it started and
    /// left behind ends with it.
    pub async fn stop(mut self, grace: Duration) {
        if self.wait(grace).await.is_none() {
            self.signal(Signal::TERM);
            self.wait(TERM_TIME).await;
        }
        self.kill();
        // A process that cannot die within the time is left to the system.
        self.wait(DEATH_TIME).await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // No such group: all of it is gone.
            kill_process_group(group, signal).ok();
        }
    }

    /// Ends the group, also after its leader is gone, and what has left the group.
    fn kill(&self) {
        self.signal(Signal::KILL);
        kill_survivors(&self.label);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
        // Somebody who escaped may hold the pipe open for ever.
        self.listener.abort();
    }
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

/// The program, found as a shell would, but never in a relative directory: what that means would
/// depend on where somebody stands.
fn locate(spec: &ServiceSpec) -> Result<PathBuf, ServiceError> {
    let program = Path::new(&spec.program);
    if program.is_absolute() {
        return Ok(program.to_owned());
    }
    let shown = spec.program.display().to_string();
    if program.components().count() != 1 || shown.contains('/') {
        return Err(ServiceError::Relative { program: shown });
    }
    let path = spec.env.iter().find(|(name, _)| name == "PATH");
    let path = path.map_or(OsStr::new(""), |(_, path)| path);
    find_program(path, &shown).ok_or_else(|| ServiceError::NotFound {
        program: shown,
        path: format!("PATH ({})", path.display()),
    })
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// Reads to the end whatever comes, so that the child never waits for us.
async fn listen(mut errors: ChildStderr, words: Arc<Mutex<LastWords>>) {
    let mut buffer = vec![0; 8 << 10];
    while let Ok(length @ 1..) = errors.read(&mut buffer).await {
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        words.push(&buffer[..length]);
    }
}

/// The end of what was said.
#[derive(Default)]
struct LastWords(VecDeque<u8>);

impl LastWords {
    fn push(&mut self, bytes: &[u8]) {
        // Of a chunk that is larger only its end can stay.
        let bytes = &bytes[bytes.len().saturating_sub(KEPT_WORDS)..];
        let over = (self.0.len() + bytes.len()).saturating_sub(KEPT_WORDS);
        self.0.drain(..over);
        self.0.extend(bytes);
    }

    fn lines(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let said = |line: &&str| !line.trim().is_empty();
        let lines: Vec<&str> = text.lines().filter(said).collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_was_said_the_end_is_kept() {
        let mut words = LastWords::default();
        assert_eq!(words.lines(), "");
        for n in 0..10_000 {
            words.push(format!("line {n}\n\n").as_bytes());
        }
        assert!(words.0.len() <= KEPT_WORDS);
        let lines = words.lines();
        assert_eq!(lines.lines().count(), SHOWN_LINES);
        assert!(lines.ends_with("line 9999"), "{lines}");
        words.push(&[b'x'; 3 * KEPT_WORDS]);
        assert_eq!(words.0.len(), KEPT_WORDS);
    }
}
